public import Domain
import FoundationEssentials
import Postgres

/// Why and how somebody registers.
public struct Registration: Sendable {
    public var account: NewAccount
    public var password: PasswordHash
    /// The request's Idempotency-Key, and what it asked for. The key belongs to the account that it makes: nobody else asks for that one.
    public var idempotency: (key: String, digest: [UInt8])?

    public init(account: NewAccount, password: PasswordHash, idempotency: (key: String, digest: [UInt8])?) {
        self.account = account
        self.password = password
        self.idempotency = idempotency
    }
}

extension Store {
    /// Makes an account for somebody who registers, and uses up their invitation, where they have one. An address to which the invitation
    /// was bound counts as verified.
    ///
    /// - Throws: `Problem.invitationRefused`; `Problem.emailIsTaken`, also where the same request has made it before: see
    ///   `registration(email:key:digest:)`. Indexes: `invitations_code_key`, `accounts_email_key`.
    public func register(_ registration: Registration) async throws -> AccountRecord {
        let (id, new) = (UUID.v7(), registration.account)
        let code = new.invitation.map(InvitationCode.init(presented:))
        do {
            return try await database.transaction { connection in
                let bound = try code.map { try Self.use($0, for: new.email, connection) } ?? false
                let rows = try connection.query(
                    """
                    INSERT INTO accounts (user_id, email, password_hash, full_name, verification_status)
                    VALUES (\(id), \(new.email.text), \(registration.password.text), \(new.fullName), \(bound))
                    RETURNING \(unescaped: AccountRecord.columns)
                    """)
                guard let account = try rows.first.map(AccountRecord.init) else { throw Problem.emailIsTaken }
                if let code { try connection.execute("UPDATE invitations SET used_by = \(id) WHERE code = \(code.digest)") }
                if let (key, digest) = registration.idempotency {
                    let request = IdempotentRequest(key: IdempotencyKey(userID: id, source: .http, text: key), digest: digest)
                    try Self.claim(request, FirstAnswer(location: "/v1/account", body: JSONValue.object(account.json).text), connection)
                }
                return account
            }
        } catch let error as PostgresError where error.saysEmailIsTaken {
            throw Problem.emailIsTaken
        }
    }

    /// Uses up an invitation, and says whether it was bound to the address. Its row stays locked until the transaction ends: a second
    /// registration with it waits, and is refused.
    private static func use(_ code: InvitationCode, for email: EmailAddress, _ connection: isolated PostgresConnection) throws -> Bool {
        let rows = try connection.query(
            """
            UPDATE invitations SET used_at = now()
            WHERE code = \(code.digest) AND used_at IS NULL AND expires_at > now() AND coalesce(email, \(email.text)) = \(email.text)
            RETURNING email IS NOT NULL
            """)
        guard let row = rows.first else { throw Problem.invitationRefused }
        return try row.decode(Bool.self)
    }

    /// What an earlier registration of this address under this key was answered, and the password that it must be shown with; nil where
    /// there was none. Throws a 409 where the key was used for another request. Indexes: `accounts_email_key`, `idempotency_keys_pkey`.
    public func registration(
        of email: EmailAddress, key: String, digest: [UInt8]
    ) async throws -> (answer: RememberedAnswer, password: PasswordRecord)? {
        guard let password = try await password(ofEmail: email.text) else { return nil }
        let request = IdempotentRequest(key: IdempotencyKey(userID: password.userID, source: .http, text: key), digest: digest)
        return try await repetition(of: request).map { ($0, password) }
    }
}
