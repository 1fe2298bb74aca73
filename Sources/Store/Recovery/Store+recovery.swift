import Domain
public import FoundationEssentials
import Postgres

/// Tasks of one project and lane that have been `in_queue` for long.
public struct StaleEntry: Sendable, Hashable {
    public var projectID: UUID
    public var priority: Int
    public var count: Int

    public init(projectID: UUID, priority: Int, count: Int) {
        self.projectID = projectID
        self.priority = priority
        self.count = count
    }
}

extension Store {
    /// Marks the workers that are gone: their lock is free, or their lease ran out.
    ///
    /// A restart of the database frees every lock and lets no worker renew: for one lease after it, nobody is taken for dead.
    /// Index: `idx_workers_alive`.
    public func markLostWorkers(lease: Duration) async throws -> [UUID] {
        try await database.query(
            """
            UPDATE workers SET status = 'lost', stopped_at = clock_timestamp()
            WHERE status IN ('alive', 'draining')
                AND pg_postmaster_start_time() < clock_timestamp() - \(lease.seconds) * interval '1 second'
                AND (heartbeat_at < clock_timestamp() - \(lease.seconds) * interval '1 second' OR pg_try_advisory_xact_lock(lock_key))
            RETURNING worker_id
            """
        ) { try $0.decode(UUID.self) }
    }

    /// Hands on the tasks of workers that are gone, which keep their place by age in the backlog, and marks their open calls as unknown: they may have been carried out.
    /// Indexes: `idx_tasks_running`, `idx_results_task_id`.
    public func requeueOrphans(limit: Int) async throws -> Int {
        try await database.query(
            """
            WITH gone AS MATERIALIZED (
                SELECT worker_id FROM workers WHERE status IN ('lost', 'stopped') AND stopped_at > now() - interval '1 day'
            ), orphaned AS MATERIALIZED (
                SELECT t.task_id, t.attempt FROM gone JOIN tasks t ON t.assigned_worker_id = gone.worker_id AND t.status = 'processing'
                LIMIT \(limit) FOR UPDATE OF t SKIP LOCKED
            ), unknown AS (
                UPDATE results r SET status = 'unknown' FROM orphaned o
                WHERE r.task_id = o.task_id AND r.attempt = o.attempt AND r.status = 'pending'
            )
            UPDATE tasks t
            SET status = 'retrying', updated_at = clock_timestamp(),
                error_message = 'The worker that ran it was lost.'
            FROM orphaned o WHERE t.task_id = o.task_id
            RETURNING t.task_id
            """
        ) { try $0.decode(UUID.self) }.count
    }

    /// Tasks that should be with the broker since longer than `age`, counted. Index: `idx_tasks_in_queue`.
    public func staleInQueue(olderThan age: Duration) async throws -> [StaleEntry] {
        try await database.query(
            """
            SELECT project_id, coalesce(priority, 1), count(*) FROM (
                SELECT project_id, priority FROM tasks
                WHERE status = 'in_queue' AND updated_at < clock_timestamp() - \(age.seconds) * interval '1 second'
                ORDER BY updated_at LIMIT 10000
            ) AS stale GROUP BY 1, 2
            """
        ) { row in
            var columns = row.columns
            return StaleEntry(projectID: try columns.next(), priority: try columns.next(), count: try columns.next())
        }
    }

    /// Takes back tasks that the broker lost: they are admitted anew. Index: `idx_tasks_in_queue`.
    public func readmit(_ stale: [StaleEntry], olderThan age: Duration) async throws -> Int {
        let projectIDs = stale.map(\.projectID)
        let priorities = stale.map { Int32(clamping: $0.priority) }
        return try await database.query(
            """
            WITH lost AS MATERIALIZED (
                SELECT t.task_id FROM tasks t
                JOIN unnest(\(projectIDs), \(priorities)) AS s (project_id, priority)
                    ON s.project_id = t.project_id AND s.priority = coalesce(t.priority, 1)
                WHERE t.status = 'in_queue' AND t.updated_at < clock_timestamp() - \(age.seconds) * interval '1 second'
                ORDER BY t.updated_at LIMIT 10000 FOR UPDATE OF t SKIP LOCKED
            ), why AS MATERIALIZED (
                SELECT set_config('chorus.reason', 'The broker lost its message.', true) AS reason
            )
            UPDATE tasks t SET status = 'pending', updated_at = clock_timestamp()
            FROM lost, why WHERE t.task_id = lost.task_id AND why.reason IS NOT NULL
            RETURNING t.task_id
            """
        ) { try $0.decode(UUID.self) }.count
    }
}
