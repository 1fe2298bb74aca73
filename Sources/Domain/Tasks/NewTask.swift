public import FoundationEssentials

/// A task as a caller asks for it, checked.
public struct NewTask: Sendable, Hashable {
    public var id: UUID
    public var type: String
    public var priority: Int
    public var input: JSONObject
    public var maxRetries: Int
    public var deadline: Date?
    /// Not before this time; nil for at once.
    public var availableAt: Date?
    public var metadata: JSONObject?
    /// What it is expected to cost: the measure in which projects share the workers.
    public var estimatedTokens: Int { TokenEstimate.tokens(input) }

    /// Reads one task of `POST /v1/projects/{id}/tasks`; `pointer` is where it stands in the body.
    public init(reading body: JSONValue, at pointer: String = "", knownEngines: EngineNames) throws(Problem) {
        guard let object = body.objectValue else {
            throw .invalid([FieldError(pointer: pointer, detail: "must be an object, not \(body.kind)")])
        }
        var fields = FieldReader(object, at: pointer)
        fields.require("task_type")
        fields.require("input_data")
        let type = fields.oneOf("task_type", TaskType.allCases.map(\.rawValue))
        priority = fields.integer("priority", in: TaskPriority.range) ?? TaskPriority.standard
        maxRetries = fields.integer("max_retries", in: 0...100) ?? 3
        deadline = fields.date("deadline")
        availableAt = fields.date("available_at")
        metadata = fields.object("metadata")
        let input = fields.object("input_data")
        if let input {
            var reader = FieldReader(input, at: fields.pointer(to: "input_data"))
            ChatInput.check(&reader, knownEngines: knownEngines)
            fields.append(reader.errors)
        }
        fields.finish()
        guard fields.errors.isEmpty, let type, let input else { throw .invalid(fields.errors) }
        self.type = type
        self.input = input
        id = .v7()
    }

    /// Reads an array of tasks; the problem names every one that is wrong, up to 100 fields.
    public static func list(reading bodies: [JSONValue], knownEngines: EngineNames) throws(Problem) -> [NewTask] {
        var tasks: [NewTask] = []
        tasks.reserveCapacity(bodies.count)
        var errors: [FieldError] = []
        for (index, body) in bodies.enumerated() where errors.count < 100 {
            do throws(Problem) {
                tasks.append(try NewTask(reading: body, at: "/\(index)", knownEngines: knownEngines))
            } catch {
                errors += error.errors
            }
        }
        guard errors.isEmpty else { throw .invalid(errors) }
        return tasks
    }
}

/// What a task asks for.
public enum TaskType: String, Sendable, Hashable, CaseIterable {
    /// A chat completion.
    case chat
}
