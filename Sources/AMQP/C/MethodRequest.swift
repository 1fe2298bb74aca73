import CRabbitMQ

/// A method sent to the broker, other than `basic.publish`.
enum MethodRequest: Sendable, Hashable {
    case openChannel
    case closeChannel(code: Int, text: String)
    case selectConfirms
    case declareExchange(AMQPExchange)
    case declareQueue(AMQPQueue)
    /// Asks after a queue without making it.
    case inspectQueue(String)
    case bind(AMQPBinding)
    case purge(String)
    case deleteQueue(String)
    case setPrefetch(UInt16)
    case consume(queue: String, tag: String, waits: Bool)
    case cancel(tag: String)
    case acknowledge(tag: UInt64, multiple: Bool)
    case refuse(tag: UInt64, multiple: Bool, requeue: Bool)

    /// The id of the method that answers, nil where none does.
    var replyID: UInt32? {
        switch self {
        case .openChannel: AMQP_CHANNEL_OPEN_OK_METHOD
        case .closeChannel: AMQP_CHANNEL_CLOSE_OK_METHOD
        case .selectConfirms: AMQP_CONFIRM_SELECT_OK_METHOD
        case .declareExchange: AMQP_EXCHANGE_DECLARE_OK_METHOD
        case .declareQueue, .inspectQueue: AMQP_QUEUE_DECLARE_OK_METHOD
        case .bind: AMQP_QUEUE_BIND_OK_METHOD
        case .purge: AMQP_QUEUE_PURGE_OK_METHOD
        case .deleteQueue: AMQP_QUEUE_DELETE_OK_METHOD
        case .setPrefetch: AMQP_BASIC_QOS_OK_METHOD
        case .consume(_, _, let waits): waits ? AMQP_BASIC_CONSUME_OK_METHOD : nil
        case .cancel, .acknowledge, .refuse: nil
        }
    }
}

/// The broker's answer to a `MethodRequest`.
struct MethodReply: Sendable, Hashable {
    let id: UInt32
    /// The queue's name (`queue.declare-ok`).
    var queue = ""
    /// Messages ready, purged or deleted.
    var messageCount = 0
    var consumerCount = 0
}
