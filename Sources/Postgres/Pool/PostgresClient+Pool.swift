import Logging
import Synchronization

/// The effects around `PoolMachine`: continuations resumed outside of the lock, attempts to connect, one timer for all deadlines.
extension PostgresClient {
    func acquire() async throws(PostgresError) -> PostgresConnection {
        if let connection = state.withLock({ $0.machine.takeIdle() }) { return connection }
        let id = state.withLock { state in
            state.lastID += 1
            return state.lastID
        }
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { enqueue($0, id: id) }
        } onCancel: {
            state.withLock { $0.machine.cancel(id: id) }?.resume(returning: .failure(Self.cancelled))
        }
        return try result.get()
    }

    private static var cancelled: PostgresError { PostgresError(.cancelled, "cancelled while waiting for a connection") }

    private func enqueue(_ waiter: Waiter, id: UInt64) {
        let deadline = ContinuousClock.now + configuration.poolWaitTimeout
        // Looked at under the lock: a handler that comes later finds the waiter in the queue.
        let acquisition: PoolMachine<PostgresConnection, Waiter>.Acquisition? = state.withLock { state in
            Task.isCancelled ? nil : state.machine.acquire(id: id, deadline: deadline, waiter: waiter)
        }
        switch acquisition {
        case nil: waiter.resume(returning: .failure(Self.cancelled))
        case .use(let connection): waiter.resume(returning: .success(connection))
        case .refuse(.closed): waiter.resume(returning: .failure(PostgresError(.closed, "the client is closed")))
        case .refuse(.tooManyWaiters):
            waiter.resume(returning: .failure(PostgresError(.poolExhausted, "\(configuration.maxWaiters) callers wait already")))
        case .wait(let mustConnect):
            if mustConnect { startConnecting() }
            startTimer()
        }
    }

    func release(_ connection: PostgresConnection, isReusable: Bool) {
        if isReusable {
            place { $0.released(connection) }
        } else {
            state.withLock { $0.machine.lost() }
        }
        connectIfWanted()
        endDrainIfDone()
    }

    private func place(_ event: (inout PoolMachine<PostgresConnection, Waiter>) -> PoolMachine<PostgresConnection, Waiter>.Placement) {
        // A discarded connection ends with its last reference.
        if case .hand(let connection, let waiter) = state.withLock({ event(&$0.machine) }) {
            waiter.resume(returning: .success(connection))
        }
    }

    private func connectIfWanted() {
        while state.withLock({ $0.machine.beginConnect() }) { startConnecting() }
    }

    // MARK: Connecting

    /// Unstructured, because no one caller owns the connection: whoever waits first gets it. It ends with success, a failure that will
    /// not pass, or when nobody waits.
    private func startConnecting() {
        Task {
            var backoff = Backoff()
            while await connectOnce(&backoff) {}
        }
    }

    /// Whether to try again.
    private func connectOnce(_ backoff: inout Backoff) async -> Bool {
        do throws(PostgresError) {
            let connection = try await PostgresConnection.connect(configuration, logger: logger)
            state.withLock { $0.lastFailure = nil }
            place { $0.connected(connection) }
            connectIfWanted()
            endDrainIfDone()
            return false
        } catch {
            logger.warning(
                "cannot connect to the database",
                metadata: [PostgresLogKeys.error: "\(error)", PostgresLogKeys.attempt: "\(backoff.attempt + 1)"])
            let decision = state.withLock { state in
                state.lastFailure = error
                return state.machine.connectFailed(isPermanent: !error.isRetryable)
            }
            switch decision {
            case .retry:
                // Never cancelled: a wait is at most the backoff's limit.
                try? await Task.sleep(for: backoff.next())
                return true
            case .stop(let waiters):
                for waiter in waiters { waiter.resume(returning: .failure(error)) }
                endDrainIfDone()
                return false
            }
        }
    }

    // MARK: Deadlines

    /// One timer for all who wait: their deadlines are in the order of the queue. Unstructured, as it outlives each of them.
    private func startTimer() {
        state.withLock { state in
            guard state.timer == nil, state.machine.nextDeadline != nil else { return }
            state.timer = Task {
                while let deadline = nextDeadline() {
                    try? await Task.sleep(until: deadline, clock: .continuous)
                    expireWaiters()
                }
            }
        }
    }

    private func nextDeadline() -> ContinuousClock.Instant? {
        state.withLock { state in
            let deadline = state.machine.nextDeadline
            if deadline == nil { state.timer = nil }
            return deadline
        }
    }

    private func expireWaiters() {
        let (waiters, failure) = state.withLock { state in
            (state.machine.expire(at: .now), state.machine.total == state.machine.connecting ? state.lastFailure : nil)
        }
        let error = failure ?? PostgresError(.poolExhausted, "no connection came free within \(configuration.poolWaitTimeout)")
        for waiter in waiters { waiter.resume(returning: .failure(error)) }
    }

    // MARK: The end

    func waitUntilDrained() async {
        // Unstructured, so that the wait below can be ended from outside of it.
        let timer = Task {
            try? await Task.sleep(for: configuration.drainTimeout)
            endDrain()
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isDone = state.withLock { state in
                    if state.machine.isDrained || Task.isCancelled { return true }
                    state.drainWaiters.append(continuation)
                    return false
                }
                if isDone { continuation.resume() }
            }
        } onCancel: {
            endDrain()
        }
        timer.cancel()
    }

    private func endDrainIfDone() {
        if state.withLock({ $0.machine.isDrained }) { endDrain() }
    }

    private func endDrain() {
        let waiters = state.withLock { state in
            defer { state.drainWaiters = [] }
            return state.drainWaiters
        }
        for waiter in waiters { waiter.resume() }
    }
}
