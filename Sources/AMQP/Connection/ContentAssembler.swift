/// Puts the frames of one message together: method, header, body frames. One for each channel, as frames of channels interleave.
///
/// idle → awaitingHeader → collecting → idle. Anything out of turn is a violation, and so is a body larger than the bound.
struct ContentAssembler {
    private enum State {
        /// Can transition to `awaitingHeader`.
        case idle
        /// Can transition to `collecting`, and to `idle` over an empty body.
        case awaitingHeader(ContentMethod)
        /// Can transition to `idle`.
        case collecting(ContentMethod, AMQPMessage, size: Int)
    }

    enum Action: Equatable {
        case wait
        case complete(ContentMethod, AMQPMessage)
        /// The broker broke the protocol.
        case violation(String)
        /// The body would be larger than allowed; its frames are not to be kept.
        case tooLarge(UInt64)
    }

    let maxBodySize: Int
    private var state = State.idle

    init(maxBodySize: Int) {
        self.maxBodySize = maxBodySize
    }

    mutating func method(_ method: ContentMethod) -> Action {
        guard case .idle = state else { return .violation("a method amid the content of another") }
        state = .awaitingHeader(method)
        return .wait
    }

    mutating func header(size: UInt64, properties: AMQPMessage) -> Action {
        guard case .awaitingHeader(let method) = state else { return .violation("a content header without a method") }
        state = .idle
        guard let size = Int(exactly: size), size <= maxBodySize else { return .tooLarge(size) }
        var message = properties
        switch method {
        case .delivered(_, _, _, let exchange, let routingKey), .returned(_, _, let exchange, let routingKey):
            message.exchange = exchange
            message.routingKey = routingKey
        }
        if size == 0 { return .complete(method, message) }
        state = .collecting(method, message, size: size)
        return .wait
    }

    mutating func body(_ fragment: [UInt8]) -> Action {
        guard case .collecting(let method, var message, let size) = state else { return .violation("a body without a header") }
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
    }
}
