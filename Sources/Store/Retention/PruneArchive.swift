import FoundationEssentials
import Postgres

/// Takes tasks before they go.
public protocol PruneArchive: Sendable {
    /// A task as a line of JSON without its end: `{"task": {…}, "history": […], "results": [{…, "feedback": […]}]}`, every column under its
    /// name.
    func append(_ line: String) throws
    /// Returns when all lines are safe: the tasks are removed then.
    func seal() throws
}

extension PruneArchive {
    /// Tasks read by one statement: all that they hold is in memory meanwhile.
    private static var page: Int { 20 }

    /// Takes the tasks with all that hangs on them. Indexes: `tasks_pkey`, `idx_results_task_id`, `idx_task_history_task_id`,
    /// `idx_result_feedback_result_id`.
    func take(_ ids: [UUID], _ connection: isolated PostgresConnection) throws {
        try connection.execute("SET LOCAL TimeZone = 'UTC'")
        var rest = ids[...]
        while !rest.isEmpty {
            let page = Array(rest.prefix(Self.page))
            rest = rest.dropFirst(page.count)
            let lines = try connection.query(
                """
                SELECT jsonb_build_object(
                    'task', to_jsonb(t),
                    'history', coalesce(
                        (SELECT jsonb_agg(to_jsonb(h) ORDER BY h.history_id) FROM task_history h WHERE h.task_id = t.task_id), '[]'),
                    'results', coalesce(
                        (SELECT jsonb_agg(
                            to_jsonb(r) || jsonb_build_object(
                                'feedback', coalesce(
                                    (SELECT jsonb_agg(to_jsonb(f) ORDER BY f.feedback_id) FROM result_feedback f
                                     WHERE f.result_id = r.result_id), '[]'))
                            ORDER BY r.result_id)
                         FROM results r WHERE r.task_id = t.task_id), '[]'))::text
                FROM tasks t WHERE t.task_id = ANY (\(page)) ORDER BY t.task_id
                """)
            for row in lines { try append(row.decode(String.self)) }
        }
        try seal()
    }
}
