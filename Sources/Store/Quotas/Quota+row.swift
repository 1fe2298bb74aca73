import Domain
import FoundationEssentials
import Postgres

extension Quota {
    /// Of `usage_quotas AS q`, each with a name, as it is at this moment: where the month is over nothing is used yet, whether or not anybody has noted it.
    ///
    /// What is reserved is summed over the tasks in the queues and with the workers: the queues and the slots bound their number.
    /// Indexes: `idx_tasks_in_flight`, `projects_pkey`.
    static let columns = """
        q.quota_id, q.user_id, q.project_id, q.quota_type, q.monthly_limit,
        CASE WHEN chorus_is_due(q.reset_date, q.counted_since) THEN 0 ELSE q.current_usage END AS used,
        CASE WHEN q.quota_type = 'tasks' THEN 0 ELSE (
            SELECT coalesce(sum(CASE q.quota_type WHEN 'tokens' THEN t.estimated_tokens ELSE t.reserved_cost END), 0)::bigint
            FROM tasks t JOIN projects f ON f.project_id = t.project_id
            WHERE t.status IN ('in_queue', 'processing') AND f.user_id = q.user_id AND (q.project_id IS NULL OR f.project_id = q.project_id))
        END AS reserved,
        (CASE WHEN q.reset_date <= (clock_timestamp() AT TIME ZONE 'UTC')::date THEN chorus_next_reset() ELSE q.reset_date END)::timestamp
            AT TIME ZONE 'UTC' AS resets_at
        """

    /// Reads `columns`; others may follow.
    init(_ columns: inout PostgresColumns) throws {
        self.init(
            id: try columns.next(), userID: try columns.next(), projectID: try columns.next(), type: try columns.nextCase(),
            limit: try columns.next(), used: try columns.next(), reserved: try columns.next(), resetsAt: try columns.next())
    }

    init(_ row: PostgresRow) throws {
        var columns = row.columns
        try self.init(&columns)
    }
}
