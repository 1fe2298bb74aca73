public import Domain
public import FoundationEssentials
import Postgres

extension Store {
    /// What a task says that was too late to run.
    public static let deadlinePassed = "The deadline passed before it ran."

    /// Moves a task as a person wants, and gives it back; the worker that runs it is told in the same transaction.
    /// Its open call counts as cancelled from then on; what it brought and cost, the worker adds when it has hung up.
    ///
    /// Whether the person may is the caller's to know. Throws a 404 where there is none, a 409 that names the status where that does not
    /// allow it. A retry begins anew, with all its retries, and drops a deadline that has passed. Its family follows (0006_families.sql); where its parent forbids a retry, that
    /// is a 409 too. Indexes: `tasks_pkey`, `projects_pkey`, `idx_results_task_id`.
    public func move(_ id: UUID, _ action: TaskAction, by person: UUID, reason: String? = nil) async throws -> TaskRecord {
        do {
            return try await retryingDeadlocks { try await moveOnce(id, action, by: person, reason: reason) }
        } catch let error as PostgresError where error.constraint == "tasks_parent_waits" {
            throw Problem.conflict("The task's parent is \(error.detail ?? "over"): a task is retried only while its parent waits.")
        }
    }

    private func moveOnce(_ id: UUID, _ action: TaskAction, by person: UUID, reason: String?) async throws -> TaskRecord {
        let sources = action.sources.map(\.rawValue)
        let target = action.target.rawValue
        let isAnew = action == .retry
        let mustBeOpen = action.target == .pending
        return try await database.withConnection { connection in
            let rows = try connection.pipeline([
                """
                WITH who AS MATERIALIZED (
                    SELECT set_config('chorus.changed_by', \(person)::text, true) AS changed_by,
                        set_config('chorus.reason', \(reason ?? action.reason), true) AS reason
                ), was AS MATERIALIZED (
                    SELECT t.task_id, t.status, t.assigned_worker_id, p.status AS project_status
                    FROM tasks t JOIN projects p ON p.project_id = t.project_id
                    WHERE t.task_id = \(id) FOR UPDATE OF t
                ), moved AS (
                    UPDATE tasks t
                    SET status = \(target), updated_at = clock_timestamp(), is_over_budget = FALSE,
                        completed_at = CASE WHEN \(target) = 'cancelled' THEN clock_timestamp() END,
                        available_at = CASE WHEN \(isAnew) THEN clock_timestamp() ELSE t.available_at END,
                        retry_count = CASE WHEN \(isAnew) THEN 0 ELSE t.retry_count END,
                        worker_losses = CASE WHEN \(isAnew) THEN 0 ELSE t.worker_losses END,
                        error_message = CASE WHEN \(isAnew) THEN NULL ELSE t.error_message END,
                        failed_child_id = CASE WHEN \(isAnew) THEN NULL ELSE t.failed_child_id END,
                        deadline = CASE WHEN \(isAnew) AND t.deadline <= clock_timestamp() THEN NULL ELSE t.deadline END
                    FROM was, who
                    WHERE t.task_id = was.task_id AND was.status = ANY (\(sources)) AND who.changed_by IS NOT NULL
                        AND (was.project_status IN ('active', 'paused') OR NOT \(mustBeOpen))
                    RETURNING t.task_id
                ), stopped AS (
                    UPDATE results r SET status = 'cancelled'
                    FROM moved WHERE r.task_id = moved.task_id AND r.status = 'pending' AND \(target) = 'cancelled'
                ), told AS MATERIALIZED (
                    SELECT pg_notify(chorus_worker_channel(was.assigned_worker_id), was.task_id::text)
                    FROM was JOIN moved USING (task_id) WHERE was.status = 'processing' AND was.assigned_worker_id IS NOT NULL
                )
                SELECT was.status, was.project_status, moved.task_id IS NOT NULL, (SELECT count(*) FROM told)
                FROM was LEFT JOIN moved USING (task_id)
                """,
                "SELECT \(unescaped: TaskRecord.columns) FROM tasks WHERE task_id = \(id)",
            ])
            guard let verdict = rows.first?.first, let record = rows.last?.first else { throw Problem.notFound("task") }
            let (status, projectStatus, isMoved) = try verdict.decode(String.self, String.self, Bool.self)
            guard isMoved else { throw Self.refusal(of: action, sources: sources, status: status, projectStatus: projectStatus) }
            return try TaskRecord(record)
        }
    }

    private static func refusal(of action: TaskAction, sources: [String], status: String, projectStatus: String) -> Problem {
        guard !sources.contains(status) else {
            return .conflict("The task cannot \(action.rawValue): its project is \(projectStatus).")
        }
        return .conflict(
            "The task is \(status): \(action.rawValue) is for tasks that are \(sources.joined(separator: ", ")).")
    }

    /// Changes a task that waits, and gives it back; a new priority takes it out of its queue. Throws like `move`.
    /// Index: `tasks_pkey`.
    public func change(_ id: UUID, _ change: TaskChange, by person: UUID) async throws -> TaskRecord {
        let priority = change.priority.map { Int32(clamping: $0) }
        return try await database.withConnection { connection in
            let rows = try connection.pipeline([
                """
                WITH who AS MATERIALIZED (
                    SELECT set_config('chorus.changed_by', \(person)::text, true) AS changed_by,
                        set_config('chorus.reason', 'Its priority was changed.', true) AS reason
                ), was AS MATERIALIZED (
                    SELECT task_id, status, coalesce(priority, 1) AS priority FROM tasks WHERE task_id = \(id) FOR UPDATE
                ), changed AS (
                    UPDATE tasks t
                    SET status = CASE WHEN was.status = 'in_queue' AND was.priority <> \(priority) THEN 'pending' ELSE was.status END,
                        priority = coalesce(\(priority), t.priority), updated_at = clock_timestamp(),
                        deadline = CASE WHEN \(change.deadline.isChange) THEN \(change.deadline.value) ELSE t.deadline END,
                        metadata = CASE WHEN \(change.metadata.isChange) THEN \(change.metadata.value?.column) ELSE t.metadata END
                    FROM was, who
                    WHERE t.task_id = was.task_id AND was.status IN ('pending', 'in_queue', 'retrying', 'paused')
                        AND who.changed_by IS NOT NULL
                    RETURNING t.task_id
                )
                SELECT was.status, changed.task_id IS NOT NULL FROM was LEFT JOIN changed USING (task_id)
                """,
                "SELECT \(unescaped: TaskRecord.columns) FROM tasks WHERE task_id = \(id)",
            ])
            guard let verdict = rows.first?.first, let record = rows.last?.first else { throw Problem.notFound("task") }
            let (status, isChanged) = try verdict.decode(String.self, Bool.self)
            guard isChanged else { throw Problem.conflict("The task is \(status): only a task that waits can be changed.") }
            return try TaskRecord(record)
        }
    }
}
