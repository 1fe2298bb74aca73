public import FoundationEssentials

/// A row of `usage_quotas` as it is at one moment: what may be used in this month, and what is left of it.
public struct Quota: Sendable, Hashable {
    public var id: UUID
    /// Whose account it bounds, or whose project.
    public var userID: UUID
    /// The project whose budget it is; nil for all that the account may use.
    public var projectID: UUID?
    public var type: QuotaType
    public var limit: Int
    /// Accepted, or charged by calls, in this month.
    public var used: Int
    /// What tasks in the queues and with the workers may use besides.
    public var reserved: Int
    /// When the next month begins (UTC).
    public var resetsAt: Date

    public init(
        id: UUID, userID: UUID, projectID: UUID? = nil, type: QuotaType, limit: Int, used: Int = 0, reserved: Int = 0, resetsAt: Date
    ) {
        self.id = id
        self.userID = userID
        self.projectID = projectID
        self.type = type
        self.limit = limit
        self.used = used
        self.reserved = reserved
        self.resetsAt = resetsAt
    }

    /// What may be used before the month ends, if nothing of what is reserved were.
    public var left: Int { max(0, limit - used) }

    /// What may be reserved now.
    public var remaining: Int { max(0, limit - used - reserved) }

    public var json: JSONValue {
        .object([
            "quota_id": .string(id.text),
            "user_id": .string(userID.text),
            "project_id": JSONValue(projectID?.text),
            "quota_type": .string(type.rawValue),
            "monthly_limit": .number(JSONNumber(limit)),
            "current_usage": .number(JSONNumber(used)),
            "reserved": .number(JSONNumber(reserved)),
            "remaining": .number(JSONNumber(remaining)),
            "reset_date": .string(String(RFC3339.text(resetsAt).prefix(10))),
            "resets_at": JSONValue(resetsAt),
        ])
    }
}
