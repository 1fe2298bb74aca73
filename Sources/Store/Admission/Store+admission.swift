public import Domain
public import FoundationEssentials
import Postgres

/// Tasks of one project and priority that wait.
public struct BacklogEntry: Sendable, Hashable {
    public var projectID: UUID
    public var priority: Int
    /// The project's weight.
    public var weight: Int

    public init(projectID: UUID, priority: Int, weight: Int) {
        self.projectID = projectID
        self.priority = priority
        self.weight = weight
    }
}

/// How many tasks of a project may be admitted to a lane.
public struct AdmissionGrant: Sendable, Hashable {
    public var projectID: UUID
    public var lane: Lane
    public var limit: Int

    public init(projectID: UUID, lane: Lane, limit: Int) {
        self.projectID = projectID
        self.lane = lane
        self.limit = limit
    }
}

/// A task on its way to the broker.
public struct AdmittedTask: Sendable, Hashable {
    public var id: UUID
    public var projectID: UUID
    public var priority: Int
    /// The claims so far.
    public var attempt: Int

    public init(id: UUID, projectID: UUID, priority: Int, attempt: Int) {
        self.id = id
        self.projectID = projectID
        self.priority = priority
        self.attempt = attempt
    }
}

extension Store {
    /// The projects and priorities with tasks that wait, from `start` on: a loose index scan, whose cost is the number of pairs and not
    /// the length of the backlog. Index: `idx_tasks_backlog`.
    public func backlog(from start: UUID?, limit: Int) async throws -> [BacklogEntry] {
        try await database.query(
            """
            WITH RECURSIVE head AS (
                (SELECT project_id, priority FROM tasks
                 WHERE status IN ('pending', 'retrying') AND waiting_on = 0 AND (\(start)::uuid IS NULL OR project_id > \(start))
                 ORDER BY project_id, priority DESC LIMIT 1)
                UNION ALL
                SELECT next.project_id, next.priority
                FROM head CROSS JOIN LATERAL (
                    (SELECT project_id, priority FROM tasks
                     WHERE status IN ('pending', 'retrying') AND waiting_on = 0 AND project_id = head.project_id AND priority < head.priority
                     ORDER BY project_id, priority DESC LIMIT 1)
                    UNION ALL
                    (SELECT project_id, priority FROM tasks
                     WHERE status IN ('pending', 'retrying') AND waiting_on = 0 AND project_id > head.project_id
                     ORDER BY project_id, priority DESC LIMIT 1)
                    LIMIT 1
                ) AS next
            )
            SELECT head.project_id, head.priority, coalesce(p.priority, 1)
            FROM head JOIN projects p ON p.project_id = head.project_id AND p.status = 'active'
            LIMIT \(limit)
            """
        ) { row in
            var columns = row.columns
            return BacklogEntry(projectID: try columns.next(), priority: try columns.next(), weight: try columns.next())
        }
    }

    /// Moves what the grants allow to `in_queue`, hands it to `publish`, and commits once that returns: the broker has confirmed it then.
    ///
    /// Whatever goes wrong in between rolls back to `pending`; a message that went out all the same meets a claim that refuses. Several
    /// gateways may do so at once: rows that another one holds are skipped. Index: `idx_tasks_backlog`.
    public func admit(
        _ grants: [AdmissionGrant], publish: @escaping @Sendable ([AdmittedTask]) async throws -> Void
    ) async throws -> [AdmittedTask] {
        let projectIDs = grants.map(\.projectID)
        let low = grants.map { Int32($0.lane.priorities.lowerBound) }
        let high = grants.map { Int32($0.lane.priorities.upperBound) }
        let limits = grants.map(\.limit)
        return try await database.transaction { connection in
            let tasks = try connection.query(
                """
                WITH grants AS (
                    SELECT * FROM unnest(\(projectIDs), \(low), \(high), \(limits)) AS g (project_id, low, high, quota)
                ), chosen AS MATERIALIZED (
                    SELECT t.task_id
                    FROM grants g CROSS JOIN LATERAL (
                        SELECT task_id FROM tasks
                        WHERE project_id = g.project_id AND priority BETWEEN g.low AND g.high
                            AND status IN ('pending', 'retrying') AND waiting_on = 0 AND available_at <= now()
                        ORDER BY project_id, priority DESC, task_id LIMIT g.quota
                        FOR UPDATE SKIP LOCKED
                    ) AS t
                )
                UPDATE tasks SET status = 'in_queue', updated_at = clock_timestamp()
                FROM chosen WHERE tasks.task_id = chosen.task_id
                RETURNING tasks.task_id, project_id, priority, attempt
                """
            ).map { row in
                var columns = row.columns
                return AdmittedTask(
                    id: try columns.next(), projectID: try columns.next(), priority: try columns.next(), attempt: try columns.next())
            }
            if !tasks.isEmpty { try await publish(tasks) }
            return tasks
        }
    }

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
