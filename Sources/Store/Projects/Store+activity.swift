public import Domain
public import FoundationEssentials
import Postgres

extension Store {
    /// Appends to the project's log.
    public func logActivity(projectID: UUID, userID: UUID, type: String, description: String, metadata: JSONValue?) async throws {
        _ = try await database.execute(
            """
            INSERT INTO project_activity_log (log_id, project_id, user_id, activity_type, activity_description, metadata)
            VALUES (chorus_uuid_v7(), \(projectID), \(userID), \(type), \(description), \(metadata?.column))
            """)
    }

    /// Appends a line to the log of each project, in the caller's transaction: what was done and the word of it come together.
    static func log(
        _ type: ActivityType, ofProjects ids: [UUID], by person: UUID, _ metadata: JSONValue, _ connection: isolated PostgresConnection
    ) throws {
        guard !ids.isEmpty else { return }
        try connection.execute(
            """
            INSERT INTO project_activity_log (log_id, project_id, user_id, activity_type, activity_description, metadata)
            SELECT chorus_uuid_v7(), p.id, \(person), \(type.rawValue), \(type.description), \(metadata.column)
            FROM unnest(\(ids)) AS p (id)
            """)
    }

    /// The project's log, newest first. Index: `idx_project_activity_log`.
    public func activity(of projectID: UUID, limit: Int, before cursor: PageCursor?) async throws -> Page<ProjectActivity> {
        let rows = try await database.query(
            """
            SELECT l.log_id, l.project_id, l.user_id, a.email, l.activity_type, l.activity_description, l.created_at, l.metadata
            FROM project_activity_log l LEFT JOIN accounts a ON a.user_id = l.user_id
            WHERE l.project_id = \(projectID) AND (\(cursor?.after)::uuid IS NULL OR l.log_id < \(cursor?.after))
            ORDER BY l.log_id DESC LIMIT \(limit + 1)
            """
        ) { row in
            var columns = row.columns
            return ProjectActivity(
                id: try columns.next(), projectID: try columns.next(), userID: try columns.next(), userEmail: try columns.next(),
                type: try columns.next(), description: try columns.next(), createdAt: try columns.next(),
                metadata: try columns.nextOptionalJSON())
        }
        return Page(rows, limit: limit, id: \.id)
    }
}
