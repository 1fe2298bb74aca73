public import FoundationEssentials

/// Who makes a request, and by which credential.
public struct Principal: Sendable, Hashable {
    public enum Credential: Sendable, Hashable {
        /// An API key: its id, and what it was narrowed to.
        case key(UUID, KeyPermissions)
        /// A login's session: it may what its user may.
        case session(UUID)
    }

    public var userID: UUID
    public var credential: Credential
    /// The account administers Chorus (`accounts.account_type`). That opens nobody's projects.
    public var isAdmin: Bool

    public init(userID: UUID, credential: Credential, isAdmin: Bool = false) {
        self.userID = userID
        self.credential = credential
        self.isAdmin = isAdmin
    }

    /// A user with a key that may everything.
    public init(userID: UUID, keyID: UUID) {
        self.init(userID: userID, credential: .key(keyID, .everything))
    }

    /// The API key that was shown, where it was one.
    public var keyID: UUID? { if case .key(let id, _) = credential { id } else { nil } }

    public var permissions: KeyPermissions { if case .key(_, let permissions) = credential { permissions } else { .everything } }
}
