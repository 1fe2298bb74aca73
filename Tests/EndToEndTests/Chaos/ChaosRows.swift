import Domain
import Foundation
import Postgres

/// A task as the database has it at the end, with what its history says of those who moved it.
struct ChaosTaskRow: Sendable {
    var id: UUID
    var status: String
    var onUnknown: String
    /// The request that brought it, and its place there.
    var request: String
    var place: Int
    var prompt: String
    var text: String?
    var error: String?
    var attempt: Int
    var retryCount: Int
    var maxRetries: Int
    var workerLosses: Int
    /// How often its worker was lost while it ran.
    var losses: Int
    /// How often it was cancelled.
    var cancellations: Int
    var type: String
    var parentID: UUID?
    var isParent: Bool
    /// Its place among its siblings' stages.
    var stage: Int
    /// It runs whatever became of its children.
    var goesOn: Bool
    /// The child over which it failed.
    var failedChildID: UUID?
    /// How many children a group counts as completed, failed and cancelled: `3/0/1`.
    var counts: String?
    /// When it was claimed, and when it ended, for the first time.
    var firstClaim: Date?
    var firstEnd: Date?

    static let query: PostgresQuery = """
        SELECT t.task_id, t.status, coalesce(p.settings ->> 'on_unknown', 'retry'), coalesce(t.metadata ->> 'request', ''),
            coalesce((t.metadata ->> 'place')::int, -1), coalesce(t.input_data ->> 'prompt', ''), t.output_data ->> 'text',
            t.error_message, t.attempt, coalesce(t.retry_count, 0), coalesce(t.max_retries, 0), t.worker_losses,
            (SELECT count(*) FROM task_history h WHERE h.task_id = t.task_id AND h.status_from = 'processing'
                AND h.reason LIKE 'The worker that ran it was lost%'),
            (SELECT count(*) FROM task_history h WHERE h.task_id = t.task_id AND h.status_to = 'cancelled'),
            t.task_type, t.parent_task_id, t.child_count > 0, coalesce(t.execution_order, 0), t.on_child_failure = 'continue',
            t.failed_child_id, concat_ws('/', t.output_data -> 'children' ->> 'completed', t.output_data -> 'children' ->> 'failed',
                t.output_data -> 'children' ->> 'cancelled'),
            (SELECT min(changed_at) FROM task_history h WHERE h.task_id = t.task_id AND h.status_to = 'processing'),
            (SELECT min(changed_at) FROM task_history h WHERE h.task_id = t.task_id
                AND h.status_to IN ('completed', 'failed', 'cancelled'))
        FROM tasks t JOIN projects p USING (project_id)
        """

    init(_ row: PostgresRow) throws {
        var columns = row.columns
        id = try columns.next()
        status = try columns.next()
        onUnknown = try columns.next()
        request = try columns.next()
        place = try columns.next()
        prompt = try columns.next()
        text = try columns.next()
        error = try columns.next()
        attempt = try columns.next()
        retryCount = try columns.next()
        maxRetries = try columns.next()
        workerLosses = try columns.next()
        losses = try columns.next()
        cancellations = try columns.next()
        type = try columns.next()
        parentID = try columns.next()
        isParent = try columns.next()
        stage = try columns.next()
        goesOn = try columns.next()
        failedChildID = try columns.next()
        counts = try columns.next()
        firstClaim = try columns.next()
        firstEnd = try columns.next()
    }

    init(id: UUID, status: String, request: String = "", place: Int = 0, prompt: String = "", text: String? = nil) {
        (self.id, self.status, self.request, self.place, self.prompt, self.text) = (id, status, request, place, prompt, text)
        (onUnknown, error, attempt, retryCount, maxRetries, workerLosses, losses, cancellations) = ("retry", nil, 1, 0, 3, 0, 0, 0)
        (type, parentID, isParent, stage, goesOn, failedChildID, counts) = ("chat", nil, false, 0, false, nil, nil)
        (firstClaim, firstEnd) = (Date(timeIntervalSince1970: 1), Date(timeIntervalSince1970: 2))
    }
}

/// A call to the engine as the database has it.
struct ChaosCallRow: Sendable {
    var taskID: UUID
    var attempt: Int
    var status: String
    /// What kind of failure it was, where it was one.
    var kind: String?

    static let query: PostgresQuery = "SELECT task_id, attempt, status, output_data ->> 'kind' FROM results"

    /// As the engine was told.
    var key: String { "\(taskID.text).\(attempt)" }

    init(_ row: PostgresRow) throws {
        (taskID, attempt, status, kind) = try row.decode(UUID.self, Int.self, String.self, String?.self)
    }

    init(taskID: UUID, attempt: Int, status: String, kind: String? = nil) {
        (self.taskID, self.attempt, self.status, self.kind) = (taskID, attempt, status, kind)
    }
}
