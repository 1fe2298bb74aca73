public import FoundationEssentials

/// A row of `api_keys`, without what it holds of the key itself.
public struct KeyRecord: Sendable, Hashable {
    public enum Status: String, Sendable, Hashable {
        case active
        /// Opens nothing any more, for ever.
        case revoked
    }

    public var id: UUID
    public var userID: UUID
    public var name: String?
    public var status: Status
    public var createdAt: Date
    /// To the minute.
    public var lastUsedAt: Date?
    public var expiresAt: Date?
    public var permissions: KeyPermissions

    public init(
        id: UUID, userID: UUID, name: String?, status: Status, createdAt: Date, lastUsedAt: Date?, expiresAt: Date?,
        permissions: KeyPermissions
    ) {
        self.id = id
        self.userID = userID
        self.name = name
        self.status = status
        self.createdAt = createdAt
        self.lastUsedAt = lastUsedAt
        self.expiresAt = expiresAt
        self.permissions = permissions
    }

    public var json: JSONObject {
        [
            "key_id": .string(id.text),
            "name": JSONValue(name),
            "status": .string(status.rawValue),
            "created_at": JSONValue(createdAt),
            "last_used_at": JSONValue(lastUsedAt),
            "expires_at": JSONValue(expiresAt),
            "permissions": permissions.json ?? .null,
        ]
    }
}
