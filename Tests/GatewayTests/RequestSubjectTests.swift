import Testing

@testable import Gateway

@Suite struct RequestSubjectTests {
    private static let id = "019ac0de-0000-7000-8000-000000000001"

    @Test(
        "Names what the path is about, and nothing that a caller made up",
        arguments: [
            ("/v1/projects/\(id)/tasks?limit=5", ["project_id": id]), ("/v1/tasks/\(id)", ["task_id": id]),
            ("/v1/tasks/\(id)?x=1", ["task_id": id]), ("/v1/tasks/not-an-id", [:]), ("/v1/results/\(id)/feedback", [:]), ("/", [:]),
            ("", [:]), ("/v2/tasks/\(id)", [:]),
        ] as [(String, [String: String])])
    func subject(_ path: String, _ expected: [String: String]) {
        #expect(RequestSubject.logFields(path).mapValues { "\($0)" } == expected)
    }
}
