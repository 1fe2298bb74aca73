import Postgres

/// The laws of accounts and projects, each over all of them.
extension VerificationQueries {
    static func ofProjects(idLimit: Int) -> [(Law, PostgresQuery)] {
        [
            (.quotasAreCounted, quotasAreCounted(idLimit)), (.meteredIsExact, meteredIsExact(idLimit)),
            (.countsAreExact, countsAreExact(idLimit)),
        ]
    }

    /// Indexes: none, for everything is counted.
    private static func countsAreExact(_ idLimit: Int) -> PostgresQuery {
        """
        WITH figures AS (
            SELECT project_id, subject, status, engine, sum(number) AS number, sum(tokens) AS tokens, sum(cost) AS cost,
                sum(duration) AS duration, sum(rating) AS rating
            FROM (
                SELECT project_id, subject, status, engine, number, tokens, cost, duration, rating FROM project_counts
                WHERE subject <> 'minute'
                UNION ALL
                SELECT project_id, subject, status, engine, number, tokens, cost, duration, rating FROM project_count_changes
                UNION ALL
                SELECT project_id, subject, status, engine, -number, -tokens, -cost, -duration, -rating FROM project_true_counts
            ) AS all_of_them
            GROUP BY project_id, subject, status, engine
        )
        SELECT project_id, count(*) OVER () FROM (
            SELECT DISTINCT project_id FROM figures WHERE (number, tokens, cost, duration, rating) <> (0, 0, 0, 0, 0)
        ) AS wrong
        ORDER BY project_id LIMIT \(idLimit)
        """
    }

    /// Indexes: `idx_projects_user_id`, `idx_tasks_project_id`, `idx_results_task_id`.
    private static func quotasAreCounted(_ idLimit: Int) -> PostgresQuery {
        """
        WITH bounded AS (
            SELECT q.quota_id, q.quota_type, q.counted_since, p.project_id
            FROM usage_quotas q JOIN projects p ON p.user_id = q.user_id AND (q.project_id IS NULL OR q.project_id = p.project_id)
            WHERE q.counted_since IS NOT NULL
        ), counted AS (
            SELECT b.quota_id, count(*)::numeric AS number
            FROM bounded b JOIN tasks t USING (project_id)
            WHERE b.quota_type = 'tasks' AND t.created_at >= b.counted_since GROUP BY b.quota_id
            UNION ALL
            SELECT b.quota_id,
                sum(CASE b.quota_type WHEN 'tokens' THEN chorus_tokens(r.token_usage) ELSE chorus_cost(r.token_usage) END)
            FROM bounded b JOIN tasks t USING (project_id) JOIN results r USING (task_id)
            WHERE b.quota_type <> 'tasks' AND r.created_at >= b.counted_since GROUP BY b.quota_id
        )
        SELECT q.quota_id, count(*) OVER ()
        FROM usage_quotas q LEFT JOIN counted c USING (quota_id)
        WHERE q.current_usage <> CASE WHEN q.counted_since IS NULL THEN 0 ELSE coalesce(c.number, 0) + q.pruned_usage END
        ORDER BY q.quota_id LIMIT \(idLimit)
        """
    }

    /// Indexes: `idx_usage_quotas_subject`, `idx_usage_quotas_project_id`.
    private static func meteredIsExact(_ idLimit: Int) -> PostgresQuery {
        """
        SELECT p.project_id, count(*) OVER () FROM projects p
        WHERE p.metered <> (
            EXISTS (SELECT FROM usage_quotas q WHERE q.user_id = p.user_id AND q.project_id IS NULL)
            OR EXISTS (SELECT FROM usage_quotas q WHERE q.project_id = p.project_id))
        ORDER BY p.project_id LIMIT \(idLimit)
        """
    }
}
