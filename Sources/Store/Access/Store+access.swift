public import Domain
public import FoundationEssentials
import Postgres

/// What somebody is in a project, and what accepting tasks needs to know of it.
public struct ProjectStanding: Sendable, Hashable {
    /// nil where they are nothing in it.
    public var role: ProjectRole?
    public var settings: JSONValue?
}

extension Store {
    /// How a user stands in a project; nil where there is no such project. The account that it belongs to is its owner whatever the table
    /// of members says. Indexes: `projects_pkey`, `idx_project_members_unique`.
    public func standing(of userID: UUID, inProject id: UUID) async throws -> ProjectStanding? {
        try await database.query(
            """
            SELECT CASE WHEN p.user_id = \(userID) THEN 'owner' ELSE m.role END, p.settings
            FROM projects p
                LEFT JOIN project_members m ON m.project_id = p.project_id AND m.user_id = \(userID) AND m.status = 'active'
            WHERE p.project_id = \(id)
            """
        ) { row in
            var columns = row.columns
            let role = try columns.next(as: String?.self).flatMap(ProjectRole.init)
            return ProjectStanding(role: role, settings: try columns.nextOptionalJSON())
        }.first
    }
}
