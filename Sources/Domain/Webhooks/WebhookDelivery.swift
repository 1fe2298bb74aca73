public import FoundationEssentials

/// What became of one event for one address.
public enum WebhookDeliveryStatus: String, Sendable, Hashable, CaseIterable {
    /// Waits for its first or next attempt. Can transition to `delivered`, `failed`.
    case pending
    /// The receiver took it. Can transition to `pending`, by a person.
    case delivered
    /// Given up. Can transition to `pending`, by a person.
    case failed
}

/// A row of `webhook_deliveries`, without its body.
public struct WebhookDelivery: Sendable, Hashable {
    public var id: UUID
    public var projectID: UUID
    public var url: String
    public var seq: Int64
    public var event: String
    public var taskID: UUID?
    public var status: WebhookDeliveryStatus
    public var attempts: Int
    /// While it is pending.
    public var nextAttemptAt: Date
    /// Of the last attempt; nil where there was no answer.
    public var responseStatus: Int?
    public var error: String?
    public var createdAt: Date
    public var deliveredAt: Date?

    public init(
        id: UUID, projectID: UUID, url: String, seq: Int64, event: String, taskID: UUID?, status: WebhookDeliveryStatus, attempts: Int,
        nextAttemptAt: Date, responseStatus: Int?, error: String?, createdAt: Date, deliveredAt: Date?
    ) {
        self.id = id
        self.projectID = projectID
        self.url = url
        self.seq = seq
        self.event = event
        self.taskID = taskID
        self.status = status
        self.attempts = attempts
        self.nextAttemptAt = nextAttemptAt
        self.responseStatus = responseStatus
        self.error = error
        self.createdAt = createdAt
        self.deliveredAt = deliveredAt
    }

    public var json: JSONValue {
        .object([
            "delivery_id": .string(id.text),
            "project_id": .string(projectID.text),
            "url": .string(url),
            "seq": .number(JSONNumber(Int(clamping: seq))),
            "event": .string(event),
            "task_id": JSONValue(taskID),
            "status": .string(status.rawValue),
            "attempts": .number(JSONNumber(attempts)),
            "next_attempt_at": status == .pending ? JSONValue(nextAttemptAt) : .null,
            "response_status": JSONValue(responseStatus),
            "error": JSONValue(error),
            "created_at": JSONValue(createdAt),
            "delivered_at": JSONValue(deliveredAt),
        ])
    }
}
