public import FoundationEssentials

/// A row of `projects`.
public struct ProjectRecord: Sendable, Hashable {
    public var id: UUID
    public var userID: UUID
    public var name: String
    public var description: String?
    /// The id of the API key that it belongs to; never the key.
    public var apiKeyID: UUID
    public var status: ProjectStatus
    public var priority: Int
    public var createdAt: Date
    public var updatedAt: Date
    public var deadline: Date?
    public var metadata: JSONValue?
    public var settings: JSONValue?

    public init(
        id: UUID, userID: UUID, name: String, description: String?, apiKeyID: UUID, status: ProjectStatus, priority: Int,
        createdAt: Date, updatedAt: Date, deadline: Date?, metadata: JSONValue?, settings: JSONValue?
    ) {
        self.id = id
        self.userID = userID
        self.name = name
        self.description = description
        self.apiKeyID = apiKeyID
        self.status = status
        self.priority = priority
        self.createdAt = createdAt
        self.updatedAt = updatedAt
        self.deadline = deadline
        self.metadata = metadata
        self.settings = settings
    }

    public var json: JSONValue {
        .object([
            "project_id": .string(id.text),
            "user_id": .string(userID.text),
            "project_name": .string(name),
            "project_description": JSONValue(description),
            "api_key": .string(apiKeyID.text),
            "status": .string(status.rawValue),
            "priority": .number(JSONNumber(priority)),
            "created_at": JSONValue(createdAt),
            "updated_at": JSONValue(updatedAt),
            "deadline": JSONValue(deadline),
            "metadata": metadata ?? .null,
            "settings": settings ?? .null,
        ])
    }
}
