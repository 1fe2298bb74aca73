import FoundationEssentials
import Store
import Synchronization

/// The tasks that run here, each of which can be stopped by itself.
final class RunningTasks: Sendable {
    private let executor: (any TaskExecutor)?
    // By task and attempt: the record of one claim may still be under way when the same task was claimed anew.
    private let handles = Mutex<[UUID: [Int: Task<Void, Never>]]>([:])

    /// - Parameter executor: where the tasks run; nil for Swift's own threads.
    init(executor: (any TaskExecutor)? = nil) { self.executor = executor }

    var count: Int { handles.withLock { $0.values.reduce(0) { $0 + $1.count } } }

    var claims: [TaskClaim] {
        handles.withLock { $0.flatMap { id, attempts in attempts.keys.map { TaskClaim(taskID: id, attempt: $0) } } }
    }

    /// Runs `work` so that `cancel` and `cancelAll` reach it, and so does the cancellation of the caller.
    func run(_ claim: TaskClaim, _ work: @escaping @Sendable () async -> Void) async {
        // Unstructured, because a child of a task group cannot be cancelled alone; its caller waits for it. Made under the lock: what
        // `work` looks at first, it sees after it can be cancelled, or its cancellation waits for the lock.
        let handle = handles.withLock { handles in
            let handle = Task(executorPreference: executor) {
                await work()
            }
            handles[claim.taskID, default: [:]][claim.attempt] = handle
            return handle
        }
        await withTaskCancellationHandler {
            await handle.value
        } onCancel: {
            handle.cancel()
        }
        handles.withLock { handles in
            handles[claim.taskID]?[claim.attempt] = nil
            if handles[claim.taskID]?.isEmpty ?? false { handles[claim.taskID] = nil }
        }
    }

    func cancel(_ claim: TaskClaim) { handles.withLock { $0[claim.taskID]?[claim.attempt] }?.cancel() }

    /// Stops whatever claim of the task runs here.
    func cancel(taskID: UUID) {
        for handle in handles.withLock({ Array(($0[taskID] ?? [:]).values) }) { handle.cancel() }
    }

    func cancelAll() {
        for handle in handles.withLock({ $0.values.flatMap(\.values) }) { handle.cancel() }
    }
}
