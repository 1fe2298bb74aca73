public import FoundationEssentials
import Postgres

extension Store {
    /// Marks the projects that the workers were not told of yet, hands them to `publish`, and commits once that returns.
    /// Index: `idx_projects_unannounced`.
    public func announceProjects(limit: Int, publish: @escaping @Sendable ([UUID]) async throws -> Void) async throws -> Int {
        try await database.transaction { connection in
            let ids = try connection.query(
                """
                UPDATE projects SET announced_at = clock_timestamp()
                WHERE project_id IN (
                    SELECT project_id FROM projects WHERE announced_at IS NULL ORDER BY project_id LIMIT \(limit) FOR UPDATE SKIP LOCKED)
                RETURNING project_id
                """
            ).map { try $0.decode(UUID.self) }
            if !ids.isEmpty { try await publish(ids) }
            return ids.count
        }
    }
}
