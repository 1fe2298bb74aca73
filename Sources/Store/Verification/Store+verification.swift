import Domain
public import FoundationEssentials
import Postgres

/// The tasks of one project and priority that have been `in_queue` for long, each with the time it was put there.
public struct QueuedTask: Sendable, Hashable {
    public var id: UUID
    public var projectID: UUID
    public var priority: Int
    /// Changes with every move: the same value later means that the task has not moved in between.
    public var updatedAt: Date
}

/// What one pass over the database found.
public struct VerificationPass: Sendable {
    /// Tasks looked at.
    public var tasks = 0
    /// How many break each law.
    public var counts: [Law: Int] = [:]
    /// The first of them.
    public var firstIDs: [Law: [UUID]] = [:]
    /// What should be with the broker for longer than the grace: whether it is, the broker must say. Bounded.
    public var queued: [QueuedTask] = []

    public init() {}

    /// Adds violations; `limit` ids of each law are kept.
    public mutating func add(_ count: Int, _ ids: some Sequence<UUID>, breaking law: Law, limit: Int) {
        guard count > 0 else { return }
        counts[law, default: 0] += count
        let room = limit - firstIDs[law, default: []].count
        firstIDs[law, default: []] += ids.prefix(max(0, room))
    }
}

extension Store {
    /// Looks at every task in one snapshot that changes nothing and locks nothing, a page of tasks at a time: memory stays bounded.
    ///
    /// - Parameters:
    ///   - grace: what may lie between two steps that belong together, such as a worker's loss and the handing on of its tasks.
    ///   - pageSize: tasks looked at by one statement.
    ///   - idLimit: ids kept of each law.
    ///
    /// Indexes: `tasks_pkey`, `idx_task_history_task_id`, `idx_results_task_id`, `workers_pkey`, `projects_pkey`.
    public func verify(grace: Duration, pageSize: Int = 5_000, idLimit: Int = 20) async throws -> VerificationPass {
        try await database.transaction(.snapshot) { connection in
            // Sorting and hashing a page fits into this; a parallel plan would take cores from the system that is looked at.
            try connection.execute("SET LOCAL max_parallel_workers_per_gather = 0")
            var pass = VerificationPass()
            var low = UUID(uuid: (0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0))
            var isAtEnd = false
            while !isAtEnd {
                try Task.checkCancellation()
                let page = try connection.query(
                    """
                    SELECT count(*), (array_agg(task_id ORDER BY task_id DESC))[1]
                    FROM (SELECT task_id FROM tasks WHERE task_id > \(low) ORDER BY task_id LIMIT \(pageSize)) AS page
                    """
                ).first?.decode(Int.self, UUID?.self)
                let count = page?.0 ?? 0
                isAtEnd = count < pageSize
                // The last page reaches to the end of all ids, for ledgers without a task.
                let high = isAtEnd ? UUID.last : page?.1 ?? .last
                pass.tasks += count
                for (law, query) in VerificationQueries(low: low, high: high, grace: grace.seconds, idLimit: idLimit).all {
                    let rows = try connection.query(query).map { try $0.decode(UUID.self, Int.self) }
                    pass.add(rows.first?.1 ?? 0, rows.map(\.0), breaking: law, limit: idLimit)
                }
                low = high
            }
            for (law, query) in VerificationQueries.ofProjects(idLimit: idLimit) {
                let rows = try connection.query(query).map { try $0.decode(UUID.self, Int.self) }
                pass.add(rows.first?.1 ?? 0, rows.map(\.0), breaking: law, limit: idLimit)
            }
            pass.queued = try connection.query(
                """
                SELECT task_id, project_id, coalesce(priority, 1), updated_at FROM tasks
                WHERE status = 'in_queue' AND updated_at < clock_timestamp() - \(grace.seconds) * interval '1 second'
                ORDER BY updated_at LIMIT 10000
                """
            ).map(QueuedTask.init)
            return pass
        }
    }

    /// Those of the tasks that have not moved since. Index: `tasks_pkey`.
    public func stillQueued(_ tasks: [QueuedTask]) async throws -> [QueuedTask] {
        let ids = tasks.map(\.id)
        let known = Set(tasks)
        return try await database.query(
            """
            SELECT task_id, project_id, coalesce(priority, 1), updated_at FROM tasks
            WHERE task_id = ANY (\(ids)) AND status = 'in_queue'
            """, QueuedTask.init
        ).filter(known.contains)
    }
}

extension QueuedTask {
    fileprivate init(_ row: PostgresRow) throws {
        (id, projectID, priority, updatedAt) = try row.decode(UUID.self, UUID.self, Int.self, Date.self)
    }
}

extension UUID {
    fileprivate static let last = UUID(uuid: (255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255))
}
