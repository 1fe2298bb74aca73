public import Domain
public import FoundationEssentials
import Postgres

extension Store {
    /// Makes a project with its owner as a member, and the first line of its log. A name that the user has used already is a 409.
    public func createProject(_ project: NewProject, principal: Principal) async throws -> ProjectRecord {
        guard case .made(let record) = try await createProject(project, principal: principal, under: nil) else {
            throw Problem.keyIsInUse
        }
        return record
    }

    /// The same under a caller's idempotency key.
    public func createProject(
        _ project: NewProject, principal: Principal, under request: IdempotentRequest?
    ) async throws -> Creation<ProjectRecord> {
        guard let keyID = project.apiKeyID ?? principal.keyID else {
            throw Problem.invalid([FieldError(pointer: "/api_key", detail: "is required with a session token: name one of your API keys")])
        }
        if keyID != principal.keyID, try await !isActiveKey(keyID, of: principal.userID) {
            throw Problem.invalid([FieldError(pointer: "/api_key", detail: "is not one of your active API keys")])
        }
        do {
            return try await once(request, answering: \.firstAnswer) { connection in
                // One round trip, one transaction.
                let rows = try connection.pipeline([
                    """
                    INSERT INTO projects (project_id, user_id, project_name, project_description, api_key, priority, deadline, metadata, settings)
                    VALUES (\(project.id), \(principal.userID), \(project.name), \(project.description), \(keyID), \(project.priority),
                        \(project.deadline), \(project.metadata?.column), \(project.settings.object.column))
                    RETURNING \(unescaped: ProjectRecord.columns)
                    """,
                    """
                    INSERT INTO project_members (member_id, project_id, user_id, role)
                    VALUES (chorus_uuid_v7(), \(project.id), \(principal.userID), 'owner')
                    """,
                    """
                    INSERT INTO project_activity_log (log_id, project_id, user_id, activity_type, activity_description)
                    VALUES (chorus_uuid_v7(), \(project.id), \(principal.userID), \(ActivityType.created.rawValue), \(ActivityType.created.description))
                    """,
                ])
                guard let row = rows.first?.first(where: { _ in true }) else { throw Problem.notFound("project") }
                return try ProjectRecord(row)
            }
        } catch let error as PostgresError where error.constraint == "idx_projects_name_user" {
            throw Problem.nameIsTaken
        }
    }

    /// The project, whoever may see it. Index: `projects_pkey`.
    public func project(_ id: UUID) async throws -> ProjectRecord? {
        try await database.query(
            "SELECT \(unescaped: ProjectRecord.columns) FROM projects WHERE project_id = \(id)", ProjectRecord.init
        ).first
    }

    /// The projects that the principal sees, as their owner or a member, newest first. Indexes: `idx_projects_user_id`,
    /// `idx_project_members_user_id`, `projects_pkey`.
    public func projects(of principal: Principal, limit: Int, before cursor: PageCursor?) async throws -> Page<ProjectRecord> {
        let only = principal.permissions.projects.map(Array.init)
        let rows = try await database.query(
            """
            SELECT \(unescaped: ProjectRecord.columns) FROM projects
            WHERE project_id IN (
                (SELECT project_id FROM projects
                WHERE user_id = \(principal.userID) AND (\(cursor?.after)::uuid IS NULL OR project_id < \(cursor?.after))
                    AND (\(only)::uuid[] IS NULL OR project_id = ANY (\(only)))
                ORDER BY project_id DESC LIMIT \(limit + 1))
                UNION ALL
                (SELECT project_id FROM project_members
                WHERE user_id = \(principal.userID) AND status = 'active' AND (\(cursor?.after)::uuid IS NULL OR project_id < \(cursor?.after))
                    AND (\(only)::uuid[] IS NULL OR project_id = ANY (\(only)))
                ORDER BY project_id DESC LIMIT \(limit + 1)))
            ORDER BY project_id DESC LIMIT \(limit + 1)
            """, ProjectRecord.init)
        return Page(rows, limit: limit, id: \.id)
    }
}

extension ProjectRecord {
    fileprivate var firstAnswer: FirstAnswer { FirstAnswer(location: "/v1/projects/\(id.text)", body: json.text) }
}

extension Page {
    /// Makes a page of rows that were asked for with one more than the limit: the extra one says that there is more.
    init(_ rows: [Element], limit: Int, id: (Element) -> UUID) {
        let elements = Array(rows.prefix(limit))
        self.init(elements, next: rows.count > limit ? elements.last.map { PageCursor(after: id($0)) } : nil)
    }
}
