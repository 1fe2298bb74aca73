public import Domain
public import FoundationEssentials
import Postgres

/// How many children of a task ended in which way.
public struct ChildCounts: Sendable, Hashable {
    public var completed = 0
    public var failed = 0
    public var cancelled = 0

    public init() {}

    /// The `output_data` of a group.
    public var output: JSONValue {
        [
            "children": [
                "completed": .number(JSONNumber(completed)), "failed": .number(JSONNumber(failed)),
                "cancelled": .number(JSONNumber(cancelled)),
            ]
        ]
    }
}

extension Store {
    /// The channel on which dispatchers hear that a task may run which could not before: `chorus_wake_dispatchers` in the database.
    public static let admissionChannel = "chorus_admission"

    /// The task's children in their order: stage by stage, then by age. Index: `idx_tasks_children`.
    public func children(of parentID: UUID, filter: TaskFilter = TaskFilter(), limit: Int, after cursor: PageCursor?) async throws -> Page<
        TaskRecord
    > {
        let statuses = filter.statuses?.map(\.rawValue)
        let rows = try await database.query(
            """
            SELECT \(unescaped: TaskRecord.columns) FROM tasks
            WHERE parent_task_id = \(parentID)
                AND (\(cursor?.after)::uuid IS NULL OR (execution_order, task_id)
                    > (SELECT c.execution_order, c.task_id FROM tasks c WHERE c.task_id = \(cursor?.after) AND c.parent_task_id = \(parentID)))
                AND (\(statuses)::text[] IS NULL OR status = ANY (\(statuses)))
                AND (\(filter.type)::text IS NULL OR task_type = \(filter.type))
                AND (\(filter.createdAfter)::timestamptz IS NULL OR created_at > \(filter.createdAfter))
                AND (\(filter.createdBefore)::timestamptz IS NULL OR created_at < \(filter.createdBefore))
            ORDER BY execution_order, task_id LIMIT \(limit + 1)
            """, TaskRecord.init)
        return Page(rows, limit: limit, id: \.id)
    }

    /// How the task's children ended. Index: `idx_tasks_children`.
    public func childCounts(of parentID: UUID) async throws -> ChildCounts {
        let rows = try await database.query(
            """
            SELECT status, count(*) FROM tasks
            WHERE parent_task_id = \(parentID) AND status IN ('completed', 'failed', 'cancelled') GROUP BY status
            """
        ) { try $0.decode(String.self, Int.self) }
        return rows.reduce(into: ChildCounts()) { counts, row in
            switch TaskStatus(rawValue: row.0) {
            case .completed: counts.completed = row.1
            case .failed: counts.failed = row.1
            default: counts.cancelled = row.1
            }
        }
    }

    /// What a parent's text can say of its children, in their order; nil where that is more than `limit` bytes, which do not leave the
    /// server then. Index: `idx_tasks_children`.
    public func childOutcomes(of parentID: UUID, limit: Int) async throws -> [ChildOutcome]? {
        let rows = try await database.query(
            """
            WITH child AS MATERIALIZED (
                SELECT task_id, task_type, execution_order, status, error_message,
                    jsonb_strip_nulls(jsonb_build_object(
                        'text', output_data -> 'text', 'engine', output_data -> 'engine', 'model', output_data -> 'model',
                        'finish_reason', output_data -> 'finish_reason', 'children', output_data -> 'children')) AS output, metadata
                FROM tasks WHERE parent_task_id = \(parentID)
            ), size AS MATERIALIZED (
                SELECT sum(octet_length(output::text) + coalesce(octet_length(error_message), 0) + coalesce(octet_length(metadata::text), 0))
                    <= \(limit) AS fits
                FROM child
            )
            SELECT task_id, task_type, execution_order, status, CASE WHEN fits THEN error_message END, CASE WHEN fits THEN output END,
                CASE WHEN fits THEN metadata END, fits
            FROM child, size ORDER BY execution_order, task_id LIMIT \(FamilyLimits.children)
            """
        ) { row in
            var columns = row.columns
            let outcome = ChildOutcome(
                id: try columns.next(), type: try columns.next(), executionOrder: try columns.next(), status: try columns.nextCase(),
                errorMessage: try columns.next(), output: try columns.nextOptionalJSON(), metadata: try columns.nextOptionalJSON())
            return (outcome, fits: try columns.next(as: Bool.self))
        }
        return rows.allSatisfy(\.fits) ? rows.map(\.0) : nil
    }

    /// Does what somebody's lock prevented when a parent ended or a stage did, and gives the number of families. Index:
    /// `idx_tasks_unsettled`, which is empty nearly always.
    public func settleFamilies(limit: Int) async throws -> Int {
        try await retryingDeadlocks {
            try await database.query("SELECT chorus_settle_families(\(Int32(clamping: limit)))") { try $0.decode(Int.self) }.first ?? 0
        }
    }
}
