import Domain
public import FoundationEssentials
import Postgres

extension Store {
    /// Lets tasks that were paused over a quota wait again, as many as its reset or its new limit has room for, and gives their number.
    ///
    /// Projects are looked at in the order of their ids, at most `projects` of them; `next` is where the next look goes on. One that has many
    /// tasks waiting needs no more of them yet. Indexes: `idx_tasks_over_budget` (its distinct projects by a loose scan),
    /// `idx_tasks_backlog`, and those of `quotaBook`.
    public func resumeParked(from start: UUID?, projects: Int = 100, each: Int = 500) async throws -> (resumed: Int, next: UUID?) {
        let ids = try await database.query(Self.parkedProjects(from: start, limit: projects)) { try $0.decode(UUID.self) }
        let next = ids.count == projects ? ids.last : nil
        var book = try await quotaBook(QuotaType.spending, of: ids)
        let fitting = try await database.query(Self.parkedTasks(of: ids, each: each)) { row in
            var columns = row.columns
            return ParkedTask(id: try columns.next(), projectID: try columns.next(), tokens: try columns.next(), cost: try columns.next())
        }.filter { book.take([.tokens: $0.tokens, .costMicros: $0.cost], of: $0.projectID) == .taken }.map(\.id)
        guard !fitting.isEmpty else { return (0, next) }
        let resumed = try await queryRetryingDeadlocks(
            """
            WITH why AS MATERIALIZED (
                SELECT set_config('chorus.reason', \(Self.withinBudget), true) AS reason
            ), held AS MATERIALIZED (
                SELECT task_id FROM tasks WHERE task_id = ANY (\(fitting)) AND status = 'paused' AND is_over_budget FOR UPDATE SKIP LOCKED
            )
            UPDATE tasks t SET status = 'pending', is_over_budget = FALSE, updated_at = clock_timestamp()
            FROM held, why WHERE t.task_id = held.task_id AND why.reason IS NOT NULL
            RETURNING t.task_id
            """
        ) { try $0.decode(UUID.self) }
        return (resumed.count, next)
    }

    private struct ParkedTask {
        var id: UUID
        var projectID: UUID
        var tokens: Int
        var cost: Int
    }

    private static func parkedProjects(from start: UUID?, limit: Int) -> PostgresQuery {
        """
        WITH RECURSIVE parked AS (
            (SELECT project_id FROM tasks
             WHERE status = 'paused' AND is_over_budget AND project_id > coalesce(\(start), '00000000-0000-0000-0000-000000000000')
             ORDER BY project_id LIMIT 1)
            UNION ALL
            SELECT (SELECT project_id FROM tasks
                    WHERE status = 'paused' AND is_over_budget AND project_id > parked.project_id ORDER BY project_id LIMIT 1)
            FROM parked WHERE parked.project_id IS NOT NULL
        )
        SELECT project_id FROM parked WHERE project_id IS NOT NULL LIMIT \(limit)
        """
    }

    private static func parkedTasks(of projectIDs: [UUID], each: Int) -> PostgresQuery {
        """
        SELECT t.task_id, t.project_id, t.estimated_tokens, \(unescaped: mostCost)
        FROM projects p CROSS JOIN LATERAL (
            SELECT task_id, project_id, priority, engine, estimated_tokens, input_data FROM tasks
            WHERE project_id = p.project_id AND status = 'paused' AND is_over_budget
            ORDER BY project_id, priority DESC, task_id LIMIT \(each)
        ) AS t
        WHERE p.project_id = ANY (\(projectIDs)) AND p.status = 'active' AND NOT EXISTS (
            SELECT FROM (
                SELECT FROM tasks WHERE project_id = p.project_id AND status IN ('pending', 'retrying') AND waiting_on = 0 LIMIT \(each)
            ) AS waiting HAVING count(*) = \(each))
        ORDER BY t.project_id, t.priority DESC, t.task_id
        """
    }
}
