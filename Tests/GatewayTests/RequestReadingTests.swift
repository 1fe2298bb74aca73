import Domain
import HTTPTypes
import Postgres
import Store
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(1))) struct RequestReadingTests {
    @Test(
        arguments: [
            ("Bearer chs_abc", nil, true), ("bearer  chs_abc", nil, true), (nil, "chs_abc", true), ("Basic chs_abc", nil, false),
            ("Bearer", nil, false), ("Bearer abc", nil, false), (nil, nil, false), (nil, "", false), ("Basic x", "chs_abc", false),
            ("Bearer a.b.c", nil, false), (nil, "a.b.c", false),
        ] as [(String?, String?, Bool)])
    func findsTheKey(authorization: String?, header: String?, isFound: Bool) {
        var headers = HTTPFields()
        headers[.authorization] = authorization
        headers[.xAPIKey] = header
        let key: APIKey? = if case .key(let key)? = Credential(in: headers) { key } else { nil }
        #expect((key?.secret == "chs_abc") == isFound)
    }

    /// A session's token comes as a bearer only, and has a form.
    @Test(arguments: [("Bearer a.b.c", true), ("Bearer a.b", false), ("Bearer a.b.c.d", false), ("Basic a.b.c", false)])
    func findsTheToken(authorization: String, isFound: Bool) {
        let token: PresentedToken? =
            if case .token(let token)? = Credential(in: [.authorization: authorization]) { token } else { nil }
        #expect((token?.text == "a.b.c") == isFound)
        #expect(PresentedToken(".." + String(repeating: "x", count: 1_023)) == nil)
    }

    @Test func readsAQuery() throws {
        var query = QueryParameters("limit=7&status=pending,in_queue&created_after=2026-01-31T12:00:00%2B01:00&cursor=")
        #expect(query.cases("status", of: TaskStatus.self) == [.pending, .inQueue])
        #expect(query.integer("limit", in: 1...500) == 7)
        #expect(query.date("created_after") == RFC3339.date("2026-01-31T11:00:00Z"))
        #expect(query.string("cursor") == "")
        try query.finish()
    }

    @Test(arguments: [
        ("limit=0", "limit"), ("limit=501", "limit"), ("limit=x", "limit"), ("cursor=abc", "cursor"), ("status=done", "status"),
        ("status=", "status"), ("task_type=x", "task_type"), ("created_after=yesterday", "created_after"), ("stauts=failed", "stauts"),
        ("limit=1&limit=2", "limit"), ("limit=%zz", "limit"), ("a%00b=%ff", "a%00b"),
    ])
    func namesTheBadParameter(text: String, name: String) throws {
        var query = QueryParameters(text)
        _ = query.page()
        _ = TaskFilter(reading: &query)
        let problem = try #require(throws: Problem.self) { try query.finish() }
        #expect(problem.status == 400)
        #expect(problem.errors.map(\.pointer) == [name])
    }

    @Test func listsTheStatuses() throws {
        var query = QueryParameters("status=done")
        _ = TaskFilter(reading: &query)
        let problem = try #require(throws: Problem.self) { try query.finish() }
        for status in TaskStatus.allCases { #expect(problem.errors.first?.detail.contains(status.rawValue) == true) }
    }

    @Test func knowsJSON() {
        for type in [nil, "application/json", "Application/JSON; charset=utf-8", "application/merge-patch+json"] {
            #expect(BodyReader.isJSON(type))
        }
        for type in ["text/plain", "application/x-www-form-urlencoded", "", "application/jsonx"] { #expect(!BodyReader.isJSON(type)) }
    }

    @Test func keepsOnlyHarmlessRequestIDs() {
        #expect(RequestID.text(from: "abc-1") == "abc-1")
        for bad in [nil, "", "a b", "a\nb", "ä", String(repeating: "x", count: 129)] { #expect(RequestID.text(from: bad) != bad) }
    }

    @Test func saysNothingOfInnerErrors() {
        struct Inner: Error { var secret = "hunter2" }
        #expect(Problem(answering: Inner()).status == 500)
        #expect(!Problem(answering: Inner()).json.text.contains("hunter2"))
        #expect(Problem(answering: PostgresError(.connectionLost, "x")).status == 503)
        #expect(Problem(answering: PostgresError(.connectionLost, "x")).retryAfter != nil)
        #expect(Problem(answering: PostgresError(.decoding, "x")).status == 500)
        #expect(Problem(answering: GroupCommit<Submission, Acceptance>.Failure.overloaded).status == 503)
        #expect(Problem(answering: JSONError(.syntax, "in a column", offset: 0)).status == 500)
    }

    @Test func hidesTheSecretOfAnEngine() {
        let row = EngineRow(
            name: "a", type: "openai", definition: ["base_url": "http://a", "model": "m", "limits": [:], "secret": "env:KEY"])
        #expect(
            FleetRoutes.json(row, gate: ["state": "open"]) == [
                "name": "a", "engine_type": "openai", "base_url": "http://a", "model": "m", "limits": [:], "price": nil,
                "gate": ["state": "open"],
            ])
    }

    @Test func saysHowToApplyEngines() throws {
        let task: JSONValue = ["task_type": "chat", "input_data": ["prompt": "hi"]]
        let problem = try #require(throws: Problem.self) {
            try TaskSubmissions.tasks(in: [task, task], limit: 10, knownEngines: EngineNames([]))
        }
        #expect(problem.errors.map(\.pointer) == ["/0/input_data/engine", "/1/input_data/engine"])
        #expect(problem.errors.first?.detail.contains("chorus engines apply") == true)
    }
}
