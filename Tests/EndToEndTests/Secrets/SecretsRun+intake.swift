import AMQP
import Domain
import Foundation
import Logging
import Queues
import Synchronization
import TestSupport

private final class Inbox: Sendable {
    let deliveries = Mutex<[AMQPDelivery]>([])
}

extension SecretsRun {
    private static let replies = "replies.secrets"

    /// Hands tasks in over AMQP, right and wrong, with every credential. Gives all that comes back: the answers, and what was refused as
    /// whoever reads that queue gets it.
    func handIn(_ project: String, _ secrets: [String: String]) async throws -> [String: String] {
        let task: JSONValue = ["project_id": .string(project), "task_type": "chat", "input_data": ["prompt": "hi", "engine": "good"]]
        let messages = secrets.flatMap { name, secret in
            ["{", "{}", task.text].enumerated().map { index, body in
                AMQPMessage(
                    exchange: QueueNames.intake, routingKey: "task.create", body: Array(body.utf8), contentType: "application/json",
                    messageID: "\(name) \(index)", correlationID: "\(name) \(index)", replyTo: Self.replies,
                    headers: ["authorization": .string("Bearer \(secret)"), "x-api-key": .string(secret)])
            }
        }
        let inbox = Inbox()
        try await withBroker { publisher, reader in
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await batch in reader.deliveries {
                        inbox.deliveries.withLock { $0 += batch }
                        await reader.acknowledge(batch)
                    }
                }
                defer { group.cancelAll() }
                try await publisher.publish(messages, timeout: .seconds(30))
                try await eventually("every message has its answer", within: .seconds(30)) {
                    inbox.deliveries.withLock { $0.count { $0.queue == Self.replies } } == messages.count
                }
                try await eventually("what was refused is put aside", within: .seconds(30)) {
                    inbox.deliveries.withLock { deliveries in
                        let refused = deliveries.count { $0.queue == Self.replies && $0.headers["status"] != 201 }
                        return deliveries.count { $0.queue == QueueNames.intakeRejected } == refused
                    }
                }
            }
            try await publisher.delete(Self.replies)
        }
        var texts: [String: String] = [:]
        for delivery in inbox.deliveries.withLock({ $0 }) {
            let id = delivery.correlationID ?? ""
            texts["\(delivery.queue): \(id)"] = "\(delivery.headers) \(String(decoding: delivery.body, as: UTF8.self))"
        }
        return texts
    }

    private func withBroker(_ body: (AMQPPublisher, AMQPConsumer) async throws -> Void) async throws {
        let configuration = try AMQPConfiguration(url: try DevSystem.variables(system.folder)["CHORUS_AMQP_URL"] ?? "")
        let logger = Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
        let publisher = AMQPPublisher(configuration: configuration, topology: .intake(queueType: .classic), logger: logger)
        let reader = AMQPConsumer(
            configuration: configuration, topology: AMQPTopology(queues: [AMQPQueue(name: Self.replies, isDurable: false)]),
            queues: [Self.replies, QueueNames.intakeRejected], prefetch: 1_000, logger: logger)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await publisher.run() }
            group.addTask { try await reader.run() }
            defer { group.cancelAll() }
            try await publisher.waitUntilConnected(timeout: .seconds(20))
            try await reader.waitUntilConnected(timeout: .seconds(20))
            try await body(publisher, reader)
        }
    }
}
