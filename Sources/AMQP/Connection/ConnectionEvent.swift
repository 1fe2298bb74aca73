/// What a connection tells its owner.
enum ConnectionEvent {
    /// A message for a consumer, or one that came back to its publisher.
    case content(ContentMethod, AMQPMessage)
    /// A message whose body, of so many bytes, is larger than the bound and was not kept.
    case oversized(ContentMethod, AMQPMessage, size: Int)
    case confirmed(tag: UInt64, multiple: Bool)
    case refused(tag: UInt64, multiple: Bool)
    case consumerCancelled(tag: String)
    /// A channel is closed; calls on it have failed already.
    case channelClosed(UInt16, AMQPError)
    case blocked(reason: String)
    case unblocked
}
