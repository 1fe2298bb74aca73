import Domain
import HTTPTypes
import Postgres
import Store
import Testing

@testable import Gateway

@Suite(.timeLimit(.minutes(2))) struct GatewayTests {
    static let task = #"{"task_type":"chat","input_data":{"prompt":"hi"}}"#

    @Test func takesAProjectAndItsTasks() async throws {
        try await GatewayFixture.with { fixture in
            let made = try await fixture.send(
                .post, "/v1/projects", #"{"project_name":"First","priority":3}"#, headers: [.xRequestID: "r1"])
            #expect(made.status == 201)
            let project = try #require(made.json["project_id"]?.stringValue)
            #expect(made.head.headerFields[.location] == "/v1/projects/\(project)")
            #expect(made.head.headerFields[.xRequestID] == "r1")
            #expect(made.head.headerFields[.xContentTypeOptions] == "nosniff")
            #expect(made.head.headerFields[.cacheControl] == "no-store")
            #expect(made.head.headerFields[.server] == nil)

            let one = try await fixture.send(.post, "/v1/projects/\(project)/tasks", Self.task)
            #expect(one.status == 201)
            let id = try #require(one.json["task_id"]?.stringValue)
            #expect(one.json["status"] == "pending" && one.json["priority"] == 1 && one.json["task_type"] == "chat")
            #expect(one.json["created_at"]?.stringValue.flatMap(RFC3339.date) != nil)
            #expect(one.head.headerFields[.location] == "/v1/tasks/\(id)")
            let many = try await fixture.send(.post, "/v1/projects/\(project)/tasks", "[\(Self.task),\(Self.task)]")
            #expect(many.json["accepted"] == 2)
            #expect(many.json["task_ids"]?.arrayValue?.count == 2)
            #expect(fixture.accepted.count == 2)

            #expect(try await fixture.send(.get, "/v1/tasks/\(id)").json["task_id"]?.stringValue == id)
            #expect(try await fixture.send(.get, "/v1/tasks/\(id)/history").json["data"]?[0]?["status_to"] == "pending")
            #expect(try await fixture.send(.get, "/v1/tasks/\(id)/results").json == ["data": [], "next_cursor": nil])
            let stats = try await fixture.send(.get, "/v1/projects/\(project)/stats").json
            #expect(stats["tasks"]?["pending"] == 3 && stats["tasks"]?["failed"] == 0 && stats["total"] == 3)

            let first = try await fixture.send(.get, "/v1/projects/\(project)/tasks?limit=2&status=pending").json
            let cursor = try #require(first["next_cursor"]?.stringValue)
            let second = try await fixture.send(.get, "/v1/projects/\(project)/tasks?limit=2&cursor=\(cursor)").json
            #expect(second["data"]?.arrayValue?.count == 1 && second["next_cursor"] == .null)
            #expect(try await fixture.send(.get, "/v1/projects/\(project)/tasks?status=failed").json["data"] == [])
            #expect(try await fixture.send(.get, "/v1/projects").json["data"]?[0]?["project_id"]?.stringValue == project)
            #expect(try await fixture.send(.get, "/v1/engines").json["data"]?[0]?.text.contains("LOCAL_KEY") == false)
            #expect(try await fixture.send(.get, "/v1/workers").json["data"] == [])
            #expect(try await fixture.send(.post, "/v1/projects", #"{"project_name":"First"}"#).status == 409)
        }
    }

    struct BadInput: Sendable, CustomTestStringConvertible {
        let testDescription: String
        var body: String
        var status: Int
        var pointer: String?
        var contentType: String?
        var idempotencyKey: String?
    }

    static let badInputs = [
        BadInput(
            testDescription: "unknown field", body: #"{"task_type":"chat","input_data":{"prompt":"x"},"prio":1}"#, status: 422,
            pointer: "/prio"),
        BadInput(
            testDescription: "wrong type", body: #"{"task_type":"chat","input_data":{"prompt":"x"},"priority":"9"}"#, status: 422,
            pointer: "/priority"),
        BadInput(
            testDescription: "out of range", body: #"{"task_type":"chat","input_data":{"prompt":"x"},"priority":10}"#, status: 422,
            pointer: "/priority"),
        BadInput(testDescription: "broken JSON", body: #"{"task_type":"chat","#, status: 400, pointer: nil),
        BadInput(testDescription: "empty body", body: "", status: 400, pointer: nil),
        BadInput(
            testDescription: "NUL", body: #"{"task_type":"chat","input_data":{"prompt":"a\u0000b"}}"#, status: 422,
            pointer: "/input_data/prompt"),
        BadInput(testDescription: "duplicate key", body: #"{"task_type":"chat","task_type":"chat"}"#, status: 422, pointer: ""),
        BadInput(
            testDescription: "unknown engine", body: #"{"task_type":"chat","input_data":{"prompt":"x","engine":"nope"}}"#, status: 422,
            pointer: "/input_data/engine"),
        BadInput(
            testDescription: "one of two", body: "[\(task),{\"task_type\":\"chat\",\"input_data\":7}]", status: 422,
            pointer: "/1/input_data"),
        BadInput(testDescription: "empty array", body: "[]", status: 422, pointer: ""),
        BadInput(
            testDescription: "long array", body: "[\(Array(repeating: "1", count: 1_001).joined(separator: ","))]", status: 422, pointer: ""
        ),
        BadInput(testDescription: "a number", body: "7", status: 422, pointer: ""),
        BadInput(testDescription: "content type", body: task, status: 415, contentType: "text/plain"),
        BadInput(
            testDescription: "idempotency key", body: task, status: 400, pointer: "Idempotency-Key",
            idempotencyKey: String(repeating: "k", count: 256)),
        BadInput(testDescription: "a little too large", body: "\"\(String(repeating: "x", count: 20_000))\"", status: 413),
        BadInput(testDescription: "much too large", body: "\"\(String(repeating: "x", count: 4_000_000))\"", status: 413),
    ]

    /// Every kind of bad input is told apart, names its place, and stores nothing.
    @Test func refusesBadInput() async throws {
        try await GatewayFixture.with(bodyLimit: 16_384) { fixture in
            let project = try await fixture.makeProject()
            for input in Self.badInputs {
                var headers = HTTPFields()
                headers[.contentType] = input.contentType
                headers[.idempotencyKey] = input.idempotencyKey
                let answer = try await fixture.send(.post, "/v1/projects/\(project)/tasks", input.body, headers: headers)
                #expect(answer.status == input.status, "\(input.testDescription)")
                #expect(answer.head.headerFields[.contentType] == "application/problem+json", "\(input.testDescription)")
                if let pointer = input.pointer { #expect(answer.pointers.contains(pointer), "\(input.testDescription): \(answer.json)") }
            }
            #expect(try await fixture.countTasks() == 0)
            #expect(fixture.accepted.count == 0)
            #expect(try await fixture.send(.post, "/v1/projects", #"{"name":"x"}"#).pointers.sorted() == ["/name", "/project_name"])
        }
    }

    /// What is somebody else's answers as what is not there.
    @Test func showsEachTheirOwn() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let id = try #require(try await fixture.send(.post, "/v1/projects/\(project)/tasks", Self.task).json["task_id"]?.stringValue)
            let stranger = fixture.strangersKey.secret
            let unknown = "00000000-0000-7000-8000-000000000000"
            for path in ["/v1/projects/#", "/v1/projects/#/stats", "/v1/projects/#/tasks"] {
                let theirs = try await fixture.send(.get, path.replacing("#", with: project), key: stranger)
                let nobodys = try await fixture.send(.get, path.replacing("#", with: unknown), key: stranger)
                #expect(theirs.status == 404 && theirs.json == nobodys.json)
            }
            for path in ["/v1/tasks/#", "/v1/tasks/#/history", "/v1/tasks/#/results"] {
                let theirs = try await fixture.send(.get, path.replacing("#", with: id), key: stranger)
                let nobodys = try await fixture.send(.get, path.replacing("#", with: unknown), key: stranger)
                #expect(theirs.status == 404 && theirs.json == nobodys.json)
            }
            #expect(try await fixture.send(.post, "/v1/projects/\(project)/tasks", Self.task, key: stranger).status == 404)
            #expect(try await fixture.send(.get, "/v1/projects", key: stranger).json["data"] == [])
            #expect(try await fixture.countTasks() == 1)
        }
    }

    @Test func asksForAKey() async throws {
        try await GatewayFixture.with { fixture in
            for key in ["", "chs_wrong", "wrong"] {
                for (method, path) in [
                    (HTTPRequest.Method.get, "/v1/projects"), (.post, "/v1/projects"), (.get, "/v1/engines"), (.get, "/v1/workers"),
                ] {
                    let answer = try await fixture.send(method, path, method == .post ? "{}" : nil, key: key)
                    #expect(answer.status == 401)
                    #expect(answer.head.headerFields[.wwwAuthenticate] == "Bearer")
                }
            }
            #expect(try await fixture.send(.get, "/v1/projects", key: "", headers: [.xAPIKey: fixture.key.secret]).status == 200)
        }
    }

    @Test func knowsItsPaths() async throws {
        try await GatewayFixture.with { fixture in
            let nowhere = try await fixture.send(.get, "/v2/x")
            #expect(nowhere.status == 404 && nowhere.json["title"] == "Not found")
            let method = try await fixture.send(.delete, "/v1/projects")
            #expect(method.status == 405 && method.head.headerFields[.allow] == "GET, HEAD, POST")
            for path in ["/v1/projects/x", "/v1/projects/x/tasks", "/v1/projects/x/stats"] {
                let answer = try await fixture.send(.get, path)
                #expect(answer.status == 400 && answer.pointers == ["project_id"])
            }
            #expect(try await fixture.send(.get, "/v1/tasks/x").pointers == ["task_id"])
            #expect(try await fixture.send(.get, "/v1/projects?page=2").pointers == ["page"])
            #expect(try await fixture.send(.get, "/healthz", key: "").status == 200)
            #expect(try await fixture.send(.get, "/readyz", key: "").status == 200)
        }
    }

    @Test func isNotReadyWhereACheckFailsOrHangs() async throws {
        struct Down: Error {}
        let checks = [
            ReadinessCheck(name: "database") {}, ReadinessCheck(name: "broker") { throw Down() },
            ReadinessCheck(name: "slow") { try await ContinuousClock().sleep(for: .seconds(600)) },
        ]
        try await GatewayFixture.with(readiness: checks) { fixture in
            let answer = try await fixture.send(.get, "/readyz", key: "")
            #expect(answer.status == 503)
            #expect(answer.pointers == ["broker", "slow"])
            #expect(answer.head.headerFields[.retryAfter] != nil)
        }
    }

    /// Without its broker a gateway accepts all the same, so it is ready, and says what is amiss.
    @Test func anOptionalPartIsAWarning() async throws {
        struct Down: Error {}
        let checks = [ReadinessCheck(name: "database") {}, ReadinessCheck(name: "broker", isOptional: true) { throw Down() }]
        try await GatewayFixture.with(readiness: checks) { fixture in
            let answer = try await fixture.send(.get, "/readyz", key: "")
            #expect(answer.status == 200)
            #expect(answer.json["warnings"] == ["broker does not work at the moment"])
        }
    }

    /// 503 is a promise that nothing was stored; where nobody knows, the answer is another one, and does not invite to try again.
    @Test(arguments: [(PostgresError.Code.connectionFailed, 503), (.poolExhausted, 503), (.connectionLost, 504), (.timedOut, 504)])
    func doubtIsNoRefusal(code: PostgresError.Code, status: Int) async throws {
        let accept = { @Sendable (submissions: [Submission]) -> [Result<Acceptance, any Error>] in
            submissions.map { _ in .failure(PostgresError(code, "away")) }
        }
        try await GatewayFixture.with(accept: accept) { fixture in
            let project = try await fixture.makeProject()
            let answer = try await fixture.send(.post, "/v1/projects/\(project)/tasks", Self.task)
            #expect(answer.status == status)
            #expect((answer.head.headerFields[.retryAfter] != nil) == (status == 503))
        }
    }

    @Test func needsAnEngine() async throws {
        try await GatewayFixture.with(engines: []) { fixture in
            let project = try await fixture.makeProject()
            let answer = try await fixture.send(.post, "/v1/projects/\(project)/tasks", Self.task)
            #expect(answer.status == 422 && answer.pointers == ["/input_data/engine"])
            #expect(try await fixture.countTasks() == 0)
        }
    }
}
