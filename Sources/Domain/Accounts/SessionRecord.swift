public import FoundationEssentials

/// A row of `sessions`: a login, for as long as it lasts.
public struct SessionRecord: Sendable, Hashable {
    public var id: UUID
    public var userID: UUID
    public var createdAt: Date
    public var expiresAt: Date
    /// Where it was made from, for its user to know it again.
    public var clientAddress: String?
    public var userAgent: String?

    public init(id: UUID, userID: UUID, createdAt: Date, expiresAt: Date, clientAddress: String?, userAgent: String?) {
        self.id = id
        self.userID = userID
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.clientAddress = clientAddress
        self.userAgent = userAgent
    }

    public var json: JSONObject {
        [
            "session_id": .string(id.text),
            "created_at": JSONValue(createdAt),
            "expires_at": JSONValue(expiresAt),
            "client_address": JSONValue(clientAddress),
            "user_agent": JSONValue(userAgent),
        ]
    }
}
