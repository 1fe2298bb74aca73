public import Domain
public import FoundationEssentials
import Postgres

extension Store {
    /// What stands for the hash of a password that nobody has: no text has it.
    private static let noPassword = "!"

    /// Makes an account, as an operator does, who vouches for the address. One that is taken is a 409.
    ///
    /// - Parameter password: nil where nobody is to log in: the account of a service, which shows keys.
    public func createAccount(
        email: String, password: PasswordHash?, fullName: String?, type: AccountRecord.Kind = .standard
    ) async throws -> UUID {
        let id = UUID.v7()
        do {
            _ = try await database.execute(
                """
                INSERT INTO accounts (user_id, email, password_hash, full_name, account_type, verification_status)
                VALUES (\(id), lower(\(email)), \(password?.text ?? Self.noPassword), \(fullName), \(type.rawValue), true)
                """)
        } catch let error as PostgresError where error.saysEmailIsTaken {
            throw Problem.emailIsTaken
        }
        return id
    }

    /// The account with this address. Index: `accounts_email_key`.
    public func accountID(email: String) async throws -> UUID? {
        try await database.query("SELECT user_id FROM accounts WHERE email = lower(\(email))") { try $0.decode(UUID.self) }.first
    }

    /// Index: `accounts_pkey`.
    public func account(_ id: UUID) async throws -> AccountRecord? {
        try await database.query("SELECT \(unescaped: AccountRecord.columns) FROM accounts WHERE user_id = \(id)", AccountRecord.init).first
    }

    /// Every account, newest first. Index: `accounts_pkey`.
    public func accounts(limit: Int, before cursor: PageCursor?) async throws -> Page<AccountRecord> {
        let rows = try await database.query(
            """
            SELECT \(unescaped: AccountRecord.columns) FROM accounts
            WHERE \(cursor?.after)::uuid IS NULL OR user_id < \(cursor?.after)
            ORDER BY user_id DESC LIMIT \(limit + 1)
            """, AccountRecord.init)
        return Page(rows, limit: limit, id: \.id)
    }

    /// Disables an account, or enables it again. Its keys and sessions, and what it is a member of, stay as they are. Index:
    /// `accounts_email_key`.
    ///
    /// - Throws: a 404 where there is no such account.
    public func setStatus(_ status: AccountRecord.Status, ofAccount email: String) async throws -> AccountRecord {
        let rows = try await database.query(
            """
            UPDATE accounts SET status = \(status.rawValue) WHERE email = lower(\(email)) RETURNING \(unescaped: AccountRecord.columns)
            """, AccountRecord.init)
        guard let account = rows.first else { throw Problem.notFound("account") }
        return account
    }

    /// Notes that somebody vouches for the account's address. Throws a 404 where there is none. Index: `accounts_email_key`.
    public func verifyAccount(email: String) async throws -> AccountRecord {
        let rows = try await database.query(
            """
            UPDATE accounts SET verification_status = true WHERE email = lower(\(email)) RETURNING \(unescaped: AccountRecord.columns)
            """, AccountRecord.init)
        guard let account = rows.first else { throw Problem.notFound("account") }
        return account
    }

    /// Changes the name of an account. Throws a 401 where the account is not active any more. Index: `accounts_pkey`.
    public func rename(account id: UUID, to name: String?) async throws -> AccountRecord {
        let rows = try await database.query(
            """
            UPDATE accounts SET full_name = \(name) WHERE user_id = \(id) AND status = 'active'
            RETURNING \(unescaped: AccountRecord.columns)
            """, AccountRecord.init)
        guard let account = rows.first else { throw Problem.unauthorized }
        return account
    }
}

extension AccountRecord {
    static let columns = "user_id, email, full_name, status, created_at, last_login, account_type, verification_status"

    init(_ row: PostgresRow) throws {
        var columns = row.columns
        self.init(
            id: try columns.next(), email: try columns.next(), fullName: try columns.next(), status: try columns.nextCase(),
            createdAt: try columns.next(), lastLogin: try columns.next(), kind: try columns.nextCase(),
            isVerified: try columns.next(as: Bool?.self) ?? false)
    }
}

extension PostgresError {
    var saysEmailIsTaken: Bool { constraint == "accounts_email_key" }
}
