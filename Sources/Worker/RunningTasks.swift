import FoundationEssentials
import Store
import Synchronization

/// The tasks that run here, each of which can be stopped by itself.
final class RunningTasks: Sendable {
    private struct State {
        // By task and attempt: the record of one claim may still be under way when the same task was claimed anew.
        var handles: [UUID: [Int: Task<Void, Never>]] = [:]
        /// How many of them each project has.
        var projects: [UUID: Int] = [:]
    }

    private let executor: (any TaskExecutor)?
    private let state = Mutex(State())

    /// - Parameter executor: where the tasks run; nil for Swift's own threads.
    init(executor: (any TaskExecutor)? = nil) { self.executor = executor }

    var count: Int { state.withLock { $0.handles.values.reduce(0) { $0 + $1.count } } }

    /// How many tasks of the project run here.
    func count(of projectID: UUID) -> Int { state.withLock { $0.projects[projectID, default: 0] } }

    var claims: [TaskClaim] {
        state.withLock { $0.handles.flatMap { id, attempts in attempts.keys.map { TaskClaim(taskID: id, attempt: $0) } } }
    }

    /// Runs `work` so that `cancel` and `cancelAll` reach it, and so does the cancellation of the caller.
    func run(_ claim: TaskClaim, of projectID: UUID, _ work: @escaping @Sendable () async -> Void) async {
        // Unstructured, because a child of a task group cannot be cancelled alone; its caller waits for it. Made under the lock: what
        // `work` looks at first, it sees after it can be cancelled, or its cancellation waits for the lock.
        let handle = state.withLock { state in
            let handle = Task(executorPreference: executor) {
                await work()
            }
            state.handles[claim.taskID, default: [:]][claim.attempt] = handle
            state.projects[projectID, default: 0] += 1
            return handle
        }
        await withTaskCancellationHandler {
            await handle.value
        } onCancel: {
            handle.cancel()
        }
        state.withLock { state in
            state.handles[claim.taskID]?[claim.attempt] = nil
            if state.handles[claim.taskID]?.isEmpty ?? false { state.handles[claim.taskID] = nil }
            state.projects[projectID]? -= 1
            if state.projects[projectID] == 0 { state.projects[projectID] = nil }
        }
    }

    func cancel(_ claim: TaskClaim) { state.withLock { $0.handles[claim.taskID]?[claim.attempt] }?.cancel() }

    /// Stops whatever claim of the task runs here.
    func cancel(taskID: UUID) {
        for handle in state.withLock({ Array(($0.handles[taskID] ?? [:]).values) }) { handle.cancel() }
    }

    func cancelAll() {
        for handle in state.withLock({ $0.handles.values.flatMap(\.values) }) { handle.cancel() }
    }
}
