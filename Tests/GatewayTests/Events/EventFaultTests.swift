import Domain
import Foundation
import HTTPTypes
import Logging
import NIOCore
import Postgres
import ServiceLifecycle
import Store
import TestSupport
import Testing

@testable import Gateway

/// Streams across gateways, and while the database's connections are cut.
@Suite(.timeLimit(.minutes(3))) struct EventFaultTests {
    /// Another gateway over the same database, stopped as a rolling restart stops one.
    private func withGateway(_ fixture: GatewayFixture, _ body: @Sendable @escaping (Int) async throws -> Void) async throws {
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let (ports, port) = AsyncStream<Int>.makeStream()
        var configuration = GatewayConfiguration()
        configuration.port = 0
        let store = fixture.store
        let acceptances = GroupCommit<Submission, Acceptance> { await store.accept($0) }
        let gateway = Gateway(
            configuration: configuration, store: store, acceptances: acceptances, onWaiting: {}, onProjectCreated: {}, readiness: [],
            logger: logger, onListening: { port.yield($0) })
        let services = ServiceGroup(services: [acceptances, gateway], logger: logger)
        try await withThrowingTaskGroup { group in
            group.addTask { try await services.run() }
            for await port in ports {
                try await body(port)
                break
            }
            await services.triggerGracefulShutdown()
            try await group.waitForAll()
        }
    }

    private func submit(_ count: Int, to project: String, _ fixture: GatewayFixture) async throws {
        let tasks = Array(repeating: AccessMatrix.task, count: count).joined(separator: ",")
        let answer = try await fixture.send(.post, "/v1/projects/\(project)/tasks", "[\(tasks)]")
        #expect(answer.status == 201)
    }

    @Test func aReaderGoesOnAtAnotherGatewayWhenItsOwnStops() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let path = "/v1/projects/\(project)/events"
            let stayed = EventReader.open(path, of: fixture)
            try await stayed.ready()
            nonisolated(unsafe) var first: EventReader?
            try await withGateway(fixture) { port in
                let reader = EventReader.open(path, of: fixture, port: port)
                try await reader.ready()
                try await submit(50, to: project, fixture)
                try await eventually("some are there") { reader.events.count >= 10 }
                first = reader
            }
            let moved = try #require(first)
            try await eventually("its stream ended with its gateway") { moved.isAtEnd }
            try await submit(50, to: project, fixture)
            // At once, whatever the gateways have read of the log: what the reader has is not unknown to the other one.
            let next = EventReader.open(path, of: fixture, after: moved.lastID)
            try await eventually("the rest") { moved.events.count + next.events.count >= 100 }
            try await eventually("all of it") { stayed.events.count >= 100 }
            #expect((moved.events + next.events).map(\.id) == stayed.events.map(\.id))
            #expect(!next.names.contains("reset"))
            for reader in [stayed, next] { await reader.close() }
        }
    }

    @Test func connectionsOfTheDatabaseMayBreak() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let reader = EventReader.open("/v1/projects/\(project)/events", of: fixture)
            try await reader.ready()
            for _ in 0..<5 {
                // Some may be answered 503 or 504: what was stored all the same is found below.
                let tasks = Array(repeating: AccessMatrix.task, count: 20).joined(separator: ",")
                _ = try await fixture.send(.post, "/v1/projects/\(project)/tasks", "[\(tasks)]")
                // Those of the gateway and of this test alike: whatever is under way is tried again.
                _ = try? await fixture.database.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
            }
            try await eventually("a last one is taken") {
                try await fixture.send(.post, "/v1/projects/\(project)/tasks", AccessMatrix.task).status == 201
            }
            var stored: [Int64] = []
            try await eventually("the log is read") {
                // A connection whose server process was told to end may not know it yet.
                stored = (try? await fixture.database.query("SELECT seq FROM event_log ORDER BY seq") { try $0.decode(Int64.self) }) ?? []
                return !stored.isEmpty
            }
            #expect(stored.count > 20)
            try await eventually("all are there", within: .seconds(30)) { reader.events.count >= stored.count }
            #expect(reader.events.compactMap(\.id) == stored)
            #expect(!reader.isAtEnd)
            await reader.close()
        }
    }

    @Test func aReaderThatTakesNothingHoldsUpNobodyAndMissesNothing() async throws {
        try await GatewayFixture.with { fixture in
            let project = try await fixture.makeProject()
            let path = "/v1/projects/\(project)/events"
            // It takes little, so that the test does not wait for it.
            let other = EventReader.open("\(path)?events=project.paused", of: fixture)
            try await other.ready()
            let place = try #require(other.lastID)
            try await RawConnection.with(port: fixture.port) { slow in
                try await slow.send(
                    "GET \(path) HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \(fixture.key.secret)\r\nlast-event-id: \(place)\r\n\r\n")
                // 12 MB of events, more than what any buffer holds, while it takes nothing.
                _ = try await fixture.database.execute(
                    """
                    INSERT INTO tasks (task_id, project_id, user_id, task_type, status, input_data)
                    SELECT chorus_uuid_v7(), project_id, user_id, 'chat', 'pending', '{}'
                    FROM projects, generate_series(1, 60) WHERE project_id = \(try #require(UUID(uuidString: project)))
                    """)
                for status in ["in_queue", "processing", "completed"] {
                    _ = try await fixture.database.execute(
                        "UPDATE tasks SET status = \(status), output_data = jsonb_build_object('text', repeat(md5(random()::text), 6000))")
                }
                _ = try await fixture.send(.post, "/v1/projects/\(project)/pause", "{}")
                try await eventually("the other reader is not held up", within: .seconds(30)) { other.names == ["project.paused"] }
                let stored = try await fixture.database.query("SELECT seq FROM event_log WHERE task_id IS NOT NULL ORDER BY seq") {
                    try $0.decode(Int64.self)
                }
                #expect(stored.count == 240)
                // Lines of data are long: only the short ones say what came.
                var (ids, id, line) = ([Int64](), Int64?.none, [UInt8]())
                reading: for try await piece in slow.inbound {
                    for byte in piece.readableBytesView {
                        if byte != UInt8(ascii: "\n") {
                            if line.count < 40 { line.append(byte) }
                            continue
                        }
                        let text = String(decoding: line, as: UTF8.self)
                        line = []
                        if text.hasPrefix("id: ") { id = Int64(text.dropFirst("id: ".count)) }
                        if text.hasPrefix("event: task."), let id { ids.append(id) }
                        if ids.count == stored.count { break reading }
                    }
                }
                #expect(ids == stored)
            }
            await other.close()
        }
    }

    @Test func aReaderThatFallsBehindReadsTheLog() async throws {
        let mailbox = EventMailbox(limit: 100)
        let event = EventRecord(
            seq: 1, name: .project(.paused), at: Date(), projectID: UUID(), statusFrom: nil, reason: nil, task: nil)
        let batch = EventBatch([event])
        #expect(batch.size > 100)
        // One batch always has room; what would come on top does not.
        mailbox.offer(.events(batch))
        mailbox.offer(.tick(position: 1))
        mailbox.offer(.tick(position: 2))
        let waiting = try await mailbox.next().get()
        #expect(waiting.count == 2)
        mailbox.offer(.events(batch))
        mailbox.offer(.events(batch))
        let end = await #expect(throws: EventMailbox.Ended.self) { try await mailbox.next().get() }
        #expect(end?.ending == .overrun)
    }
}
