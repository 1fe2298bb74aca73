public import FoundationEssentials

/// A row of `accounts`, without the hash of its password.
public struct AccountRecord: Sendable, Hashable {
    public enum Status: String, Sendable, Hashable, CaseIterable {
        case active
        /// Neither it nor its keys and sessions may do anything, until an operator enables it again.
        case disabled
    }

    public enum Kind: String, Sendable, Hashable, CaseIterable {
        case standard
        /// Administers Chorus: its accounts and their quotas. Made by an operator only.
        case admin
    }

    public var id: UUID
    public var email: String
    public var fullName: String?
    public var status: Status
    public var createdAt: Date
    public var lastLogin: Date?
    public var kind: Kind
    /// Somebody vouches that the address is theirs: an operator, or an invitation that was sent there. Only then can others find the
    /// account by its address.
    public var isVerified: Bool

    /// Characters of a name.
    public static let nameLength = 1...100

    public init(
        id: UUID, email: String, fullName: String?, status: Status, createdAt: Date, lastLogin: Date?, kind: Kind, isVerified: Bool
    ) {
        self.id = id
        self.email = email
        self.fullName = fullName
        self.status = status
        self.createdAt = createdAt
        self.lastLogin = lastLogin
        self.kind = kind
        self.isVerified = isVerified
    }

    public var json: JSONObject {
        [
            "user_id": .string(id.text),
            "email": .string(email),
            "full_name": JSONValue(fullName),
            "status": .string(status.rawValue),
            "account_type": .string(kind.rawValue),
            "verification_status": .bool(isVerified),
            "created_at": JSONValue(createdAt),
            "last_login": JSONValue(lastLogin),
        ]
    }
}
