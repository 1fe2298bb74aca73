public import FoundationEssentials

/// An active row of `project_members`, with whose it is.
public struct MemberRecord: Sendable, Hashable {
    public var userID: UUID
    public var email: String
    public var fullName: String?
    public var role: ProjectRole
    public var joinedAt: Date

    public init(userID: UUID, email: String, fullName: String?, role: ProjectRole, joinedAt: Date) {
        self.userID = userID
        self.email = email
        self.fullName = fullName
        self.role = role
        self.joinedAt = joinedAt
    }

    public var json: JSONValue {
        [
            "user_id": .string(userID.text),
            "email": .string(email),
            "full_name": JSONValue(fullName),
            "role": .string(role.rawValue),
            "joined_at": JSONValue(joinedAt),
        ]
    }
}
