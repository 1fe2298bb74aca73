import Domain
import FoundationEssentials
import Postgres

/// Which tasks of metered projects a statement stores; see `Store+meteredAcceptance`.
enum MeteredAcceptance {
    case none
    /// Those of whose quotas none is used up, or due. The statement fails where they are more than a quota allows.
    case whereQuotasHaveRoom
    /// All: the caller looks after their quotas.
    case all
}

extension Store {
    /// Stores what comes in; gives the projects that took tasks, once for each key.
    ///
    /// Parts of the statement: `claimed` takes the keys of submissions, so that one whose key is taken gives no tasks (a key that another
    /// transaction is about to take is waited for; all take theirs in one order). `takers` are the projects that take tasks now, of metered
    /// ones those that have no quota which is used up or belongs to another month, and whether the tasks may be admitted on the way in:
    /// what a capped or metered project may have in flight only the dispatcher can count, and tasks that name no engine are held by what
    /// their project says. A task that waits for its first child waits for one thing.
    ///
    /// Indexes: `projects_pkey`, `idempotency_keys_pkey`, `idx_usage_quotas_account`, `idx_usage_quotas_project_id`.
    static func acceptance(
        _ rows: AcceptedRows, _ metered: MeteredAcceptance, _ held: HeldEngines = HeldEngines()
    ) -> PostgresQuery {
        let keys = rows.keys
        let isKeyed = !keys.texts.isEmpty
        return """
            WITH takers AS MATERIALIZED (
                SELECT p.project_id, p.status = 'active' AND NOT p.metered AND chorus_max_concurrency(p.settings) IS NULL AS admits,
                    \(held.names.isEmpty) OR chorus_needed_engine('', p.settings, \(held.fleetDefault)) <> ALL (\(held.names)) AS admits_unnamed
                FROM projects p
                WHERE p.project_id = ANY (\(rows.distinctProjectIDs)) AND p.status IN ('active', 'paused')
                    AND (NOT p.metered OR \(metered == .all)
                        OR \(metered == .whereQuotasHaveRoom) AND NOT EXISTS (
                            SELECT FROM usage_quotas q
                            WHERE (q.user_id = p.user_id AND q.project_id IS NULL OR q.project_id = p.project_id)
                                AND (q.current_usage >= q.monthly_limit OR chorus_is_due(q.reset_date, q.counted_since))))
            )\(part: isKeyed ? claimed(keys) : ""), input AS (
                SELECT i.* FROM unnest(\(rows.taskIDs), \(rows.projectIDs), \(rows.userIDs), \(rows.types), \(rows.priorities), \(rows.inputs),
                    \(rows.maxRetries), \(rows.deadlines), \(rows.availableAts), \(rows.metadata), \(rows.estimatedTokens), \(rows.parentIDs),
                    \(rows.executionOrders), \(rows.depths), \(rows.childFailurePolicies), \(rows.waitsForChild), \(rows.mayBeAdmitted),
                    \(rows.engines), \(keys.ofTasks), \(keys.ownersOfTasks), \(keys.sourcesOfTasks))
                    AS i (task_id, project_id, user_id, task_type, priority, input_data, max_retries, deadline, available_at, metadata,
                        estimated_tokens, parent_task_id, execution_order, depth, on_child_failure, waits_for_child, may_be_admitted, engine,
                        idempotency_key, key_owner, key_source)
                    \(unescaped: isKeyed ? ofClaimedKeys : "")
            ), inserted AS (
                INSERT INTO tasks (task_id, project_id, user_id, task_type, priority, status, input_data, max_retries, deadline, available_at,
                    metadata, estimated_tokens, parent_task_id, execution_order, depth, on_child_failure, waits_for_child, waiting_on, engine,
                    idempotency_key)
                SELECT i.task_id, i.project_id, i.user_id, i.task_type, i.priority,
                    CASE WHEN i.may_be_admitted AND t.admits AND (i.engine <> '' OR t.admits_unnamed) THEN 'in_queue' ELSE 'pending' END,
                    i.input_data, i.max_retries, i.deadline, coalesce(i.available_at, now()), i.metadata, i.estimated_tokens,
                    i.parent_task_id, i.execution_order, i.depth, i.on_child_failure, i.waits_for_child,
                    CASE WHEN i.waits_for_child THEN 1 ELSE 0 END, i.engine, i.idempotency_key
                FROM input i JOIN takers t USING (project_id)
                RETURNING project_id, created_at, status, engine, idempotency_key
            )
            SELECT project_id, min(created_at), bool_or(status = 'in_queue' AND engine <> ''), bool_or(status = 'in_queue' AND engine = ''),
                idempotency_key
            FROM inserted GROUP BY project_id, idempotency_key
            """
    }

    /// Takes the keys of submissions whose projects take tasks.
    private static func claimed(_ keys: AcceptedKeys) -> PostgresQuery {
        """
        , claimed AS (
            INSERT INTO idempotency_keys AS k (user_id, source, key, digest, status, location, answer)
            SELECT c.user_id, c.source, c.key, c.digest, c.status, c.location, c.answer
            FROM unnest(\(keys.userIDs), \(keys.sources), \(keys.texts), \(keys.digests), \(keys.statuses), \(keys.locations),
                \(keys.answers), \(keys.projectIDs)) AS c (user_id, source, key, digest, status, location, answer, project_id)
                JOIN takers USING (project_id)
            ORDER BY c.user_id, c.source, c.key
            ON CONFLICT (user_id, source, key) DO UPDATE SET digest = excluded.digest, status = excluded.status,
                location = excluded.location, answer = excluded.answer, created_at = excluded.created_at
            WHERE k.created_at < excluded.created_at - chorus_key_lifetime()
            RETURNING user_id, source, key
        )
        """
    }

    /// Leaves out the tasks whose key was taken.
    private static let ofClaimedKeys = """
        LEFT JOIN claimed k ON k.user_id = i.key_owner AND k.source = i.key_source AND k.key = i.idempotency_key
        WHERE i.key_owner IS NULL OR k.key IS NOT NULL
        """
}
