public import FoundationEssentials

/// An invitation as an administrator asks for it, checked.
public struct NewInvitation: Sendable, Hashable {
    /// The only address that may use it; nil for any.
    public var email: EmailAddress?
    public var expiresAt: Date

    /// How long one is good for, where nobody says otherwise, and at most: a code in an old letter should open nothing.
    public static let standardLifetime: TimeInterval = 7 * 86_400
    public static let longestLifetime: TimeInterval = 90 * 86_400

    public init(email: EmailAddress?, expiresAt: Date) {
        self.email = email
        self.expiresAt = expiresAt
    }

    /// Reads the body of `POST /v1/invitations`; everything wrong with it is in the problem.
    public init(reading body: JSONValue, at now: Date) throws(Problem) {
        var fields = try FieldReader(reading: body)
        email = fields.email("email")
        expiresAt = fields.date("expires_at") ?? now.addingTimeInterval(Self.standardLifetime)
        if !Self.allows(expiresAt, at: now) { fields.fail("expires_at", "must lie ahead, by 90 days at most") }
        fields.finish()
        guard fields.errors.isEmpty else { throw .invalid(fields.errors) }
    }

    public static func allows(_ date: Date, at now: Date) -> Bool {
        date > now && date <= now.addingTimeInterval(longestLifetime + 60)
    }
}

/// A row of `invitations`, without what it holds of the code.
public struct InvitationRecord: Sendable, Hashable {
    public var id: UUID
    public var email: String?
    public var createdAt: Date
    public var expiresAt: Date
    public var usedAt: Date?
    /// The account that it let in.
    public var usedBy: UUID?

    public init(id: UUID, email: String?, createdAt: Date, expiresAt: Date, usedAt: Date?, usedBy: UUID?) {
        self.id = id
        self.email = email
        self.createdAt = createdAt
        self.expiresAt = expiresAt
        self.usedAt = usedAt
        self.usedBy = usedBy
    }

    public var json: JSONObject {
        [
            "invitation_id": .string(id.text),
            "email": JSONValue(email),
            "created_at": JSONValue(createdAt),
            "expires_at": JSONValue(expiresAt),
            "used_at": JSONValue(usedAt),
            "used_by": JSONValue(usedBy),
        ]
    }
}

extension Problem {
    /// Unknown, used, past its time, or for another address: who guesses learns nothing.
    public static let invitationRefused = Problem.forbidden(
        "This invitation is not valid.",
        errors: [FieldError(pointer: "/invitation", detail: "is unknown, used, expired or for another address")])
}
