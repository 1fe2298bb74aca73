/// Exchanges, queues and bindings that must exist: declared anew on every connect, so that a wiped broker heals by itself.
public struct AMQPTopology: Sendable, Hashable {
    public var exchanges: [AMQPExchange]
    public var queues: [AMQPQueue]
    public var bindings: [AMQPBinding]

    public init(exchanges: [AMQPExchange] = [], queues: [AMQPQueue] = [], bindings: [AMQPBinding] = []) {
        self.exchanges = exchanges
        self.queues = queues
        self.bindings = bindings
    }

    /// The methods that declare everything, exchanges and queues before what binds them.
    var requests: [MethodRequest] {
        exchanges.map(MethodRequest.declareExchange) + queues.map(MethodRequest.declareQueue) + bindings.map(MethodRequest.bind)
    }

    /// Throws `.invalid` for names that AMQP cannot carry.
    func validate() throws(AMQPError) {
        let names =
            exchanges.map(\.name) + queues.map(\.name) + bindings.flatMap { [$0.queue, $0.exchange, $0.routingKey] }
        if let name = names.first(where: { $0.utf8.count > 255 }) {
            throw AMQPError(.invalid, "a name is longer than 255 bytes: \(name.prefix(64))…")
        }
        for queue in queues {
            if let reason = AMQPFieldValue.table(queue.arguments).reasonNotToSend() {
                throw AMQPError(.invalid, "arguments of queue '\(queue.name)': \(reason)")
            }
        }
    }
}

/// An exchange: where messages are published, and how it routes them.
public struct AMQPExchange: Sendable, Hashable {
    public enum Kind: String, Sendable, Hashable {
        case direct, topic, fanout, headers
    }

    public var name: String
    public var kind: Kind
    /// Whether it outlives a restart of the broker.
    public var isDurable: Bool

    public init(name: String, kind: Kind = .direct, isDurable: Bool = true) {
        self.name = name
        self.kind = kind
        self.isDurable = isDurable
    }
}

/// A queue. `arguments` are the broker's `x-` options, such as `x-queue-type: quorum` or `x-expires` (milliseconds).
public struct AMQPQueue: Sendable, Hashable {
    public var name: String
    /// Whether it outlives a restart of the broker (persistent messages do so in a durable queue only).
    public var isDurable: Bool
    public var arguments: [String: AMQPFieldValue]

    public init(name: String, isDurable: Bool = true, arguments: [String: AMQPFieldValue] = [:]) {
        self.name = name
        self.isDurable = isDurable
        self.arguments = arguments
    }
}

/// Messages of `exchange` that match `routingKey` go to `queue`.
public struct AMQPBinding: Sendable, Hashable {
    public var queue: String
    public var exchange: String
    public var routingKey: String

    public init(queue: String, exchange: String, routingKey: String = "") {
        self.queue = queue
        self.exchange = exchange
        self.routingKey = routingKey
    }
}
