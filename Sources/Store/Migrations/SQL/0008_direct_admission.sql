-- A task that is accepted while nothing waits before it, and the queues have room, is admitted by the statement that stores it: it comes
-- in as in_queue, and its history tells both moves, the acceptance first. That saves a version of the row with its index entries, and two
-- round trips before the task runs.
CREATE OR REPLACE FUNCTION chorus_tasks_accepted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    accepted_at CONSTANT timestamptz := clock_timestamp();
    -- The next id that sorts behind those of the acceptance.
    admitted_at CONSTANT timestamptz := accepted_at + interval '1 microsecond';
    accepter CONSTANT uuid := chorus_changed_by();
    why CONSTANT text := chorus_reason();
BEGIN
    INSERT INTO task_history (history_id, task_id, status_from, status_to, changed_at, changed_by, reason)
    SELECT chorus_uuid_v7(accepted_at), task_id, NULL,
        CASE WHEN status IN ('pending', 'in_queue') THEN 'pending' ELSE chorus_refuse_move(task_id, NULL, status) END,
        accepted_at, coalesce(accepter, user_id), why
    FROM accepted
    UNION ALL
    SELECT chorus_uuid_v7(admitted_at), task_id, 'pending', status, admitted_at, accepter, why
    FROM accepted WHERE status = 'in_queue';
    RETURN NULL;
END
$$;
