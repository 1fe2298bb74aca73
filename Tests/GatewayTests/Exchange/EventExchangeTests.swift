import AMQP
import Domain
import FoundationEssentials
import HTTPTypes
import Logging
import Postgres
import Queues
import Store
import Synchronization
import TestSupport
import Testing

@testable import Gateway

extension IntakeSuites {
    /// What happens is published to `chorus.events`.
    @Suite(.serialized, .timeLimit(.minutes(3))) struct EventExchangeTests {
        /// Events as a queue got them.
        final class Listener: Sendable {
            private let events = Mutex<[(key: String, json: JSONValue)]>([])

            var all: [(key: String, json: JSONValue)] { events.withLock { $0 } }

            /// Of one word, such as `task.pending`; the tasks in their order.
            func tasks(_ name: String) -> [String] {
                all.filter { $0.json["event"]?.stringValue == name }.compactMap { $0.json["task_id"]?.stringValue }
            }

            static func with(_ binding: String, _ body: (Listener) async throws -> Void) async throws {
                let listener = Listener()
                let queue = "listener.\(UUID.v7().text)"
                var topology = AMQPTopology.events
                topology.queues = [AMQPQueue(name: queue, isDurable: false, arguments: ["x-expires": 60_000])]
                topology.bindings = [AMQPBinding(queue: queue, exchange: QueueNames.events, routingKey: binding)]
                let consumer = AMQPConsumer(
                    configuration: try await IntakeFixture.configuration(), topology: topology, queues: [queue], prefetch: 1_000,
                    logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask { try await consumer.run() }
                    group.addTask {
                        for await batch in consumer.deliveries {
                            listener.events.withLock { events in
                                events += batch.map { ($0.routingKey, (try? JSONValue(parsing: $0.body)) ?? .null) }
                            }
                            await consumer.acknowledge(batch)
                        }
                    }
                    defer { group.cancelAll() }
                    try await consumer.waitUntilConnected(timeout: .seconds(20))
                    try await body(listener)
                }
            }
        }

        private static func with(_ body: @Sendable @escaping (GatewayFixture) async throws -> Void) async throws {
            try await GatewayFixture.with(exchange: try await IntakeFixture.configuration(), body)
        }

        private static func count(_ rows: String, _ fixture: GatewayFixture) async throws -> Int {
            try await fixture.database.query("SELECT count(*) FROM \(unescaped: rows)") { try $0.decode(Int.self) }.first ?? -1
        }

        @Test func aProjectThatAsksHasAllItsEventsPublishedInOrder() async throws {
            try await Self.with { fixture in
                let made = try await fixture.send(.post, "/v1/projects", #"{"project_name":"Heard","settings":{"events":true}}"#)
                let project = try #require(made.json["project_id"]?.stringValue)
                try await Listener.with("*.*.\(project)") { listener in
                    let tasks = "[" + Array(repeating: GatewayTests.task, count: 300).joined(separator: ",") + "]"
                    let answer = try await fixture.send(.post, "/v1/projects/\(project)/tasks", tasks)
                    let ids = answer.json["task_ids"]?.arrayValue?.compactMap(\.stringValue) ?? []
                    #expect(ids.count == 300)
                    for id in ids.prefix(20) { _ = try await fixture.send(.post, "/v1/tasks/\(id)/pause") }
                    #expect(try await fixture.send(.post, "/v1/projects/\(project)/cancel").status == 200)
                    try await eventually("all have ended", within: .seconds(20)) { Set(listener.tasks("task.cancelled")).count == 300 }
                    let events = listener.all
                    #expect(Set(listener.tasks("task.pending")) == Set(ids))
                    #expect(Set(listener.tasks("task.paused")) == Set(ids.prefix(20)))
                    #expect(events.contains { $0.key == "project.cancelled.\(project)" })
                    // At least once: what a slow broker has not confirmed comes again.
                    var seen: Set<Int> = []
                    let numbers = events.compactMap { $0.json["seq"]?.intValue }
                    #expect(numbers.count == events.count)
                    let firsts = numbers.filter { seen.insert($0).inserted }
                    #expect(firsts == firsts.sorted())
                    #expect(
                        events.allSatisfy { event in
                            event.json["project_id"]?.stringValue == project
                                && event.key == "\(event.json["event"]?.stringValue ?? "").\(project)"
                        })
                }
                // Others' events are not written down for it.
                let other = try await fixture.makeProject("Other")
                _ = try await fixture.send(.post, "/v1/projects/\(other)/tasks", GatewayTests.task)
                #expect(try await Self.count("event_listeners WHERE project_id IS NULL", fixture) == 0)
                // Who does not ask any more is not heard any more.
                let changed = try await fixture.send(.patch, "/v1/projects/\(project)", #"{"settings":{}}"#)
                #expect(changed.status == 200)
                #expect(try await Self.count("event_listeners", fixture) == 0)
            }
        }

        /// A queue is bound, tasks run, and their events are there: nobody had to ask, and those of the first moment are there too.
        @Test func whoIsBoundHearsAllProjects() async throws {
            try await Self.with { fixture in
                let project = try await fixture.makeProject()
                try await Listener.with("task.#") { listener in
                    let tasks = "[" + Array(repeating: GatewayTests.task, count: 50).joined(separator: ",") + "]"
                    var ids: [String] = []
                    func submit() async throws {
                        let answer = try await fixture.send(.post, "/v1/projects/\(project)/tasks", tasks)
                        ids += answer.json["task_ids"]?.arrayValue?.compactMap(\.stringValue) ?? []
                    }
                    try await eventually("a gateway has the turn") {
                        try await Self.count("exchange_pump WHERE holder IS NOT NULL", fixture) == 1
                    }
                    try await submit()
                    try await eventually("the first are heard", within: .seconds(20)) { Set(listener.tasks("task.pending")).count == 50 }
                    try await submit()
                    try await eventually("all are heard", within: .seconds(20)) { Set(listener.tasks("task.pending")) == Set(ids) }
                    let seqs = listener.all.compactMap { $0.json["seq"]?.intValue }.filter { $0 > 0 }
                    #expect(seqs.count >= 50 && seqs == seqs.sorted())
                }
            }
        }
    }
}
