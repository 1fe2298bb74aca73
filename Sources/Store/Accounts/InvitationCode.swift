/// What lets somebody register once. Shown once, when it is made; the database holds its digest.
public struct InvitationCode: Sendable, Hashable {
    public let secret: String

    public static func random() -> InvitationCode { InvitationCode(presented: RandomSecret.text(prefix: "chi_")) }

    /// A code that somebody shows, whether there is one or not.
    public init(presented text: String) { secret = text }

    /// What `invitations.code` holds.
    var digest: String { RandomSecret.digest(of: secret) }
}

extension InvitationCode: CustomStringConvertible, CustomDebugStringConvertible {
    public var description: String { "[redacted]" }
    public var debugDescription: String { description }
}
