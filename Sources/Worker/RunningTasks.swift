import FoundationEssentials
import Synchronization

/// The tasks that run here, each of which can be stopped by itself.
final class RunningTasks: Sendable {
    private struct State {
        var runs: [UInt64: (id: UUID, handle: Task<Void, Never>)] = [:]
        /// The newest run of a task. An older one may still be recording when the task was claimed again.
        var newest: [UUID: UInt64] = [:]
        var lastRun: UInt64 = 0
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.runs.count } }

    /// Runs `work` so that `cancel` and `cancelAll` reach it, and so does the cancellation of the caller.
    func run(_ id: UUID, _ work: @escaping @Sendable () async -> Void) async {
        let (run, handle) = state.withLock { state in
            // Unstructured, because a child of a task group cannot be cancelled alone; its caller waits for it. Made under the lock: what
            // `work` looks at first, it sees after it can be cancelled, or its cancellation waits for the lock.
            let handle = Task {
                await work()
            }
            state.lastRun += 1
            state.runs[state.lastRun] = (id, handle)
            state.newest[id] = state.lastRun
            return (state.lastRun, handle)
        }
        await withTaskCancellationHandler {
            await handle.value
        } onCancel: {
            handle.cancel()
        }
        state.withLock { state in
            state.runs[run] = nil
            if state.newest[id] == run { state.newest[id] = nil }
        }
    }

    func cancel(_ id: UUID) {
        state.withLock { state in state.newest[id].flatMap { state.runs[$0]?.handle } }?.cancel()
    }

    func cancelAll() {
        for run in state.withLock({ Array($0.runs.values) }) { run.handle.cancel() }
    }
}
