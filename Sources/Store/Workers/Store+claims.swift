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
    /// The engines that its project prefers.
    public var projectEngines: [String]?
    /// The engine of the first call and its `results` row, open already; nil where no engine could be chosen.
    public var call: OpenCall?
}

/// A `results` row in status `pending`: written before the request leaves.
public struct OpenCall: Sendable, Hashable {
    public var resultID: UUID
    public var engine: String
}

extension Store {
    /// Claims the tasks that are still in the queue, opens the ledger row of each one's first call, and gives back those that it got.
    ///
    /// A message may overtake the commit of the dispatcher that sent it: the row then still reads `pending` and is locked. Locking first
    /// waits for that commit; the status that decides is the one read under the lock. Index: `tasks_pkey`.
    public func claim(_ taskIDs: [UUID], workerID: UUID, fleetDefault: String?) async throws -> [ClaimedTask] {
        try await database.query(
            """
            WITH locked AS MATERIALIZED (
                SELECT task_id, status FROM tasks
                WHERE task_id = ANY (\(taskIDs)) AND status IN ('pending', 'retrying', 'in_queue')
                ORDER BY task_id FOR UPDATE
            ), claimed AS (
                UPDATE tasks t
                SET status = 'processing', attempt = t.attempt + 1, assigned_worker_id = \(workerID),
                    started_at = clock_timestamp(), updated_at = clock_timestamp()
                FROM locked l
                WHERE t.task_id = l.task_id AND l.status = 'in_queue'
                RETURNING t.task_id, t.project_id, t.task_type, t.input_data, t.attempt, t.retry_count, t.max_retries, t.deadline
            ), chosen AS (
                SELECT c.*, p.settings -> 'engines' AS engines,
                    chorus_first_engine(c.input_data, p.settings, \(fleetDefault)) AS engine
                FROM claimed c JOIN projects p USING (project_id)
            ), called AS (
                -- The id is made here, so that no join has to find it again; now() lets the function be inlined.
                SELECT *, chorus_uuid_v7(now()) AS result_id FROM chosen
            ), opened AS (
                INSERT INTO results (result_id, task_id, engine_type, output_data, status, attempt)
                SELECT result_id, task_id, engine, '{}', 'pending', attempt FROM called WHERE engine IS NOT NULL
            )
            SELECT task_id, project_id, task_type, input_data, attempt, retry_count, max_retries, deadline, engines, engine,
                CASE WHEN engine IS NOT NULL THEN result_id END
            FROM called
            """
        ) { row in
            var columns = row.columns
            var task = ClaimedTask(
                id: try columns.next(), projectID: try columns.next(), type: try columns.next(),
                input: try columns.nextJSON().objectValue ?? JSONObject(), attempt: try columns.next(),
                retryCount: try columns.next(as: Int?.self) ?? 0, maxRetries: try columns.next(as: Int?.self) ?? 0,
                deadline: try columns.next(), projectEngines: try columns.nextOptionalJSON()?.arrayValue?.compactMap(\.stringValue))
            let engine = try columns.next(as: String?.self)
            let resultID = try columns.next(as: UUID?.self)
            if let engine, let resultID { task.call = OpenCall(resultID: resultID, engine: engine) }
            return task
        }
    }

    /// Opens the ledger row of a further call of a claimed task. Index: `tasks_pkey`.
    ///
    /// nil where the claim does not hold any more: the call must not be made.
    public func openCall(taskID: UUID, attempt: Int, workerID: UUID, engine: String) async throws -> OpenCall? {
        let rows = try await database.query(
            """
            INSERT INTO results (result_id, task_id, engine_type, output_data, status, attempt)
            SELECT chorus_uuid_v7(), task_id, \(engine), '{}', 'pending', attempt FROM tasks
            WHERE task_id = \(taskID) AND attempt = \(attempt) AND status = 'processing' AND assigned_worker_id = \(workerID)
            RETURNING result_id
            """
        ) { try $0.decode(UUID.self) }
        return rows.first.map { OpenCall(resultID: $0, engine: engine) }
    }
}
