import Domain
import FoundationEssentials
import Postgres

/// A task of a metered project that could be admitted, and what it may use.
private struct Candidate {
    var task: AdmittedTask
    /// Millionths of a USD.
    var cost: Int

    var amounts: [QuotaType: Int] { [.tokens: task.estimatedTokens, .costMicros: cost] }

    init(_ row: PostgresRow) throws {
        var columns = row.columns
        task = try AdmittedTask(&columns)
        cost = try columns.next()
    }
}

extension Store {
    /// What the history says of a task that is paused because a quota has too little left.
    static let overBudget = "Its budget has run out."
    /// What it says when that has changed.
    static let withinBudget = "Its budget has room again."

    /// Moves what the grants and the quotas of their projects allow to `in_queue`. A task that may use more than is left in this month is
    /// paused; one that would fit if nothing ran waits.
    ///
    /// Only admission adds to what is reserved, and it holds the locks on the quotas until it commits: the sum over the tasks in flight that
    /// follows the locks is the last word. The tasks are locked behind the quotas; those that somebody holds are skipped.
    /// Indexes: `idx_tasks_backlog`, `tasks_pkey`, and those of `lockQuotas`.
    static func admitMetered(_ grants: [AdmissionGrant], _ connection: isolated PostgresConnection) throws -> AdmissionOutcome {
        guard !grants.isEmpty else { return AdmissionOutcome() }
        var book = try lockQuotas(QuotaType.spending, of: Array(Set(grants.map(\.projectID))), opens: true, connection)
        var outcome = AdmissionOutcome()
        var admitted: [Candidate] = []
        var parked: [UUID] = []
        for candidate in try connection.query(candidates(grants)).map(Candidate.init) {
            // Behind one that waits, smaller ones of its project wait too: they must not take what it waits for.
            guard !outcome.waiting.contains(candidate.task.projectID) else { continue }
            switch book.take(candidate.amounts, of: candidate.task.projectID) {
            case .taken: admitted.append(candidate)
            case .waits: outcome.waiting.insert(candidate.task.projectID)
            case .exceeds: parked.append(candidate.task.id)
            }
        }
        outcome.tasks = admitted.map(\.task)
        outcome.parked = parked.count
        try move(admitted, connection)
        try park(parked, connection)
        return outcome
    }

    private static func move(_ candidates: [Candidate], _ connection: isolated PostgresConnection) throws {
        guard !candidates.isEmpty else { return }
        let ids = candidates.map(\.task.id)
        let costs = candidates.map(\.cost)
        _ = try connection.pipeline([
            // As in `admit`: what a crash of the database undoes is pending again, and nothing of it is reserved.
            "SELECT set_config('synchronous_commit', 'off', true)",
            """
            UPDATE tasks t SET status = 'in_queue', reserved_cost = c.cost, updated_at = clock_timestamp()
            FROM unnest(\(ids), \(costs)) AS c (task_id, cost) WHERE t.task_id = c.task_id
            """,
        ])
    }

    private static func park(_ ids: [UUID], _ connection: isolated PostgresConnection) throws {
        guard !ids.isEmpty else { return }
        _ = try connection.pipeline([
            "SELECT set_config('chorus.reason', \(overBudget), true)",
            "UPDATE tasks SET status = 'paused', is_over_budget = TRUE, updated_at = clock_timestamp() WHERE task_id = ANY (\(ids))",
            "SELECT set_config('chorus.reason', '', true)",
        ])
    }

    /// The first tasks of each grant, in the order of the grants, locked.
    private static func candidates(_ grants: [AdmissionGrant]) -> PostgresQuery {
        let projectIDs = grants.map(\.projectID)
        let priorities = grants.map { Int32(clamping: $0.priority) }
        let engines = grants.map(\.engine)
        let limits = grants.map(\.limit)
        return """
            SELECT t.task_id, t.project_id, t.priority, t.engine, t.attempt, t.estimated_tokens, \(unescaped: mostCost)
            FROM unnest(\(projectIDs), \(priorities), \(engines), \(limits)) WITH ORDINALITY AS g (project_id, priority, engine, quota, turn)
            CROSS JOIN LATERAL (
                SELECT task_id, project_id, priority, engine, attempt, estimated_tokens, available_at, input_data FROM tasks
                WHERE project_id = g.project_id AND priority = g.priority AND engine = g.engine
                    AND status IN ('pending', 'retrying') AND waiting_on = 0 AND available_at <= now()
                ORDER BY project_id, priority DESC, engine, available_at, task_id LIMIT g.quota
                FOR UPDATE SKIP LOCKED
            ) AS t
            JOIN projects p ON p.project_id = t.project_id
            ORDER BY g.turn, t.available_at, t.task_id
            """
    }

    /// What the task `t` of the project `p` may cost, in millionths of a USD.
    static let mostCost = """
        ceil(t.estimated_tokens * chorus_token_price(
            t.engine, t.input_data, p.settings, (SELECT name FROM engines ORDER BY position LIMIT 1)))::bigint
        """
}
