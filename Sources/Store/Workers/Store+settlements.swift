public import Domain
public import FoundationEssentials
import Postgres

/// How one call to an engine ended: what its `results` row is settled with.
public struct CallOutcome: Sendable {
    public var resultID: UUID
    public var status: ResultStatus
    public var output: JSONValue
    /// Milliseconds.
    public var processingTime: Int
    public var tokenUsage: JSONValue?
    /// 0 to 1; nil where nothing is known.
    public var confidence: Double?
    /// Where an attempt has several answers: whether this one was chosen.
    public var isChosen: Bool?
    /// False for a call that was held back: its row leaves the ledger.
    public var wasMade: Bool

    public init(
        resultID: UUID, status: ResultStatus, output: JSONValue, processingTime: Int, tokenUsage: JSONValue?, confidence: Double? = nil,
        isChosen: Bool? = nil, wasMade: Bool = true
    ) {
        self.wasMade = wasMade
        self.resultID = resultID
        self.status = status
        self.output = output
        self.processingTime = processingTime
        self.tokenUsage = tokenUsage
        self.confidence = confidence
        self.isChosen = isChosen
    }
}

/// Where a claimed task goes from `processing`.
public enum TaskOutcome: Sendable {
    case completed(output: JSONValue)
    case failed(message: String)
    /// Waits for `delay`, then is admitted again; without a delay it keeps its place by age in the backlog.
    case retrying(message: String, delay: Duration, spendsRetry: Bool)
}

/// All that a worker has to record of a task at once.
public struct Settlement: Sendable {
    public var taskID: UUID
    public var attempt: Int
    public var outcome: TaskOutcome
    public var calls: [CallOutcome]

    public init(taskID: UUID, attempt: Int, outcome: TaskOutcome, calls: [CallOutcome]) {
        self.taskID = taskID
        self.attempt = attempt
        self.outcome = outcome
        self.calls = calls
    }
}

extension Store {
    /// Records how tasks and their calls ended, and gives back the ids of the tasks whose claim still held.
    ///
    /// A worker that lost its lease moves nothing: its attempt is not the task's any more. What its calls gave and cost is kept all the
    /// same. A call that was not made leaves no row. Indexes: `tasks_pkey`, `results_pkey`.
    public func settle(_ settlements: [Settlement], workerID: UUID) async throws -> Set<UUID> {
        let heldBack = settlements.flatMap { $0.calls.lazy.filter { !$0.wasMade }.map(\.resultID) }
        guard !heldBack.isEmpty else {
            return Set(try await queryRetryingDeadlocks(Self.settlement(of: settlements, workerID)) { try $0.decode(UUID.self) })
        }
        return try await retryingDeadlocks {
            try await database.withConnection { connection in
                let rows = try connection.pipeline([
                    "DELETE FROM results WHERE result_id = ANY (\(heldBack)) AND status = 'pending'",
                    Self.settlement(of: settlements, workerID),
                ])
                return Set(try rows.last?.map { try $0.decode(UUID.self) } ?? [])
            }
        }
    }

    private static func settlement(of settlements: [Settlement], _ workerID: UUID) -> PostgresQuery {
        let tasks = TaskColumns(settlements)
        let calls = CallColumns(settlements)
        return
            """
            WITH outcome AS (
                SELECT * FROM unnest(\(tasks.ids), \(tasks.attempts), \(tasks.statuses), \(tasks.outputs), \(tasks.messages), \(tasks.delays),
                    \(tasks.spentRetries))
                    AS o (task_id, attempt, status, output_data, error_message, delay, spent_retries)
            ), moved AS (
                UPDATE tasks t
                SET status = o.status, output_data = o.output_data, error_message = o.error_message,
                    updated_at = clock_timestamp(),
                    completed_at = CASE WHEN o.status IN ('completed', 'failed') THEN clock_timestamp() END,
                    available_at = CASE WHEN coalesce(o.delay, 0) = 0 THEN t.available_at ELSE clock_timestamp() + o.delay * interval '1 second' END,
                    retry_count = t.retry_count + o.spent_retries
                FROM outcome o
                WHERE t.task_id = o.task_id AND t.attempt = o.attempt
                    -- Written so that no index but the primary key's can serve: idx_tasks_running looks small to the planner, and going
                    -- through all that the worker runs for each outcome is a square.
                    AND t.status IS NOT DISTINCT FROM 'processing' AND t.assigned_worker_id IS NOT DISTINCT FROM \(workerID)
                RETURNING t.task_id
            ), settled AS (
                \(unescaped: CallColumns.settling)
                FROM unnest(\(calls.ids), \(calls.statuses), \(calls.outputs), \(calls.times), \(calls.usages), \(calls.confidences),
                    \(calls.choices)) \(unescaped: CallColumns.row)
                WHERE \(unescaped: CallColumns.isUnsettled)
            )
            SELECT task_id FROM moved
            """
    }
}

private struct TaskColumns {
    var ids: [UUID] = []
    var attempts: [Int32] = []
    var statuses: [String] = []
    var outputs: [JSONB?] = []
    var messages: [String?] = []
    /// Seconds.
    var delays: [Double?] = []
    var spentRetries: [Int32] = []

    init(_ settlements: [Settlement]) {
        for settlement in settlements {
            ids.append(settlement.taskID)
            attempts.append(Int32(clamping: settlement.attempt))
            switch settlement.outcome {
            case .completed(let output): append(.completed, output: output.column)
            case .failed(let message): append(.failed, message: message)
            case .retrying(let message, let delay, let spendsRetry):
                append(.retrying, message: message, delay: delay.seconds, spentRetries: spendsRetry ? 1 : 0)
            }
        }
    }

    private mutating func append(
        _ status: TaskStatus, output: JSONB? = nil, message: String? = nil, delay: Double? = nil, spentRetries: Int32 = 0
    ) {
        statuses.append(status.rawValue)
        outputs.append(output)
        messages.append(message)
        delays.append(delay)
        self.spentRetries.append(spentRetries)
    }
}

extension Duration {
    /// The duration in seconds, as statements take it.
    var seconds: Double {
        let (seconds, attoseconds) = components
        return Double(seconds) + Double(attoseconds) / 1e18
    }
}
