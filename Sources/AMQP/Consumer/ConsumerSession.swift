import Logging
import SocketExecutor

/// The consumer's side of a connection: one channel that consumes several queues, and one to declare the topology. Lives on its own
/// thread.
actor ConsumerSession: ConnectionSession {
    private static let topologyChannel: UInt16 = 1
    /// Each opening takes another number, because the broker may not have agreed yet that the last one is closed.
    private static let consumeChannels: ClosedRange<UInt16> = 2...1_000
    /// What a delivery takes beside its body, roughly.
    private static let overheadBytes = 1_024
    /// How long a connection that cannot be read any more stands for what was delivered to be settled.
    private static let leaveTime = Duration.seconds(10)

    nonisolated let executor: SocketExecutor
    nonisolated let incidents: AsyncStream<ConnectionIncident>
    nonisolated let buffer = DeliveryBuffer()
    private let incidentSink: AsyncStream<ConnectionIncident>.Continuation
    private let configuration: AMQPConfiguration
    private let topology: AMQPTopology
    private let queues: [String]
    private let board: ConnectionBoard
    private let logger: Logger

    private var connection: AMQPConnection?
    private var generation = 0
    /// Whether an incident concerns the keeper: while it connects or repairs, it sees the error itself.
    private var isEstablished = false
    private var isPaused = false
    private var prefetch: UInt16
    private var channel = consumeChannels.lowerBound
    private var isChannelOpen = false
    /// Counts the openings of the channel; tags mean something within one only.
    private var channelGeneration = 0
    /// Consumers that the broker knows, by their queue's index, which is their tag too.
    private var consuming: Set<Int> = []
    private var unsettled = UnsettledTags()
    /// Nothing can be read any more: the connection ends when what was delivered is settled, or at the deadline.
    private var leaving: (error: AMQPError, deadline: ContinuousClock.Instant)?
    /// What arrived in this round, for one crossing to the reader.
    private var arrived: [AMQPDelivery] = []

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(
        _ configuration: AMQPConfiguration, _ topology: AMQPTopology, queues: [String], prefetch: UInt16, _ board: ConnectionBoard,
        _ logger: Logger
    ) {
        self.configuration = configuration
        self.topology = topology
        self.queues = queues
        self.prefetch = max(1, prefetch)
        self.board = board
        self.logger = logger
        self.executor = SocketExecutor(name: "amqp-consume")
        (incidents, incidentSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(16))
    }

    // MARK: Connecting

    func connect(to endpoint: AMQPConfiguration.Endpoint) async throws(AMQPError) {
        let connection = try AMQPConnection(to: endpoint, configuration, on: executor)
        self.connection = connection
        connection.wakeUp = { self.arrange() }
        connection.onFailure = { self.failed($0) }
        try await setUp(connection)
        try requireStanding(connection)
        generation += 1
        isEstablished = true
        board.post(.connected(generation: generation))
        reportMissing()
    }

    func repair() async throws(AMQPError) {
        guard let connection else { throw .notConnected(nil) }
        isEstablished = false
        try await setUp(connection)
        try requireStanding(connection)
        isEstablished = true
        reportMissing()
    }

    /// What the broker closed or cancelled while the channel was set up was nobody's incident: it has to be set up anew.
    private func reportMissing() {
        if !isChannelOpen { return report(AMQPError(.channelClosed, "the broker closed the channel while it was set up")) }
        guard !isPaused, let missing = queues.indices.first(where: { !consuming.contains($0) }) else { return }
        report(AMQPError(.channelClosed, "the broker cancelled the consumer of '\(queues[missing])' while it was set up"))
    }

    /// The last answer may have come with what broke the connection, before whoever waits for the answer went on.
    private func requireStanding(_ connection: AMQPConnection) throws(AMQPError) {
        guard self.connection === connection else { throw AMQPError(.connectionLost, "the connection broke while it was set up") }
    }

    /// Declares the topology and consumes every queue that is not consumed yet.
    private func setUp(_ connection: AMQPConnection) async throws(AMQPError) {
        var requests = topology.requests[...]
        try await connection.ask([.openChannel], on: Self.topologyChannel)
        while !requests.isEmpty {
            try await connection.ask(Array(requests.prefix(256)), on: Self.topologyChannel)
            requests = requests.dropFirst(256)
        }
        try await connection.ask([.closeChannel(code: 200, text: "declared")], on: Self.topologyChannel)
        if !isChannelOpen {
            channel = channel == Self.consumeChannels.upperBound ? Self.consumeChannels.lowerBound : channel + 1
            channelGeneration += 1
            consuming = []
            unsettled = UnsettledTags()
            try await connection.ask([.openChannel], on: channel)
            isChannelOpen = true
        }
        if isPaused { return }
        let missing = queues.indices.filter { !consuming.contains($0) }
        try await connection.ask([.setPrefetch(prefetch)] + consume(missing, waits: true), on: channel)
    }

    private func consume(_ indices: some Sequence<Int>, waits: Bool) -> [MethodRequest] {
        indices.map { index in
            consuming.insert(index)
            return .consume(queue: queues[index], tag: "\(index)", waits: waits)
        }
    }

    func drop(_ error: AMQPError) {
        connection?.drop(error)
    }

    /// Ends for good: says goodbye to the broker, which requeues at once what is not settled.
    func close() {
        isEstablished = false
        connection?.close()
        incidentSink.finish()
        buffer.finish()
        board.post(.disconnected(nil))
        board.end()
        executor.shutDown()
    }

    private func failed(_ error: AMQPError) {
        connection = nil
        channelClosed()
        board.post(.disconnected(error))
        guard isEstablished else { return }
        isEstablished = false
        incidentSink.yield(.lost(error))
    }

    private func channelClosed() {
        isChannelOpen = false
        leaving = nil
        consuming = []
        arrived = []
        // The broker has requeued them; a settlement would mean nothing to it.
        _ = buffer.removeAll()
    }

    // MARK: Receiving

    /// Reads what can be without waiting; gives way to other jobs after a while.
    private func pump() {
        guard let connection else { return }
        guard leaving == nil else { return leave(connection) }
        do throws(AMQPError) {
            guard hasRoom else {
                try connection.sendHeartbeat()
                return arrange()
            }
            let isDrained = try connection.read(limit: 4_096, while: { self.hasRoom }) { event throws(AMQPError) in try self.take(event) }
            try handOn(connection)
            arrange(again: !isDrained)
        } catch {
            guard error.code == .protocolViolation, connection.refuseUnreadable(on: channel) else { return connection.drop(error) }
            logger.error("a message that cannot be read was refused", metadata: ["error": "\(error)"])
            leaving = (error, .now + Self.leaveTime)
            try? handOn(connection)
            leave(connection)
        }
    }

    /// Ends a connection that cannot be read as soon as that does no harm: what was delivered is under way, and would be done again.
    private func leave(_ connection: AMQPConnection) {
        guard let leaving else { return }
        if unsettled.count == 0 || leaving.deadline <= .now || connection.awaitsAnswers { return connection.leave(leaving.error) }
        arrange()
    }

    /// Whether more may be read before something is settled.
    private var hasRoom: Bool {
        leaving == nil && (unsettled.size < configuration.maxUnsettledSize || connection?.awaitsAnswers ?? false)
    }

    private func handOn(_ connection: AMQPConnection) throws(AMQPError) {
        if arrived.isEmpty { return }
        let deliveries = arrived
        arrived = []
        if isPaused {
            try settle(deliveries, on: connection) { .refuse(tag: $0.tag, multiple: $0.multiple, requeue: true) }
        } else {
            buffer.append(deliveries)
        }
    }

    private func arrange(again: Bool = false) {
        connection?.watch(readable: hasRoom, writable: false, until: again && hasRoom ? .now : leaving?.deadline) { self.pump() }
    }

    private func take(_ event: ConnectionEvent) throws(AMQPError) {
        switch event {
        case .content(let method, let message):
            try delivered(message, omittedBodySize: nil, by: method)
        case .oversized(let method, let message, let size):
            try delivered(message, omittedBodySize: size, by: method)
        case .consumerCancelled(let tag):
            guard let index = Int(tag), consuming.remove(index) != nil else { return }
            report(AMQPError(.channelClosed, "the broker cancelled the consumer of '\(queues[index])'"))
        case .channelClosed(channel, let error):
            channelClosed()
            report(error)
        case .blocked, .unblocked, .channelClosed:
            // A blocked broker still delivers.
            break
        case .confirmed, .refused:
            throw AMQPError(.protocolViolation, "a confirm where nothing is published")
        }
    }

    private func delivered(_ message: AMQPMessage, omittedBodySize: Int?, by method: ContentMethod) throws(AMQPError) {
        guard case .delivered(let consumer, let tag, let isRedelivered, _, _) = method else {
            throw AMQPError(.protocolViolation, "a return where nothing is published")
        }
        guard let index = Int(consumer), queues.indices.contains(index),
            unsettled.delivered(tag, size: message.body.count + Self.overheadBytes)
        else { throw AMQPError(.protocolViolation, "a delivery to no consumer, or out of order") }
        arrived.append(
            AMQPDelivery(
                message: message, omittedBodySize: omittedBodySize, queue: queues[index], isRedelivered: isRedelivered, tag: tag,
                generation: channelGeneration))
    }

    private func report(_ error: AMQPError) {
        if isEstablished { incidentSink.yield(.damaged(error)) }
    }

    // MARK: Settling

    func acknowledge(_ deliveries: [AMQPDelivery]) {
        settleFromOutside(deliveries) { .acknowledge(tag: $0.tag, multiple: $0.multiple) }
    }

    func reject(_ deliveries: [AMQPDelivery], requeue: Bool) {
        settleFromOutside(deliveries) { .refuse(tag: $0.tag, multiple: $0.multiple, requeue: requeue) }
    }

    private func settleFromOutside(_ deliveries: [AMQPDelivery], _ frame: (UnsettledTags.Step) -> MethodRequest) {
        guard let connection, isChannelOpen else { return }
        do throws(AMQPError) {
            try settle(deliveries, on: connection, frame)
            if leaving == nil { arrange() } else { leave(connection) }
        } catch {
            connection.drop(error)
        }
    }

    private func settle(
        _ deliveries: [AMQPDelivery], on connection: AMQPConnection, _ frame: (UnsettledTags.Step) -> MethodRequest
    ) throws(AMQPError) {
        let current = deliveries.lazy.filter { $0.generation == self.channelGeneration }
        try connection.send(unsettled.settle(current.map(\.tag)).map(frame), on: channel)
    }

    // MARK: Pausing

    /// Stops consuming; what nobody has taken yet goes back to its queue.
    func pause() {
        if isPaused { return }
        isPaused = true
        guard let connection, isChannelOpen else { return }
        do throws(AMQPError) {
            try cancelAll(connection)
            try settle(buffer.removeAll(), on: connection) { .refuse(tag: $0.tag, multiple: $0.multiple, requeue: true) }
            arrange()
        } catch {
            connection.drop(error)
        }
    }

    /// Consumes again, with another prefetch if given.
    func resume(prefetch new: UInt16?) {
        let prefetch = max(1, new ?? self.prefetch)
        if !isPaused, prefetch == self.prefetch { return }
        isPaused = false
        self.prefetch = prefetch
        // While the keeper sets the channel up it consumes by itself.
        guard let connection, isChannelOpen else { return }
        do throws(AMQPError) {
            // The prefetch of a consumer is the one that stood when it began (basic.qos, global = false).
            try cancelAll(connection)
            try connection.send([.setPrefetch(prefetch)] + consume(queues.indices, waits: false), on: channel)
            arrange()
        } catch {
            connection.drop(error)
        }
    }

    private func cancelAll(_ connection: AMQPConnection) throws(AMQPError) {
        try connection.send(consuming.sorted().map { .cancel(tag: "\($0)") }, on: channel)
        consuming = []
    }
}
