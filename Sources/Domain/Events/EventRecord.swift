public import FoundationEssentials

/// One entry of the log of events, with what its readers are told of the task or the project.
///
/// Its status, attempt, reason and time are those of the moment; what else it holds does not change, or is final when it is there.
public struct EventRecord: Sendable, Hashable {
    /// The place in the log, which no other event has: rising for each task and project, with gaps.
    public var seq: Int64
    public var name: EventName
    public var at: Date
    public var projectID: UUID
    /// The status before; nil where it was made, and where a reader is told how things stand.
    public var statusFrom: String?
    /// Why, where somebody said so; the error of a task that failed or is tried again.
    public var reason: String?
    /// nil where it is about the project.
    public var task: TaskPart?

    public init(
        seq: Int64, name: EventName, at: Date, projectID: UUID, statusFrom: String?, reason: String?, task: TaskPart?
    ) {
        self.seq = seq
        self.name = name
        self.at = at
        self.projectID = projectID
        self.statusFrom = statusFrom
        self.reason = reason
        self.task = task
    }

    /// What an event tells of its task.
    public struct TaskPart: Sendable, Hashable {
        public var id: UUID
        public var attempt: Int
        /// nil where the task is not there any more.
        public var type: String?
        public var parentID: UUID?
        /// JSON texts on one line, as the database writes them; neither is read on the way.
        public var metadata: String?
        public var output: String?

        public init(id: UUID, attempt: Int, type: String?, parentID: UUID?, metadata: String?, output: String?) {
            self.id = id
            self.attempt = attempt
            self.type = type
            self.parentID = parentID
            self.metadata = metadata
            self.output = output
        }
    }

    /// Appends what readers are given, as compact JSON on one line: fields of the task's or the project's own public form, and
    /// `status_from`, `reason` and `at`. A task's `input_data` is left out: whoever asked has it. `output_data` comes with
    /// `task.completed`.
    public func write(to bytes: inout [UInt8]) {
        var object: JSONObject = [
            "seq": .number(JSONNumber(Int(clamping: seq))), "event": .string(name.rawValue), "at": JSONValue(at),
            "project_id": .string(projectID.text),
        ]
        if let task {
            object["task_id"] = .string(task.id.text)
            object["task_type"] = JSONValue(task.type)
            object["parent_task_id"] = JSONValue(task.parentID)
            object["attempt"] = .number(JSONNumber(task.attempt))
        }
        switch name {
        case .task(let status): object["status"] = .string(status.rawValue)
        case .project(let event): object["status"] = .string(event.status.rawValue)
        }
        object["status_from"] = JSONValue(statusFrom)
        object["reason"] = JSONValue(reason)
        object.write(to: &bytes)
        guard let task else { return }
        bytes.removeLast()
        Self.append("metadata", task.metadata, to: &bytes)
        if case .task(.completed) = name { Self.append("output_data", task.output, to: &bytes) }
        bytes.append(UInt8(ascii: "}"))
    }

    public var json: [UInt8] {
        var bytes: [UInt8] = []
        write(to: &bytes)
        return bytes
    }

    private static func append(_ key: StaticString, _ text: String?, to bytes: inout [UInt8]) {
        bytes.append(contentsOf: ",\"\(key)\":".utf8)
        bytes.append(contentsOf: (text ?? "null").utf8)
    }
}
