public import Domain
public import FoundationEssentials
import Postgres

/// A task that a worker has made its own, and the ledger row of its first call.
public struct ClaimedTask: Sendable {
    public var id: UUID
    public var projectID: UUID
    public var type: String
    public var input: JSONObject
    /// The fencing token: what this claim may write.
    public var attempt: Int
    public var retryCount: Int
    public var maxRetries: Int
    public var deadline: Date?
    /// What its project says, where that names engines.
    public var projectSettings: ProjectSettings?
    /// How many children it has, all of which have ended.
    public var childCount = 0
    /// In which trace it was handed in, as its metadata says.
    public var traceParent: String?
    public var priority = TaskPriority.standard
    /// For how many seconds it could have run already.
    public var waited = 0.0
    /// The engine of the first call and its `results` row, open already; nil for a group, where the worker chooses by load, or where there
    /// is no engine.
    public var call: OpenCall?
}

/// A `results` row in status `pending`: written before the request leaves.
public struct OpenCall: Sendable, Hashable {
    public var resultID: UUID
    public var engine: String
}

/// One claim of a task, by which a worker tells what it runs from what it ran before.
public struct TaskClaim: Sendable, Hashable {
    public var taskID: UUID
    public var attempt: Int

    public init(taskID: UUID, attempt: Int) {
        self.taskID = taskID
        self.attempt = attempt
    }
}

extension Store {
    /// Claims the tasks that are still in the queue, opens the ledger row of each one's first call, and gives back those that it got.
    ///
    /// A row that somebody moves at this moment is waited for, and its fate is decided by what it is then (`chorus_claim`). A worker that was
    /// taken for dead, and does not know it yet, gets nothing.
    ///
    /// A task whose project was paused, or that waits for others again, goes back to `pending`; one whose project was cancelled or whose
    /// deadline has passed ends here.
    /// Indexes: `tasks_pkey`, `projects_pkey`, `workers_pkey`.
    public func claim(_ taskIDs: [UUID], workerID: UUID, fleetDefault: String?) async throws -> [ClaimedTask] {
        try await queryRetryingDeadlocks(
            """
            WITH claimed AS (
                UPDATE tasks t
                SET status = chorus_claim(t.status, t.deadline, t.waiting_on, p.status),
                    updated_at = CASE t.status WHEN 'in_queue' THEN clock_timestamp() ELSE t.updated_at END,
                    attempt = CASE chorus_claim(t.status, t.deadline, t.waiting_on, p.status)
                        WHEN 'processing' THEN t.attempt + 1 ELSE t.attempt END,
                    assigned_worker_id = CASE chorus_claim(t.status, t.deadline, t.waiting_on, p.status)
                        WHEN 'processing' THEN \(workerID) ELSE t.assigned_worker_id END,
                    started_at = CASE chorus_claim(t.status, t.deadline, t.waiting_on, p.status)
                        WHEN 'processing' THEN clock_timestamp() ELSE t.started_at END,
                    completed_at = CASE
                        WHEN chorus_claim(t.status, t.deadline, t.waiting_on, p.status) IN ('failed', 'cancelled') THEN clock_timestamp() END,
                    error_message = CASE chorus_claim(t.status, t.deadline, t.waiting_on, p.status)
                        WHEN 'failed' THEN \(Self.deadlinePassed) ELSE t.error_message END
                FROM projects p
                WHERE t.task_id = ANY (\(taskIDs)) AND p.project_id = t.project_id
                    -- Written so that no index but the primary key's can serve: the partial ones look small to the planner.
                    AND t.status <> ALL ('{processing,completed,failed,cancelled,paused}')
                    AND EXISTS (SELECT FROM workers w WHERE w.worker_id = \(workerID) AND w.status IN ('alive', 'draining'))
                RETURNING t.task_id, t.project_id, t.task_type, t.input_data, t.attempt, t.retry_count, t.max_retries, t.deadline, t.status,
                    t.child_count, p.settings, t.metadata ->> 'traceparent' AS trace_parent, t.priority,
                    extract(epoch FROM clock_timestamp() - t.available_at)::float8 AS waited
            ), chosen AS (
                SELECT c.*, CASE WHEN c.settings ? 'engines' THEN c.settings END AS project_settings,
                    CASE WHEN c.task_type <> 'group' THEN chorus_first_engine(c.input_data, c.settings, \(fleetDefault)) END AS engine
                FROM claimed c WHERE c.status = 'processing'
            ), called AS (
                -- The id is made here, so that no join has to find it again; now() lets the function be inlined.
                SELECT *, chorus_uuid_v7(now()) AS result_id FROM chosen
            ), opened AS (
                INSERT INTO results (result_id, task_id, engine_type, output_data, status, attempt)
                SELECT result_id, task_id, engine, '{}', 'pending', attempt FROM called WHERE engine IS NOT NULL
            )
            SELECT task_id, project_id, task_type, input_data, attempt, retry_count, max_retries, deadline, project_settings, child_count, trace_parent,
                priority, waited, engine, CASE WHEN engine IS NOT NULL THEN result_id END
            FROM called
            """
        ) { row in
            var columns = row.columns
            var task = ClaimedTask(
                id: try columns.next(), projectID: try columns.next(), type: try columns.next(),
                input: try columns.nextJSON().objectValue ?? JSONObject(), attempt: try columns.next(),
                retryCount: try columns.next(as: Int?.self) ?? 0, maxRetries: try columns.next(as: Int?.self) ?? 0,
                deadline: try columns.next(),
                projectSettings: try columns.nextOptionalJSON()?.objectValue.map(ProjectSettings.init(stored:)))
            task.childCount = try columns.next()
            task.traceParent = try columns.next()
            task.priority = try columns.next(as: Int?.self) ?? TaskPriority.standard
            task.waited = try columns.next()
            let engine = try columns.next(as: String?.self)
            let resultID = try columns.next(as: UUID?.self)
            if let engine, let resultID { task.call = OpenCall(resultID: resultID, engine: engine) }
            return task
        }
    }

    /// Opens the ledger rows of further calls of a claimed task, all with one statement, in the order of `engines`; what has become known of
    /// earlier ones is written along, and those that were held back leave the ledger. Indexes: `tasks_pkey`, `results_pkey`.
    ///
    /// nil where the claim does not hold any more: the calls must not be made. The task's row is locked meanwhile, so that whoever hands the
    /// task on either sees the open calls or prevents them.
    public func openCalls(
        taskID: UUID, attempt: Int, workerID: UUID, engines: [String], settling outcomes: [CallOutcome] = []
    ) async throws -> [OpenCall]? {
        let calls = CallColumns(outcomes)
        let heldBack = outcomes.filter { !$0.wasMade }.map(\.resultID)
        let rows = try await queryRetryingDeadlocks(
            """
            WITH holder AS MATERIALIZED (
                SELECT task_id, attempt FROM tasks
                WHERE task_id = \(taskID) AND attempt = \(attempt)
                    -- Written so that no index but the primary key's can serve, as in settle().
                    AND status IS NOT DISTINCT FROM 'processing' AND assigned_worker_id IS NOT DISTINCT FROM \(workerID)
                FOR SHARE
            ), settled AS (
                \(unescaped: CallColumns.settling)
                FROM unnest(\(calls.ids), \(calls.statuses), \(calls.outputs), \(calls.times), \(calls.usages), \(calls.confidences),
                    \(calls.choices)) \(unescaped: CallColumns.row)
                WHERE \(unescaped: CallColumns.isUnsettled)
            ), dropped AS (
                DELETE FROM results WHERE result_id = ANY (\(heldBack)) AND status = 'pending'
            )
            INSERT INTO results (result_id, task_id, engine_type, output_data, status, attempt)
            SELECT chorus_uuid_v7(), task_id, engine, '{}', 'pending', attempt
            FROM holder CROSS JOIN unnest(\(engines)) WITH ORDINALITY AS e (engine, position) ORDER BY position
            RETURNING result_id, engine_type
            """
        ) { row in
            let (id, engine) = try row.decode(UUID.self, String.self)
            return OpenCall(resultID: id, engine: engine)
        }
        return rows.isEmpty ? nil : rows
    }
}
