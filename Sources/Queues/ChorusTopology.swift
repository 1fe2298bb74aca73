public import AMQP
public import Domain

/// How the broker keeps the queues.
public enum QueueType: String, Sendable, Hashable, CaseIterable {
    /// One node holds the queue: right for a single broker.
    case classic
    /// A majority of the nodes holds it (Raft): right for a cluster.
    case quorum
}

extension AMQPTopology {
    /// Exchanges, queues and bindings of tasks and projects. Every process declares them, in any order.
    public static func chorus(partitioning: Partitioning, queueType: QueueType) -> AMQPTopology {
        let arguments: [String: AMQPFieldValue] = ["x-queue-type": .string(queueType.rawValue)]
        var topology = AMQPTopology()
        topology.exchanges = [
            AMQPExchange(name: QueueNames.taskExchange, kind: .direct, isDurable: true),
            AMQPExchange(name: QueueNames.projectExchange, kind: .direct, isDurable: true),
        ]
        for queue in partitioning.taskQueues {
            let name = QueueNames.tasks(queue)
            topology.queues.append(AMQPQueue(name: name, isDurable: true, arguments: arguments))
            topology.bindings.append(
                AMQPBinding(queue: name, exchange: QueueNames.taskExchange, routingKey: QueueNames.routingKey(queue)))
        }
        for partition in partitioning.indices {
            let name = QueueNames.projects(partition: partition)
            topology.queues.append(AMQPQueue(name: name, isDurable: true, arguments: arguments))
            topology.bindings.append(AMQPBinding(queue: name, exchange: QueueNames.projectExchange, routingKey: "\(partition)"))
        }
        return topology
    }

    /// Where services hear what happens: they bind queues of their own.
    public static var events: AMQPTopology { AMQPTopology(exchanges: [AMQPExchange(name: QueueNames.events, kind: .topic)]) }

    /// Where services hand projects and tasks in. The queue takes every routing key, so that a wrong one is refused with a reason and not
    /// dropped in silence; the broker itself sends to `chorus.intake.rejected` what no gateway can read, and what outlived its `expiration`.
    public static func intake(queueType: QueueType) -> AMQPTopology {
        let type: [String: AMQPFieldValue] = ["x-queue-type": .string(queueType.rawValue)]
        let deadLetters: [String: AMQPFieldValue] = [
            "x-dead-letter-exchange": "", "x-dead-letter-routing-key": .string(QueueNames.intakeRejected),
        ]
        return AMQPTopology(
            exchanges: [AMQPExchange(name: QueueNames.intake, kind: .topic)],
            queues: [
                AMQPQueue(name: QueueNames.intakeRejected, arguments: type),
                AMQPQueue(name: QueueNames.intake, arguments: type.merging(deadLetters) { $1 }),
            ],
            bindings: [AMQPBinding(queue: QueueNames.intake, exchange: QueueNames.intake, routingKey: "#")])
    }
}
