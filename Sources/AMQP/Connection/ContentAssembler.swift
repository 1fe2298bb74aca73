/// Puts the frames of one message together: method, header, body frames. One for each channel, as frames of channels interleave.
///
/// idle → awaitingHeader → collecting → idle, or discarding in place of collecting where the body is larger than the bound: its bytes are
/// counted and not kept. Anything out of turn is a violation.
struct ContentAssembler {
    private enum State {
        /// Can transition to `awaitingHeader`.
        case idle
        /// Can transition to `collecting` or `discarding`, and to `idle` over an empty body.
        case awaitingHeader(ContentMethod)
        /// Can transition to `idle`.
        case collecting(ContentMethod, AMQPMessage, size: Int)
        /// Can transition to `idle`.
        case discarding(ContentMethod, AMQPMessage, size: Int, received: Int)
    }

    enum Action: Equatable {
        case wait
        case complete(ContentMethod, AMQPMessage)
        /// Complete without its body, which had so many bytes.
        case oversized(ContentMethod, AMQPMessage, size: Int)
        /// The broker broke the protocol.
        case violation(String)
    }

    let maxBodySize: Int
    private var state = State.idle

    init(maxBodySize: Int) {
        self.maxBodySize = maxBodySize
    }

    /// The delivery whose header has not come yet.
    var tagAwaitingHeader: UInt64? {
        guard case .awaitingHeader(.delivered(_, let tag, _, _, _)) = state else { return nil }
        return tag
    }

    mutating func method(_ method: ContentMethod) -> Action {
        guard case .idle = state else { return .violation("a method amid the content of another") }
        state = .awaitingHeader(method)
        return .wait
    }

    mutating func header(size: UInt64, properties: AMQPMessage) -> Action {
        guard case .awaitingHeader(let method) = state else { return .violation("a content header without a method") }
        guard let size = Int(exactly: size) else { return .violation("a body of \(size) bytes") }
        var message = properties
        switch method {
        case .delivered(_, _, _, let exchange, let routingKey), .returned(_, _, let exchange, let routingKey):
            message.exchange = exchange
            message.routingKey = routingKey
        }
        if size == 0 {
            state = .idle
            return .complete(method, message)
        }
        state =
            size <= maxBodySize
            ? .collecting(method, message, size: size) : .discarding(method, message, size: size, received: 0)
        return .wait
    }

    mutating func body(_ fragment: [UInt8]) -> Action {
        switch state {
        case .collecting(let method, var message, let size):
            // The state gives up its copy, so that the body grows in place.
            state = .idle
            guard message.body.count + fragment.count <= size else { return .violation("a body longer than its header says") }
            if message.body.isEmpty {
                message.body = fragment
            } else {
                message.body.append(contentsOf: fragment)
            }
            if message.body.count == size { return .complete(method, message) }
            state = .collecting(method, message, size: size)
            return .wait
        case .discarding(let method, let message, let size, let received):
            let received = received + fragment.count
            guard received <= size else { return .violation("a body longer than its header says") }
            if received == size {
                state = .idle
                return .oversized(method, message, size: size)
            }
            state = .discarding(method, message, size: size, received: received)
            return .wait
        case .idle, .awaitingHeader: return .violation("a body without a header")
        }
    }
}
