import FoundationEssentials
import Synchronization

/// The tasks that run here, each of which can be stopped by itself.
final class RunningTasks: Sendable {
    private let handles = Mutex<[UUID: Task<Void, Never>]>([:])

    var count: Int { handles.withLock { $0.count } }

    /// Runs `work` so that `cancel` and `cancelAll` reach it, and so does the cancellation of the caller.
    func run(_ id: UUID, _ work: @escaping @Sendable () async -> Void) async {
        // Unstructured, because a child of a task group cannot be cancelled alone; its caller waits for it.
        let handle = Task {
            await work()
        }
        handles.withLock { $0[id] = handle }
        await withTaskCancellationHandler {
            await handle.value
        } onCancel: {
            handle.cancel()
        }
        _ = handles.withLock { $0.removeValue(forKey: id) }
    }

    func cancel(_ id: UUID) { handles.withLock { $0[id] }?.cancel() }

    func cancelAll() {
        for handle in handles.withLock({ Array($0.values) }) { handle.cancel() }
    }
}
