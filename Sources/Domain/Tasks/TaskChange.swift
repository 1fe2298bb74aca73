public import FoundationEssentials

/// What a person changes of a task that waits, checked.
public struct TaskChange: Sendable, Hashable {
    public var priority: Int?
    public var deadline: FieldChange<Date>
    public var metadata: FieldChange<JSONObject>

    /// Reads the body of `PATCH /v1/tasks/{id}`; everything wrong with it is in the problem.
    public init(reading body: JSONValue) throws(Problem) {
        var fields = try FieldReader(reading: body)
        priority = fields.replacement("priority") { $0.integer("priority", in: TaskPriority.range) }
        deadline = fields.change("deadline") { $0.date("deadline") }
        metadata = fields.change("metadata") { $0.object("metadata") }
        fields.finish()
        guard fields.errors.isEmpty else { throw .invalid(fields.errors) }
    }
}
