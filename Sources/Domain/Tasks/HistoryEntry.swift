public import FoundationEssentials

/// A row of `task_history`: one move of a task.
public struct HistoryEntry: Sendable, Hashable {
    public var id: UUID
    public var taskID: UUID
    /// nil for the task's acceptance.
    public var from: TaskStatus?
    public var to: TaskStatus
    public var changedAt: Date
    /// A user or a worker; nil for Chorus itself.
    public var changedBy: UUID?
    public var reason: String?

    public init(id: UUID, taskID: UUID, from: TaskStatus?, to: TaskStatus, changedAt: Date, changedBy: UUID?, reason: String?) {
        self.id = id
        self.taskID = taskID
        self.from = from
        self.to = to
        self.changedAt = changedAt
        self.changedBy = changedBy
        self.reason = reason
    }

    public var json: JSONValue {
        .object([
            "history_id": .string(id.text),
            "task_id": .string(taskID.text),
            "status_from": JSONValue(from?.rawValue),
            "status_to": .string(to.rawValue),
            "changed_at": JSONValue(changedAt),
            "changed_by": JSONValue(changedBy),
            "reason": JSONValue(reason),
        ])
    }
}
