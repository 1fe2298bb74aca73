public import FoundationEssentials

/// A row of `tasks`.
public struct TaskRecord: Sendable, Hashable {
    public var id: UUID
    public var projectID: UUID
    public var userID: UUID
    public var type: String
    public var priority: Int
    public var status: TaskStatus
    public var input: JSONValue
    public var output: JSONValue?
    public var errorMessage: String?
    public var createdAt: Date
    public var updatedAt: Date
    public var startedAt: Date?
    public var completedAt: Date?
    public var deadline: Date?
    public var availableAt: Date
    public var assignedWorkerID: UUID?
    /// How often a worker has claimed it.
    public var attempt: Int
    public var retryCount: Int
    public var maxRetries: Int
    public var parentTaskID: UUID?
    public var executionOrder: Int?
    public var metadata: JSONValue?
    /// What it waits for before it can run: its unfinished children, an earlier stage of its siblings, its first child.
    public var waitingOn: Int
    public var onChildFailure: ChildFailurePolicy
    /// How many children it was given.
    public var childCount: Int

    public init(
        id: UUID, projectID: UUID, userID: UUID, type: String, priority: Int, status: TaskStatus, input: JSONValue, output: JSONValue?,
        errorMessage: String?, createdAt: Date, updatedAt: Date, startedAt: Date?, completedAt: Date?, deadline: Date?, availableAt: Date,
        assignedWorkerID: UUID?, attempt: Int, retryCount: Int, maxRetries: Int, parentTaskID: UUID?, executionOrder: Int?,
        metadata: JSONValue?, waitingOn: Int, onChildFailure: ChildFailurePolicy, childCount: Int
    ) {
        self.id = id
        self.projectID = projectID
        self.userID = userID
        self.type = type
        self.priority = priority
        self.status = status
        self.input = input
        self.output = output
        self.errorMessage = errorMessage
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.startedAt = startedAt
        self.completedAt = completedAt
        self.deadline = deadline
        self.availableAt = availableAt
        self.assignedWorkerID = assignedWorkerID
        self.attempt = attempt
        self.retryCount = retryCount
        self.maxRetries = maxRetries
        self.parentTaskID = parentTaskID
        self.executionOrder = executionOrder
        self.metadata = metadata
        self.waitingOn = waitingOn
        self.onChildFailure = onChildFailure
        self.childCount = childCount
    }

    public var json: JSONValue {
        .object([
            "task_id": .string(id.text),
            "project_id": .string(projectID.text),
            "user_id": .string(userID.text),
            "task_type": .string(type),
            "priority": .number(JSONNumber(priority)),
            "status": .string(status.rawValue),
            "input_data": input,
            "output_data": output ?? .null,
            "error_message": JSONValue(errorMessage),
            "created_at": JSONValue(createdAt),
            "updated_at": JSONValue(updatedAt),
            "started_at": JSONValue(startedAt),
            "completed_at": JSONValue(completedAt),
            "deadline": JSONValue(deadline),
            "available_at": JSONValue(availableAt),
            "assigned_worker_id": JSONValue(assignedWorkerID),
            "attempt": .number(JSONNumber(attempt)),
            "retry_count": .number(JSONNumber(retryCount)),
            "max_retries": .number(JSONNumber(maxRetries)),
            "parent_task_id": JSONValue(parentTaskID),
            "execution_order": JSONValue(executionOrder),
            "metadata": metadata ?? .null,
            "waiting_on": .number(JSONNumber(waitingOn)),
            "on_child_failure": .string(onChildFailure.rawValue),
            "children": .number(JSONNumber(childCount)),
        ])
    }
}
