import Logging
import SocketExecutor
import Synchronization

/// The publisher's side of a connection: a channel in confirm mode, and channels for questions. Lives on its own thread.
actor PublisherSession: ConnectionSession {
    private struct Waiting {
        var result: Awaited<PublishResult>
        let deadline: ContinuousClock.Instant
    }

    private struct PublishResult {
        let outcomes: [AMQPPublishOutcome]
        let error: AMQPError?
    }

    private struct Drain {
        var result: Awaited<Void>
        let deadline: ContinuousClock.Instant
    }

    private struct QuestionChannel {
        let number: UInt16
        var isOpen = false
    }

    private static let publishChannel: UInt16 = 1
    private static let questionChannels: ClosedRange<UInt16> = 2...17
    /// Questions sent before their answers are read: more could fill both sides' buffers.
    private static let questionsAtOnce = 256
    /// Messages written before confirms are read again.
    private static let messagesAtOnce = 256
    /// What a socket that calls itself writable takes without waiting: a third of the smallest send buffer.
    private static let writableBytes = 4_096
    /// What a message takes beside its body: method, header, names.
    private static let overheadBytes = 256
    /// How long a channel that is to be closed waits for the broker's word on what was sent on it.
    private static let drainTime = Duration.seconds(1)

    nonisolated let executor: SocketExecutor
    nonisolated let incidents: AsyncStream<ConnectionIncident>
    private let incidentSink: AsyncStream<ConnectionIncident>.Continuation
    private let configuration: AMQPConfiguration
    private let topology: AMQPTopology
    private let board: ConnectionBoard
    private let logger: Logger

    private var connection: AMQPConnection?
    private var generation = 0
    /// Whether an incident concerns the keeper: while it connects or repairs, it sees the error itself.
    private var isEstablished = false
    private var queue: PublishQueue
    /// The broker refused a message on the channel that is open.
    private var isSuspect = false
    private var drain: Drain?
    private var waiting: [Int: Waiting] = [:]
    private var idleChannels: [QuestionChannel] = []
    /// Messages without an outcome, to be read from any thread.
    nonisolated let unconfirmed = Atomic(0)

    nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

    init(_ configuration: AMQPConfiguration, _ topology: AMQPTopology, _ board: ConnectionBoard, _ logger: Logger) {
        self.configuration = configuration
        self.topology = topology
        self.board = board
        self.logger = logger
        self.executor = SocketExecutor(name: "amqp-publish")
        (incidents, incidentSink) = AsyncStream.makeStream(bufferingPolicy: .bufferingNewest(16))
        queue = PublishQueue(capacity: configuration.maxPendingMessages)
    }

    // MARK: Connecting

    func connect(to endpoint: AMQPConfiguration.Endpoint) async throws(AMQPError) {
        let connection = try AMQPConnection(to: endpoint, configuration, on: executor)
        self.connection = connection
        idleChannels = Self.questionChannels.reversed().map { QuestionChannel(number: $0) }
        connection.wakeUp = { self.arrange() }
        connection.onFailure = { self.failed($0) }
        try await ask(topology.requests)
        try await openPublishChannel(connection)
        try requireStanding(connection)
        generation += 1
        isEstablished = true
        board.post(.connected(generation: generation))
    }

    func repair() async throws(AMQPError) {
        guard let connection else { throw .notConnected(nil) }
        if queue.isOpen, !isSuspect { return }
        isEstablished = false
        if queue.isOpen { try await leavePublishChannel(connection) }
        try await ask(topology.requests)
        try await openPublishChannel(connection)
        try requireStanding(connection)
        isEstablished = true
    }

    /// The last answer may have come with what broke the connection, before whoever waits for the answer went on.
    private func requireStanding(_ connection: AMQPConnection) throws(AMQPError) {
        guard self.connection === connection else { throw AMQPError(.connectionLost, "the connection broke while it was set up") }
    }

    private func openPublishChannel(_ connection: AMQPConnection) async throws(AMQPError) {
        try await connection.ask([.openChannel, .selectConfirms], on: Self.publishChannel)
        queue.opened()
        isSuspect = false
        pump()
    }

    /// Closes a channel on which the broker refused a message. A channel of RabbitMQ remembers who led a quorum queue: where that node died
    /// before the channel's first message, it refuses all of them for good (`rabbit_fifo_client:enqueue/3`, 3.10), another channel does not.
    private func leavePublishChannel(_ connection: AMQPConnection) async throws(AMQPError) {
        queue.stopped()
        drain = Drain(result: .expected, deadline: .now + Self.drainTime)
        pump()
        await withCheckedContinuation { continuation in
            if drain?.result.wait(continuation) ?? false { drain = nil }
        }
        try requireStanding(connection)
        try await connection.ask([.closeChannel(code: 200, text: "another one is opened")], on: Self.publishChannel)
    }

    private func endDrain() {
        if drain?.result.arrive(()) ?? false { drain = nil }
    }

    func drop(_ error: AMQPError) {
        connection?.drop(error)
    }

    /// Ends for good: says goodbye to the broker, and settles what waits as unknown.
    func close() {
        isEstablished = false
        connection?.close()
        incidentSink.finish()
        board.post(.disconnected(nil))
        board.end()
        executor.shutDown()
    }

    private func failed(_ error: AMQPError) {
        connection = nil
        idleChannels = []
        board.post(.disconnected(error))
        finish(queue.closed(), nil)
        endDrain()
        guard isEstablished else { return }
        isEstablished = false
        incidentSink.yield(.lost(error))
    }

    // MARK: Publishing

    /// Sends the messages and waits for the broker's word on each.
    func publish(_ messages: [AMQPMessage], timeout: Duration) async throws(AMQPError) -> [AMQPPublishOutcome] {
        if messages.isEmpty { return [] }
        try board.requireReady()
        guard connection != nil else { throw .notConnected(nil) }
        let batch = try queue.submit(messages)
        unconfirmed.add(messages.count, ordering: .relaxed)
        waiting[batch] = Waiting(result: .expected, deadline: .now + timeout)
        pump()
        let result = await withCheckedContinuation { continuation in
            if waiting[batch]?.result.wait(continuation) ?? false { waiting[batch] = nil }
        }
        if var error = result.error {
            error.outcomes = result.outcomes
            throw error
        }
        return result.outcomes
    }

    /// Reads and writes what can be without waiting; gives way to other jobs after a while.
    private func pump() {
        guard let connection else { return }
        do throws(AMQPError) {
            var isIdle = false
            for _ in 0..<16 where !isIdle {
                let isDrained = try connection.read(limit: 512) { event throws(AMQPError) in try self.take(event) }
                let hasWrittenAll = try flush(connection)
                isIdle = isDrained && hasWrittenAll
            }
            expire()
            arrange(again: !isIdle)
        } catch {
            connection.drop(error)
        }
    }

    /// Writes messages while the socket takes them; returns false if it stopped only to let confirms be read.
    private func flush(_ connection: AMQPConnection) throws(AMQPError) -> Bool {
        if queue.isIdle || !queue.isOpen { return true }
        return try connection.gatheringWrites { () throws(AMQPError) in
            var room = 0
            for _ in 0..<Self.messagesAtOnce {
                if room <= 0 {
                    guard connection.isWritable else { return true }
                    room = Self.writableBytes
                }
                guard !queue.isIdle, let message = queue.takeNext() else { return true }
                try connection.publish(message, on: Self.publishChannel)
                room -= message.body.count + Self.overheadBytes
            }
            return false
        }
    }

    private func arrange(again: Bool = false) {
        let deadline = again ? ContinuousClock.now : (waiting.values.map(\.deadline) + [drain?.deadline].compactMap(\.self)).min()
        connection?.watch(writable: queue.isOpen && !queue.isIdle, until: deadline) { self.pump() }
    }

    private func take(_ event: ConnectionEvent) throws(AMQPError) {
        switch event {
        case .confirmed(let tag, let multiple):
            finish(try queue.confirmed(tag, multiple: multiple), nil)
        case .refused(let tag, let multiple):
            finish(try queue.refused(tag, multiple: multiple), nil)
            suspectChannel()
        case .content(.returned(let code, let text, _, _), let message):
            queue.returned(message, code: code, text: text)
        case .channelClosed(Self.publishChannel, let error):
            finish(queue.closed(), error)
            if isEstablished { incidentSink.yield(.damaged(error)) }
        case .channelClosed:
            break
        case .blocked(let reason):
            board.post(.blocked(reason: reason))
            logger.warning("the broker takes no messages", metadata: ["reason": "\(reason)"])
            finish(queue.abandonAll(), AMQPError(.blocked, "the broker takes no messages: \(reason)"))
        case .unblocked:
            board.post(.unblocked)
            logger.info("the broker takes messages again")
        case .content, .oversized, .consumerCancelled:
            throw AMQPError(.protocolViolation, "a delivery without a consumer")
        }
    }

    private func suspectChannel() {
        guard isEstablished, queue.isOpen, !isSuspect else { return }
        isSuspect = true
        incidentSink.yield(.damaged(AMQPError(.unconfirmed, "the broker refused a message")))
    }

    private func expire() {
        let now = ContinuousClock.now
        if let drain, queue.isSettled || drain.deadline <= now { endDrain() }
        for (batch, _) in waiting.filter({ $0.value.deadline <= now }) {
            if let finished = queue.abandon(batch) { finish([finished], nil) }
        }
    }

    private func finish(_ batches: [PublishQueue.Finished], _ error: AMQPError?) {
        for batch in batches {
            unconfirmed.subtract(batch.outcomes.count, ordering: .relaxed)
            let result = PublishResult(outcomes: batch.outcomes, error: error)
            if waiting[batch.batch]?.result.arrive(result) ?? false { waiting[batch.batch] = nil }
        }
    }

    // MARK: Questions

    /// Asks what must succeed, on a channel of its own: an error closes that channel only.
    @discardableResult
    func ask(_ requests: [MethodRequest]) async throws(AMQPError) -> [MethodReply] {
        let result = try await answers(to: requests)
        if let error = result.error { throw error }
        return result.replies
    }

    /// What the broker knows of each queue, nil where there is none.
    func status(of queues: [String]) async throws(AMQPError) -> [AMQPQueueStatus?] {
        var statuses: [AMQPQueueStatus?] = []
        while statuses.count < queues.count {
            let result = try await answers(to: queues[statuses.count...].map(MethodRequest.inspectQueue))
            for reply in result.replies {
                statuses.append(
                    AMQPQueueStatus(name: reply.queue, messageCount: reply.messageCount, consumerCount: reply.consumerCount))
            }
            guard let error = result.error else { continue }
            guard error.code == .channelClosed, error.brokerCode == 404, statuses.count < queues.count else { throw error }
            statuses.append(nil)
        }
        return statuses
    }

    private func answers(to requests: [MethodRequest]) async throws(AMQPError) -> AMQPConnection.CallResult {
        guard let connection else { throw .notConnected(nil) }
        guard var channel = idleChannels.popLast() else {
            throw AMQPError(.overloaded, "\(Self.questionChannels.count) questions are under way already")
        }
        var replies: [MethodReply] = []
        var error: AMQPError?
        if !channel.isOpen { error = await connection.call([.openChannel], on: channel.number).error }
        var rest = requests[...]
        while error == nil, !rest.isEmpty {
            let result = await connection.call(Array(rest.prefix(Self.questionsAtOnce)), on: channel.number)
            replies += result.replies
            error = result.error
            rest = rest.dropFirst(Self.questionsAtOnce)
        }
        channel.isOpen = error == nil
        // After a reconnect the channel is another one of the same number.
        if self.connection === connection { idleChannels.append(channel) }
        return AMQPConnection.CallResult(replies: replies, error: error)
    }
}
