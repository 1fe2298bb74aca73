public import Domain
public import FoundationEssentials
import Postgres

extension Store {
    /// The log behind an entry, whatever project it is about. An entry may be missing between these and come later: see ``EventLogReader``.
    /// Indexes: `event_log_pkey`, `tasks_pkey`.
    public func logEntries(after seq: Int64, limit: Int) async throws -> [LogEntry] {
        try await database.query(
            """
            WITH page AS MATERIALIZED (SELECT * FROM event_log WHERE seq > \(seq) ORDER BY seq LIMIT \(limit))
            \(unescaped: Self.told)
            """, LogEntry.init)
    }

    /// The events of a project behind one and up to another, the oldest first, where all of them are settled. Indexes:
    /// `idx_event_log_project`, `tasks_pkey`.
    public func events(ofProject id: UUID, after seq: Int64, through last: Int64, limit: Int) async throws -> [LogEntry] {
        try await database.query(
            """
            WITH page AS MATERIALIZED (
                SELECT * FROM event_log WHERE project_id = \(id) AND seq > \(seq) AND seq <= \(last) ORDER BY seq LIMIT \(limit))
            \(unescaped: Self.told)
            """, LogEntry.init)
    }

    /// The same of one task. Indexes: `idx_event_log_task`, `tasks_pkey`.
    public func events(ofTask id: UUID, after seq: Int64, through last: Int64, limit: Int) async throws -> [LogEntry] {
        try await database.query(
            """
            WITH page AS MATERIALIZED (
                SELECT * FROM event_log WHERE task_id = \(id) AND seq > \(seq) AND seq <= \(last) ORDER BY seq LIMIT \(limit))
            \(unescaped: Self.told)
            """, LogEntry.init)
    }

    /// The task as it stands, told as the event that brought it there, or nil where it is not there. Its number is that of the last event
    /// of the task that the same view of the database holds, or `position`, where that is higher. Indexes: `tasks_pkey`,
    /// `idx_event_log_task`.
    public func currentState(ofTask id: UUID, notBefore position: Int64) async throws -> EventRecord? {
        try await database.query(
            """
            SELECT greatest(\(position), (SELECT max(seq) FROM event_log WHERE task_id = \(id))), project_id, task_id, status, NULL::text, attempt,
                CASE WHEN status IN ('failed', 'retrying') THEN left(error_message, 2000) END, updated_at, task_type, parent_task_id, metadata, CASE status WHEN 'completed' THEN output_data END
            FROM tasks WHERE task_id = \(id)
            """, LogEntry.init
        ).first?.event
    }

    /// What readers are told of the entries of `page`, as many of them as keep to a megabyte of outputs, one at least: what is read lies in
    /// memory. A short value is no longer than it is stored; others are measured, since they may be compressed to little.
    private static let told = """
        SELECT \(LogEntry.columns)
        FROM (
            SELECT page.*, sum(
                CASE
                    WHEN page.event <> 'completed' OR o.output_data IS NULL THEN 0
                    WHEN pg_column_size(o.output_data) < 1000 THEN 1000
                    ELSE octet_length(o.output_data::text) END)
                OVER (ORDER BY page.seq ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bytes_before
            FROM page LEFT JOIN tasks o ON o.task_id = page.task_id
        ) AS e
        LEFT JOIN tasks t ON t.task_id = e.task_id
        WHERE coalesce(e.bytes_before, 0) < 1048576
        ORDER BY e.seq
        """
}
