/// What the broker says about a queue.
public struct AMQPQueueStatus: Sendable, Hashable {
    public let name: String
    /// Messages ready to be delivered; those that consumers hold unacknowledged are not counted.
    public let messageCount: Int
    public let consumerCount: Int

    public init(name: String, messageCount: Int, consumerCount: Int) {
        self.name = name
        self.messageCount = messageCount
        self.consumerCount = consumerCount
    }
}
