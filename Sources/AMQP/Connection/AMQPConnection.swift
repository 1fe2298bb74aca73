import Glibc
import SocketExecutor

/// One open connection to a broker: frames in, methods out, questions and their answers.
///
/// Not `Sendable`: it lives inside the actor that owns it and uses that actor's thread. An error of any method but `open` means that
/// the connection is to be dropped with `drop(_:)`; there is no way back into step with the broker.
final class AMQPConnection {
    /// What came of a group of questions: an error, when there is one, belongs to the first question without a reply.
    struct CallResult {
        let replies: [MethodReply]
        let error: AMQPError?
    }

    private struct PendingCall {
        var result: Awaited<CallResult>
        let deadline: ContinuousClock.Instant
    }

    private let configuration: AMQPConfiguration
    private let executor: SocketExecutor
    private let handle: ConnectionHandle
    /// Kept here because librabbitmq forgets it when it closes the socket, and the executor must be told.
    private let descriptor: Int32
    private var assemblers: [UInt16: ContentAssembler] = [:]
    private var callQueues: [UInt16: CallQueue] = [:]
    private var pendingCalls: [Int: PendingCall] = [:]
    private var nextCall = 0
    private var failure: AMQPError?

    /// Connects and logs in; blocks the executor's thread within the configured bounds.
    init(to endpoint: AMQPConfiguration.Endpoint, _ configuration: AMQPConfiguration, on executor: SocketExecutor) throws(AMQPError) {
        let handle = try ConnectionHandle()
        try handle.open(endpoint, configuration)
        self.descriptor = handle.descriptor
        self.handle = handle
        self.configuration = configuration
        self.executor = executor
    }

    // MARK: Reading

    /// Hands on what has arrived, at most `limit` frames and while there is room for them; returns whether nothing more waits. Sends
    /// heartbeats when due.
    func read(
        limit: Int, while hasRoom: () -> Bool = { true }, _ each: (ConnectionEvent) throws(AMQPError) -> Void
    ) throws(AMQPError) -> Bool {
        for _ in 0..<limit {
            if let failure { throw failure }
            guard hasRoom() else { return false }
            guard let frame = try handle.nextFrame() else {
                try checkAnswersInTime()
                return true
            }
            if let event = try take(frame) { try each(event) }
        }
        return false
    }

    private func checkAnswersInTime() throws(AMQPError) {
        guard let earliest = earliestAnswer, earliest <= .now else { return }
        throw AMQPError(.timedOut, "the broker did not answer within \(configuration.rpcTimeout)")
    }

    /// Whether a question is open: the answer must be read.
    var awaitsAnswers: Bool { earliestAnswer != nil }

    /// When the first answer is overdue.
    private var earliestAnswer: ContinuousClock.Instant? {
        pendingCalls.values.lazy.filter { !$0.result.hasArrived }.map(\.deadline).min()
    }

    private func take(_ frame: Frame) throws(AMQPError) -> ConnectionEvent? {
        switch frame {
        case .method(let channel, let method):
            return try take(method, on: channel)
        case .header(let channel, let size, let properties):
            return try perform(assemblers[channel, default: newAssembler].header(size: size, properties: properties), on: channel)
        case .body(let channel, let fragment):
            return try perform(assemblers[channel, default: newAssembler].body(fragment), on: channel)
        }
    }

    private func take(_ method: BrokerMethod, on channel: UInt16) throws(AMQPError) -> ConnectionEvent? {
        switch method {
        case .channelClosed(let code, let text):
            try handle.confirmChannelClosed(channel)
            let error = AMQPError(.channelClosed, "the broker closed the channel", brokerCode: code, brokerText: text)
            return forget(channel, error)
        case .connectionClosed(let code, let text):
            try handle.confirmConnectionClosed()
            throw AMQPError(.connectionClosed, "the broker closed the connection", brokerCode: code, brokerText: text)
        case .reply(let reply):
            switch callQueues[channel, default: CallQueue()].replied(reply) {
            case .wait: break
            case .finished(let result): finish(result, nil)
            case .violation: throw AMQPError(.protocolViolation, "the broker answered what nobody asked (method \(reply.id))")
            }
            return nil
        case .content(let content):
            return try perform(assemblers[channel, default: newAssembler].method(content), on: channel)
        case .flow(let active):
            try handle.confirmFlow(active: active, on: channel)
            return nil
        case .unexpected(let id):
            throw AMQPError(.protocolViolation, "the broker sent method \(id)")
        case .confirmed(let tag, let multiple): return .confirmed(tag: tag, multiple: multiple)
        case .refused(let tag, let multiple): return .refused(tag: tag, multiple: multiple)
        case .consumerCancelled(let tag): return .consumerCancelled(tag: tag)
        case .blocked(let reason): return .blocked(reason: reason)
        case .unblocked: return .unblocked
        }
    }

    private var newAssembler: ContentAssembler { ContentAssembler(maxBodySize: configuration.maxBodySize) }

    private func perform(_ action: ContentAssembler.Action, on channel: UInt16) throws(AMQPError) -> ConnectionEvent? {
        switch action {
        case .wait:
            return nil
        case .complete(let method, let message):
            return .content(method, message)
        case .oversized(let method, let message, let size):
            return .oversized(method, message, size: size)
        case .violation(let what):
            throw AMQPError(.protocolViolation, what)
        }
    }

    /// Drops what is known of a closed channel and fails its calls.
    private func forget(_ channel: UInt16, _ error: AMQPError) -> ConnectionEvent {
        assemblers[channel] = nil
        var queue = callQueues.removeValue(forKey: channel) ?? CallQueue()
        for result in queue.closed() { finish(result, error) }
        return .channelClosed(channel, error)
    }

    private func finish(_ result: CallQueue.Result, _ error: AMQPError?) {
        arrive(CallResult(replies: result.replies, error: error), of: result.call)
    }

    private func arrive(_ result: CallResult, of call: Int) {
        if pendingCalls[call]?.result.arrive(result) ?? false { pendingCalls[call] = nil }
    }

    // MARK: Sending

    /// Whether a message can be written without waiting for the broker to read.
    var isWritable: Bool { handle.isWritable }

    /// Writes what `body` sends in as few packets as it fits into.
    func gatheringWrites<Value>(_ body: () throws(AMQPError) -> Value) throws(AMQPError) -> Value {
        handle.gatherWrites(true)
        defer { handle.gatherWrites(false) }
        return try body()
    }

    func publish(_ message: AMQPMessage, on channel: UInt16) throws(AMQPError) {
        if let failure { throw failure }
        try handle.publish(message, on: channel)
    }

    /// Sends without waiting; a reply, if one comes, is taken note of and dropped.
    func send(_ requests: [MethodRequest], on channel: UInt16) throws(AMQPError) {
        if let failure { throw failure }
        for request in requests { try handle.send(request, on: channel) }
        let replies = requests.compactMap(\.replyID)
        if !replies.isEmpty {
            nextCall += 1
            callQueues[channel, default: CallQueue()].begin(nextCall, expecting: replies)
        }
    }

    /// Asks several questions at once and waits for all answers, without blocking the thread. The bound is `rpcTimeout`, after which
    /// the connection counts as lost.
    func call(_ requests: [MethodRequest], on channel: UInt16) async -> CallResult {
        do throws(AMQPError) {
            try send(requests, on: channel)
        } catch {
            drop(error)
            return CallResult(replies: [], error: error)
        }
        let call = nextCall
        pendingCalls[call] = PendingCall(result: .expected, deadline: .now + configuration.rpcTimeout)
        wakeUp?()
        return await withCheckedContinuation { continuation in
            if pendingCalls[call]?.result.wait(continuation) ?? false { pendingCalls[call] = nil }
        }
    }

    /// As `call`, for questions that must all succeed.
    @discardableResult
    func ask(_ requests: [MethodRequest], on channel: UInt16) async throws(AMQPError) -> [MethodReply] {
        let result = await call(requests, on: channel)
        if let error = result.error { throw error }
        return result.replies
    }

    /// After frames that cannot be read: sends the message that they belong to, if they do, to its queue's dead letters. It would come
    /// again and end the next connection otherwise. Returns whether there was one; nothing can be read afterwards, but sent.
    func refuseUnreadable(on channel: UInt16) -> Bool {
        guard failure == nil, let tag = assemblers[channel]?.tagAwaitingHeader else { return false }
        return (try? handle.send(.refuse(tag: tag, multiple: false, requeue: false), on: channel)) != nil
    }

    /// Tells the broker that this side lives, for an owner that does not read: reading does it by itself.
    func sendHeartbeat() throws(AMQPError) {
        if let failure { throw failure }
        try handle.sendHeartbeat()
    }

    // MARK: Waiting and ending

    /// Set by the owner: runs when the socket needs attention sooner than was arranged.
    var wakeUp: (() -> Void)?
    /// Set by the owner: runs once, when the connection is dropped.
    var onFailure: ((AMQPError) -> Void)?

    /// Arranges the next call of `onReady`: when frames arrive (if `readable`), when the socket takes bytes again (if `writable`), at
    /// `deadline`, when an answer is overdue, or when a heartbeat may be due.
    func watch(readable: Bool = true, writable: Bool, until deadline: ContinuousClock.Instant?, onReady: @escaping () -> Void) {
        guard failure == nil else { return }
        let now = ContinuousClock.now
        // Heartbeats are sent inside library calls only: half a period of sleep keeps them in time.
        var earliest = handle.heartbeat > 0 ? now + .milliseconds(handle.heartbeat * 500) : nil
        for next in [deadline, earliestAnswer, readable && handle.hasBufferedFrames ? now : nil] {
            guard let next else { continue }
            earliest = earliest.map { min($0, next) } ?? next
        }
        var readiness: SocketExecutor.Readiness = readable ? .readable : []
        if writable { readiness.insert(.writable) }
        executor.watch(descriptor, for: readiness, until: earliest) { _ in onReady() }
    }

    /// Says goodbye to the broker, within a second: what was delivered and not acknowledged returns to its queue at once.
    func close(_ error: AMQPError = AMQPError(.notConnected, "closed by this side")) {
        guard failure == nil else { return }
        handle.close(timeout: .seconds(1))
        drop(error)
    }

    /// Ends a connection of which nothing can be read any more, within a second: what was acknowledged is.
    func leave(_ error: AMQPError) {
        guard failure == nil else { return }
        handle.endWriting(timeout: .seconds(1))
        drop(error)
    }

    /// Cuts the connection and fails what waits for an answer.
    func drop(_ error: AMQPError) {
        guard failure == nil else { return }
        failure = error
        executor.unwatch(descriptor)
        wakeUp = nil
        handle.cut()
        for (call, pending) in pendingCalls where !pending.result.hasArrived { arrive(CallResult(replies: [], error: error), of: call) }
        let onFailure = onFailure
        self.onFailure = nil
        onFailure?(error)
    }
}
