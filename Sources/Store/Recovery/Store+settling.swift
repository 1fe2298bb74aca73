import Domain
public import FoundationEssentials
import Postgres

extension Store {
    /// How long a project stays marked behind its pause or cancellation: an admission or acceptance that was under way has ended by then.
    static let settlingTime = Duration.seconds(30)

    /// Projects whose tasks may not all have followed their project. Index: `idx_projects_settling`.
    public func settlingProjects(limit: Int) async throws -> [UUID] {
        try await database.query("SELECT project_id FROM projects WHERE settling_by IS NOT NULL ORDER BY project_id LIMIT \(limit)") {
            try $0.decode(UUID.self)
        }
    }

    /// Makes the tasks of a paused or cancelled project follow it, in batches: tasks of a paused one leave the queue, live tasks of a
    /// cancelled one are cancelled, and the workers that run them are told. Gives their number; anybody may do it again at any time.
    public func settle(projectID: UUID, batch: Int = 1_000) async throws -> Int {
        guard let project = try await project(projectID) else { return 0 }
        let places: [TaskPlace]
        switch project.status {
        case .paused: places = [.queue]
        case .cancelled: places = TaskPlace.allCases
        case .active, .archived: return 0
        }
        var settled = 0
        var settledInPass: Int
        repeat {
            settledInPass = 0
            for place in places {
                var count: Int
                repeat {
                    count = try await retryingDeadlocks { try await settle(project, place, limit: batch) }
                    settledInPass += count
                } while count == batch
            }
            settled += settledInPass
            // A task may have moved from one place to another while the pass went by.
        } while settledInPass > 0
        _ = try await database.execute(
            """
            UPDATE projects SET settling_by = NULL
            WHERE project_id = \(projectID) AND settling_by IS NOT NULL
                AND updated_at < clock_timestamp() - \(Self.settlingTime.seconds) * interval '1 second'
            """)
        return settled
    }

    /// Indexes: see `TaskPlace`; `idx_results_task_id`.
    private func settle(_ project: ProjectRecord, _ place: TaskPlace, limit: Int) async throws -> Int {
        try await database.query(
            """
            WITH project AS MATERIALIZED (
                SELECT project_id, status,
                    set_config('chorus.changed_by', settling_by::text, true) AS changed_by,
                    set_config('chorus.reason', 'The project was ' || status || '.', true) AS reason
                FROM projects WHERE project_id = \(project.id) AND settling_by IS NOT NULL AND status = \(project.status.rawValue)
            ), chosen AS MATERIALIZED (
                SELECT t.task_id, t.status, t.assigned_worker_id, p.status AS project_status
                FROM project p CROSS JOIN LATERAL (
                    SELECT task_id, status, assigned_worker_id FROM tasks
                    WHERE project_id = p.project_id AND \(unescaped: place.predicate)
                    \(unescaped: place.order) LIMIT \(limit) FOR UPDATE
                ) AS t
                WHERE p.reason IS NOT NULL
            ), moved AS (
                UPDATE tasks t
                SET status = CASE c.project_status WHEN 'cancelled' THEN 'cancelled' ELSE 'pending' END, updated_at = clock_timestamp(),
                    completed_at = CASE c.project_status WHEN 'cancelled' THEN clock_timestamp() END
                FROM chosen c WHERE t.task_id = c.task_id
                RETURNING t.task_id
            ), stopped AS (
                UPDATE results r SET status = 'cancelled'
                FROM chosen c JOIN moved USING (task_id)
                WHERE c.status = 'processing' AND r.task_id = c.task_id AND r.status = 'pending'
            ), told AS MATERIALIZED (
                SELECT pg_notify(chorus_worker_channel(c.assigned_worker_id), c.task_id::text)
                FROM chosen c JOIN moved USING (task_id) WHERE c.status = 'processing' AND c.assigned_worker_id IS NOT NULL
            )
            SELECT (SELECT count(*) FROM moved), (SELECT count(*) FROM told)
            """
        ) { try $0.decode(Int.self) }.first ?? 0
    }

    /// Whether deadlines of waiting tasks have passed, whether families are unsettled, and whether tasks are paused over a budget: an idle
    /// look is one statement. Indexes: `idx_tasks_deadline`, `idx_tasks_unsettled`, `idx_tasks_over_budget`.
    public func chores() async throws -> (deadlines: Bool, families: Bool, parked: Bool) {
        try await database.query(
            """
            SELECT
                EXISTS (
                    SELECT FROM tasks
                    WHERE deadline IS NOT NULL AND status IN ('pending', 'in_queue', 'retrying', 'paused') AND deadline <= now()),
                EXISTS (SELECT FROM tasks WHERE is_unsettled),
                EXISTS (SELECT FROM tasks WHERE status = 'paused' AND is_over_budget)
            """
        ) { try $0.decode(Bool.self, Bool.self, Bool.self) }.first ?? (false, false, false)
    }

    /// Fails tasks whose deadline passed while they waited, and gives their number. Index: `idx_tasks_deadline`.
    public func expireWaiting(limit: Int) async throws -> Int {
        try await database.execute(
            """
            WITH late AS MATERIALIZED (
                SELECT task_id FROM tasks
                WHERE deadline IS NOT NULL AND status IN ('pending', 'in_queue', 'retrying', 'paused') AND deadline <= now()
                ORDER BY deadline LIMIT \(limit) FOR UPDATE SKIP LOCKED
            )
            UPDATE tasks t
            SET status = 'failed', error_message = \(Self.deadlinePassed), updated_at = clock_timestamp(), completed_at = clock_timestamp()
            FROM late WHERE t.task_id = late.task_id
            """)
    }
}
