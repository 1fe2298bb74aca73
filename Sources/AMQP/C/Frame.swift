/// One frame of the broker, copied out of librabbitmq's memory.
enum Frame: Sendable, Hashable {
    case method(channel: UInt16, BrokerMethod)
    case header(channel: UInt16, bodySize: UInt64, properties: AMQPMessage)
    case body(channel: UInt16, [UInt8])
}

/// What a broker says in a method frame.
enum BrokerMethod: Sendable, Hashable {
    /// The answer to a question of ours.
    case reply(MethodReply)
    /// Content follows on the same channel.
    case content(ContentMethod)
    case confirmed(tag: UInt64, multiple: Bool)
    case refused(tag: UInt64, multiple: Bool)
    /// The consumer is gone, because its queue is.
    case consumerCancelled(tag: String)
    case channelClosed(code: Int, text: String)
    case connectionClosed(code: Int, text: String)
    case blocked(reason: String)
    case unblocked
    /// Asks to stop or go on sending content; to be answered.
    case flow(active: Bool)
    case unexpected(id: UInt32)
}

/// The method before a content header: why the broker sends this message.
enum ContentMethod: Sendable, Hashable {
    case delivered(consumer: String, tag: UInt64, isRedelivered: Bool, exchange: String, routingKey: String)
    case returned(code: Int, text: String, exchange: String, routingKey: String)
}
