public import Domain
public import FoundationEssentials
import Postgres

extension Store {
    /// Moves a project as a person wants, writes it to the project's log, and gives the project back.
    ///
    /// Whether the person may is the caller's to know. Throws a 404 where there is none, a 409 that names the status where that does not
    /// allow it. After a pause or a cancellation its tasks have to follow: see `settle(projectID:)`. Indexes: `projects_pkey`, and for the archive those of
    /// `TaskPlace`.
    public func move(project id: UUID, _ action: ProjectAction, by person: UUID, reason: String? = nil) async throws -> ProjectRecord {
        try await database.transaction { connection in
            let status = try Self.lockedStatus(of: id, connection)
            guard status.next.contains(action.target) else {
                throw Problem.conflict("The project is \(status.rawValue): it cannot \(action.rawValue).")
            }
            if action == .archive, try Self.hasLiveTasks(id, connection) {
                throw Problem.conflict("The project is \(status.rawValue) and has tasks that have not ended: cancel it, or let them end.")
            }
            let isUnsettled = action == .pause || action == .cancel
            let rows = try connection.query(
                """
                UPDATE projects
                SET status = \(action.target.rawValue), updated_at = clock_timestamp(),
                    settling_by = CASE WHEN \(isUnsettled) THEN \(person) END
                WHERE project_id = \(id) AND status = \(status.rawValue)
                RETURNING \(unescaped: ProjectRecord.columns)
                """)
            guard let row = rows.first else { throw Problem.notFound("project") }
            let facts: JSONValue = ["from": .string(status.rawValue), "to": .string(action.target.rawValue), "reason": JSONValue(reason)]
            try Self.log(action.activity, ofProjects: [id], by: person, facts, connection)
            return try ProjectRecord(row)
        }
    }

    /// Changes a project, writes to its log what became different, and gives it back. Throws like `move`. Index: `projects_pkey`.
    public func change(project id: UUID, _ change: ProjectChange, by person: UUID) async throws -> ProjectRecord {
        do {
            return try await database.transaction { connection in
                let known = try connection.query(
                    "SELECT \(unescaped: ProjectRecord.columns) FROM projects WHERE project_id = \(id) FOR NO KEY UPDATE")
                guard let old = try known.first.map(ProjectRecord.init) else { throw Problem.notFound("project") }
                guard old.status != .archived else { throw Problem.conflict("The project is archived: resume it first.") }
                let rows = try connection.query(
                    """
                    UPDATE projects
                    SET project_name = coalesce(\(change.name), project_name), priority = coalesce(\(change.priority.map { Int32(clamping: $0) }), priority),
                        project_description = CASE WHEN \(change.description.isChange) THEN \(change.description.value) ELSE project_description END,
                        deadline = CASE WHEN \(change.deadline.isChange) THEN \(change.deadline.value) ELSE deadline END,
                        metadata = CASE WHEN \(change.metadata.isChange) THEN \(change.metadata.value?.column) ELSE metadata END,
                        settings = coalesce(\(change.settings?.object.column), settings), updated_at = clock_timestamp()
                    WHERE project_id = \(id)
                    RETURNING \(unescaped: ProjectRecord.columns)
                    """)
                guard let row = rows.first else { throw Problem.notFound("project") }
                let new = try ProjectRecord(row)
                try Self.log(.updated, ofProjects: [id], by: person, old.changes(to: new), connection)
                return new
            }
        } catch let error as PostgresError where error.constraint == "idx_projects_name_user" {
            throw Problem.nameIsTaken
        }
    }

    private static func lockedStatus(of id: UUID, _ connection: isolated PostgresConnection) throws -> ProjectStatus {
        let rows = try connection.query("SELECT status FROM projects WHERE project_id = \(id) FOR UPDATE")
        guard let row = rows.first else { throw Problem.notFound("project") }
        var columns = row.columns
        return try columns.nextCase()
    }

    /// Indexes: `idx_tasks_backlog`, `idx_tasks_held`, `idx_tasks_in_flight`.
    private static func hasLiveTasks(_ id: UUID, _ connection: isolated PostgresConnection) throws -> Bool {
        for place in TaskPlace.allCases {
            let rows = try connection.query(
                "SELECT 1 FROM tasks WHERE project_id = \(id) AND \(unescaped: place.predicate) LIMIT 1")
            if !rows.isEmpty { return true }
        }
        return false
    }
}

/// Where live tasks of a project are found, each by an index of its own, in the order of a task's life.
enum TaskPlace: CaseIterable {
    case backlog, held, queue, running

    /// As the partial index has it: the planner proves no more.
    var predicate: String {
        switch self {
        case .backlog: "status IN ('pending', 'retrying') AND waiting_on = 0"
        case .held: "status IN ('pending', 'in_queue', 'retrying', 'paused') AND (status = 'paused' OR waiting_on > 0)"
        case .queue: "status = 'in_queue'"
        case .running: "status = 'processing'"
        }
    }

    /// In the order of the index, where there may be a million: each batch then reads no more than itself.
    var order: String { self == .backlog ? "ORDER BY project_id, priority DESC, engine, available_at, task_id" : "" }
}

extension Problem {
    static var nameIsTaken: Problem {
        .conflict(
            "You have a project of this name already.",
            errors: [FieldError(pointer: "/project_name", detail: "is taken by another of your projects")])
    }
}
