-- What people do to tasks and projects, and what deadlines do.

-- Tasks that wait and have a deadline, the next to pass first: the dispatcher fails those that are too late.
CREATE INDEX idx_tasks_deadline ON tasks (deadline)
    WHERE deadline IS NOT NULL AND status IN ('pending', 'in_queue', 'retrying', 'paused');

-- What no other index finds of a project's live tasks: held back by a person, or waiting for others. A cancelled project looks here.
CREATE INDEX idx_tasks_held ON tasks (project_id, task_id)
    WHERE status IN ('pending', 'in_queue', 'retrying', 'paused') AND (status = 'paused' OR waiting_on > 0);

ALTER TABLE projects
    -- Who paused or cancelled the project, for as long as some of its tasks have not followed: a gateway that dies half-way leaves the
    -- rest to the next dispatcher that looks.
    ADD COLUMN settling_by UUID;

CREATE INDEX idx_projects_settling ON projects (project_id) WHERE settling_by IS NOT NULL;

-- The channel on which a worker hears that a task it runs is not wanted any more. The same name as WorkerIdentity.channel in code.
CREATE FUNCTION chorus_worker_channel(worker uuid) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT 'chorus_worker_' || replace(worker::text, '-', '')
$$;
