public import Domain
public import FoundationEssentials
import Postgres

extension Store {
    /// What the account may use in this month; at most one quota of each type. Index: `idx_usage_quotas_subject`.
    public func quotas(of userID: UUID) async throws -> [Quota] {
        try await database.query(
            """
            SELECT \(unescaped: Quota.columns) FROM usage_quotas q
            WHERE q.user_id = \(userID) AND q.project_id IS NULL ORDER BY q.quota_type LIMIT 100
            """, Quota.init)
    }

    /// The project's own budget; at most one quota of each type. Index: `idx_usage_quotas_project_id`.
    public func budget(of projectID: UUID) async throws -> [Quota] {
        try await database.query(
            """
            SELECT \(unescaped: Quota.columns) FROM usage_quotas q
            WHERE q.project_id = \(projectID) ORDER BY q.quota_type LIMIT 100
            """, Quota.init)
    }

    /// Sets what the account may use in a month. A new quota counts from its first use on; one that changes keeps what it has counted.
    ///
    /// Throws a 404 where there is no such account. Indexes: `accounts_pkey`, `idx_usage_quotas_subject`, `idx_projects_user_id`.
    public func setQuota(_ type: QuotaType, limit: Int, of userID: UUID) async throws -> Quota {
        try await retryingDeadlocks {
            try await database.transaction { connection in
                let change: PostgresQuery = """
                    UPDATE usage_quotas SET monthly_limit = \(limit)
                    WHERE user_id = \(userID) AND project_id IS NULL AND quota_type = \(type.rawValue)
                    """
                // A quota that is there is changed without the account, which all who hand in tasks hold.
                if try connection.execute(change) == 0 {
                    try Self.holdAccount(userID, connection)
                    try connection.execute(
                        """
                        INSERT INTO usage_quotas (quota_id, user_id, quota_type, monthly_limit, reset_date)
                        VALUES (chorus_uuid_v7(), \(userID), \(type.rawValue), \(limit), chorus_next_reset())
                        ON CONFLICT (user_id, quota_type, project_id) DO UPDATE SET monthly_limit = excluded.monthly_limit
                        """)
                }
                let rows = try connection.query(
                    """
                    SELECT \(unescaped: Quota.columns) FROM usage_quotas q
                    WHERE q.user_id = \(userID) AND q.project_id IS NULL AND q.quota_type = \(type.rawValue)
                    """)
                guard let row = rows.first else { throw Problem.notFound("quota") }
                return try Quota(row)
            }
        }
    }

    /// Lets the account use as much as it will; a quota that is not there stays so. Throws and finds like `setQuota`.
    public func dropQuota(_ type: QuotaType, of userID: UUID) async throws {
        try await retryingDeadlocks {
            try await database.transaction { connection in
                // As everybody does it: the account, and then its quotas.
                try Self.holdAccount(userID, connection)
                try connection.execute(
                    "DELETE FROM usage_quotas WHERE user_id = \(userID) AND project_id IS NULL AND quota_type = \(type.rawValue)")
            }
        }
    }

    /// Nobody makes a project of the account meanwhile, so that the triggers find all of them.
    private static func holdAccount(_ userID: UUID, _ connection: isolated PostgresConnection) throws {
        guard try !connection.query("SELECT 1 FROM accounts WHERE user_id = \(userID) FOR UPDATE").isEmpty else {
            throw Problem.notFound("account")
        }
    }
}
