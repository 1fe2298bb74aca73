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

/// A worker that gives no sign of life.
public struct SilentWorker: Sendable, Hashable {
    public var id: UUID
    /// Its lease ran out. Else only its session is gone, and with it the lock: the process may be dead, or be connecting anew.
    public var isExpired: Bool

    public init(id: UUID, isExpired: Bool) {
        self.id = id
        self.isExpired = isExpired
    }
}

/// What is said of tasks whose worker was lost.
enum WorkerLoss {
    /// How many losses of its worker a task survives beyond its `max_retries`.
    static let spare = 3
    static let message = "The worker that ran it was lost."
    static let held = "The outcome of a call that may have been paid for is unknown: the project's settings hold the task for a person."
    static let failed = "The outcome of a call that may have been paid for is unknown: the project's settings fail the task."
}

extension Store {
    /// The workers that give no sign of life at this moment: their lock is free, or their lease ran out.
    ///
    /// A server that lost its sessions (a restart, crash recovery, a failover) freed every lock and let no worker renew: for one lease after
    /// it, nobody is silent but those that took their lock since. Looking takes a free lock for the time of the statement; a worker that
    /// comes back at that moment tries again. Index: `idx_workers_alive`.
    public func silentWorkers(lease: Duration) async throws -> [SilentWorker] {
        try await database.query(
            """
            WITH noted AS (
                INSERT INTO server_sessions DEFAULT VALUES ON CONFLICT DO NOTHING
            ), sessions AS MATERIALIZED (
                SELECT \(unescaped: Self.sessionsKeptSince) AS since
            ), signs AS MATERIALIZED (
                SELECT worker_id, lock_key, locked_at > since AS is_lock_telling,
                    since < clock_timestamp() - \(lease.seconds) * interval '1 second' AS is_settled,
                    heartbeat_at < clock_timestamp() - \(lease.seconds) * interval '1 second' AS is_overdue
                FROM workers, sessions WHERE status IN ('alive', 'draining')
            )
            SELECT worker_id, is_settled AND is_overdue FROM signs
            WHERE is_settled AND is_overdue OR (is_settled OR is_lock_telling) AND pg_try_advisory_xact_lock(lock_key)
            """
        ) { row in
            let (id, isExpired) = try row.decode(UUID.self, Bool.self)
            return SilentWorker(id: id, isExpired: isExpired)
        }
    }

    /// Since when the server has kept its sessions; later than any time where nobody has noted it yet.
    private static var sessionsKeptSince: String {
        "greatest(coalesce((SELECT since FROM server_sessions), 'infinity'), pg_postmaster_start_time())"
    }

    /// Takes those of the workers for dead that still give no sign of life, and says which. Index: `workers_pkey`.
    public func markLost(_ workers: [UUID], lease: Duration) async throws -> [UUID] {
        try await database.query(
            """
            UPDATE workers SET status = 'lost', stopped_at = clock_timestamp()
            WHERE worker_id = ANY (\(workers)) AND status IN ('alive', 'draining')
                AND (
                    greatest(heartbeat_at, \(unescaped: Self.sessionsKeptSince)) < clock_timestamp() - \(lease.seconds) * interval '1 second'
                    OR greatest(locked_at, clock_timestamp() - \(lease.seconds) * interval '1 second')
                        > \(unescaped: Self.sessionsKeptSince) AND pg_try_advisory_xact_lock(lock_key))
            RETURNING worker_id
            """
        ) { try $0.decode(UUID.self) }
    }

    /// Hands on the tasks of workers that are gone, which keep their place by age in the backlog, and marks their open calls as unknown:
    /// they may have been carried out, and paid for.
    ///
    /// What then becomes of a task its project says (`settings.on_unknown`): it is tried again, held for a person, or failed. A task under
    /// which workers died again and again fails: it may be what kills them. Gives the number of tasks.
    /// Indexes: `idx_tasks_running` (its distinct workers by a loose scan), `workers_pkey`, `idx_results_task_id`.
    public func requeueOrphans(limit: Int) async throws -> Int {
        try await database.transaction { connection in
            let orphans = try connection.query(
                """
                WITH RECURSIVE running AS (
                    (SELECT assigned_worker_id AS worker_id FROM tasks
                     WHERE status = 'processing' AND assigned_worker_id IS NOT NULL ORDER BY assigned_worker_id LIMIT 1)
                    UNION ALL
                    SELECT (SELECT assigned_worker_id FROM tasks
                            WHERE status = 'processing' AND assigned_worker_id > running.worker_id ORDER BY assigned_worker_id LIMIT 1)
                    FROM running WHERE running.worker_id IS NOT NULL
                ), gone AS MATERIALIZED (
                    SELECT worker_id FROM running
                    WHERE worker_id IS NOT NULL
                        AND NOT EXISTS (SELECT FROM workers w WHERE w.worker_id = running.worker_id AND w.status IN ('alive', 'draining'))
                ), orphaned AS MATERIALIZED (
                    SELECT t.task_id, t.attempt, t.worker_losses + 1 AS losses, coalesce(t.max_retries, 0) + \(WorkerLoss.spare) AS bearable,
                        coalesce(p.settings ->> 'on_unknown', 'retry') AS on_unknown
                    FROM gone JOIN tasks t ON t.assigned_worker_id = gone.worker_id AND t.status = 'processing'
                        JOIN projects p USING (project_id)
                    LIMIT \(limit) FOR UPDATE OF t SKIP LOCKED
                ), unknown AS (
                    UPDATE results r SET status = 'unknown' FROM orphaned o
                    WHERE r.task_id = o.task_id AND r.status = 'pending'
                    RETURNING r.task_id
                ), fate AS (
                    SELECT o.task_id, o.losses,
                        CASE WHEN o.losses > o.bearable THEN 'poison'
                            WHEN o.task_id IN (SELECT task_id FROM unknown) THEN o.on_unknown ELSE 'retry' END AS policy
                    FROM orphaned o
                )
                UPDATE tasks t
                SET status = CASE WHEN f.policy IN ('poison', 'fail') THEN 'failed' ELSE 'retrying' END,
                    worker_losses = f.losses, updated_at = clock_timestamp(),
                    completed_at = CASE WHEN f.policy IN ('poison', 'fail') THEN clock_timestamp() END,
                    error_message = CASE f.policy
                        WHEN 'poison' THEN 'The worker that ran it was lost, ' || f.losses || ' times in all: it is not tried again.'
                        WHEN 'fail' THEN \(WorkerLoss.message + " " + WorkerLoss.failed)
                        ELSE \(WorkerLoss.message) END
                FROM fate f WHERE t.task_id = f.task_id
                RETURNING t.task_id, f.policy = 'hold'
                """
            ).map { try $0.decode(UUID.self, Bool.self) }
            let held = orphans.filter(\.1).map(\.0)
            if !held.isEmpty {
                // The moves of one task are one statement each, so that its history holds both.
                _ = try connection.pipeline([
                    "SELECT set_config('chorus.reason', \(WorkerLoss.held), true)",
                    """
                    UPDATE tasks SET status = 'paused', is_over_budget = FALSE, updated_at = clock_timestamp()
                    WHERE task_id = ANY (\(held)) AND status = 'retrying'
                    """,
                ])
            }
            return orphans.count
        }
    }

    /// Tasks that should be with the broker since longer than `age`, counted. Index: `idx_tasks_in_flight`, or `idx_tasks_status`: both hold little of it.
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

    /// Takes back tasks that the broker lost: they are admitted anew. Indexes: as `staleInQueue`.
    public func readmit(
        _ stale: [StaleEntry], olderThan age: Duration, reason: String = "The broker lost its message."
    ) async throws -> Int {
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
                SELECT set_config('chorus.reason', \(reason), true) AS reason
            )
            UPDATE tasks t SET status = 'pending', updated_at = clock_timestamp()
            FROM lost, why WHERE t.task_id = lost.task_id AND why.reason IS NOT NULL
            RETURNING t.task_id
            """
        ) { try $0.decode(UUID.self) }.count
    }
}
