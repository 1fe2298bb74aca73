public import FoundationEssentials

/// Who makes a request.
public struct Principal: Sendable, Hashable {
    public var userID: UUID
    /// The API key that was shown.
    public var keyID: UUID

    public init(userID: UUID, keyID: UUID) {
        self.userID = userID
        self.keyID = keyID
    }
}
