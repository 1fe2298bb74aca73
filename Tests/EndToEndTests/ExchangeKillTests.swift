import AMQP
import Domain
import Foundation
import HTTPTypes
import Logging
import Postgres
import Queues
import Synchronization
import TestSupport
import Testing

/// The gateway that publishes events dies, and comes back: nothing is missed.
@Suite(.serialized, .timeLimit(.minutes(3))) struct ExchangeKillTests {
    /// Events in the order in which they came.
    private final class Heard: Sendable {
        struct Event: Sendable {
            var seq: Int
            var task: String
            var name: String
        }

        private let events = Mutex<[Event]>([])

        var all: [Event] { events.withLock { $0 } }

        var completed: [String] { all.filter { $0.name == "task.completed" }.map(\.task) }

        func hear(_ consumer: AMQPConsumer) async {
            for await batch in consumer.deliveries {
                let heard = batch.compactMap { try? JSONValue(parsing: $0.body) }.map { json in
                    Event(
                        seq: json["seq"]?.intValue ?? 0, task: json["task_id"]?.stringValue ?? "", name: json["event"]?.stringValue ?? "")
                }
                events.withLock { $0 += heard }
                await consumer.acknowledge(batch)
            }
        }
    }

    @Test func everyEventIsHeardThoughGatewaysAreKilled() async throws {
        try await DevSystem.with(["--workers", "1", "--worker-concurrency", "32", "--engine-latency", "50ms"]) { system in
            let (status, made) = try await system.request(
                .post, "/v1/projects", body: Array(#"{"project_name":"Heard","settings":{"events":true}}"#.utf8))
            guard status == 201, let project = made["project_id"]?.stringValue else {
                throw DevSystem.Unexpected(status: status, answer: made)
            }
            let variables = try DevSystem.variables(system.folder)
            var topology = AMQPTopology.events
            topology.queues = [AMQPQueue(name: "heard")]
            topology.bindings = [AMQPBinding(queue: "heard", exchange: QueueNames.events, routingKey: "task.*.\(project)")]
            let consumer = AMQPConsumer(
                configuration: try AMQPConfiguration(url: variables["CHORUS_AMQP_URL"] ?? ""), topology: topology, queues: ["heard"],
                prefetch: 500, logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }))
            let heard = Heard()
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await consumer.run() }
                group.addTask { await heard.hear(consumer) }
                defer { group.cancelAll() }
                try await consumer.waitUntilConnected(timeout: .seconds(20))
                let ids = Set(try await system.submit(500, to: project))
                for share in [50, 250] {
                    try await eventually("some are heard", within: .seconds(60)) { heard.completed.count >= share }
                    if let pid = try system.pids("CHORUS_GATEWAY_PID").first { kill(pid, SIGKILL) }
                }
                try await system.waitForCompleted(500, within: .seconds(60))
                try await eventually("all are heard", within: .seconds(60)) { Set(heard.completed) == ids }
                // Each once where what comes again is left out, and of every task in order.
                var seen: Set<Int> = []
                var steps: [String: [String]] = [:]
                for event in heard.all where seen.insert(event.seq).inserted { steps[event.task, default: []].append(event.name) }
                let moves = try await system.count("SELECT count(*) FROM task_history")
                #expect(seen.count == moves)
                #expect(steps.values.allSatisfy { $0.first == "task.pending" && $0.last == "task.completed" })
            }
        }
    }
}
