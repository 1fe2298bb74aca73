import Domain
import Postgres

extension TaskRecord {
    static let columns = """
        task_id, project_id, user_id, task_type, priority, status, input_data, output_data, error_message, created_at, updated_at, started_at, \
        completed_at, deadline, available_at, assigned_worker_id, attempt, retry_count, max_retries, parent_task_id, execution_order, metadata, \
        waiting_on, on_child_failure, child_count
        """

    init(_ row: PostgresRow) throws {
        var columns = row.columns
        self.init(
            id: try columns.next(), projectID: try columns.next(), userID: try columns.next(), type: try columns.next(),
            priority: try columns.next(as: Int?.self) ?? TaskPriority.standard, status: try columns.nextCase(),
            input: try columns.nextJSON(),
            output: try columns.nextOptionalJSON(), errorMessage: try columns.next(), createdAt: try columns.next(),
            updatedAt: try columns.next(), startedAt: try columns.next(), completedAt: try columns.next(), deadline: try columns.next(),
            availableAt: try columns.next(), assignedWorkerID: try columns.next(), attempt: try columns.next(),
            retryCount: try columns.next(as: Int?.self) ?? 0, maxRetries: try columns.next(as: Int?.self) ?? 0,
            parentTaskID: try columns.next(), executionOrder: try columns.next(), metadata: try columns.nextOptionalJSON(),
            waitingOn: try columns.next(), onChildFailure: try columns.nextCase(), childCount: try columns.next())
    }
}

extension HistoryEntry {
    static let columns = "history_id, task_id, status_from, status_to, changed_at, changed_by, reason"

    init(_ row: PostgresRow) throws {
        var columns = row.columns
        self.init(
            id: try columns.next(), taskID: try columns.next(), from: try columns.next(as: String?.self).flatMap(TaskStatus.init),
            to: try columns.nextCase(), changedAt: try columns.next(), changedBy: try columns.next(), reason: try columns.next())
    }
}

extension ResultRecord {
    static let columns = """
        result_id, task_id, engine_type, output_data, confidence_score, processing_time, token_usage, created_at, status, attempt, chosen
        """

    init(_ row: PostgresRow) throws {
        var columns = row.columns
        self.init(
            id: try columns.next(), taskID: try columns.next(), engine: try columns.next(), output: try columns.nextJSON(),
            confidence: try columns.next(), processingTime: try columns.next(), tokenUsage: try columns.nextOptionalJSON(),
            createdAt: try columns.next(), status: try columns.nextCase(), attempt: try columns.next(), chosen: try columns.next())
    }
}
