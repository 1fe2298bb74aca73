import Domain
import FoundationEssentials
import Postgres

extension Store {
    /// The statement of `acceptance` with keys in it: a submission whose key is taken gives no tasks. A key that another transaction is about
    /// to take is waited for; all take theirs in one order. Index: `idempotency_keys_pkey`.
    static func keyedAcceptance(_ rows: AcceptedRows, _ held: HeldEngines, _ metered: Bool) -> PostgresQuery {
        let keys = rows.keys
        return """
            WITH claimed AS (
                INSERT INTO idempotency_keys AS k (user_id, source, key, digest, status, location, answer)
                SELECT c.user_id, c.source, c.key, c.digest, c.status, c.location, c.answer
                FROM unnest(\(keys.userIDs), \(keys.sources), \(keys.texts), \(keys.digests), \(keys.statuses), \(keys.locations),
                    \(keys.answers), \(keys.projectIDs)) AS c (user_id, source, key, digest, status, location, answer, project_id)
                    JOIN projects p ON p.project_id = c.project_id AND p.status IN ('active', 'paused')
                        AND (\(metered) OR NOT p.metered)
                ORDER BY c.user_id, c.source, c.key
                ON CONFLICT (user_id, source, key) DO UPDATE SET digest = excluded.digest, status = excluded.status,
                    location = excluded.location, answer = excluded.answer, created_at = excluded.created_at
                WHERE k.created_at < excluded.created_at - chorus_key_lifetime()
                RETURNING user_id, source, key
            ), input AS (
                SELECT i.* FROM unnest(\(rows.taskIDs), \(rows.projectIDs), \(rows.userIDs), \(rows.types), \(rows.priorities), \(rows.inputs),
                    \(rows.maxRetries), \(rows.deadlines), \(rows.availableAts), \(rows.metadata), \(rows.estimatedTokens), \(rows.parentIDs),
                    \(rows.executionOrders), \(rows.depths), \(rows.childFailurePolicies), \(rows.waitsForChild), \(rows.mayBeAdmitted),
                    \(rows.engines), \(keys.ofTasks), \(keys.ownersOfTasks), \(keys.sourcesOfTasks))
                    AS i (task_id, project_id, user_id, task_type, priority, input_data, max_retries, deadline, available_at, metadata,
                        estimated_tokens, parent_task_id, execution_order, depth, on_child_failure, waits_for_child, may_be_admitted, engine,
                        idempotency_key, key_owner, key_source)
                    LEFT JOIN claimed k ON k.user_id = i.key_owner AND k.source = i.key_source AND k.key = i.idempotency_key
                WHERE i.key_owner IS NULL OR k.key IS NOT NULL
            ), inserted AS (
                INSERT INTO tasks (task_id, project_id, user_id, task_type, priority, status, input_data, max_retries, deadline, available_at,
                    metadata, estimated_tokens, parent_task_id, execution_order, depth, on_child_failure, waits_for_child, waiting_on, engine,
                    idempotency_key)
                SELECT i.task_id, i.project_id, i.user_id, i.task_type, i.priority,
                    CASE WHEN i.may_be_admitted AND p.status = 'active' AND chorus_max_concurrency(p.settings) IS NULL
                            AND (\(held.names.isEmpty) OR i.engine <> ''
                                OR chorus_needed_engine('', p.settings, \(held.fleetDefault)) <> ALL (\(held.names)))
                        THEN 'in_queue' ELSE 'pending' END, i.input_data, i.max_retries, i.deadline,
                    coalesce(i.available_at, now()), i.metadata, i.estimated_tokens, i.parent_task_id, i.execution_order, i.depth,
                    i.on_child_failure, i.waits_for_child, CASE WHEN i.waits_for_child THEN 1 ELSE 0 END, i.engine, i.idempotency_key
                FROM input i JOIN projects p ON p.project_id = i.project_id AND p.status IN ('active', 'paused')
                    AND (\(metered) OR NOT p.metered)
                RETURNING project_id, created_at, status, engine, idempotency_key
            )
            SELECT project_id, min(created_at), bool_or(status = 'in_queue' AND engine <> ''), bool_or(status = 'in_queue' AND engine = ''),
                idempotency_key
            FROM inserted GROUP BY project_id, idempotency_key
            """
    }

    /// Looks up what those with keys are to be answered that were not accepted: the first answer where there is one. One statement, and none
    /// where all of them were.
    func repeating(_ submissions: [Submission], _ outcomes: [KeyedOutcome]) async -> [Result<Acceptance, any Error>] {
        let open = zip(submissions, outcomes).compactMap { $1.mayBeRepeated ? $0.idempotency?.request.key : nil }
        guard !open.isEmpty else { return outcomes.map(\.result) }
        let remembered: [IdempotencyKey: RememberedAnswer]
        do {
            remembered = try await self.remembered(Array(Set(open)))
        } catch {
            return outcomes.map { $0.mayBeRepeated ? .failure(error) : $0.result }
        }
        return zip(submissions, outcomes).map { submission, outcome in
            guard let request = submission.idempotency?.request, outcome.mayBeRepeated else { return outcome.result }
            guard let answer = remembered[request.key] else { return outcome.withoutAnswer }
            do throws(Problem) {
                return .success(Acceptance(acceptedAt: answer.createdAt, repeated: try answer.matching(request.digest)))
            } catch {
                return .failure(error)
            }
        }
    }
}
