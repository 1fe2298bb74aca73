-- What Chorus adds to the seed to run it.

-- Tasks ---------------------------------------------------------------------------------------------------------------------------------

ALTER TABLE tasks
    -- Counts claims: the fencing token. A worker that lost its lease writes with an older attempt, and finds no row.
    ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0,
    -- Not before this time: a delayed start, or the backoff of a retry.
    ADD COLUMN available_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP,
    -- Unfinished prerequisites: only 0 is admitted.
    ADD COLUMN waiting_on INTEGER NOT NULL DEFAULT 0 CHECK (waiting_on >= 0),
    -- The caller's own name for the request that made it.
    ADD COLUMN idempotency_key VARCHAR(255);

-- Every move makes a new row version: room on the page keeps the versions of a task together.
ALTER TABLE tasks SET (fillfactor = 70);

-- The backlog, in the order of admission. The dispatcher walks its distinct (project_id, priority) pairs, then takes the oldest of each.
CREATE INDEX idx_tasks_backlog ON tasks (project_id, priority, task_id)
    WHERE status IN ('pending', 'retrying') AND waiting_on = 0;
-- What the broker should hold: found again when it does not.
CREATE INDEX idx_tasks_in_queue ON tasks (updated_at) WHERE status = 'in_queue';
-- What each worker runs: handed on when the worker is lost.
CREATE INDEX idx_tasks_running ON tasks (assigned_worker_id) WHERE status = 'processing';
-- Lists of a project, newest first, by keyset.
CREATE INDEX idx_tasks_project_id ON tasks (project_id, task_id);

-- The legal moves of a task: the same table as TaskStatus.next in code, and a test holds the two equal.
CREATE TABLE task_transitions (
    status_from VARCHAR(20) NOT NULL,
    status_to VARCHAR(20) NOT NULL,
    PRIMARY KEY (status_from, status_to)
);

INSERT INTO task_transitions (status_from, status_to) VALUES
    ('pending', 'in_queue'), ('pending', 'paused'), ('pending', 'cancelled'), ('pending', 'failed'),
    ('in_queue', 'processing'), ('in_queue', 'pending'), ('in_queue', 'paused'), ('in_queue', 'cancelled'), ('in_queue', 'failed'),
    ('processing', 'completed'), ('processing', 'failed'), ('processing', 'retrying'), ('processing', 'cancelled'),
    ('retrying', 'in_queue'), ('retrying', 'paused'), ('retrying', 'cancelled'), ('retrying', 'failed'),
    ('paused', 'pending'), ('paused', 'cancelled'), ('paused', 'failed'),
    ('failed', 'pending'), ('cancelled', 'pending');

-- A version 7 UUID (RFC 9562): milliseconds in 48 bits, the version and the fraction of the millisecond in 16, the rest random. Rows made
-- together lie together in their index, and sort by the time they were made.
CREATE FUNCTION chorus_uuid_v7(made_at timestamptz DEFAULT clock_timestamp()) RETURNS uuid LANGUAGE sql VOLATILE PARALLEL SAFE AS $$
    SELECT encode(
        overlay(
            uuid_send(gen_random_uuid())
            PLACING substring(int8send((extract(epoch FROM made_at) * 1000000)::bigint / 1000) FROM 3)
                || int2send((28672 + (extract(epoch FROM made_at) * 1000000)::bigint % 1000 * 4096 / 1000)::int2)
            FROM 1 FOR 8),
        'hex')::uuid
$$;

CREATE FUNCTION chorus_refuse_move(task uuid, status_from text, status_to text) RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'task % cannot move from % to %', task, coalesce(status_from, 'nothing'), status_to
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tasks_status_moves', TABLE = 'tasks';
END
$$;

-- Who moved the task: the transaction's own word (chorus.changed_by), else the worker that runs it.
CREATE FUNCTION chorus_changed_by() RETURNS uuid LANGUAGE sql STABLE AS $$
    SELECT nullif(current_setting('chorus.changed_by', true), '')::uuid
$$;

CREATE FUNCTION chorus_reason() RETURNS text LANGUAGE sql STABLE AS $$
    SELECT nullif(current_setting('chorus.reason', true), '')
$$;

CREATE FUNCTION chorus_tasks_accepted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    moved_at CONSTANT timestamptz := clock_timestamp();
BEGIN
    INSERT INTO task_history (history_id, task_id, status_from, status_to, changed_at, changed_by, reason)
    SELECT chorus_uuid_v7(moved_at), task_id, NULL,
        CASE status WHEN 'pending' THEN status ELSE chorus_refuse_move(task_id, NULL, status) END,
        moved_at, coalesce(chorus_changed_by(), user_id), chorus_reason()
    FROM accepted;
    RETURN NULL;
END
$$;

CREATE TRIGGER tasks_accepted AFTER INSERT ON tasks
    REFERENCING NEW TABLE AS accepted
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_tasks_accepted();

-- Refuses an illegal move and writes the history of every legal one, whoever makes it. The planner knows nothing of the size of the two
-- transition tables: without nested loops a batch of hundreds stays linear.
CREATE FUNCTION chorus_tasks_moved() RETURNS trigger LANGUAGE plpgsql SET enable_nestloop = off AS $$
DECLARE
    moved_at CONSTANT timestamptz := clock_timestamp();
BEGIN
    INSERT INTO task_history (history_id, task_id, status_from, status_to, changed_at, changed_by, reason)
    SELECT chorus_uuid_v7(moved_at), now.task_id, was.status,
        coalesce(legal.status_to, chorus_refuse_move(now.task_id, was.status, now.status)),
        moved_at,
        coalesce(
            chorus_changed_by(),
            CASE WHEN now.status = 'processing' THEN now.assigned_worker_id WHEN was.status = 'processing' THEN was.assigned_worker_id END),
        coalesce(chorus_reason(), CASE WHEN now.status IN ('failed', 'retrying') THEN now.error_message END)
    FROM after AS now
    JOIN before AS was ON was.task_id = now.task_id
    LEFT JOIN task_transitions AS legal ON legal.status_from = was.status AND legal.status_to = now.status
    WHERE now.status <> was.status;
    RETURN NULL;
END
$$;

CREATE TRIGGER tasks_moved AFTER UPDATE ON tasks
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_tasks_moved();

-- Results -------------------------------------------------------------------------------------------------------------------------------

ALTER TABLE results
    -- The claim that made the call: the ledger of what was spent, and by which attempt.
    ADD COLUMN attempt INTEGER NOT NULL DEFAULT 0;

ALTER TABLE results SET (fillfactor = 80);

-- Projects ------------------------------------------------------------------------------------------------------------------------------

ALTER TABLE projects
    -- When the workers were told; the announcement waits here while the broker is away.
    ADD COLUMN announced_at TIMESTAMP WITH TIME ZONE;

CREATE INDEX idx_projects_unannounced ON projects (project_id) WHERE announced_at IS NULL;
CREATE INDEX idx_projects_user_id ON projects (user_id, project_id);

-- Workers -------------------------------------------------------------------------------------------------------------------------------

-- One row a worker process. It is alive while its session holds the advisory lock, and while heartbeat_at is younger than the lease.
CREATE TABLE workers (
    worker_id UUID PRIMARY KEY,
    name VARCHAR(255) NOT NULL,
    host VARCHAR(255) NOT NULL,
    process_id INTEGER NOT NULL,
    version VARCHAR(50) NOT NULL,
    -- Calls at once.
    concurrency INTEGER NOT NULL CHECK (concurrency > 0),
    -- The key of the advisory lock.
    lock_key BIGINT NOT NULL,
    -- alive, draining, stopped (left by itself), lost (taken for dead).
    status VARCHAR(20) NOT NULL DEFAULT 'alive' CHECK (status IN ('alive', 'draining', 'stopped', 'lost')),
    started_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP,
    heartbeat_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP,
    stopped_at TIMESTAMP WITH TIME ZONE
);

CREATE INDEX idx_workers_alive ON workers (heartbeat_at) WHERE status IN ('alive', 'draining');

-- Engines -------------------------------------------------------------------------------------------------------------------------------

-- What `chorus engines apply` was given last. Secrets are named here, never held.
CREATE TABLE engines (
    name VARCHAR(255) PRIMARY KEY,
    -- The order of the file; the first is the fleet's default.
    position INTEGER NOT NULL,
    engine_type VARCHAR(50) NOT NULL,
    definition JSONB NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP
);

-- The engine that a task is called with first: its own, else its project's, else the fleet's default. The same choice as
-- ChatInput.engines in code, and a test holds the two equal.
CREATE FUNCTION chorus_first_engine(input jsonb, settings jsonb, fleet_default text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(input ->> 'engine', input -> 'engines' ->> 0, settings -> 'engines' ->> 0, fleet_default)
$$;
