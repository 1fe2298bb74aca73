public import FoundationEssentials

/// What the log of a project calls what was done (`project_activity_log.activity_type`).
public enum ActivityType: String, Sendable, Hashable, CaseIterable {
    case created
    case updated
    case paused
    case resumed
    case cancelled
    case archived
    case memberAdded = "member_added"
    case memberChanged = "member_changed"
    case memberRemoved = "member_removed"
    case keyCreated = "key_created"
    case keyRevoked = "key_revoked"
    case tasksPruned = "tasks_pruned"

    /// For people who read the log.
    public var description: String {
        switch self {
        case .created: "The project was created."
        case .updated: "The project was changed."
        case .paused: "The project was paused."
        case .resumed: "The project was resumed."
        case .cancelled: "The project was cancelled."
        case .archived: "The project was archived."
        case .memberAdded: "A member was added."
        case .memberChanged: "A member's role was changed."
        case .memberRemoved: "A member was removed."
        case .keyCreated: "An API key for the project was made."
        case .keyRevoked: "An API key of the project was revoked."
        case .tasksPruned: "Tasks were removed, because their time was over."
        }
    }
}

/// A row of `project_activity_log`. Other parts of Chorus, and later releases, write types that are not in ``ActivityType``.
public struct ProjectActivity: Sendable, Hashable {
    public var id: UUID
    public var projectID: UUID
    public var userID: UUID
    /// Of the account, where it is there.
    public var userEmail: String?
    public var type: String
    public var description: String?
    public var createdAt: Date
    public var metadata: JSONValue?

    public init(
        id: UUID, projectID: UUID, userID: UUID, userEmail: String?, type: String, description: String?, createdAt: Date,
        metadata: JSONValue?
    ) {
        self.id = id
        self.projectID = projectID
        self.userID = userID
        self.userEmail = userEmail
        self.type = type
        self.description = description
        self.createdAt = createdAt
        self.metadata = metadata
    }

    public var json: JSONValue {
        .object([
            "log_id": .string(id.text),
            "project_id": .string(projectID.text),
            "user_id": .string(userID.text),
            "user_email": JSONValue(userEmail),
            "activity_type": .string(type),
            "activity_description": JSONValue(description),
            "created_at": JSONValue(createdAt),
            "metadata": metadata ?? .null,
        ])
    }
}
