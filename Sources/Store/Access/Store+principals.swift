public import Domain
public import FoundationEssentials
import Postgres

/// Whose session a token names, and the key that it must be signed with.
public struct SessionStanding: Sendable, Hashable {
    public var principal: Principal
    /// Ed25519, 32 bytes.
    public var publicKey: [UInt8]
}

extension Store {
    /// Who holds this key; nil where it is unknown, revoked or expired, or its account is not active. Index: `api_keys_api_key_key`.
    public func principal(of key: APIKey) async throws -> Principal? {
        let rows = try await database.query(
            """
            SELECT a.user_id, k.key_id, k.permissions, coalesce(a.account_type = 'admin', false)
            FROM api_keys k JOIN accounts a USING (user_id)
            WHERE k.api_key = \(key.digest) AND k.status = 'active' AND a.status = 'active'
                AND (k.expires_at IS NULL OR k.expires_at > now())
            """
        ) { row in
            var columns = row.columns
            let (userID, keyID) = (try columns.next(as: UUID.self), try columns.next(as: UUID.self))
            let permissions = KeyPermissions(stored: try columns.nextOptionalJSON())
            return Principal(userID: userID, credential: .key(keyID, permissions), isAdmin: try columns.next())
        }
        return rows.first
    }

    /// What a token that names these is held against; nil where the signing key is unknown or expired, the session unknown, ended or
    /// another's, or the account not active. Indexes: `session_signing_keys_pkey`, `sessions_pkey`, `accounts_pkey`.
    public func standing(of claims: SessionClaims, signedWith keyID: UUID) async throws -> SessionStanding? {
        let rows = try await database.query(
            """
            SELECT a.user_id, s.session_id, coalesce(a.account_type = 'admin', false), k.public_key
            FROM sessions s JOIN accounts a USING (user_id) CROSS JOIN session_signing_keys k
            WHERE s.session_id = \(claims.sessionID) AND s.user_id = \(claims.userID) AND s.revoked_at IS NULL AND s.expires_at > now()
                AND a.status = 'active' AND k.key_id = \(keyID) AND k.expires_at > now()
            """
        ) { row in
            var columns = row.columns
            let (userID, sessionID) = (try columns.next(as: UUID.self), try columns.next(as: UUID.self))
            let principal = Principal(userID: userID, credential: .session(sessionID), isAdmin: try columns.next())
            return SessionStanding(principal: principal, publicKey: try columns.next())
        }
        return rows.first
    }

    /// Whether the user has this key, and it works. Index: `api_keys_pkey`.
    public func isActiveKey(_ keyID: UUID, of userID: UUID) async throws -> Bool {
        let rows = try await database.query(
            """
            SELECT true FROM api_keys
            WHERE key_id = \(keyID) AND user_id = \(userID) AND status = 'active' AND (expires_at IS NULL OR expires_at > now())
            """
        ) { try $0.decode(Bool.self) }
        return !rows.isEmpty
    }
}
