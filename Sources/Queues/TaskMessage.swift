public import AMQP
public import Domain
public import FoundationEssentials

/// A wake-up for one task: a hint that may be lost, doubled or late. What the task is, and whether it still waits, stands in the database.
public struct TaskMessage: Sendable, Hashable {
    public var taskID: UUID
    public var projectID: UUID
    public var priority: Int
    /// The claims of the task when the message was sent.
    public var attempt: Int

    public init(taskID: UUID, projectID: UUID, priority: Int, attempt: Int) {
        self.taskID = taskID
        self.projectID = projectID
        self.priority = priority
        self.attempt = attempt
    }

    /// Reads the body of a delivery; nil where it is none of ours.
    public init?(body: [UInt8]) {
        guard let json = try? JSONValue(parsing: body),
            let taskID = json["task_id"]?.stringValue.flatMap(UUID.init(text:)),
            let projectID = json["project_id"]?.stringValue.flatMap(UUID.init(text:))
        else { return nil }
        self.init(taskID: taskID, projectID: projectID, priority: json["priority"]?.intValue ?? 0, attempt: json["attempt"]?.intValue ?? 0)
    }

    public var body: [UInt8] {
        JSONValue.object([
            "task_id": .string(taskID.text),
            "project_id": .string(projectID.text),
            "priority": .number(JSONNumber(priority)),
            "attempt": .number(JSONNumber(attempt)),
        ]).serialized()
    }

    public func message(partitioning: Partitioning) -> AMQPMessage {
        let queue = TaskQueue(projectID: projectID, priority: priority, partitioning: partitioning)
        var message = AMQPMessage(exchange: QueueNames.taskExchange, routingKey: QueueNames.routingKey(queue), body: body)
        message.contentType = "application/json"
        message.messageID = taskID.text
        return message
    }
}
