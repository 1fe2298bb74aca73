public import Domain
import FoundationEssentials
import Postgres

/// What operators watch of the whole fleet. Each of these is read now and then, so that none may cost more the more tasks there are.
extension Store {
    /// Tasks of the backlog that are counted at the most, an equal share of each project, priority and engine; the length of a longer one
    /// shows in `taskTotals`.
    static let backlogCounted = 200_000
    /// Distinct projects, priorities and engines that are looked at.
    static let backlogHeads = 10_000
    /// Over how many minutes the pace is taken.
    static let paceMinutes = 5

    /// Tasks of all projects by status: what was folded and what was not, by one statement. Its cost is the number of projects; it reads the
    /// whole of `project_counts`, so that no index has to be kept for it.
    public func taskTotals() async throws -> [TaskStatus: Int] {
        Self.totals(try await database.query(Self.totals) { try $0.decode(String.self, Int.self) })
    }

    static let totals: PostgresQuery = """
        SELECT status, sum(number)::bigint FROM (
            SELECT status, number FROM project_counts WHERE subject = 'task'
            UNION ALL
            SELECT status, number FROM project_count_changes WHERE subject = 'task'
        ) AS figure GROUP BY status
        """

    /// What the rows of that statement say. A status that this release does not know is nobody's.
    static func totals(_ rows: [(status: String, number: Int)]) -> [TaskStatus: Int] {
        rows.reduce(into: [:]) { totals, row in if let status = TaskStatus(rawValue: row.status) { totals[status] = row.number } }
    }

    /// What waits and runs by lane. A task counts from the time at which it could run; those of paused projects do not.
    public func fleetBacklog() async throws -> FleetBacklog {
        var backlog = FleetBacklog(pace: try await pace())
        for (priority, waiting, runnable, oldest) in try await waitingByPriority() {
            backlog.lanes[Lane(priority: priority), default: .init()].waiting += waiting
            backlog.lanes[Lane(priority: priority), default: .init()].runnable += runnable
            backlog.note(oldest, priority: priority)
        }
        for (priority, inQueue, processing, oldest) in try await inFlightByPriority() {
            backlog.lanes[Lane(priority: priority), default: .init()].inQueue += inQueue
            backlog.lanes[Lane(priority: priority), default: .init()].processing += processing
            backlog.note(oldest, priority: priority)
        }
        return backlog
    }

    /// A loose index scan over the distinct projects, priorities and engines that wait, each then counted up to its share of what may be
    /// counted, so that no lane hides another. Indexes: `idx_tasks_backlog`, at which the orders keep the planner; `projects_pkey`.
    private func waitingByPriority() async throws -> [(priority: Int, waiting: Int, runnable: Int, oldest: Double?)] {
        try await database.query(
            """
            WITH RECURSIVE head AS (
                (SELECT project_id, priority, engine, available_at FROM tasks
                 WHERE status IN ('pending', 'retrying') AND waiting_on = 0
                 ORDER BY project_id, priority DESC, engine, available_at, task_id LIMIT 1)
                UNION ALL
                SELECT next.* FROM head CROSS JOIN LATERAL (
                    (SELECT project_id, priority, engine, available_at FROM tasks
                     WHERE status IN ('pending', 'retrying') AND waiting_on = 0 AND project_id = head.project_id
                        AND priority = head.priority AND engine > head.engine
                     ORDER BY project_id, priority DESC, engine, available_at, task_id LIMIT 1)
                    UNION ALL
                    (SELECT project_id, priority, engine, available_at FROM tasks
                     WHERE status IN ('pending', 'retrying') AND waiting_on = 0 AND project_id = head.project_id
                        AND priority < head.priority
                     ORDER BY project_id, priority DESC, engine, available_at, task_id LIMIT 1)
                    UNION ALL
                    (SELECT project_id, priority, engine, available_at FROM tasks
                     WHERE status IN ('pending', 'retrying') AND waiting_on = 0 AND project_id > head.project_id
                     ORDER BY project_id, priority DESC, engine, available_at, task_id LIMIT 1)
                    LIMIT 1
                ) AS next
            ), walked AS MATERIALIZED (
                SELECT * FROM head LIMIT \(Self.backlogHeads)
            ), due AS MATERIALIZED (
                SELECT w.*, chorus_max_concurrency(p.settings) AS cap, \(Self.backlogCounted) / count(*) OVER () AS share
                FROM walked w JOIN projects p USING (project_id) WHERE p.status = 'active' AND w.available_at <= now()
            )
            SELECT coalesce(d.priority, \(TaskPriority.standard)), sum(counted.tasks)::bigint, sum(least(counted.tasks, d.cap))::bigint,
                extract(epoch FROM now() - min(d.available_at))::float8
            FROM due d CROSS JOIN LATERAL (
                SELECT count(*) AS tasks FROM (
                    SELECT FROM tasks t
                    WHERE t.status IN ('pending', 'retrying') AND t.waiting_on = 0 AND t.project_id = d.project_id
                        AND t.priority = d.priority AND t.engine = d.engine AND t.available_at <= now()
                    ORDER BY t.project_id, t.priority DESC, t.engine, t.available_at, t.task_id LIMIT d.share
                ) AS waiting
            ) AS counted
            GROUP BY 1
            """
        ) { try $0.decode(Int.self, Int.self, Int.self, Double?.self) }
    }

    /// Queues and slots bound what is read. Index: `idx_tasks_in_flight`.
    private func inFlightByPriority() async throws -> [(priority: Int, inQueue: Int, processing: Int, oldest: Double?)] {
        try await database.query(
            """
            SELECT coalesce(priority, \(TaskPriority.standard)), count(*) FILTER (WHERE status = 'in_queue'),
                count(*) FILTER (WHERE status = 'processing'),
                extract(epoch FROM now() - min(available_at) FILTER (WHERE status = 'in_queue'))::float8
            FROM tasks WHERE status IN ('in_queue', 'processing') GROUP BY 1
            """
        ) { try $0.decode(Int.self, Int.self, Int.self, Double?.self) }
    }

    /// Tasks a second that workers ended, over the last minutes in which any was. Indexes: `idx_project_counts_minute`; what is not folded
    /// yet is read wholly.
    private func pace() async throws -> Double {
        try await database.query(
            """
            SELECT coalesce(sum(number) / greatest(10, extract(epoch FROM clock_timestamp() - min(minute))), 0)::float8 FROM (
                SELECT minute, number FROM project_counts
                WHERE subject = 'minute' AND status IN ('completed', 'failed')
                    AND minute > date_trunc('minute', now()) - \(Self.paceMinutes) * interval '1 minute'
                UNION ALL
                SELECT date_trunc('minute', made_at), number FROM project_count_changes
                WHERE subject = 'task' AND status IN ('completed', 'failed') AND number > 0
                    AND made_at > date_trunc('minute', now()) - \(Self.paceMinutes - 1) * interval '1 minute'
            ) AS figure
            """
        ) { try $0.decode(Double.self) }.first ?? 0
    }

    /// Workers that are alive, or drain, by status. Index: `idx_workers_alive`.
    public func workersAtWork() async throws -> [String: Int] {
        let rows = try await database.query(
            "SELECT status, count(*) FROM workers WHERE status IN ('alive', 'draining') GROUP BY status"
        ) { try $0.decode(String.self, Int.self) }
        return Dictionary(rows, uniquingKeysWith: { first, _ in first })
    }

    /// When the newest backup that is good was begun, in seconds since 1970; nil without one. Index: `idx_backup_metadata_created_at`.
    public func lastBackupTime() async throws -> Double? {
        try await database.query(
            """
            SELECT extract(epoch FROM created_at)::float8 FROM backup_metadata WHERE status = \(BackupRecord.Status.completed.rawValue)
            ORDER BY created_at DESC LIMIT 1
            """
        ) { try $0.decode(Double.self) }.first
    }
}

extension FleetBacklog {
    fileprivate mutating func note(_ oldest: Double?, priority: Int) {
        guard let oldest else { return }
        let lane = Lane(priority: priority)
        lanes[lane, default: .init()].oldest = max(lanes[lane]?.oldest ?? 0, oldest, 0)
    }
}
