public import FoundationEssentials

/// What a session's token says (the registered claims of RFC 7519 §4.1, and `sid` for the session).
public struct SessionClaims: Sendable, Hashable {
    static let issuer = "chorus"
    /// How far another gateway's clock may be ahead.
    static let skew: TimeInterval = 30

    public var userID: UUID
    public var sessionID: UUID
    public var issuedAt: Date
    public var expiresAt: Date

    public init(userID: UUID, sessionID: UUID, issuedAt: Date, expiresAt: Date) {
        self.userID = userID
        self.sessionID = sessionID
        self.issuedAt = issuedAt
        self.expiresAt = expiresAt
    }

    /// Whole seconds: a token ends no later than its session.
    public var json: JSONValue {
        [
            "iss": .string(Self.issuer), "sub": .string(userID.text), "sid": .string(sessionID.text),
            "iat": .number(JSONNumber(Int(issuedAt.timeIntervalSince1970))),
            "exp": .number(JSONNumber(Int(expiresAt.timeIntervalSince1970))),
        ]
    }

    /// nil where they are not exactly those that a gateway writes, or do not hold at this time.
    public init?(reading value: JSONValue, at now: Date) {
        guard let object = value.objectValue, object.count == 5, object["iss"]?.stringValue == Self.issuer,
            let user = object["sub"]?.stringValue.flatMap({ UUID(text: $0) }),
            let session = object["sid"]?.stringValue.flatMap({ UUID(text: $0) }),
            let issued = object["iat"]?.intValue, let expires = object["exp"]?.intValue
        else { return nil }
        self.init(
            userID: user, sessionID: session, issuedAt: Date(timeIntervalSince1970: TimeInterval(issued)),
            expiresAt: Date(timeIntervalSince1970: TimeInterval(expires)))
        guard issuedAt.timeIntervalSince(now) <= Self.skew, now < expiresAt else { return nil }
    }
}
