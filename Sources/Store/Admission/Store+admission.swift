public import Domain
public import FoundationEssentials
import Postgres

/// How many tasks of a project, priority and engine may be admitted.
public struct AdmissionGrant: Sendable, Hashable {
    public var projectID: UUID
    public var priority: Int
    /// What the tasks say of their engine: see `TaskEngine`.
    public var engine: String
    public var limit: Int
    /// The project has a cap: what it has in flight is counted under a lock.
    public var isCapped: Bool
    /// Quotas bound the project: what its tasks may use is reserved under a lock.
    public var isMetered: Bool

    public init(
        projectID: UUID, priority: Int, engine: String = TaskEngine.unnamed, limit: Int, isCapped: Bool = false, isMetered: Bool = false
    ) {
        self.projectID = projectID
        self.priority = priority
        self.engine = engine
        self.limit = limit
        self.isCapped = isCapped
        self.isMetered = isMetered
    }
}

/// What came of grants.
public struct AdmissionOutcome: Sendable {
    /// On their way to the broker.
    public var tasks: [AdmittedTask] = []
    /// How many were paused, because they may use more than a quota has left.
    public var parked = 0
    /// Projects whose next tasks wait until others have ended, and used less than they may.
    public var waiting: Set<UUID> = []
}

/// A task on its way to the broker.
public struct AdmittedTask: Sendable, Hashable {
    public var id: UUID
    public var projectID: UUID
    public var priority: Int
    /// What the task says of its engine: see `TaskEngine`.
    public var engine: String
    /// The claims so far.
    public var attempt: Int
    public var estimatedTokens: Int

    public init(
        id: UUID, projectID: UUID, priority: Int, engine: String = TaskEngine.unnamed, attempt: Int, estimatedTokens: Int
    ) {
        self.id = id
        self.projectID = projectID
        self.priority = priority
        self.engine = engine
        self.attempt = attempt
        self.estimatedTokens = estimatedTokens
    }
}

extension Store {
    /// Moves what the grants allow to `in_queue`: from then on it is the caller's to publish, or to take back.
    ///
    /// No lock is held while the broker answers, so a claim never waits for it. Nor does the commit wait for the disk: the claim's own
    /// does, and the log is written in order. What a crash of the database undoes is `pending` again; what a crash of the caller leaves
    /// unpublished is found as a message that the broker lost. Several gateways may admit at once: rows that another one holds are skipped.
    /// Index: `idx_tasks_backlog`.
    public func admit(_ grants: [AdmissionGrant]) async throws -> AdmissionOutcome {
        if !grants.contains(where: { $0.isCapped || $0.isMetered }) {
            return AdmissionOutcome(tasks: try await database.query(Self.admission(grants)) { try AdmittedTask($0) })
        }
        return try await retryingDeadlocks {
            try await database.transaction { connection in
                let grants = try Self.withinCaps(grants, connection)
                var outcome = try Self.admitMetered(grants.filter(\.isMetered), connection)
                let others = grants.filter { !$0.isMetered }
                guard !others.isEmpty else { return outcome }
                outcome.tasks += try connection.query(Self.admission(others)).map { try AdmittedTask($0) }
                return outcome
            }
        }
    }

    /// Takes back what the broker did not confirm; what a worker has claimed all the same stays with it. Index: `tasks_pkey`.
    public func takeBack(_ tasks: [AdmittedTask]) async throws -> Int {
        let ids = tasks.map(\.id)
        let attempts = tasks.map { Int32(clamping: $0.attempt) }
        // A worker may claim some of them at this moment, in another order.
        return try await retryingDeadlocks {
            try await database.execute(
                """
                WITH why AS MATERIALIZED (
                    SELECT set_config('chorus.reason', 'The broker did not confirm its message.', true) AS reason
                )
                UPDATE tasks t SET status = 'pending', updated_at = clock_timestamp()
                FROM unnest(\(ids), \(attempts)) AS a (task_id, attempt), why
                WHERE t.task_id = a.task_id AND t.attempt = a.attempt AND t.status IS NOT DISTINCT FROM 'in_queue' AND why.reason IS NOT NULL
                """)
        }
    }

    /// The array of ids keeps the planner, which cannot know how few tasks are chosen, at the primary key.
    private static func admission(_ grants: [AdmissionGrant]) -> PostgresQuery {
        let projectIDs = grants.map(\.projectID)
        let priorities = grants.map { Int32(clamping: $0.priority) }
        let engines = grants.map(\.engine)
        let limits = grants.map(\.limit)
        return """
            WITH commit AS MATERIALIZED (
                SELECT set_config('synchronous_commit', 'off', true) AS mode
            ), chosen AS MATERIALIZED (
                SELECT t.task_id
                FROM unnest(\(projectIDs), \(priorities), \(engines), \(limits)) AS g (project_id, priority, engine, quota)
                CROSS JOIN LATERAL (
                    SELECT task_id FROM tasks
                    WHERE project_id = g.project_id AND priority = g.priority AND engine = g.engine
                        AND status IN ('pending', 'retrying') AND waiting_on = 0 AND available_at <= now()
                    ORDER BY project_id, priority DESC, engine, available_at, task_id LIMIT g.quota
                    FOR UPDATE SKIP LOCKED
                ) AS t
            )
            UPDATE tasks SET status = 'in_queue', updated_at = clock_timestamp()
            WHERE task_id = ANY (ARRAY(SELECT task_id FROM chosen)) AND (SELECT mode FROM commit) IS NOT NULL
            RETURNING task_id, project_id, priority, engine, attempt, estimated_tokens
            """
    }

    /// Cuts the grants of capped projects down to what they may still have in flight. Index: `idx_tasks_in_flight`.
    ///
    /// Only admission adds to what is in flight, and it holds the lock on the project's row until it commits: with any number of
    /// gateways, the count that follows the lock is the last word. A project that another gateway admits just now is skipped. The lock
    /// lets tasks be accepted meanwhile, whose foreign keys only need the row to stay.
    private static func withinCaps(
        _ grants: [AdmissionGrant], _ connection: isolated PostgresConnection
    ) throws -> [AdmissionGrant] {
        let capped = Array(Set(grants.filter(\.isCapped).map(\.projectID)))
        guard !capped.isEmpty else { return grants }
        // Each statement has a snapshot of its own: the count sees what was committed before the lock was given.
        let answers = try connection.pipeline([
            """
            SELECT project_id, chorus_max_concurrency(settings) FROM projects
            WHERE project_id = ANY (\(capped)) ORDER BY project_id FOR NO KEY UPDATE SKIP LOCKED
            """,
            """
            SELECT project_id, count(*) FROM tasks
            WHERE project_id = ANY (\(capped)) AND status IN ('in_queue', 'processing') GROUP BY project_id
            """,
        ])
        let inFlight = Dictionary(try answers[1].map { try $0.decode(UUID.self, Int.self) }, uniquingKeysWith: { first, _ in first })
        var allowances: [UUID: Int] = [:]
        for row in answers[0] {
            var columns = row.columns
            let id = try columns.next(as: UUID.self)
            // The cap may have been lifted since the grant.
            allowances[id] = try columns.next(as: Int?.self).map { max(0, $0 - inFlight[id, default: 0]) } ?? .max
        }
        return grants.compactMap { grant in
            guard grant.isCapped else { return grant }
            var grant = grant
            grant.limit = min(grant.limit, allowances[grant.projectID] ?? 0)
            allowances[grant.projectID]? -= grant.limit
            return grant.limit > 0 ? grant : nil
        }
    }
}

extension AdmittedTask {
    init(_ row: PostgresRow) throws {
        var columns = row.columns
        try self.init(&columns)
    }

    /// Other columns may follow.
    init(_ columns: inout PostgresColumns) throws {
        self.init(
            id: try columns.next(), projectID: try columns.next(), priority: try columns.next(), engine: try columns.next(),
            attempt: try columns.next(), estimatedTokens: try columns.next())
    }
}
