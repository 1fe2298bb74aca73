import FoundationEssentials
import Synchronization

/// Projects of which tasks were accepted here that wait: while the queues are full, one that was not waiting before is worth a look at the
/// backlog, and all the others are not.
///
/// Tasks that came another way, by another gateway or because a child has ended, are found when there is room.
final class Newcomers: Sendable {
    /// Of more than these at once, the rest waits for room.
    private static let limit = 256

    private let projects = Mutex<Set<UUID>>([])

    func note(_ projectIDs: some Sequence<UUID>) {
        projects.withLock { projects in
            for id in projectIDs where projects.count < Self.limit { projects.insert(id) }
        }
    }

    /// Everything that was noted since the last time.
    func take() -> Set<UUID> {
        projects.withLock { projects in
            defer { projects.removeAll() }
            return projects
        }
    }
}
