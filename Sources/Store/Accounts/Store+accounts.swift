public import Domain
public import FoundationEssentials
import Postgres

extension Store {
    /// Makes an account. An address that is taken is a 409.
    public func createAccount(email: String, password: PasswordHash, fullName: String?, type: String = "standard") async throws -> UUID {
        let id = UUID.v7()
        do {
            _ = try await database.execute(
                """
                INSERT INTO accounts (user_id, email, password_hash, full_name, account_type)
                VALUES (\(id), lower(\(email)), \(password.text), \(fullName), \(type))
                """)
        } catch let error as PostgresError where error.sqlState == "23505" {
            throw Problem.conflict("There is an account with this email address already.")
        }
        return id
    }

    /// The account with this address. Index: `accounts_email_key`.
    public func accountID(email: String) async throws -> UUID? {
        try await database.query("SELECT user_id FROM accounts WHERE email = lower(\(email))") { try $0.decode(UUID.self) }.first
    }

    /// Makes an API key and gives it back, this once.
    public func createKey(userID: UUID, name: String?) async throws -> (id: UUID, key: APIKey) {
        let id = UUID.v7()
        let key = APIKey.random()
        _ = try await database.execute(
            "INSERT INTO api_keys (key_id, user_id, api_key, name) VALUES (\(id), \(userID), \(key.digest), \(name))")
        return (id, key)
    }

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
