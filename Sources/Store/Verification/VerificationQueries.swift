import FoundationEssentials
import Postgres

/// One statement a law over the tasks of one page: each gives the ids that break it, and beside each their number.
struct VerificationQueries {
    /// The page: ids above `low`, up to `high`.
    let low: UUID
    let high: UUID
    /// Seconds.
    let grace: Double
    let idLimit: Int

    var all: [(Law, PostgresQuery)] {
        [
            (.statusIsExplained, statusIsExplained), (.historyChains, historyChains), (.historyIsInOrder, historyIsInOrder),
            (.attemptsAreCounted, attemptsAreCounted), (.oneOpenCall, oneOpenCall), (.openCallsRun, openCallsRun),
            (.completedOnce, completedOnce), (.completedHasOutput, completedHasOutput), (.waitingIsExplained, waitingIsExplained),
            (.parentsRunLast, parentsRunLast), (.familiesEndTogether, familiesEndTogether), (.processingHasWorker, processingHasWorker),
            (.taskHasProject, taskHasProject), (.ledgerHasTask, ledgerHasTask),
        ]
    }

    private var statusIsExplained: PostgresQuery {
        """
        SELECT t.task_id, count(*) OVER ()
        FROM tasks t
        LEFT JOIN (
            SELECT DISTINCT ON (task_id) task_id, status_to FROM task_history
            WHERE task_id > \(low) AND task_id <= \(high) ORDER BY task_id, history_id DESC
        ) AS last USING (task_id)
        WHERE t.task_id > \(low) AND t.task_id <= \(high) AND last.status_to IS DISTINCT FROM t.status
        ORDER BY t.task_id LIMIT \(idLimit)
        """
    }

    /// The first line comes from nothing and leads to `pending`.
    private var historyChains: PostgresQuery {
        """
        SELECT task_id, count(*) OVER () FROM (
            SELECT DISTINCT h.task_id
            FROM (
                SELECT task_id, status_from, status_to, lag(status_to) OVER (PARTITION BY task_id ORDER BY history_id) AS previous
                FROM task_history WHERE task_id > \(low) AND task_id <= \(high)
            ) AS h
            LEFT JOIN task_transitions AS legal ON legal.status_from = h.status_from AND legal.status_to = h.status_to
            WHERE h.status_from IS DISTINCT FROM h.previous
                OR CASE WHEN h.status_from IS NULL THEN h.status_to <> 'pending' ELSE legal.status_to IS NULL END
        ) AS broken
        ORDER BY task_id LIMIT \(idLimit)
        """
    }

    private var historyIsInOrder: PostgresQuery {
        """
        SELECT task_id, count(*) OVER () FROM (
            SELECT DISTINCT h.task_id
            FROM (
                SELECT task_id, changed_at, lag(changed_at) OVER (PARTITION BY task_id ORDER BY history_id) AS previous
                FROM task_history WHERE task_id > \(low) AND task_id <= \(high)
            ) AS h
            JOIN tasks t USING (task_id)
            WHERE h.changed_at < coalesce(h.previous, t.created_at)
        ) AS broken
        ORDER BY task_id LIMIT \(idLimit)
        """
    }

    private var attemptsAreCounted: PostgresQuery {
        """
        SELECT t.task_id, count(*) OVER ()
        FROM tasks t
        LEFT JOIN (
            SELECT task_id, count(*) FILTER (WHERE status_to = 'processing') AS claims FROM task_history
            WHERE task_id > \(low) AND task_id <= \(high) GROUP BY task_id
        ) AS h USING (task_id)
        WHERE t.task_id > \(low) AND t.task_id <= \(high) AND coalesce(h.claims, 0) <> t.attempt
        ORDER BY t.task_id LIMIT \(idLimit)
        """
    }

    /// A task that names no engines does as its project says; what that said when the task started is not known of a project that was
    /// changed since.
    private var oneOpenCall: PostgresQuery {
        """
        SELECT task_id, count(*) OVER () FROM (
            SELECT DISTINCT r.task_id
            FROM results r JOIN tasks t USING (task_id) LEFT JOIN projects p USING (project_id)
            WHERE r.task_id > \(low) AND r.task_id <= \(high) AND r.status = 'pending'
            GROUP BY r.task_id, r.attempt,
                CASE
                    WHEN t.input_data ->> 'engine' IS NOT NULL THEN NULL
                    WHEN t.input_data -> 'engines' ->> 0 IS NOT NULL
                        THEN CASE WHEN t.input_data ->> 'strategy' IN ('race', 'ensemble') THEN r.engine_type END
                    WHEN p.settings ->> 'strategy' IN ('race', 'ensemble') OR p.updated_at > t.started_at THEN r.engine_type
                END
            HAVING count(*) > 1
        ) AS broken
        ORDER BY task_id LIMIT \(idLimit)
        """
    }

    /// A call that a person cancelled is closed by the worker, a moment after the task.
    private var openCallsRun: PostgresQuery {
        """
        SELECT task_id, count(*) OVER () FROM (
            SELECT DISTINCT r.task_id
            FROM results r JOIN tasks t USING (task_id)
            WHERE r.task_id > \(low) AND r.task_id <= \(high) AND r.status = 'pending'
                AND (t.status <> 'processing' OR r.attempt <> t.attempt)
                AND t.updated_at < clock_timestamp() - \(grace) * interval '1 second'
        ) AS broken
        ORDER BY task_id LIMIT \(idLimit)
        """
    }

    /// A group has no call of its own. Where there are several answers, nobody but the worker that chose among them says so: a call that
    /// was doubled stays a fault. What was not chosen cannot stand alone.
    private var completedOnce: PostgresQuery {
        """
        SELECT t.task_id, count(*) OVER ()
        FROM tasks t
        LEFT JOIN (
            SELECT task_id, attempt, count(*) AS completed, count(*) FILTER (WHERE chosen) AS chosen, bool_or(NOT chosen) AS is_passed_over
            FROM results
            WHERE task_id > \(low) AND task_id <= \(high) AND status = 'completed' GROUP BY task_id, attempt
        ) AS r USING (task_id, attempt)
        WHERE t.task_id > \(low) AND t.task_id <= \(high) AND t.status = 'completed' AND t.task_type <> 'group'
            AND CASE coalesce(r.completed, 0) WHEN 0 THEN TRUE WHEN 1 THEN coalesce(r.is_passed_over, FALSE) ELSE r.chosen <> 1 END
        ORDER BY t.task_id LIMIT \(idLimit)
        """
    }

    private var completedHasOutput: PostgresQuery {
        """
        SELECT task_id, count(*) OVER () FROM tasks
        WHERE task_id > \(low) AND task_id <= \(high) AND status = 'completed' AND output_data IS NULL
        ORDER BY task_id LIMIT \(idLimit)
        """
    }

    /// Within the grace a worker's loss is noticed, and its tasks are handed on.
    private var processingHasWorker: PostgresQuery {
        """
        SELECT t.task_id, count(*) OVER ()
        FROM tasks t LEFT JOIN workers w ON w.worker_id = t.assigned_worker_id
        WHERE t.task_id > \(low) AND t.task_id <= \(high) AND t.status = 'processing'
            AND t.updated_at < clock_timestamp() - \(grace) * interval '1 second'
            AND CASE WHEN w.status IN ('alive', 'draining') THEN w.heartbeat_at ELSE coalesce(w.stopped_at, '-infinity') END
                < clock_timestamp() - \(grace) * interval '1 second'
        ORDER BY t.task_id LIMIT \(idLimit)
        """
    }

    private var taskHasProject: PostgresQuery {
        """
        SELECT t.task_id, count(*) OVER () FROM tasks t
        WHERE t.task_id > \(low) AND t.task_id <= \(high)
            AND NOT EXISTS (SELECT FROM projects p WHERE p.project_id = t.project_id)
        ORDER BY t.task_id LIMIT \(idLimit)
        """
    }

    private var ledgerHasTask: PostgresQuery {
        """
        SELECT task_id, count(*) OVER () FROM (
            SELECT task_id FROM task_history WHERE task_id > \(low) AND task_id <= \(high)
            UNION
            SELECT task_id FROM results WHERE task_id > \(low) AND task_id <= \(high)
        ) AS ledger
        WHERE NOT EXISTS (SELECT FROM tasks t WHERE t.task_id = ledger.task_id)
        ORDER BY task_id LIMIT \(idLimit)
        """
    }
}
