public import Logging
public import ServiceLifecycle

/// Consumes several queues over one connection, on a thread of its own, and hands messages on in batches.
///
/// Run it in a `ServiceGroup`, once. It connects again by itself when the broker goes away, and declares its topology on every connect and
/// whenever a queue is deleted under it. Deliveries that are not settled return to their queue at shutdown, at once.
public final class AMQPConsumer: Service, Sendable {
    private let configuration: AMQPConfiguration
    private let topology: AMQPTopology
    private let session: ConsumerSession
    private let board = ConnectionBoard()
    private let logger: Logger

    /// `prefetch`: how many unsettled deliveries each queue's consumer may hold, at least 1. Nothing is connected before `run()`.
    public init(
        configuration: AMQPConfiguration, topology: AMQPTopology = AMQPTopology(), queues: [String], prefetch: UInt16, logger: Logger
    ) {
        self.configuration = configuration
        self.topology = topology
        self.logger = logger
        session = ConsumerSession(configuration, topology, queues: queues, prefetch: prefetch, board, logger)
    }

    /// Keeps consuming until graceful shutdown or cancellation; then takes leave of the broker and ends `deliveries`. Throws `.invalid`
    /// for a topology that cannot be declared, nothing else.
    public func run() async throws {
        try topology.validate()
        let keeper = ConnectionKeeper(session: session, configuration: configuration, board: board, logger: logger)
        await cancelWhenGracefulShutdown { await keeper.run() }
        await session.close()
    }

    /// Everything that arrives, in batches.
    public var deliveries: AMQPDeliveries { AMQPDeliveries(buffer: session.buffer) }

    /// Tells the broker that these are dealt with. Those settled before, or delivered before a reconnect, are ignored.
    public func acknowledge(_ deliveries: [AMQPDelivery]) async {
        if deliveries.isEmpty { return }
        await session.acknowledge(deliveries)
    }

    /// Gives these back: to their queue (`requeue`), or to its dead-letter exchange if it has one. Those settled before, or delivered
    /// before a reconnect, are ignored.
    public func reject(_ deliveries: [AMQPDelivery], requeue: Bool) async {
        if deliveries.isEmpty { return }
        await session.reject(deliveries, requeue: requeue)
    }

    /// Stops consuming. What arrives still, or was not taken from `deliveries` yet, is requeued; what was taken stays with its owner.
    public func pause() async {
        await session.pause()
    }

    /// Consumes all queues again; with another `prefetch`, also while it consumes already.
    public func resume(prefetch: UInt16? = nil) async {
        await session.resume(prefetch: prefetch)
    }

    /// Whether a connection stands.
    public var isConnected: Bool { board.current.isConnected }

    /// Returns once connected and consuming. Throws `.notConnected`, with the reason of the last failure, when `timeout` passes first.
    public func waitUntilConnected(timeout: Duration) async throws {
        try await board.waitUntilConnected(timeout: timeout)
    }

    /// The state now and every change after it, the newest 16 for a slow reader; a stream of its own for each caller.
    public var connectionStates: AsyncStream<AMQPConnectionState> { board.states() }
}
