public import Domain
public import FoundationEssentials
import Postgres

extension Store {
    /// Begins a session of an account, notes its login, and gives what its token is made from; once under the request's key.
    ///
    /// - Parameters:
    ///   - lifetime: seconds.
    ///   - clientAddress: whence it was made; `userAgent` by what, cut to 200 characters.
    /// - Throws: `Problem.accountIsDisabled`. Indexes: `accounts_pkey`.
    public func beginSession(
        of userID: UUID, lifetime: TimeInterval, clientAddress: String?, userAgent: String?, under request: IdempotentRequest? = nil
    ) async throws -> Creation<SessionRecord> {
        let id = UUID.v7()
        let userAgent = userAgent.map { String($0.unicodeScalars.prefix(200).map(Character.init)) }
        return try await once(request, answering: { FirstAnswer(body: JSONValue.object($0.json).text) }) { connection in
            let rows = try connection.query(
                """
                WITH a AS (UPDATE accounts SET last_login = now() WHERE user_id = \(userID) AND status = 'active' RETURNING user_id)
                INSERT INTO sessions (session_id, user_id, expires_at, client_address, user_agent)
                SELECT \(id), a.user_id, now() + make_interval(secs => \(lifetime)), left(\(clientAddress), 45), \(userAgent) FROM a
                RETURNING \(unescaped: SessionRecord.columns)
                """)
            guard let row = rows.first else { throw Problem.accountIsDisabled }
            return try SessionRecord(row)
        }
    }

    /// A session of the user, as long as it lasts. Index: `sessions_pkey`.
    public func session(_ id: UUID, of userID: UUID) async throws -> SessionRecord? {
        try await database.query(
            """
            SELECT \(unescaped: SessionRecord.columns) FROM sessions
            WHERE session_id = \(id) AND user_id = \(userID) AND revoked_at IS NULL AND expires_at > now()
            """, SessionRecord.init
        ).first
    }

    /// The user's sessions that last, newest first. Index: `idx_sessions_user`.
    public func sessions(of userID: UUID, limit: Int, before cursor: PageCursor?) async throws -> Page<SessionRecord> {
        let rows = try await database.query(
            """
            SELECT \(unescaped: SessionRecord.columns) FROM sessions
            WHERE user_id = \(userID) AND revoked_at IS NULL AND expires_at > now()
                AND (\(cursor?.after)::uuid IS NULL OR session_id < \(cursor?.after))
            ORDER BY session_id DESC LIMIT \(limit + 1)
            """, SessionRecord.init)
        return Page(rows, limit: limit, id: \.id)
    }

    /// Ends a session; one that has ended already stays so. Throws a 404 where the user has no such session. Index: `sessions_pkey`.
    public func endSession(_ id: UUID, of userID: UUID) async throws {
        let count = try await database.execute(
            """
            UPDATE sessions SET revoked_at = coalesce(revoked_at, now()) WHERE session_id = \(id) AND user_id = \(userID)
            """)
        guard count == 1 else { throw Problem.notFound("session") }
    }

    /// Lets every gateway check what the key signs.
    ///
    /// - Parameter lifetime: seconds, until the last token that it signs has ended.
    public func publishSigningKey(_ id: UUID, _ publicKey: [UInt8], lifetime: TimeInterval) async throws {
        _ = try await database.execute(
            """
            INSERT INTO session_signing_keys (key_id, algorithm, public_key, expires_at)
            VALUES (\(id), 'EdDSA', \(publicKey), now() + make_interval(secs => \(lifetime)))
            """)
    }

    /// Forgets sessions and signing keys whose time is over, and invitations a month after that; gives the number of sessions. Index:
    /// `idx_sessions_expires_at`; the other tables are small.
    public func forgetSessions(limit: Int) async throws -> Int {
        try await database.pipeline([
            "DELETE FROM session_signing_keys WHERE expires_at < now()",
            "DELETE FROM invitations WHERE expires_at < now() - interval '30 days'",
            """
            DELETE FROM sessions WHERE session_id IN (
                SELECT session_id FROM sessions WHERE expires_at < now() ORDER BY expires_at LIMIT \(limit) FOR UPDATE SKIP LOCKED)
            """,
        ]).last ?? 0
    }
}

extension SessionRecord {
    static let columns = "session_id, user_id, created_at, expires_at, client_address, user_agent"

    init(_ row: PostgresRow) throws {
        var columns = row.columns
        self.init(
            id: try columns.next(), userID: try columns.next(), createdAt: try columns.next(), expiresAt: try columns.next(),
            clientAddress: try columns.next(), userAgent: try columns.next())
    }
}
