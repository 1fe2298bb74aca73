import AMQP
import Domain
import FoundationEssentials
import HTTPTypes
import Postgres
import Queues
import Store
import Synchronization
import TestSupport
import Testing

@testable import Gateway

/// Suites that share a broker whose queues have one name each.
@Suite(.serialized) enum IntakeSuites {}

extension IntakeSuites {
    /// Projects and tasks over the broker, as over HTTP.
    @Suite(.serialized, .timeLimit(.minutes(3))) struct IntakeTests {
        @Test func takesAProjectTasksAndACancellation() async throws {
            try await IntakeFixture.with { fixture in
                let project = try await fixture.ask("project.create", #"{"project_name":"Over AMQP","priority":2}"#)
                #expect(project.status == 201 && project.contentType == "application/json")
                let id = try #require(project.json["project_id"]?.stringValue)
                #expect(project.headers["location"]?.text == "/v1/projects/\(id)")
                #expect(try await fixture.gateway.send(.get, "/v1/projects/\(id)").json["priority"] == 2)

                let task = try await fixture.ask("task.create", IntakeFixture.task(id))
                #expect(task.status == 201 && task.json["status"] == "pending" && task.json["project_id"]?.stringValue == id)
                let many = try await fixture.ask("task.create", "[\(IntakeFixture.task(id)),\(IntakeFixture.task(id))]")
                #expect(many.status == 201 && many.json["accepted"] == 2 && many.json["task_ids"]?.arrayValue?.count == 2)
                #expect(try await fixture.gateway.countTasks() == 3)

                let taskID = try #require(task.json["task_id"]?.stringValue)
                for _ in 0..<2 {
                    let cancelled = try await fixture.ask("task.cancel", #"{"task_id":"\#(taskID)","reason":"Enough."}"#)
                    #expect(cancelled.status == 200 && cancelled.json["status"] == "cancelled")
                }
                #expect(fixture.refused.isEmpty)
            }
        }

        @Test func whatIsWrongIsKeptWithAReasonAndAnswered() async throws {
            try await IntakeFixture.with { fixture in
                let project = try await fixture.makeProject()
                let stranger = fixture.gateway.strangersKey.secret
                var cases: [(AMQPMessage, Int, String)] = []
                func add(_ status: Int, _ pointer: String = "", _ message: AMQPMessage) {
                    var message = message
                    message.correlationID = "c\(cases.count)"
                    message.replyTo = message.replyTo ?? fixture.replyQueue
                    cases.append((message, status, pointer))
                }
                add(400, "", fixture.message("task.create", "{"))
                add(422, "/project_id", fixture.message("task.create", "{}"))
                add(422, "", fixture.message("task.create", "[]"))
                add(422, "/1", fixture.message("task.create", "[\(IntakeFixture.task(project)),3]"))
                add(422, "/0/project_id", fixture.message("task.create", #"[{"project_id":"?"}]"#))
                let other = UUID.v7().text
                add(
                    422, "/1/project_id", fixture.message("task.create", "[\(IntakeFixture.task(project)),\(IntakeFixture.task(other))]"))
                add(422, "/input_data", fixture.message("task.create", #"{"project_id":"\#(project)","task_type":"chat"}"#))
                add(404, "", fixture.message("task.create", IntakeFixture.task(other)))
                add(404, "", fixture.message("task.create", IntakeFixture.task(project), key: stranger))
                add(404, "", fixture.message("task.cancel", #"{"task_id":"\#(other)"}"#))
                add(422, "/task_id", fixture.message("task.cancel", #"{"task_id":1}"#))
                add(422, "/project_name", fixture.message("project.create", "{}"))
                add(401, "", fixture.message("task.create", IntakeFixture.task(project), key: "chs_wrong"))
                add(400, "routing_key", fixture.message("task.destroy", IntakeFixture.task(project)))
                add(400, "message_id", fixture.message("task.create", IntakeFixture.task(project), id: "ü"))
                add(413, "", fixture.message("task.create", IntakeFixture.task(project, String(repeating: "x", count: 100_000))))
                var message = fixture.message("task.create", IntakeFixture.task(project))
                message.contentType = "text/plain"
                add(415, "", message)
                message.contentType = "application/json"
                message.contentEncoding = "gzip"
                add(415, "", message)

                try await fixture.send(cases.map(\.0))
                try await eventually("all are refused", within: .seconds(30)) { fixture.refused.count == cases.count }
                try await eventually("all are answered") { fixture.allAnswers.count == cases.count }
                for (message, status, pointer) in cases {
                    let correlation = message.correlationID ?? ""
                    let answers = fixture.answers(to: correlation)
                    #expect(answers.map(\.status) == [status], "\(correlation) \(answers)")
                    #expect(answers.first?.contentType == "application/problem+json")
                    let copy = try #require(fixture.refused.first { $0.correlationID == correlation })
                    #expect(copy.body == message.body && copy.reason == answers.first?.json)
                    #expect(copy.headers["x-routing-key"]?.text == message.routingKey)
                    if !pointer.isEmpty {
                        #expect(copy.reason?["errors"]?[0]?["pointer"]?.stringValue == pointer, "\(copy.reason ?? .null)")
                    }
                    #expect(!"\(copy.headers)".contains(fixture.gateway.key.secret))
                }
                let named = fixture.refused.filter { $0.headers["x-api-key-id"] != nil }
                #expect(named.count == cases.count - 1)
                #expect(try await fixture.gateway.countTasks() == 0)
            }
        }

        /// What the broker would do with a copy, were it published as it came: drop it, send it on, or send an answer into a queue of work.
        @Test func whatIsRefusedStaysWhereItIs() async throws {
            try await IntakeFixture.with { fixture in
                var message = fixture.message(
                    "task.create", "{", headers: ["CC": .array(["task.create"]), "other": .string("Bearer chs_1")])
                message.expiration = "60000"
                message.replyTo = "chorus.tasks.0.low"
                message.correlationID = "x"
                try await fixture.send([message])
                try await eventually("it is refused") { !fixture.refused.isEmpty }
                for copy in fixture.refused {
                    #expect(copy.expiration == nil && copy.replyTo == "chorus.tasks.0.low")
                    #expect(copy.headers["CC"] == nil && copy.headers["x-cc"] == .array(["task.create"]))
                    #expect(copy.headers["other"] == nil && copy.headers["authorization"] == nil)
                    #expect(copy.reason?["errors"]?[0]?["pointer"] == "reply_to")
                }
                try await fixture.waitUntilTaken()
                #expect(fixture.allAnswers.isEmpty && fixture.refused.count == 1)
            }
        }

        @Test func aMessageOfOneIdIsDoneOnce() async throws {
            try await IntakeFixture.with { fixture in
                let project = try await fixture.makeProject()
                let body = IntakeFixture.task(project)
                let messages = (0..<100).map { fixture.message("task.create", body, id: "m1", correlation: "c\($0)") }
                try await fixture.send(messages)
                try await eventually("all are answered", within: .seconds(20)) { fixture.allAnswers.count == 100 }
                #expect(try await fixture.gateway.countTasks() == 1)
                #expect(Set(fixture.allAnswers.values.flatMap { $0 }.map(\.json)).count == 1)
                #expect(fixture.allAnswers.values.allSatisfy { $0.map(\.status) == [201] })
                let again = try await fixture.ask("task.create", body, id: "m1")
                #expect(again.status == 201 && again.headers["idempotency-replayed"] == .bool(true))
                let other = try await fixture.ask("task.create", IntakeFixture.task(project, "other"), id: "m1")
                #expect(other.status == 409)
                // A name of HTTP's is another one.
                let http = try await fixture.gateway.send(
                    .post, "/v1/projects/\(project)/tasks", GatewayTests.task, headers: [.idempotencyKey: "m1"])
                #expect(http.status == 201)
                for _ in 0..<2 {
                    #expect(try await fixture.ask("project.create", #"{"project_name":"Once"}"#, id: "p1").status == 201)
                }
            }
        }

        /// Hundreds of messages are a few statements.
        @Test func messagesShareStatements() async throws {
            let gate = AsyncStream<Void>.makeStream()
            let store = Mutex<Store?>(nil)
            try await IntakeFixture.with(accept: { submissions in
                // The first one waits until all have been sent: how fast the broker brings them counts for nothing.
                for await _ in gate.stream {}
                guard let store = store.withLock({ $0 }) else { return [] }
                return await store.accept(submissions)
            }) { fixture in
                store.withLock { $0 = fixture.gateway.store }
                let project = try await fixture.makeProject()
                let messages = (0..<2_000).map { fixture.message("task.create", IntakeFixture.task(project), id: "m\($0)") }
                let before = fixture.gateway.accepted.count
                try await fixture.send(messages)
                gate.continuation.finish()
                try await eventually("all are stored", within: .seconds(30)) { try await fixture.gateway.countTasks() == 2_000 }
                #expect(fixture.gateway.accepted.count - before == 2_000)
                #expect(fixture.gateway.batches.count < 400)
                #expect(fixture.refused.isEmpty)
            }
        }

        /// The database fails for a while: nothing is refused and nothing is lost.
        @Test func faultsThatPassLoseNothing() async throws {
            let failures = Mutex(12)
            let store = Mutex<Store?>(nil)
            try await IntakeFixture.with(accept: { submissions in
                let fails = failures.withLock { left in
                    left -= 1
                    return left >= 0
                }
                guard !fails, let store = store.withLock({ $0 }) else {
                    return submissions.map { _ in .failure(GroupCommit<Submission, Acceptance>.Failure.overloaded) }
                }
                return await store.accept(submissions)
            }) { fixture in
                store.withLock { $0 = fixture.gateway.store }
                let project = try await fixture.makeProject()
                try await fixture.send((0..<50).map { fixture.message("task.create", IntakeFixture.task(project), id: "m\($0)") })
                try await eventually("all are stored", within: .seconds(30)) { try await fixture.gateway.countTasks() == 50 }
                try await fixture.waitUntilTaken()
                #expect(failures.withLock { $0 } < 0)
                #expect(fixture.refused.isEmpty)
                try await eventually("nothing is remembered of them") { try await fixture.countTrials() == 0 }
            }
        }

        /// What ended its gateway three times is not tried a fourth time.
        @Test func aMessageThatEndsGatewaysIsRefused() async throws {
            let failures = Mutex(6)
            try await IntakeFixture.with(accept: { submissions in
                failures.withLock { $0 -= 1 }
                return submissions.map { _ in .failure(GroupCommit<Submission, Acceptance>.Failure.overloaded) }
            }) { fixture in
                let project = try await fixture.makeProject()
                let message = fixture.message("task.create", IntakeFixture.task(project), id: "poison", correlation: "c")
                for _ in 0..<3 { _ = try await fixture.gateway.store.beginIntakeTrial(of: message.digest) }
                // Handed out for the first time it is like any other; a fault that lasts makes it come again.
                try await fixture.send([message])
                try await eventually("it is refused", within: .seconds(20)) { fixture.refused.count == 1 }
                #expect(fixture.refused.first?.reason?["status"] == 500)
                #expect(fixture.refused.first?.headers["authorization"] == nil)
                // Tried five times in a row when it came first, and not again.
                #expect(failures.withLock { $0 } == 1)
                try await eventually("nothing is remembered of it") { try await fixture.countTrials() == 0 }
            }
        }
    }
}
