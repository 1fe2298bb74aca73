import Domain
import Foundation
import Logging
import Postgres
import Testing

@testable import Store

/// What is accepted under a key is accepted once: `idempotency_keys`.
@Suite(.timeLimit(.minutes(2))) struct IdempotencyTests {
    private static func request(_ text: String, _ fixture: StoreFixture, body: UInt8 = 1) -> IdempotentRequest {
        IdempotentRequest(key: IdempotencyKey(userID: fixture.principal.userID, source: .http, text: text), digest: [body])
    }

    private static func submission(
        _ text: String?, _ fixture: StoreFixture, body: UInt8 = 1, project: UUID? = nil, parent: UUID? = nil
    ) throws -> Submission {
        var task = try StoreFixture.newTask()
        task.parentID = parent
        let answer = FirstAnswer(location: "/v1/tasks/\(task.id.text)", body: #"{"task_id":"\#(task.id.text)","created_at":null}"#)
        return Submission(
            projectID: project ?? fixture.project.id, userID: fixture.principal.userID, tasks: [task],
            idempotency: text.map { Submission.Idempotency(request: request($0, fixture, body: body), answer: answer) })
    }

    private static func keys(_ fixture: StoreFixture) async throws -> Int {
        try await fixture.database.query("SELECT count(*) FROM idempotency_keys") { try $0.decode(Int.self) }.first ?? -1
    }

    private static func tasks(_ fixture: StoreFixture) async throws -> Int {
        try await fixture.database.query("SELECT count(*) FROM tasks") { try $0.decode(Int.self) }.first ?? -1
    }

    /// In one batch or one after the other: the second gets the first's answer, with the time of its task; another body is refused.
    @Test func theSecondGetsTheFirstsAnswer() async throws {
        try await StoreFixture.with { fixture in
            let batch = [
                try Self.submission("a", fixture), try Self.submission(nil, fixture), try Self.submission("a", fixture),
                try Self.submission("a", fixture, body: 2), try Self.submission("b", fixture),
            ]
            let outcomes = await fixture.store.accept(batch, admitting: 10)
            let first = try outcomes[0].get()
            #expect(first.repeated == nil && first.admitted.map(\.id) == [batch[0].tasks[0].id])
            #expect(try outcomes[1].get().admitted.count == 1)
            let second = try outcomes[2].get()
            #expect(second.repeated?.answer.location == batch[0].idempotency?.answer.location)
            #expect(second.admitted.isEmpty && second.acceptedAt == first.acceptedAt)
            #expect(throws: Problem.self) { try outcomes[3].get() }
            #expect(try outcomes[4].get().repeated == nil)
            #expect(try await Self.tasks(fixture) == 3)

            let again = await fixture.store.accept([try Self.submission("a", fixture), try Self.submission("a", fixture, body: 3)])
            let dated = try #require(try again[0].get().repeated).dated()
            let id = batch[0].tasks[0].id
            let created = try #require(try await fixture.store.task(id)?.createdAt)
            #expect(
                try JSONValue(parsing: Array(dated.answer.body.utf8)) == ["task_id": .string(id.text), "created_at": JSONValue(created)])
            let refusal = #expect(throws: Problem.self) { try again[1].get() }
            #expect(refusal?.status == 409 && refusal?.errors.first?.pointer == "Idempotency-Key")
            let stored = try await fixture.database.query("SELECT idempotency_key FROM tasks ORDER BY idempotency_key") {
                try $0.decode(String?.self)
            }
            #expect(stored == ["a", "b", nil])
        }
    }

    /// What stores no task leaves no key: the next try is a first one.
    @Test func aRefusalTakesNoKey() async throws {
        try await StoreFixture.with { fixture in
            let closed = try await fixture.store.createProject(try StoreFixture.newProject("Closed"), principal: fixture.principal)
            _ = try await fixture.store.move(project: closed.id, .archive, by: fixture.principal.userID)
            let orphan = UUID.v7()
            let outcomes = await fixture.store.accept([
                try Self.submission("closed", fixture, project: closed.id), try Self.submission("closed", fixture, project: closed.id),
                try Self.submission("orphan", fixture, parent: orphan), try Self.submission("fine", fixture),
            ])
            for place in 0..<3 { #expect(throws: Problem.self) { try outcomes[place].get() } }
            #expect(try outcomes[3].get().repeated == nil)
            #expect(try await Self.keys(fixture) == 1)
            _ = try await fixture.store.move(project: closed.id, .resume, by: fixture.principal.userID)
            let retried = await fixture.store.accept([try Self.submission("closed", fixture, project: closed.id)])
            #expect(try retried[0].get().repeated == nil)
        }
    }

    /// Children come by a transaction of their own, and their parent may have ended when they come again.
    @Test func childrenComeOnce() async throws {
        try await StoreFixture.with { fixture in
            let parent = try StoreFixture.newTask()
            try await fixture.accept([parent])
            let first = await fixture.store.accept([try Self.submission("child", fixture, parent: parent.id)])
            #expect(try first[0].get().repeated == nil)
            _ = try await fixture.store.move(parent.id, .cancel, by: fixture.principal.userID)
            let again = await fixture.store.accept([try Self.submission("child", fixture, parent: parent.id)])
            #expect(try again[0].get().repeated != nil)
            #expect(try await Self.tasks(fixture) == 2)
        }
    }

    /// Three gateways of their own, each with its batches: every key gives one task, and all who came with it hear of the same one.
    @Test func manyAtOnceAreOne() async throws {
        try await StoreFixture.with { fixture in
            let clients = (0..<3).map { _ in
                PostgresClient(configuration: fixture.database.configuration, logger: Logger(label: "test"))
            }
            let locations = try await withThrowingTaskGroup(of: (String, String?).self) { group in
                for number in 0..<300 {
                    let key = "key \(number % 3)"
                    let client = clients[number / 3 % 3]
                    let submission = try Self.submission(key, fixture)
                    group.addTask {
                        // Alone or in a company that has the same keys in another order.
                        let others = number % 2 == 0 ? [] : try (0..<3).map { try Self.submission("key \((number + $0) % 3)", fixture) }
                        let outcome = await Store(client).accept([submission] + others)[0]
                        return (key, try outcome.get().repeated?.answer.location ?? submission.idempotency?.answer.location)
                    }
                }
                return try await group.reduce(into: [:]) { $0[$1.0, default: Set<String?>()].insert($1.1) }
            }
            #expect(locations.count == 3)
            #expect(locations.values.allSatisfy { $0.count == 1 }, "\(locations)")
            #expect(try await Self.tasks(fixture) == 3)
            for client in clients { await client.close() }
        }
    }

    /// An upload takes its key with its last batch; whoever comes with it meanwhile does its work in vain.
    @Test func uploadsComeOnce() async throws {
        try await StoreFixture.with { fixture in
            let request = Self.request("upload", fixture)
            let upload = Upload(
                projectID: fixture.project.id, userID: fixture.principal.userID, parentIDs: [], idempotency: request)
            let bodies = try await withThrowingTaskGroup(of: String.self) { group in
                for _ in 0..<6 {
                    group.addTask {
                        let creation = try await fixture.store.accept(
                            upload, answering: { FirstAnswer(body: $0.taskIDs.map(\.text).joined(separator: " ")) }
                        ) { take in
                            for _ in 0..<3 { try take([StoreFixture.newTask(), StoreFixture.newTask()]) }
                        }
                        switch creation {
                        case .made(let acceptance): return acceptance.taskIDs.map(\.text).joined(separator: " ")
                        case .repeated(let remembered): return remembered.answer.body
                        }
                    }
                }
                return try await group.reduce(into: Set()) { $0.insert($1) }
            }
            #expect(bodies.count == 1)
            #expect(try await Self.tasks(fixture) == 6)
            await #expect(throws: Problem.self) {
                _ = try await fixture.store.repetition(of: Self.request("upload", fixture, body: 2))
            }
        }
    }

    /// A session that dies in the middle leaves neither the thing nor its key; the next try makes both.
    @Test func aCrashLeavesBothOrNone() async throws {
        try await StoreFixture.with { fixture in
            let request = Self.request("crash", fixture)
            await #expect(throws: PostgresError.self) {
                _ = try await fixture.store.once(request, answering: { (_: Bool) in FirstAnswer(body: "{}") }) { connection in
                    try connection.execute("INSERT INTO engines (name, position, engine_type, definition) VALUES ('x', 9, 'x', '{}')")
                    try connection.execute("SELECT pg_terminate_backend(pg_backend_pid())")
                    return true
                }
            }
            #expect(try await Self.keys(fixture) == 0)
            #expect(try await fixture.store.engines().count == 2)
            for isFirst in [true, false] {
                let creation = try await fixture.store.once(
                    request, answering: { (_: Bool) in .secret(of: "key", id: fixture.project.id) }
                ) { _ in true }
                switch creation {
                case .made: #expect(isFirst)
                case .repeated(let remembered):
                    #expect(!isFirst)
                    #expect(remembered.answer.status == 409 && remembered.answer.body.contains(fixture.project.id.text))
                }
            }
        }
    }

    /// A day later the key is free; then its row is replaced, or removed by the housekeeping.
    @Test func keysAreForgotten() async throws {
        try await StoreFixture.with { fixture in
            for name in ["old", "older", "young"] { _ = try await fixture.store.accept([Self.submission(name, fixture)])[0].get() }
            _ = try await fixture.database.execute(
                "UPDATE idempotency_keys SET created_at = now() - interval '24 hours 1 second' WHERE key <> 'young'")
            #expect(try await fixture.store.remembered(Self.request("old", fixture).key) == nil)
            #expect(try await fixture.store.accept([Self.submission("old", fixture, body: 2)])[0].get().repeated == nil)
            #expect(try await fixture.store.repetition(of: Self.request("old", fixture, body: 2)) != nil)
            #expect(try await fixture.store.forgetAnswers(limit: 10) == 1)
            #expect(try await Self.keys(fixture) == 2)
        }
    }
}
