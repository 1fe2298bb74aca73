import Synchronization

/// Where a connection's state can be read from any thread, without waiting for the connection's own.
final class ConnectionBoard: Sendable {
    private struct State {
        var current = AMQPConnectionState.disconnected(nil)
        var subscribers: [Int: AsyncStream<AMQPConnectionState>.Continuation] = [:]
        var nextSubscriber = 0
        var isEnded = false
    }

    private let state = Mutex(State())

    var current: AMQPConnectionState { state.withLock(\.current) }

    /// Throws at once where publishing would wait in vain.
    func requireReady() throws(AMQPError) {
        switch current {
        case .connected, .unblocked: return
        case .blocked(let reason): throw AMQPError(.blocked, "the broker takes no messages: \(reason)")
        case .disconnected(let error): throw .notConnected(error)
        }
    }

    func post(_ new: AMQPConnectionState) {
        let subscribers = state.withLock { state in
            state.current = new
            return Array(state.subscribers.values)
        }
        for subscriber in subscribers { subscriber.yield(new) }
    }

    /// The state now and each that follows, the newest 16 for a slow reader; ends at shutdown.
    func states() -> AsyncStream<AMQPConnectionState> {
        let (stream, continuation) = AsyncStream.makeStream(of: AMQPConnectionState.self, bufferingPolicy: .bufferingNewest(16))
        let id: Int? = state.withLock { state in
            continuation.yield(state.current)
            if state.isEnded { return nil }
            state.nextSubscriber += 1
            state.subscribers[state.nextSubscriber] = continuation
            return state.nextSubscriber
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            _ = self?.state.withLock { $0.subscribers.removeValue(forKey: id) }
        }
        return stream
    }

    func end() {
        let subscribers = state.withLock { state in
            state.isEnded = true
            defer { state.subscribers.removeAll() }
            return Array(state.subscribers.values)
        }
        for subscriber in subscribers { subscriber.finish() }
    }

    /// Returns once connected; throws the last failure's `notConnected` when `timeout` passes or the service ends first.
    func waitUntilConnected(timeout: Duration) async throws {
        if current.isConnected { return }
        let states = states()
        let isConnected = try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask { await states.contains { $0.isConnected } }
            group.addTask {
                try await Task.sleep(for: timeout)
                return false
            }
            defer { group.cancelAll() }
            return try await group.next() ?? false
        }
        try Task.checkCancellation()
        guard !isConnected else { return }
        if case .disconnected(let error) = current { throw AMQPError.notConnected(error) }
    }
}

extension AMQPError {
    /// There is no connection, for `reason`.
    static func notConnected(_ reason: AMQPError?, file: String = #fileID, line: UInt = #line) -> AMQPError {
        guard let reason else { return AMQPError(.notConnected, "not connected to the broker", file: file, line: line) }
        return AMQPError(
            .notConnected, "not connected to the broker (\(reason.code.rawValue): \(reason.message))", brokerCode: reason.brokerCode,
            brokerText: reason.brokerText, file: file, line: line)
    }
}
