-- What each move of a task costs.

-- Three moves follow the acceptance, each a new version of the row: room for them on its own page keeps the log short.
ALTER TABLE tasks SET (fillfactor = 50);

-- A call is opened with nothing and settled with an answer. Where the answer finds room on the page, no index has to be told.
ALTER TABLE results SET (fillfactor = 20);

-- Old messages are looked for among what is in flight (idx_tasks_in_flight), which the queues and the slots bound: every few seconds a
-- short scan, instead of an entry for every task.
DROP INDEX idx_tasks_in_queue;

-- What a worker's claim makes of a task: it gets what waits in the queue (processing); what it cannot get goes back (pending) or ends;
-- what somebody moved on stays as it is.
CREATE FUNCTION chorus_claim(task_status text, deadline timestamptz, waiting_on integer, project_status text) RETURNS text
LANGUAGE sql STABLE AS $$
    SELECT CASE
        WHEN task_status <> 'in_queue' THEN task_status
        WHEN project_status = 'cancelled' THEN 'cancelled'
        WHEN deadline <= now() THEN 'failed'
        WHEN project_status = 'active' AND waiting_on = 0 THEN 'processing'
        ELSE 'pending'
    END
$$;

-- As in 0002, but asks only once a statement who moves the tasks, and why.
CREATE OR REPLACE FUNCTION chorus_tasks_moved() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
DECLARE
    moved_at CONSTANT timestamptz := clock_timestamp();
    mover CONSTANT uuid := chorus_changed_by();
    why CONSTANT text := chorus_reason();
BEGIN
    INSERT INTO task_history (history_id, task_id, status_from, status_to, changed_at, changed_by, reason)
    SELECT chorus_uuid_v7(moved_at), now.task_id, was.status,
        coalesce(legal.status_to, chorus_refuse_move(now.task_id, was.status, now.status)),
        moved_at,
        coalesce(
            mover,
            CASE WHEN now.status = 'processing' THEN now.assigned_worker_id WHEN was.status = 'processing' THEN was.assigned_worker_id END),
        coalesce(why, CASE WHEN now.status IN ('failed', 'retrying') THEN now.error_message END)
    FROM after AS now
    JOIN before AS was ON was.task_id = now.task_id
    LEFT JOIN task_transitions AS legal ON legal.status_from = was.status AND legal.status_to = now.status
    WHERE now.status <> was.status;
    RETURN NULL;
END
$$;
