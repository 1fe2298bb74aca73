public import Domain
import FoundationEssentials
import Postgres

/// A row of `event_log`.
public struct LogEntry: Sendable, Hashable {
    public var seq: Int64
    /// nil where a newer release wrote a word that this one does not know: to be passed over.
    public var event: EventRecord?
}

extension LogEntry {
    /// Of `event_log e` with `tasks t` beside it.
    static let columns = """
        e.seq, e.project_id, e.task_id, e.event, e.status_from, e.attempt, e.reason, e.at, t.task_type, t.parent_task_id, t.metadata, \
        CASE e.event WHEN 'completed' THEN t.output_data END AS output_data
        """

    init(_ row: PostgresRow) throws {
        var columns = row.columns
        try self.init(&columns)
    }

    init(_ columns: inout PostgresColumns) throws {
        seq = try columns.next()
        let projectID = try columns.next(as: UUID.self)
        let taskID = try columns.next(as: UUID?.self)
        let word = try columns.next(as: String.self)
        let statusFrom = try columns.next(as: String?.self)
        let attempt = try columns.next(as: Int?.self) ?? 0
        let reason = try columns.next(as: String?.self)
        let at = try columns.next(as: Date.self)
        guard let name = EventName(rawValue: "\(taskID == nil ? "project" : "task").\(word)") else { return }
        var record = EventRecord(seq: seq, name: name, at: at, projectID: projectID, statusFrom: statusFrom, reason: reason, task: nil)
        if let taskID {
            record.task = EventRecord.TaskPart(
                id: taskID, attempt: attempt, type: try columns.next(), parentID: try columns.next(),
                metadata: try columns.next(as: JSONB?.self)?.text, output: try columns.next(as: JSONB?.self)?.text)
        }
        event = record
    }
}
