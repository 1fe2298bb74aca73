import Synchronization

/// What a consumer received: each element is all that gathered since the last one was taken, in the order of arrival.
///
/// Never empty arrays; at most prefetch × queues deliveries. Ends at shutdown, and for a task that is cancelled. Several tasks may
/// iterate: each delivery goes to one of them.
public struct AMQPDeliveries: AsyncSequence, Sendable {
    public typealias Element = [AMQPDelivery]
    public typealias Failure = Never

    let buffer: DeliveryBuffer

    public struct AsyncIterator: AsyncIteratorProtocol {
        let buffer: DeliveryBuffer

        public mutating func next() async -> [AMQPDelivery]? {
            await buffer.next()
        }

        public mutating func next(isolation actor: isolated (any Actor)?) async -> [AMQPDelivery]? {
            await buffer.next()
        }
    }

    /// What has gathered by now, without waiting for more; nothing where there is none.
    public func gathered() -> [AMQPDelivery] { buffer.removeAll() }

    public func makeAsyncIterator() -> AsyncIterator {
        AsyncIterator(buffer: buffer)
    }
}

/// Between the consumer's thread, which fills it, and the tasks that take everything at once.
final class DeliveryBuffer: Sendable {
    private typealias Waiter = (id: Int, continuation: CheckedContinuation<[AMQPDelivery]?, Never>)

    private struct State {
        var deliveries: [AMQPDelivery] = []
        var waiters: [Waiter] = []
        var nextWaiter = 0
        /// Waiters cancelled before they could be entered.
        var cancelled: Set<Int> = []
        var isFinished = false
    }

    private let state = Mutex(State())

    func append(_ deliveries: [AMQPDelivery]) {
        if deliveries.isEmpty { return }
        let waiter: Waiter? = state.withLock { state in
            guard !state.waiters.isEmpty else {
                state.deliveries += deliveries
                return nil
            }
            return state.waiters.removeFirst()
        }
        waiter?.continuation.resume(returning: deliveries)
    }

    /// Everything that nobody has taken.
    func removeAll() -> [AMQPDelivery] {
        state.withLock { state in
            defer { state.deliveries.removeAll() }
            return state.deliveries
        }
    }

    func finish() {
        let waiters = state.withLock { state in
            state.isFinished = true
            state.deliveries.removeAll()
            defer { state.waiters.removeAll() }
            return state.waiters
        }
        for waiter in waiters { waiter.continuation.resume(returning: nil) }
    }

    func next() async -> [AMQPDelivery]? {
        if Task.isCancelled { return nil }
        let id = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: [AMQPDelivery]?? = state.withLock { state in
                    if state.cancelled.remove(id) != nil || state.isFinished { return .some(nil) }
                    if state.deliveries.isEmpty {
                        state.waiters.append((id, continuation))
                        return nil
                    }
                    defer { state.deliveries = [] }
                    return state.deliveries
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let waiter: Waiter? = state.withLock { state in
                guard let index = state.waiters.firstIndex(where: { $0.id == id }) else {
                    state.cancelled.insert(id)
                    return nil
                }
                return state.waiters.remove(at: index)
            }
            waiter?.continuation.resume(returning: nil)
        }
    }
}
