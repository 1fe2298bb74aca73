public import Domain
public import FoundationEssentials
import Postgres

/// What a list of tasks is narrowed to.
public struct TaskFilter: Sendable, Hashable {
    public var statuses: [TaskStatus]?
    public var type: String?
    public var createdAfter: Date?
    public var createdBefore: Date?
    public var parentID: UUID?

    public init(
        statuses: [TaskStatus]? = nil, type: String? = nil, createdAfter: Date? = nil, createdBefore: Date? = nil, parentID: UUID? = nil
    ) {
        self.statuses = statuses
        self.type = type
        self.createdAfter = createdAfter
        self.createdBefore = createdBefore
        self.parentID = parentID
    }
}

extension Store {
    /// The task, whoever may see it. Index: `tasks_pkey`.
    public func task(_ id: UUID) async throws -> TaskRecord? {
        try await database.query("SELECT \(unescaped: TaskRecord.columns) FROM tasks WHERE task_id = \(id)", TaskRecord.init).first
    }

    /// The project that the task is in, for ever. Index: `tasks_pkey`.
    public func projectID(ofTask id: UUID) async throws -> UUID? {
        try await database.query("SELECT project_id FROM tasks WHERE task_id = \(id)") { try $0.decode(UUID.self) }.first
    }

    /// Tasks of a project, newest first. Indexes: `idx_tasks_project_id`; `idx_tasks_children` where a parent is named, whose children are
    /// few among the project's tasks.
    public func tasks(projectID: UUID, filter: TaskFilter, limit: Int, before cursor: PageCursor?) async throws -> Page<TaskRecord> {
        let statuses = filter.statuses?.map(\.rawValue)
        let scope = filter.parentID == nil ? "project_id" : "parent_task_id"
        let rows = try await database.query(
            """
            SELECT \(unescaped: TaskRecord.columns) FROM tasks
            WHERE project_id = \(projectID) AND \(unescaped: scope) = \(filter.parentID ?? projectID)
                AND (\(cursor?.after)::uuid IS NULL OR task_id < \(cursor?.after))
                AND (\(statuses)::text[] IS NULL OR status = ANY (\(statuses)))
                AND (\(filter.type)::text IS NULL OR task_type = \(filter.type))
                AND (\(filter.createdAfter)::timestamptz IS NULL OR created_at > \(filter.createdAfter))
                AND (\(filter.createdBefore)::timestamptz IS NULL OR created_at < \(filter.createdBefore))
            ORDER BY task_id DESC LIMIT \(limit + 1)
            """, TaskRecord.init)
        return Page(rows, limit: limit, id: \.id)
    }

    /// The task's moves, oldest first. Index: `idx_task_history_task_id`.
    public func history(taskID: UUID, limit: Int, after cursor: PageCursor?) async throws -> Page<HistoryEntry> {
        let rows = try await database.query(
            """
            SELECT \(unescaped: HistoryEntry.columns) FROM task_history
            WHERE task_id = \(taskID) AND (\(cursor?.after)::uuid IS NULL OR history_id > \(cursor?.after))
            ORDER BY history_id LIMIT \(limit + 1)
            """, HistoryEntry.init)
        return Page(rows, limit: limit, id: \.id)
    }

    /// The task's calls to engines, oldest first. Index: `idx_results_task_id`.
    public func results(taskID: UUID, limit: Int, after cursor: PageCursor?) async throws -> Page<ResultRecord> {
        let rows = try await database.query(
            """
            SELECT \(unescaped: ResultRecord.columns) FROM results
            WHERE task_id = \(taskID) AND (\(cursor?.after)::uuid IS NULL OR result_id > \(cursor?.after))
            ORDER BY result_id LIMIT \(limit + 1)
            """, ResultRecord.init)
        return Page(rows, limit: limit, id: \.id)
    }
}
