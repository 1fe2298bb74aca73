/// What became of one published message.
public enum AMQPPublishOutcome: Sendable, Hashable {
    /// The broker has taken responsibility: a persistent message in a durable queue is on disk.
    case confirmed
    /// No queue takes the message: the exchange has no matching binding (312 `NO_ROUTE`).
    case returned(code: Int, text: String)
    /// The broker could not take it (`basic.nack`), for example because a queue is full and rejects.
    case refused
    /// The connection was lost, or the time ran out, before the broker answered: the message may or may not be in a queue.
    case unknown
}
