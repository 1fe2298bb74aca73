import Postgres

/// The laws of parents and children. Within the grace the dispatcher sees to families that are marked as unsettled.
extension VerificationQueries {
    /// Which children have ended: `waiting_on` counts in every status, stages only among children that have not.
    /// Indexes: `idx_tasks_children`, `idx_tasks_unfinished_children`.
    var waitingIsExplained: PostgresQuery {
        """
        SELECT t.task_id, count(*) OVER ()
        FROM tasks t
        LEFT JOIN (
            SELECT parent_task_id, count(*) AS children, count(*) FILTER (WHERE status NOT IN ('completed', 'failed', 'cancelled')) AS unfinished
            FROM tasks WHERE parent_task_id > \(low) AND parent_task_id <= \(high) GROUP BY parent_task_id
        ) AS family ON family.parent_task_id = t.task_id
        LEFT JOIN tasks p ON p.task_id = t.parent_task_id
        WHERE t.task_id > \(low) AND t.task_id <= \(high)
            AND (t.parent_task_id IS NOT NULL OR t.waiting_on > 0 OR t.child_count > 0 OR family.children > 0)
            AND (
                t.child_count <> coalesce(family.children, 0)
                OR t.waits_for_child AND t.child_count > 0
                OR t.waiting_on <> coalesce(family.unfinished, 0) + t.waits_for_stage::integer + t.waits_for_child::integer
                OR t.status NOT IN ('completed', 'failed', 'cancelled') AND t.parent_task_id IS NOT NULL
                    AND NOT (p.is_unsettled AND p.updated_at > clock_timestamp() - \(grace) * interval '1 second')
                    AND t.waits_for_stage <> EXISTS (
                        SELECT FROM tasks s
                        WHERE s.parent_task_id = t.parent_task_id AND s.execution_order < t.execution_order
                            AND s.status IN ('pending', 'in_queue', 'processing', 'retrying', 'paused')))
        ORDER BY t.task_id LIMIT \(idLimit)
        """
    }

    /// Of a parent that runs, or that completed: its last claim came behind all of its children's ends. Index: `idx_tasks_children`.
    var parentsRunLast: PostgresQuery {
        """
        SELECT t.task_id, count(*) OVER () FROM tasks t
        WHERE t.task_id > \(low) AND t.task_id <= \(high) AND t.child_count > 0 AND t.status IN ('processing', 'completed')
            AND EXISTS (
                SELECT FROM tasks c
                WHERE c.parent_task_id = t.task_id
                    AND (c.status NOT IN ('completed', 'failed', 'cancelled') OR c.completed_at > t.started_at))
        ORDER BY t.task_id LIMIT \(idLimit)
        """
    }

    /// Index: `tasks_pkey`.
    var familiesEndTogether: PostgresQuery {
        """
        SELECT t.task_id, count(*) OVER ()
        FROM tasks t JOIN tasks p ON p.task_id = t.parent_task_id
        WHERE t.task_id > \(low) AND t.task_id <= \(high) AND t.status NOT IN ('completed', 'failed', 'cancelled')
            AND p.status IN ('completed', 'failed', 'cancelled')
            AND NOT (p.is_unsettled AND p.updated_at > clock_timestamp() - \(grace) * interval '1 second')
        ORDER BY t.task_id LIMIT \(idLimit)
        """
    }
}
