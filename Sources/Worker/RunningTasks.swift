import FoundationEssentials
import Store
import Synchronization

/// The tasks that run here, each of which can be stopped by itself.
final class RunningTasks: Sendable {
    private let executor: (any TaskExecutor)?
    // By claim: the record of one claim may still be under way when the same task was claimed anew.
    private let handles = Mutex<[TaskClaim: Task<Void, Never>]>([:])

    /// - Parameter executor: where the tasks run; nil for Swift's own threads.
    init(executor: (any TaskExecutor)? = nil) { self.executor = executor }

    var count: Int { handles.withLock { $0.count } }

    var claims: [TaskClaim] { handles.withLock { Array($0.keys) } }

    /// Runs `work` so that `cancel` and `cancelAll` reach it, and so does the cancellation of the caller.
    func run(_ claim: TaskClaim, _ work: @escaping @Sendable () async -> Void) async {
        // Unstructured, because a child of a task group cannot be cancelled alone; its caller waits for it. Made under the lock: what
        // `work` looks at first, it sees after it can be cancelled, or its cancellation waits for the lock.
        let handle = handles.withLock { handles in
            let handle = Task(executorPreference: executor) {
                await work()
            }
            handles[claim] = handle
            return handle
        }
        await withTaskCancellationHandler {
            await handle.value
        } onCancel: {
            handle.cancel()
        }
        _ = handles.withLock { $0.removeValue(forKey: claim) }
    }

    func cancel(_ claim: TaskClaim) { handles.withLock { $0[claim] }?.cancel() }

    /// Stops whatever claim of the task runs here.
    func cancel(taskID: UUID) {
        let claimed = handles.withLock { handles in handles.filter { $0.key.taskID == taskID }.map(\.value) }
        for handle in claimed { handle.cancel() }
    }

    func cancelAll() {
        for handle in handles.withLock({ Array($0.values) }) { handle.cancel() }
    }
}
