public import FoundationEssentials

/// A task that somebody wants no more, as a message names it.
public struct TaskCancellation: Sendable, Hashable {
    public var taskID: UUID
    /// For the task's history.
    public var reason: String?

    /// Reads the body of `task.cancel`; everything wrong with it is in the problem.
    public init(reading body: JSONValue) throws(Problem) {
        var fields = try FieldReader(reading: body)
        fields.require("task_id")
        let taskID = fields.uuid("task_id")
        reason = ActionReason.read(from: &fields)
        fields.finish()
        guard fields.errors.isEmpty, let taskID else { throw .invalid(fields.errors) }
        self.taskID = taskID
    }
}
