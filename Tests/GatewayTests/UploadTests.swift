import Domain
import Foundation
import HTTPTypes
import Postgres
import Store
import TestSupport
import Testing

@testable import Gateway

/// Tasks as lines: `application/x-ndjson`.
@Suite(.serialized, .timeLimit(.minutes(4))) struct UploadTests {
    private static let task = GatewayTests.task

    private static func lines(_ count: Int) -> String { String(repeating: task + "\n", count: count) }

    @Test func takesTasksAsLines() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let body = """
                \(Self.task)

                {"task_type":"group","metadata":{"n":2},"children":[\(Self.task),\(Self.task)]}\r
                 \t
                \(Self.task)
                """
            let answer = try await fixture.upload(body, to: project)
            #expect(answer.status == 201)
            #expect(answer.json["accepted"] == 5)
            let ids = answer.json["task_ids"]?.arrayValue?.compactMap(\.stringValue) ?? []
            #expect(ids.count == 3)
            #expect(try await fixture.countTasks() == 5)
            let group = try await fixture.send(.get, "/v1/tasks/\(ids[1])").json
            #expect(group["metadata"]?["n"] == 2 && group["waiting_on"] == 2 && group["status"] == "pending")
            #expect(try await fixture.send(.get, "/v1/tasks/\(ids[0])/history").json["data"]?[0]?["status_to"] == "pending")
            #expect(fixture.accepted.count == 1, "the dispatcher is woken once")
            // More than one batch, and no end of the last line.
            let many = try await fixture.upload(String(Self.lines(1_234).dropLast()), to: project)
            #expect(many.json["accepted"] == 1_234)
            #expect(try await fixture.countTasks() == 1_239)
        }
    }

    /// More than is kept in memory: what goes to disk loses no line, gets none twice, and keeps its numbers and their order.
    @Test func takesMoreThanItHoldsInMemory() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            func line(_ number: Int) -> String {
                number % 7 == 0 ? "" : #"{"task_type":"chat","input_data":{"prompt":"\#(number)"},"metadata":{"line":\#(number)}}"#
            }
            let lines = (1...9_876).map(line)
            let answer = try await fixture.upload(lines.joined(separator: "\n"), to: project)
            #expect(answer.status == 201 && answer.json["accepted"]?.intValue == lines.count { $0 != "" })
            let ids = (answer.json["task_ids"]?.arrayValue ?? []).compactMap { $0.stringValue.flatMap(UUID.init(text:)) }
            let stored: [Int] = try await fixture.database.query(
                "SELECT (metadata ->> 'line')::int FROM unnest(\(ids)) WITH ORDINALITY AS i (task_id, n) JOIN tasks USING (task_id) ORDER BY n"
            ) { try $0.decode(Int.self) }
            #expect(stored == (1...9_876).filter { $0 % 7 != 0 })

            var late = lines
            late[9_000] = #"{"task_type":"group","parent_task_id":"00000000-0000-7000-8000-000000000000"}"#
            let refused = try await fixture.upload(late.joined(separator: "\n"), to: project)
            #expect(refused.status == 422 && refused.pointers == ["/9001/parent_task_id"])
            #expect(try await fixture.countTasks() == stored.count)
        }
    }

    struct Fault: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var line: String
        var pointer: String
        var detail: String
    }

    static let faults = [
        Fault(
            testDescription: "out of range", line: #"{"task_type":"chat","input_data":{"prompt":"x"},"priority":10}"#,
            pointer: "/7/priority",
            detail: "line 7: must be 0 to 9"),
        Fault(testDescription: "no JSON", line: #"{"task_type":"#, pointer: "/7", detail: "line 7: is not JSON"),
        Fault(testDescription: "half a string", line: "\"x", pointer: "/7", detail: "line 7: is not JSON"),
        Fault(
            testDescription: "NUL", line: #"{"task_type":"chat","input_data":{"prompt":"a\u0000"}}"#, pointer: "/7/input_data/prompt",
            detail: "line 7: "),
        Fault(testDescription: "an array", line: "[\(task)]", pointer: "/7", detail: "line 7: must be an object"),
        Fault(
            testDescription: "too long", line: "\"\(String(repeating: "x", count: 20_000))\"", pointer: "/7", detail: "line 7: is longer"),
        Fault(
            testDescription: "unknown engine", line: #"{"task_type":"chat","input_data":{"prompt":"x","engine":"nope"}}"#,
            pointer: "/7/input_data/engine", detail: "line 7: there is no engine"),
        Fault(
            testDescription: "deep in a family", line: #"{"task_type":"group","children":[{"task_type":"nope"}]}"#,
            pointer: "/7/children/0/task_type", detail: "line 7: must be one of"),
        Fault(
            testDescription: "a stranger's parent",
            line: #"{"task_type":"group","parent_task_id":"00000000-0000-7000-8000-000000000000"}"#, pointer: "/7/parent_task_id",
            detail: "line 7: there is no such task"),
    ]

    /// The seventh of nine lines is wrong: the answer names it, and nothing is stored.
    @Test func namesTheLineThatIsWrong() async throws {
        try await GatewayFixture.with(bodyLimit: 16_384) { fixture in
            let project = try await fixture.makeProject()
            for fault in Self.faults {
                let answer = try await fixture.upload("\(Self.lines(4))\n\(Self.lines(1))\(fault.line)\n\(Self.lines(2))", to: project)
                #expect(answer.status == 422, "\(fault.testDescription)")
                #expect(answer.head.headerFields[.contentType] == "application/problem+json")
                let error = answer.json["errors"]?.arrayValue?.first { $0["pointer"]?.stringValue == fault.pointer }
                #expect(error?["detail"]?.stringValue?.hasPrefix(fault.detail) == true, "\(fault.testDescription): \(answer.json)")
            }
            #expect(try await fixture.countTasks() == 0)
            #expect(fixture.accepted.count == 0)
            let two = try await fixture.upload("7\n\(Self.task)\n8\n", to: project)
            #expect(two.pointers == ["/1", "/3"])
            let empty = try await fixture.upload("\n \n", to: project)
            #expect(empty.status == 422 && empty.pointers == [""])
            #expect(try await fixture.upload("", to: project).status == 422)
        }
    }

    @Test func aHundredFaultsAreEnough() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let answer = try await fixture.upload(String(repeating: "{}\n", count: 200_000), to: project)
            #expect(answer.status == 422)
            #expect(answer.pointers.count == 100)
        }
    }

    /// Children may come with a line each: they are checked against their parents as they stand.
    @Test func familiesKeepTheirLimits() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let made = try await fixture.send(.post, "/v1/projects/\(project)/tasks", #"{"task_type":"group"}"#)
            let parent = try #require(made.json["task_id"]?.stringValue)
            let child = #"{"task_type":"group","children":[],"parent_task_id":"\#(parent)"}"# + "\n"
            let tooMany = try await fixture.upload(String(repeating: child, count: 1_001), to: project)
            #expect(tooMany.status == 422 && tooMany.pointers == ["/1001/parent_task_id"])
            #expect(try await fixture.countTasks() == 1, "the batches before it are gone too")
            #expect(try await fixture.upload(String(repeating: child, count: 1_000), to: project).json["accepted"] == 1_000)
            #expect(try await fixture.send(.get, "/v1/tasks/\(parent)").json["children"] == 1_000)

            func group(_ children: Int) -> String {
                let child = #"{"task_type":"group","children":[]}"#
                return #"{"task_type":"group","children":[\#(Array(repeating: child, count: children).joined(separator: ","))]}"# + "\n"
            }
            #expect(try await fixture.upload(group(999) + group(999), to: project).json["accepted"] == 2_000)
            let large = try await fixture.upload(Self.lines(1) + group(1_000), to: project)
            #expect(large.status == 422 && large.pointers == ["/2"])
            let other = try await fixture.send(.post, "/v1/projects/\(project)/tasks", #"{"task_type":"group"}"#)
            let otherParent = try #require(other.json["task_id"]?.stringValue)
            #expect(try await fixture.send(.post, "/v1/tasks/\(otherParent)/cancel").status == 200)
            let late = try await fixture.upload(Self.lines(600) + child.replacing(parent, with: otherParent), to: project)
            #expect(late.status == 409 && late.pointers == ["/601/parent_task_id"])
            #expect(try await fixture.countTasks() == 3_002)
        }
    }

    @Test func moreThanMayBeIsTooLarge() async throws {
        try await GatewayFixture.with { configuration in
            configuration.uploadTasks = 10
            configuration.uploadLimit = 4_096
        } _: { fixture in
            let project = try await fixture.makeProject()
            #expect(try await fixture.upload(Self.lines(10), to: project).status == 201)
            let tasks = try await fixture.upload(Self.lines(11), to: project)
            #expect(tasks.status == 413 && tasks.json["detail"]?.stringValue?.contains("10 tasks") == true)
            let bytes = try await fixture.upload(String(repeating: "\n", count: 4_097), to: project)
            #expect(bytes.status == 413 && bytes.json["detail"]?.stringValue?.contains("4096 bytes") == true)
            // Without a length nobody knows how much more would come.
            try await RawConnection.with(port: fixture.port) { connection in
                try await connection.sendHead(project: project, key: fixture.key.secret, "transfer-encoding: chunked")
                try await connection.send("1001\r\n\(String(repeating: "\n", count: 4_097))\r\n")
                #expect(try await connection.answer().hasPrefix("HTTP/1.1 413"))
            }
            #expect(try await fixture.countTasks() == 10)
        }
    }

    @Test func aProjectThatTakesNoTasksTakesNoLines() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            #expect(try await fixture.upload(Self.lines(1), to: project, key: fixture.strangersKey.secret).status == 404)
            #expect(try await fixture.send(.post, "/v1/projects/\(project)/cancel").status == 200)
            #expect(try await fixture.upload(Self.lines(1), to: project).status == 409)
            #expect(try await fixture.countTasks() == 0)
        }
    }
}

extension GatewayFixture {
    func upload(_ body: String, to project: String, key: String? = nil) async throws -> Answer {
        try await send(.post, "/v1/projects/\(project)/tasks", body, key: key, headers: [.contentType: "application/x-ndjson"])
    }
}
