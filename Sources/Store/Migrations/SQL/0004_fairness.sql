-- What the dispatcher needs to share the workers fairly between projects.

ALTER TABLE tasks
    -- What the task is expected to cost: the measure in which projects share. The default is for tasks that were accepted before.
    ADD COLUMN estimated_tokens INTEGER NOT NULL DEFAULT 1000;

-- The backlog, each project and priority in the order of admission. A task whose time has not come stands behind those whose time has:
-- however many are delayed, the first row of a pair says whether anything of it can run.
DROP INDEX idx_tasks_backlog;
CREATE INDEX idx_tasks_backlog ON tasks (project_id, priority DESC, available_at, task_id)
    WHERE status IN ('pending', 'retrying') AND waiting_on = 0;

-- What each project has in the queues and with the workers: counted against settings.max_concurrency, and where projects compete.
CREATE INDEX idx_tasks_in_flight ON tasks (project_id) INCLUDE (estimated_tokens) WHERE status IN ('in_queue', 'processing');

-- How many tasks of a project may be in flight at once; NULL for any number. Whatever else the setting holds is no limit: the gateway
-- lets only whole numbers in.
CREATE FUNCTION chorus_max_concurrency(settings jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN settings ->> 'max_concurrency' ~ '^[1-9][0-9]{0,8}$' THEN (settings ->> 'max_concurrency')::bigint END
$$;
