public import AMQP
public import Queues

/// How a gateway takes projects and tasks from the broker.
public struct IntakeConfiguration: Sendable {
    /// The broker; the intake has connections of its own, so that a sender's message cannot close the dispatcher's channel.
    public var broker: AMQPConfiguration
    public var queueType: QueueType
    /// Messages that this gateway holds unanswered: also the most that share one statement.
    public var prefetch: UInt16 = 300

    public init(broker: AMQPConfiguration, queueType: QueueType) {
        self.broker = broker
        self.queueType = queueType
    }
}
