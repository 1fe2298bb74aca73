/// A message that the broker handed to a consumer, until it is acknowledged or rejected.
public struct AMQPDelivery: Sendable, Hashable {
    /// What was published. `isMandatory` is not transported and reads false.
    public let message: AMQPMessage
    /// Bytes of a body over `AMQPConfiguration.maxBodySize`: it was not kept, and `body` is empty. nil for all others.
    public let omittedBodySize: Int?
    /// The queue it was consumed from.
    public let queue: String
    /// Whether it was handed out before and came back.
    public let isRedelivered: Bool
    /// Names the delivery to the broker; means nothing on another channel.
    let tag: UInt64
    /// Which opening of the channel `tag` belongs to: a settlement after a reconnect is dropped, the broker has requeued the message.
    let generation: Int

    public var exchange: String { message.exchange }
    public var routingKey: String { message.routingKey }
    public var body: [UInt8] { message.body }
    public var contentType: String? { message.contentType }
    public var contentEncoding: String? { message.contentEncoding }
    public var messageID: String? { message.messageID }
    public var correlationID: String? { message.correlationID }
    public var replyTo: String? { message.replyTo }
    public var type: String? { message.type }
    public var headers: [String: AMQPFieldValue] { message.headers }
    public var isPersistent: Bool { message.isPersistent }
    public var priority: UInt8? { message.priority }
    public var timestamp: UInt64? { message.timestamp }
    public var expiration: String? { message.expiration }
}
