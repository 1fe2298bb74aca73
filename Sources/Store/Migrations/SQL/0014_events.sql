-- What happens to tasks and projects, in an order in which somebody who listens can read it once, and go on after a break.

-- Whose events are written down: where nobody listens, a statement pays for one look at an empty table.
--
-- The look does more: it locks this table (ACCESS SHARE) until its transaction ends. Whoever has that lock and a transaction id may still
-- add events to the log, or may have seen no listener and add none: see chorus_event_writers().
CREATE TABLE event_listeners (
    kind VARCHAR(20) NOT NULL CHECK (kind IN ('sse', 'webhook', 'exchange')),
    -- NULL for every project.
    project_id UUID REFERENCES projects (project_id) ON DELETE CASCADE,
    -- Behind this entry of the log there is every event. NULL until the transactions that may not have seen this row have ended.
    first_seq BIGINT,
    -- The row goes then, unless somebody renews it.
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT 'infinity',
    CONSTRAINT event_listeners_once UNIQUE NULLS NOT DISTINCT (project_id, kind)
);

-- Those that end.
CREATE INDEX idx_event_listeners_expires_at ON event_listeners (expires_at) WHERE expires_at < 'infinity';

CREATE TABLE event_log (
    -- Of one task it rises with each move, since the row of the task is locked when it is given. Of several it is the order of the log, not
    -- that of the commits: who reads on behind a number has to know that no smaller one is still to come (EventOrder in code).
    seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    project_id UUID NOT NULL,
    -- NULL: it is about the project.
    task_id UUID,
    -- The status that a task has got; created, paused, resumed, cancelled or archived for a project.
    event VARCHAR(20) NOT NULL,
    -- NULL where it was made.
    status_from VARCHAR(20),
    attempt INTEGER,
    reason VARCHAR(2000),
    at TIMESTAMP WITH TIME ZONE NOT NULL
);

-- What a reader of a project, or of a task, reads after a break.
CREATE INDEX idx_event_log_project ON event_log (project_id, seq);
CREATE INDEX idx_event_log_task ON event_log (task_id, seq) WHERE task_id IS NOT NULL;

-- Up to where the log was forgotten.
CREATE TABLE event_log_start (
    -- There is one row.
    is_only BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (is_only),
    seq BIGINT NOT NULL
);

INSERT INTO event_log_start (seq) VALUES (0);

-- How far those have read who must miss nothing while they are away.
CREATE TABLE event_cursors (
    reader VARCHAR(50) PRIMARY KEY,
    seq BIGINT NOT NULL
);

-- The transactions that may still write to the log, or have decided not to. All numbers that the log had given before this statement, and
-- that are still missing when these transactions have ended, will never come.
CREATE FUNCTION chorus_event_writers() RETURNS SETOF text LANGUAGE sql VOLATILE AS $$
    SELECT DISTINCT reading.virtualtransaction
    FROM pg_locks reading
    JOIN pg_locks writing ON writing.virtualtransaction = reading.virtualtransaction
    WHERE reading.locktype = 'relation' AND reading.relation = 'event_listeners'::regclass
        AND reading.database = (SELECT oid FROM pg_database WHERE datname = current_database())
        -- Who only reads, such as a backup, has no id.
        AND writing.locktype = 'transactionid' AND writing.mode = 'ExclusiveLock' AND writing.granted
        AND reading.pid <> pg_backend_pid()
$$;

-- Those of the projects whose events somebody wants. Index: event_listeners_once.
CREATE FUNCTION chorus_listened(projects uuid[]) RETURNS uuid[] LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM event_listeners WHERE project_id IS NULL) THEN RETURN projects; END IF;
    RETURN ARRAY(SELECT DISTINCT project_id FROM event_listeners WHERE project_id = ANY (projects));
END
$$;

CREATE FUNCTION chorus_log_accepted_tasks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    logged_at CONSTANT timestamptz := clock_timestamp();
    listened uuid[];
    why text;
BEGIN
    IF NOT EXISTS (SELECT FROM event_listeners) THEN RETURN NULL; END IF;
    listened := chorus_listened(ARRAY(SELECT DISTINCT project_id FROM accepted));
    IF cardinality(listened) = 0 THEN RETURN NULL; END IF;
    why := chorus_reason();
    -- A task that was admitted on its way in has made two moves.
    INSERT INTO event_log (project_id, task_id, event, status_from, attempt, reason, at)
    SELECT a.project_id, a.task_id, step.event, step.status_from, a.attempt, left(why, 2000), logged_at
    FROM accepted a
    CROSS JOIN (VALUES (1, 'pending', NULL), (2, 'in_queue', 'pending')) AS step (number, event, status_from)
    WHERE a.project_id = ANY (listened) AND (step.number = 1 OR a.status = 'in_queue')
    ORDER BY a.task_id, step.number;
    RETURN NULL;
END
$$;

-- By its name behind tasks_accepted and before tasks_accepted_in_families: what happened stands before what followed from it.
CREATE TRIGGER tasks_accepted_events AFTER INSERT ON tasks
    REFERENCING NEW TABLE AS accepted
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_log_accepted_tasks();

-- The two transition tables are laid together and grouped, instead of joined: linear, whatever the planner believes of their sizes.
CREATE FUNCTION chorus_log_moved_tasks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    logged_at CONSTANT timestamptz := clock_timestamp();
    listened uuid[];
    why text;
BEGIN
    IF NOT EXISTS (SELECT FROM event_listeners) THEN RETURN NULL; END IF;
    listened := chorus_listened(ARRAY(SELECT DISTINCT project_id FROM after));
    IF cardinality(listened) = 0 THEN RETURN NULL; END IF;
    why := chorus_reason();
    INSERT INTO event_log (project_id, task_id, event, status_from, attempt, reason, at)
    SELECT project_id, task_id, max(status) FILTER (WHERE is_new) AS status, max(status) FILTER (WHERE NOT is_new), max(attempt),
        left(coalesce(why, max(error_message) FILTER (WHERE is_new AND status IN ('failed', 'retrying'))), 2000), logged_at
    FROM (
        SELECT project_id, task_id, status, attempt, error_message, TRUE AS is_new FROM after WHERE project_id = ANY (listened)
        UNION ALL
        SELECT project_id, task_id, status, attempt, NULL, FALSE FROM before WHERE project_id = ANY (listened)
    ) AS version
    GROUP BY project_id, task_id
    HAVING max(status) FILTER (WHERE is_new) <> max(status) FILTER (WHERE NOT is_new);
    RETURN NULL;
END
$$;

-- By its name behind tasks_moved and before tasks_moved_in_families.
CREATE TRIGGER tasks_moved_events AFTER UPDATE ON tasks
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_log_moved_tasks();

CREATE FUNCTION chorus_log_made_projects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM event_listeners) THEN RETURN NULL; END IF;
    INSERT INTO event_log (project_id, event, at)
    SELECT project_id, 'created', clock_timestamp() FROM made
    WHERE project_id = ANY (chorus_listened(ARRAY(SELECT project_id FROM made)));
    RETURN NULL;
END
$$;

CREATE TRIGGER projects_made_events AFTER INSERT ON projects
    REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_log_made_projects();

CREATE FUNCTION chorus_log_moved_projects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM event_listeners) THEN RETURN NULL; END IF;
    INSERT INTO event_log (project_id, event, status_from, reason, at)
    SELECT now.project_id, CASE now.status WHEN 'active' THEN 'resumed' ELSE now.status END, was.status, left(chorus_reason(), 2000),
        clock_timestamp()
    FROM after AS now JOIN before AS was ON was.project_id = now.project_id
    WHERE now.status <> was.status AND now.project_id = ANY (chorus_listened(ARRAY(SELECT project_id FROM after)));
    RETURN NULL;
END
$$;

CREATE TRIGGER projects_moved_events AFTER UPDATE ON projects
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_log_moved_projects();
