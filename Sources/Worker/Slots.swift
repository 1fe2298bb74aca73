import Synchronization

/// The places for calls at once: a counter that can be waited for.
final class Slots: Sendable {
    private struct State {
        var capacity: Int
        /// Below zero while more are taken than there are now.
        var free: Int
        var waiter: CheckedContinuation<Void, Never>?
        var waitsForAll = false

        /// Whom what is free is enough for.
        mutating func takeWaiter() -> CheckedContinuation<Void, Never>? {
            guard free >= (waitsForAll ? capacity : 1) else { return nil }
            defer { waiter = nil }
            return waiter
        }
    }

    private let state: Mutex<State>

    init(capacity: Int) { state = Mutex(State(capacity: capacity, free: capacity)) }

    var capacity: Int { state.withLock { $0.capacity } }

    var free: Int { state.withLock { max(0, $0.free) } }

    /// So many from now on. Who has a slot keeps it: after a cut there are more taken than there are, until enough are given back.
    func resize(to capacity: Int) {
        let waiter = state.withLock { state in
            state.free += capacity - state.capacity
            state.capacity = capacity
            return state.takeWaiter()
        }
        waiter?.resume()
    }

    /// Takes up to `count` free slots and says how many.
    func take(upTo count: Int) -> Int {
        state.withLock { state in
            let taken = max(0, min(state.free, count))
            state.free -= taken
            return taken
        }
    }

    func giveBack(_ count: Int = 1) {
        let waiter = state.withLock { state in
            state.free += count
            return state.takeWaiter()
        }
        waiter?.resume()
    }

    /// Waits until a slot is free, or the caller is cancelled, or `timeout` has passed. One caller at a time.
    func waitForFree(timeout: Duration? = nil) async { await wait(forAll: false, timeout: timeout) }

    /// Waits until every slot is free, likewise.
    func waitForAll(timeout: Duration? = nil) async { await wait(forAll: true, timeout: timeout) }

    private func wait(forAll: Bool, timeout: Duration?) async {
        guard let timeout else { return await suspend(forAll: forAll) }
        await withDiscardingTaskGroup { group in
            group.addTask {
                try? await Task.sleep(for: timeout)
                self.wakeWaiter()
            }
            await suspend(forAll: forAll)
            group.cancelAll()
        }
    }

    private func suspend(forAll: Bool) async {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isReady = state.withLock { state in
                    if Task.isCancelled || state.free >= (forAll ? state.capacity : 1) { return true }
                    state.waiter = continuation
                    state.waitsForAll = forAll
                    return false
                }
                if isReady { continuation.resume() }
            }
        } onCancel: {
            wakeWaiter()
        }
    }

    private func wakeWaiter() {
        let waiter = state.withLock { state in
            defer { state.waiter = nil }
            return state.waiter
        }
        waiter?.resume()
    }
}
