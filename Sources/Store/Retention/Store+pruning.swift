import Domain
public import FoundationEssentials
import Postgres

/// Ended tasks go when their time is over, with their history, calls and feedback. The figures of their projects and quotas stay: see the
/// migration `retention`.
///
/// A project's tasks are walked in the order of their ids, which is that of their acceptance, so that no index of its own is needed: a task
/// that ended long ago was accepted long ago. A parent and all below it go together, when the last of them has ended long ago.
extension Store {
    /// Whoever prunes holds this advisory lock of its session.
    public static let pruneLock: Int64 = 0x6368_6f72_7573_0021

    /// Projects that have tasks as old as their policy, in the order of their ids, behind `last`. Indexes: `projects_pkey`,
    /// `idx_tasks_project_id`.
    ///
    /// - Parameter days: of projects that say nothing themselves; 0 keeps their tasks for ever.
    public func prunePlans(days: Int, after last: UUID?, limit: Int) async throws -> [PrunePlan] {
        try await database.query(
            """
            SELECT p.project_id, kept.days, cutoff.at
            FROM projects p
                CROSS JOIN LATERAL (SELECT coalesce(chorus_retention_days(p.settings), \(Int32(clamping: days))) AS days) AS kept
                CROSS JOIN LATERAL (
                    SELECT now() - kept.days * interval '1 day' AS at, chorus_uuid_v7(now() - kept.days * interval '1 day') AS id
                ) AS cutoff
                -- One look at the oldest task of each project, whatever the planner believes of them.
                CROSS JOIN LATERAL (
                    SELECT FROM tasks t WHERE t.project_id = p.project_id AND t.task_id < cutoff.id ORDER BY t.task_id LIMIT 1
                ) AS oldest
            WHERE p.project_id > \(last ?? .lowest) AND kept.days > 0
            ORDER BY p.project_id LIMIT \(limit)
            """
        ) { row in
            let (id, days, cutoff) = try row.decode(UUID.self, Int.self, Date.self)
            return PrunePlan(projectID: id, days: days, cutoff: cutoff)
        }
    }

    /// Looks at the next `limit` tasks of the project and removes those whose time is over, in one transaction. Rows that somebody holds
    /// stay for another time. A family that is larger than `limit` goes as a whole all the same.
    ///
    /// Nobody waits for the transaction but who moves, rates or settles the very tasks that go; on others it waits two seconds at the most,
    /// and then fails as retryable. Its commit waits for no disk: undone by a crash, the tasks are there again, and go the next time.
    ///
    /// - Parameters:
    ///   - after: where the walk goes on.
    ///   - archive: takes each task before it goes.
    ///
    /// Indexes: `idx_tasks_project_id`, `tasks_pkey`, `idx_tasks_children`, `idx_results_task_id`, `idx_task_history_task_id`,
    /// `idx_result_feedback_result_id`.
    public func prune(
        _ plan: PrunePlan, after last: UUID?, limit: Int, archive: (any PruneArchive)? = nil
    ) async throws -> PruneBatch {
        try await database.transaction { connection in
            _ = try connection.pipeline([
                "SELECT set_config('chorus.pruning', 'on', true)", "SET LOCAL lock_timeout = '2s'", "SET LOCAL synchronous_commit = off",
            ])
            var selection = try PruneSelection(plan, after: last, limit: limit, connection)
            try selection.hold(connection)
            var batch = PruneBatch()
            batch.next = selection.next
            let ids = selection.ids
            guard !ids.isEmpty else { return batch }
            // Nobody rates or settles a call while it goes.
            try connection.execute("SELECT FROM results WHERE task_id = ANY (\(ids)) FOR UPDATE")
            try archive?.take(ids, connection)
            // Children of a row go before it; figures are kept by triggers that look at the rows above.
            let gone = try connection.pipeline([
                "DELETE FROM result_feedback f USING results r WHERE r.result_id = f.result_id AND r.task_id = ANY (\(ids))",
                "DELETE FROM results WHERE task_id = ANY (\(ids))",
                "DELETE FROM task_history WHERE task_id = ANY (\(ids))",
                "DELETE FROM tasks WHERE task_id = ANY (\(ids))",
            ]).map(\.affectedRows)
            (batch.ratings, batch.calls, batch.history, batch.tasks) = (gone[0], gone[1], gone[2], gone[3])
            return batch
        }
    }

    /// What `prune` would remove, without locks. Indexes: as there.
    public func pruneTrial(_ plan: PrunePlan, after last: UUID?, limit: Int) async throws -> PruneBatch {
        try await database.withConnection { connection in
            var selection = try PruneSelection(plan, after: last, limit: limit, connection)
            try selection.count(connection)
            var batch = PruneBatch()
            batch.next = selection.next
            batch.tasks = selection.ids.count
            return batch
        }
    }

    /// Says in the project's log that tasks of it went.
    public func logPruning(_ plan: PrunePlan, tasks: Int) async throws {
        let metadata: JSONValue = [
            "tasks": .number(JSONNumber(tasks)), "retention_days": .number(JSONNumber(plan.days)), "ended_before": JSONValue(plan.cutoff),
        ]
        try await database.withConnection { connection in
            let owner = try connection.query("SELECT user_id FROM projects WHERE project_id = \(plan.projectID)").first
            guard let owner = try owner?.decode(UUID.self) else { return }
            try Self.log(.tasksPruned, ofProjects: [plan.projectID], by: owner, metadata, connection)
        }
    }

    /// Removes the rows of workers that left or were lost more than so many days ago, `limit` at the most, and gives their number.
    /// Indexes: `idx_tasks_running`; the table itself is small.
    public func forgetWorkers(olderThan days: Int, limit: Int) async throws -> Int {
        try await database.execute(
            """
            DELETE FROM workers WHERE worker_id IN (
                SELECT worker_id FROM workers w
                WHERE status IN ('stopped', 'lost') AND coalesce(stopped_at, heartbeat_at) < now() - \(days) * interval '1 day'
                    AND NOT EXISTS (SELECT FROM tasks t WHERE t.assigned_worker_id = w.worker_id AND t.status = 'processing')
                ORDER BY worker_id LIMIT \(limit) FOR UPDATE SKIP LOCKED)
            """)
    }
}
