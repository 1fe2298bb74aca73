public import Logging
public import ServiceLifecycle
import Synchronization

/// Publishes messages and knows what became of each: one connection with publisher confirms, on a thread of its own.
///
/// Run it in a `ServiceGroup`, once. It connects again by itself when the broker goes away, and declares its topology on every connect,
/// so that a wiped broker is ready before the first message is published. Cancelling a caller does not take back what it has sent: every
/// call returns within its own bound.
public final class AMQPPublisher: Service, Sendable {
    private let configuration: AMQPConfiguration
    private let topology: AMQPTopology
    private let session: PublisherSession
    private let board = ConnectionBoard()
    private let logger: Logger

    /// `topology` is declared on every connect. Nothing is connected before `run()`.
    public init(configuration: AMQPConfiguration, topology: AMQPTopology = AMQPTopology(), logger: Logger) {
        self.configuration = configuration
        self.topology = topology
        self.logger = logger
        session = PublisherSession(configuration, topology, board, logger)
    }

    /// Keeps connected until graceful shutdown or cancellation; then takes leave of the broker. Throws `.invalid` for a topology that
    /// cannot be declared, nothing else.
    public func run() async throws {
        try topology.validate()
        let keeper = ConnectionKeeper(session: session, configuration: configuration, board: board, logger: logger)
        await cancelWhenGracefulShutdown { await keeper.run() }
        await session.close()
    }

    /// Publishes all messages and returns when the broker has confirmed every one.
    ///
    /// They are sent in order without waiting for each other. Throws `.unconfirmed`, with one outcome a message in `outcomes`, unless
    /// all are confirmed within `timeout`; `.notConnected` or `.blocked` at once while the broker cannot take messages (or stops to);
    /// `.channelClosed` with the broker's reason when it rejects the request, for example 404 for an exchange that does not exist (every
    /// message under way is then of unknown outcome); `.overloaded` over `maxPendingMessages`; `.invalid` before anything is sent.
    public func publish(_ messages: [AMQPMessage], timeout: Duration) async throws(AMQPError) {
        let outcomes = try await outcomes(of: messages, timeout: timeout)
        if outcomes.allSatisfy({ $0 == .confirmed }) { return }
        throw AMQPError(.unconfirmed, "not every message was confirmed", outcomes: outcomes)
    }

    /// As `publish(_:timeout:)`, but returns the outcomes, in the order of the messages, where that throws `.unconfirmed`.
    public func outcomes(of messages: [AMQPMessage], timeout: Duration) async throws(AMQPError) -> [AMQPPublishOutcome] {
        for message in messages { try message.validate(maxBodySize: configuration.maxBodySize) }
        // Asked here too: the session's thread may be busy connecting.
        try board.requireReady()
        return try await session.publish(messages, timeout: timeout)
    }

    /// Message and consumer counts of the queues, in their order; nil where no such queue is. One round trip, and one more for each
    /// missing queue.
    public func status(of queues: [String]) async throws(AMQPError) -> [AMQPQueueStatus?] {
        try requireConnected()
        try Self.validate(queues)
        return try await session.status(of: queues)
    }

    /// Declares more than the topology given at the start; this is not repeated on a reconnect. Throws `.channelClosed` with code 406
    /// for what exists with other properties.
    public func declare(_ topology: AMQPTopology) async throws(AMQPError) {
        try topology.validate()
        try requireConnected()
        try await session.ask(topology.requests)
    }

    /// Drops the messages that are ready in a queue; returns how many.
    public func purge(_ queue: String) async throws(AMQPError) -> Int {
        try requireConnected()
        try Self.validate([queue])
        return try await session.ask([.purge(queue)]).first?.messageCount ?? 0
    }

    /// Deletes a queue with all its messages, however it is used; no error if there is none. Returns how many messages it held.
    @discardableResult
    public func delete(_ queue: String) async throws(AMQPError) -> Int {
        try requireConnected()
        try Self.validate([queue])
        return try await session.ask([.deleteQueue(queue)]).first?.messageCount ?? 0
    }

    /// Whether a connection stands; also while the broker is blocked.
    public var isConnected: Bool { board.current.isConnected }

    /// Whether messages are taken now: a connection stands, and the broker is not blocked.
    public var takesMessages: Bool { (try? board.requireReady()) != nil }

    /// Messages that were handed in and have no outcome yet.
    public var unconfirmedCount: Int { session.unconfirmed.load(ordering: .relaxed) }

    /// Returns once connected. Throws `.notConnected`, with the reason of the last failure, when `timeout` passes first.
    public func waitUntilConnected(timeout: Duration) async throws {
        try await board.waitUntilConnected(timeout: timeout)
    }

    /// The state now and every change after it, the newest 16 for a slow reader; a stream of its own for each caller.
    public var connectionStates: AsyncStream<AMQPConnectionState> { board.states() }

    private func requireConnected() throws(AMQPError) {
        if case .disconnected(let error) = board.current { throw .notConnected(error) }
    }

    private static func validate(_ queues: [String]) throws(AMQPError) {
        guard queues.allSatisfy({ (1...255).contains($0.utf8.count) }) else {
            throw AMQPError(.invalid, "the name of a queue has 1 to 255 bytes")
        }
    }
}
