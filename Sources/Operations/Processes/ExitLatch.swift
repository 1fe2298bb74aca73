import Synchronization

/// Keeps the end of a process for whoever asks, and wakes those who wait for it.
///
/// Awaiting a `Task`'s value cannot be cancelled; this wait can, so a supervisor can stop watching a child that goes on running.
final class ExitLatch: Sendable {
    private struct State {
        var exit: ProcessExit?
        var nextWaiter = 0
        var waiters: [Int: CheckedContinuation<ProcessExit?, Never>] = [:]
    }

    private let state = Mutex(State())

    /// The end, if it has come.
    var exit: ProcessExit? { state.withLock { $0.exit } }

    /// Records the end; only the first call counts.
    func open(_ exit: ProcessExit) {
        let waiters = state.withLock { state in
            if state.exit == nil { state.exit = exit }
            defer { state.waiters.removeAll() }
            return state.waiters.values.map { $0 }
        }
        for waiter in waiters { waiter.resume(returning: exit) }
    }

    /// Waits for the end; nil when the waiting task was cancelled before.
    func wait() async -> ProcessExit? {
        let number = state.withLock { state in
            state.nextWaiter += 1
            return state.nextWaiter
        }
        return await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer: ProcessExit?? = state.withLock { state in
                    if let exit = state.exit { return .some(exit) }
                    if Task.isCancelled { return .some(nil) }
                    state.waiters[number] = continuation
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            state.withLock { $0.waiters.removeValue(forKey: number) }?.resume(returning: nil)
        }
    }
}
