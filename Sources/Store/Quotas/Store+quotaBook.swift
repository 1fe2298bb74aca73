import Domain
import FoundationEssentials
import Postgres

/// A quota's month is over, or has not begun, and a transaction that accepts tasks met it: whatever it makes belongs to another time. It
/// begins anew behind `Store.openQuotas`.
struct QuotasAreDue: Error {
    var projectIDs: [UUID]
}

extension Store {
    /// What a statement fails with that brings more tasks than a quota allows: see `chorus_tasks_counted`.
    static let quotaConstraint = "usage_quotas_hold"

    /// Locks the quotas of these types that bound the projects, and gives what they leave: until the transaction ends nobody else gives
    /// anything of them away. Indexes: `idx_usage_quotas_project_id`, `idx_usage_quotas_subject`, `projects_pkey`.
    ///
    /// - Parameters:
    ///   - others: types that are looked at, and not locked.
    ///   - opens: begins the month of those that are due; else they throw `QuotasAreDue`.
    static func lockQuotas(
        _ types: [QuotaType], lookingAt others: [QuotaType] = [], of projectIDs: [UUID], opens: Bool,
        _ connection: isolated PostgresConnection
    ) throws -> QuotaBook {
        guard !projectIDs.isEmpty else { return QuotaBook([]) }
        // Each statement has a snapshot of its own: the second one sees what was committed before the locks were given.
        let answers = try connection.pipeline([
            "SELECT chorus_lock_quotas(\(projectIDs), \(types.map(\.rawValue)))",
            bookQuery((types + others).map(\.rawValue), projectIDs),
        ])
        let rows = try answers[1].map(BookRow.init)
        let due = Set(rows.lazy.filter(\.isDue).map(\.quota.id))
        if !due.isEmpty || rows.contains(where: \.isYounger) {
            guard opens else { throw QuotasAreDue(projectIDs: projectIDs) }
            try open(Array(due), connection)
        }
        return QuotaBook(rows.map { ($0.projectID, $0.quota) })
    }

    /// What the quotas leave at this moment, for whoever gives nothing away.
    func quotaBook(_ types: [QuotaType], of projectIDs: [UUID]) async throws -> QuotaBook {
        QuotaBook(
            try await database.query(Self.bookQuery(types.map(\.rawValue), projectIDs), BookRow.init).map { ($0.projectID, $0.quota) })
    }

    /// Begins the month of all quotas of these projects that are due, in a transaction of its own.
    func openQuotas(of projectIDs: [UUID]) async throws {
        try await database.transaction { connection in
            _ = try Self.lockQuotas(QuotaType.allCases, of: projectIDs, opens: true, connection)
        }
    }

    /// Runs a transaction that accepts tasks, and again where it met a quota that was due, or one that was set while it ran.
    func withOpenQuotas<Value: Sendable>(of projectIDs: [UUID], _ body: () async throws -> Value) async throws -> Value {
        for _ in 0..<4 {
            do {
                return try await body()
            } catch let due as QuotasAreDue {
                try await openQuotas(of: due.projectIDs)
            } catch let error as PostgresError where error.constraint == Self.quotaConstraint {
                try await openQuotas(of: projectIDs)
            }
        }
        return try await body()
    }

    /// The clock is read behind the lock: whatever is made from then on counts, and nothing before. Index: `usage_quotas_pkey`.
    private static func open(_ quotas: [UUID], _ connection: isolated PostgresConnection) throws {
        guard !quotas.isEmpty else { return }
        try connection.execute(
            """
            UPDATE usage_quotas
            SET current_usage = 0, pruned_usage = 0, counted_since = clock_timestamp(), reset_date = chorus_next_reset()
            WHERE quota_id = ANY (\(quotas))
            """)
    }

    private static func bookQuery(_ types: [String], _ projectIDs: [UUID]) -> PostgresQuery {
        """
        WITH bounds AS (
            SELECT p.project_id AS bounded, q.quota_id
            FROM projects p JOIN usage_quotas q ON q.user_id = p.user_id AND q.project_id IS NULL
            WHERE p.project_id = ANY (\(projectIDs)) AND q.quota_type = ANY (\(types))
            UNION ALL
            SELECT project_id, quota_id FROM usage_quotas WHERE project_id = ANY (\(projectIDs)) AND quota_type = ANY (\(types))
        ), figures AS MATERIALIZED (
            SELECT \(unescaped: Quota.columns), chorus_is_due(q.reset_date, q.counted_since) AS is_due,
                coalesce(q.counted_since > now(), false) AS is_younger
            FROM usage_quotas q WHERE q.quota_id IN (SELECT quota_id FROM bounds)
        )
        SELECT f.*, b.bounded FROM figures f JOIN bounds b USING (quota_id) ORDER BY f.quota_id
        """
    }
}

/// A project, and a quota that bounds it.
private struct BookRow {
    var quota: Quota
    /// Its month is over, or has not begun.
    var isDue: Bool
    /// Its month began after this transaction: what the transaction makes would not count.
    var isYounger: Bool
    var projectID: UUID

    init(_ row: PostgresRow) throws {
        var columns = row.columns
        quota = try Quota(&columns)
        isDue = try columns.next()
        isYounger = try columns.next()
        projectID = try columns.next()
    }
}
