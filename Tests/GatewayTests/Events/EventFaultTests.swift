import Domain
import Foundation
import HTTPTypes
import Logging
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
                try await submit(20, to: project, fixture)
                // Those of the gateway and of this test alike: whatever is under way is tried again.
                _ = try? await fixture.database.execute(
                    "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()")
            }
            try await eventually("all are there", within: .seconds(30)) { reader.events.count >= 100 }
            let ids = reader.events.compactMap(\.id)
            #expect(ids.count == 100 && ids == ids.sorted() && Set(ids).count == 100)
            #expect(!reader.isAtEnd)
            await reader.close()
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
