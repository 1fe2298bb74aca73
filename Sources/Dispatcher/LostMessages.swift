import Domain
import Queues
import Store

/// Which of the tasks that should be in a queue are not: pure, from the database's count and the broker's.
enum LostMessages {
    /// The entries whose messages are gone: nothing is ready in their queue, so what is old was lost.
    ///
    /// A message that a worker holds at this moment is counted as lost, too. It is sent again then, and the second claim refuses.
    static func entries(in stale: [StaleEntry], ready: [TaskQueue: Int], partitioning: Partitioning) -> [StaleEntry] {
        stale.filter { entry in
            let queue = TaskQueue(projectID: entry.projectID, priority: entry.priority, partitioning: partitioning)
            return ready[queue, default: 0] == 0
        }
    }

    static func queues(of stale: [StaleEntry], partitioning: Partitioning) -> Set<TaskQueue> {
        Set(stale.map { TaskQueue(projectID: $0.projectID, priority: $0.priority, partitioning: partitioning) })
    }
}
