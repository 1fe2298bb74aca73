import Domain
import FoundationEssentials
import Postgres

/// Which tasks of the next stretch of a project may go: found first, then held, under the connection's transaction.
struct PruneSelection {
    private static let hasEnded = "status IN ('completed', 'failed', 'cancelled') AND coalesce(completed_at, updated_at) <"

    private let plan: PrunePlan
    private let limit: Int
    /// Tasks without a family.
    private var singles: [UUID] = []
    /// Uppermost tasks of families.
    private var roots: [UUID] = []
    /// What may go.
    private(set) var ids: [UUID] = []
    /// Behind this the walk goes on; nil where it is at its end.
    private(set) var next: UUID?

    /// Index: `idx_tasks_project_id`.
    init(_ plan: PrunePlan, after last: UUID?, limit: Int, _ connection: isolated PostgresConnection) throws {
        self.plan = plan
        self.limit = limit
        let rows = try connection.query(
            """
            SELECT task_id, child_count > 0, parent_task_id IS NULL AND \(unescaped: Self.hasEnded) \(plan.cutoff)
            FROM tasks WHERE project_id = \(plan.projectID) AND task_id > \(last ?? .lowest) AND task_id < \(UUID.v7(at: plan.cutoff))
            ORDER BY task_id LIMIT \(limit)
            """
        ).map { try $0.decode(UUID.self, Bool.self, Bool.self) }
        for (id, isParent, mayGo) in rows where mayGo {
            if isParent { roots.append(id) } else { singles.append(id) }
        }
        if rows.count == limit { next = rows.last?.0 }
    }

    /// Locks what may still go, and nobody holds. Of a family all or nothing.
    mutating func hold(_ connection: isolated PostgresConnection) throws {
        if !singles.isEmpty {
            ids = try connection.query(
                """
                SELECT task_id FROM tasks WHERE task_id = ANY (\(singles)) AND \(unescaped: Self.hasEnded) \(plan.cutoff)
                ORDER BY task_id FOR UPDATE SKIP LOCKED
                """
            ).map { try $0.decode(UUID.self) }
        }
        try addFamilies(locking: "FOR UPDATE SKIP LOCKED", connection)
    }

    /// Adds up what may go, and locks nothing.
    mutating func count(_ connection: isolated PostgresConnection) throws {
        ids = singles
        try addFamilies(locking: "", connection)
    }

    /// Family after family, until the batch is full: then the walk goes on behind the last of them. Indexes: `tasks_pkey`,
    /// `idx_tasks_children`.
    private mutating func addFamilies(locking: String, _ connection: isolated PostgresConnection) throws {
        for root in roots {
            let row = try connection.query(
                """
                WITH RECURSIVE family AS (
                    SELECT task_id, status, child_count FROM tasks WHERE task_id = \(root)
                    UNION ALL
                    SELECT c.task_id, c.status, c.child_count
                    FROM family f JOIN tasks c ON c.parent_task_id = f.task_id WHERE f.child_count > 0
                ), ended AS (
                    SELECT task_id FROM tasks
                    WHERE task_id IN (SELECT task_id FROM family) AND \(unescaped: Self.hasEnded) \(plan.cutoff)
                        AND NOT EXISTS (SELECT FROM family WHERE status NOT IN ('completed', 'failed', 'cancelled'))
                    \(unescaped: locking)
                )
                SELECT (SELECT count(*) FROM family), ARRAY(SELECT task_id FROM ended)
                """
            ).first
            guard let (size, ended) = try row?.decode(Int.self, [UUID].self), ended.count == size else { continue }
            ids += ended
            if ids.count >= limit, root != roots.last {
                next = root
                return
            }
        }
    }
}
