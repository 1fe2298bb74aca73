import Domain
import FoundationEssentials
import Queues
import Store

/// Who is admitted next: pure, from what waits and the room that the queues have.
struct AdmissionPlan: Sendable, Hashable {
    var grants: [AdmissionGrant]
    /// Tasks wait for which there is no room.
    var isHeldBack: Bool

    /// Shares the room of each queue evenly between the projects that wait for it, a task at a time.
    ///
    /// - Parameters:
    ///   - room: how many more tasks each queue may take.
    ///   - limit: the most tasks of all grants together.
    ///   - turn: counts rounds: where there is less room than projects, each round begins with another project.
    init(backlog: [BacklogEntry], room: [TaskQueue: Int], limit: Int, turn: Int, partitioning: Partitioning) {
        grants = []
        isHeldBack = false
        var remaining = limit
        for (queue, projects) in Self.waiting(backlog, partitioning).sorted(by: { $0.key.lane > $1.key.lane }) {
            let available = min(room[queue] ?? 0, remaining)
            guard available > 0 else {
                isHeldBack = true
                continue
            }
            let (share, extra) = available.quotientAndRemainder(dividingBy: projects.count)
            for offset in projects.indices {
                let project = projects[(offset + turn) % projects.count]
                let quota = share + (offset < extra ? 1 : 0)
                guard quota > 0 else {
                    isHeldBack = true
                    continue
                }
                grants.append(AdmissionGrant(projectID: project, lane: queue.lane, limit: quota))
                remaining -= quota
            }
        }
    }

    /// The projects that wait for each queue, each once, in order.
    private static func waiting(_ backlog: [BacklogEntry], _ partitioning: Partitioning) -> [TaskQueue: [UUID]] {
        backlog.reduce(into: [:]) { waiting, entry in
            let queue = TaskQueue(projectID: entry.projectID, priority: entry.priority, partitioning: partitioning)
            // Entries of one project are neighbours.
            if waiting[queue]?.last != entry.projectID { waiting[queue, default: []].append(entry.projectID) }
        }
    }
}
