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
    /// A task that exists already; the parent of a nested task is the one around it.
    public var parentID: UUID?
    /// Its stage among its siblings: lower ones run first.
    public var executionOrder: Int?
    public var onChildFailure: ChildFailurePolicy
    /// Nested tasks, which are accepted with it; nil where nothing was said of children.
    public var children: [NewTask]?
    /// Where it stood in the body of its request.
    public var pointer: String
    /// What it is expected to cost: the measure in which projects share the workers.
    public var estimatedTokens: Int { TokenEstimate.tokens(input, type: type) }
    /// The one engine that it names, as ``TaskEngine`` says it.
    public var engine: String { TaskEngine.named(by: input, type: type) }

    /// Reads one task of `POST /v1/projects/{id}/tasks`; `pointer` is where it stands in the body.
    public init(reading body: JSONValue, at pointer: String = "", knownEngines: EngineNames) throws(Problem) {
        try self.init(reading: body, at: pointer, level: 1, knownEngines: knownEngines)
    }

    /// `level` counts the tasks around it in the body, and itself.
    init(reading body: JSONValue, at pointer: String, level: Int, knownEngines: EngineNames) throws(Problem) {
        var fields = try FieldReader(reading: body, at: pointer)
        fields.require("task_type")
        let type = fields.oneOf("task_type", TaskType.allCases.map(\.rawValue)).flatMap(TaskType.init)
        if type != .group { fields.require("input_data") }
        priority = fields.integer("priority", in: TaskPriority.range) ?? TaskPriority.standard
        maxRetries = fields.integer("max_retries", in: 0...100) ?? 3
        deadline = fields.date("deadline")
        availableAt = fields.date("available_at")
        metadata = fields.object("metadata")
        parentID = fields.uuid("parent_task_id")
        if level > 1, parentID != nil { fields.fail("parent_task_id", "cannot be given here: the parent is the task around this one") }
        executionOrder = fields.integer("execution_order", in: FamilyLimits.stages)
        onChildFailure =
            fields.oneOf("on_child_failure", ChildFailurePolicy.allCases.map(\.rawValue)).flatMap(ChildFailurePolicy.init) ?? .fail
        // Before its children, so that a parent's id sorts before theirs.
        id = .v7()
        self.pointer = pointer
        self.type = type?.rawValue ?? ""
        input = fields.object("input_data") ?? JSONObject()
        children = Self.children(in: &fields, level: level, knownEngines: knownEngines)
        checkInput(of: type, &fields, knownEngines)
        fields.finish()
        guard fields.errors.isEmpty else { throw .invalid(fields.errors) }
    }

    private func checkInput(of type: TaskType?, _ fields: inout FieldReader, _ knownEngines: EngineNames) {
        guard fields.object["input_data"]?.objectValue != nil else { return }
        if type == .group {
            if !input.isEmpty { fields.fail("input_data", "must be empty: a group has no call of its own") }
            return
        }
        var reader = FieldReader(input, at: fields.pointer(to: "input_data"))
        if type == .embedding {
            EmbeddingInput.check(&reader, knownEngines: knownEngines)
        } else {
            ChatInput.check(&reader, knownEngines: knownEngines)
        }
        fields.append(reader.errors)
        checkTemplates(&fields)
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
    /// Vectors for texts.
    case embedding
    /// No call of its own: it completes when its children have ended.
    case group
}
