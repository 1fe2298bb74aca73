public import Domain
public import FoundationEssentials
import Postgres

/// What a login is held against.
public struct PasswordRecord: Sendable, Hashable {
    public var userID: UUID
    /// nil where the account's cannot be read: nobody can log in with it.
    public var hash: PasswordHash?
    public var status: AccountRecord.Status
}

extension Store {
    /// The password of the account with this address; nil where there is none. Index: `accounts_email_key`.
    public func password(ofEmail email: String) async throws -> PasswordRecord? {
        try await database.query(
            "SELECT user_id, password_hash, status FROM accounts WHERE email = lower(\(email))", PasswordRecord.init
        ).first
    }

    /// The same of the account itself. Index: `accounts_pkey`.
    public func password(of userID: UUID) async throws -> PasswordRecord? {
        try await database.query(
            "SELECT user_id, password_hash, status FROM accounts WHERE user_id = \(userID)", PasswordRecord.init
        ).first
    }

    /// Puts a hash of the same password in the place of another: one that was made anew, at a higher cost. One that somebody has changed
    /// meanwhile stays. Index: `accounts_pkey`.
    public func replace(_ old: PasswordHash, with new: PasswordHash, of userID: UUID) async throws {
        _ = try await database.execute(
            "UPDATE accounts SET password_hash = \(new.text) WHERE user_id = \(userID) AND password_hash = \(old.text)")
    }

    /// Changes the password of an account, and ends its sessions but the one that asks.
    ///
    /// - Throws: a 409 where the password is not `old` any more. Indexes: `accounts_pkey`, `idx_sessions_user`.
    public func changePassword(
        of userID: UUID, from old: PasswordHash, to new: PasswordHash, keeping sessionID: UUID?
    ) async throws {
        try await database.transaction { connection in
            let changed = try connection.execute(
                """
                UPDATE accounts SET password_hash = \(new.text)
                WHERE user_id = \(userID) AND password_hash = \(old.text) AND status = 'active'
                """)
            guard changed == 1 else { throw Problem.conflict("The password was changed at the same moment.") }
            try connection.execute(
                """
                UPDATE sessions SET revoked_at = now()
                WHERE user_id = \(userID) AND revoked_at IS NULL AND session_id IS DISTINCT FROM \(sessionID)
                """)
        }
    }
}

extension Store {
    /// Gives an account another password, as an operator does for somebody who forgot theirs, and ends its sessions. Throws a 404 where
    /// there is no such account. Indexes: `accounts_email_key`, `idx_sessions_user`.
    public func resetPassword(ofAccount email: String, to new: PasswordHash) async throws -> AccountRecord {
        try await database.transaction { connection in
            let rows = try connection.query(
                """
                UPDATE accounts SET password_hash = \(new.text) WHERE email = lower(\(email))
                RETURNING \(unescaped: AccountRecord.columns)
                """)
            guard let account = try rows.first.map(AccountRecord.init) else { throw Problem.notFound("account") }
            try connection.execute("UPDATE sessions SET revoked_at = now() WHERE user_id = \(account.id) AND revoked_at IS NULL")
            return account
        }
    }
}

extension PasswordRecord {
    fileprivate init(_ row: PostgresRow) throws {
        var columns = row.columns
        self.init(userID: try columns.next(), hash: PasswordHash(stored: try columns.next()), status: try columns.nextCase())
    }
}
