import Domain
public import FoundationEssentials
import Postgres

extension Store {
    /// The projects, priorities and engines with tasks that wait, from `start` on.
    ///
    /// A loose index scan, whose cost is the number of entries (`limit` at the most, or one project's), not the length of the backlog: the
    /// first task of an entry says when anything of it may run, and what a capped project has in flight is counted up to its cap.
    /// Indexes: `idx_tasks_backlog`, `projects_pkey` (the inner limit keeps the planner at it), `idx_tasks_in_flight`.
    public func backlog(from start: UUID?, limit: Int) async throws -> Backlog {
        var limit = limit
        while true {
            let entries = try await database.query(Self.backlogQuery(from: start, limit: limit), BacklogEntry.init)
            if let backlog = Backlog(walked: entries, limit: limit) { return backlog }
            // One project alone fills the look: its priorities and engines are bounded, and belong together.
            limit *= 4
        }
    }

    private static func backlogQuery(from start: UUID?, limit: Int) -> PostgresQuery {
        """
        WITH RECURSIVE head AS (
            (SELECT project_id, priority, engine, available_at, estimated_tokens FROM tasks
             WHERE status IN ('pending', 'retrying') AND waiting_on = 0
                AND project_id > coalesce(\(start), '00000000-0000-0000-0000-000000000000')
             ORDER BY project_id, priority DESC, engine, available_at, task_id LIMIT 1)
            UNION ALL
            SELECT next.* FROM head CROSS JOIN LATERAL (
                (SELECT project_id, priority, engine, available_at, estimated_tokens FROM tasks
                 WHERE status IN ('pending', 'retrying') AND waiting_on = 0 AND project_id = head.project_id AND priority = head.priority
                    AND engine > head.engine
                 ORDER BY project_id, priority DESC, engine, available_at, task_id LIMIT 1)
                UNION ALL
                (SELECT project_id, priority, engine, available_at, estimated_tokens FROM tasks
                 WHERE status IN ('pending', 'retrying') AND waiting_on = 0 AND project_id = head.project_id AND priority < head.priority
                 ORDER BY project_id, priority DESC, engine, available_at, task_id LIMIT 1)
                UNION ALL
                (SELECT project_id, priority, engine, available_at, estimated_tokens FROM tasks
                 WHERE status IN ('pending', 'retrying') AND waiting_on = 0 AND project_id > head.project_id
                 ORDER BY project_id, priority DESC, engine, available_at, task_id LIMIT 1)
                LIMIT 1
            ) AS next
        ), walked AS MATERIALIZED (
            SELECT * FROM head LIMIT \(limit)
        )
        SELECT w.project_id, coalesce(w.priority, \(TaskPriority.standard)), w.engine,
            nullif(chorus_needed_engine(w.engine, p.settings, fleet.engine), \(TaskEngine.several)),
            coalesce(p.priority, \(ProjectPriority.standard)), w.estimated_tokens,
            cap.cap - (
                SELECT count(*) FROM (
                    SELECT FROM tasks t WHERE t.project_id = p.project_id AND t.status IN ('in_queue', 'processing') LIMIT cap.cap
                ) AS in_flight WHERE cap.cap IS NOT NULL),
            (extract(epoch FROM w.available_at) - extract(epoch FROM now()))::float8, p.status = 'active', p.metered
        FROM walked w
            CROSS JOIN LATERAL (SELECT * FROM projects WHERE project_id = w.project_id LIMIT 1) AS p
            CROSS JOIN LATERAL (SELECT chorus_max_concurrency(p.settings) AS cap) AS cap
            CROSS JOIN (SELECT (SELECT name FROM engines ORDER BY position LIMIT 1) AS engine) AS fleet
        ORDER BY w.project_id, w.priority DESC, w.engine
        """
    }

    /// What the projects have in the queues and with the workers, in estimated tokens; a project without an entry has nothing.
    /// Index: `idx_tasks_in_flight`.
    public func tokensInFlight(of projectIDs: [UUID]) async throws -> [UUID: Int] {
        let rows = try await database.query(
            """
            SELECT project_id, sum(estimated_tokens)::bigint FROM tasks
            WHERE status IN ('in_queue', 'processing') AND project_id = ANY (\(projectIDs)) GROUP BY project_id
            """
        ) { try $0.decode(UUID.self, Int.self) }
        return Dictionary(rows, uniquingKeysWith: { first, _ in first })
    }
}

extension BacklogEntry {
    fileprivate init(_ row: PostgresRow) throws {
        var columns = row.columns
        self.init(
            projectID: try columns.next(), priority: try columns.next(), engine: try columns.next(), neededEngine: try columns.next(),
            weight: try columns.next(), cost: try columns.next(),
            allowance: try columns.next(), dueIn: .seconds(min(max(try columns.next(as: Double.self), -1e9), 1e9)),
            isActive: try columns.next())
        isMetered = try columns.next()
    }
}

extension Backlog {
    /// A full look may have ended within a project: that project's part is left to the next look. nil where there is nothing else.
    fileprivate init?(walked entries: [BacklogEntry], limit: Int) {
        guard entries.count >= limit, let last = entries.last?.projectID else {
            self.init(entries: entries)
            return
        }
        let whole = Array(entries.prefix { $0.projectID != last })
        guard let next = whole.last?.projectID else { return nil }
        self.init(entries: whole, next: next)
    }
}
