-- Parents and children. The database keeps a family consistent, whoever moves a task of it: people, workers, deadlines, recovery.
--
-- waiting_on = the task's own unfinished children + 1 while an earlier stage of its siblings is unfinished + 1 while its first child is
-- still to come. It is exact in every status, so that a task that is retried goes on from a true figure.
--
-- Locks: whoever ends or retries a task holds its row, and waits for its parent's; rows that one step needs are locked the deepest first,
-- then by id. Nobody waits in the other direction: what a parent does to its children skips rows that somebody holds, marks the parent as
-- unsettled, and the dispatcher does the rest a moment later. Waits that all go upward make no circle. Only a retry waits for the rows of
-- children, which have ended and are held by hardly anybody but another retry; a deadlock of two is tried again.

ALTER TABLE tasks
    -- The level in its family: 1 for a task without a parent. Immutable, so that the depth of a family is checked by looking at the parent
    -- alone; a child is one deeper than its parent, and so no task can be its own ancestor.
    ADD COLUMN depth INTEGER NOT NULL DEFAULT 1 CONSTRAINT tasks_depth_limit CHECK (depth BETWEEN 1 AND 8),
    -- The children it was given. Tells without a look at other rows that it is a parent, and bounds how many it gets.
    ADD COLUMN child_count INTEGER NOT NULL DEFAULT 0 CONSTRAINT tasks_width_limit CHECK (child_count BETWEEN 0 AND 1000),
    -- It has no child yet, and waits for the first one.
    ADD COLUMN waits_for_child BOOLEAN NOT NULL DEFAULT FALSE,
    -- A sibling with a lower execution_order is unfinished.
    ADD COLUMN waits_for_stage BOOLEAN NOT NULL DEFAULT FALSE,
    -- What it does when a child fails or is cancelled: fails too, or goes on when all have ended.
    ADD COLUMN on_child_failure VARCHAR(20) NOT NULL DEFAULT 'fail'
        CONSTRAINT tasks_on_child_failure_known CHECK (on_child_failure IN ('fail', 'continue')),
    -- The child over which it failed: when that one or a sibling is tried again, so is the parent.
    ADD COLUMN failed_child_id UUID,
    -- Some of its children could not follow it at once, because somebody held their rows: the dispatcher sees to them.
    ADD COLUMN is_unsettled BOOLEAN NOT NULL DEFAULT FALSE,
    ADD CONSTRAINT tasks_parent_is_another CHECK (parent_task_id <> task_id),
    -- Stages are compared, so a child has one.
    ADD CONSTRAINT tasks_child_has_order CHECK (parent_task_id IS NULL OR execution_order IS NOT NULL);

-- The children of a task in their order: lists, and what a parent reads of them.
CREATE INDEX idx_tasks_children ON tasks (parent_task_id, execution_order, task_id) WHERE parent_task_id IS NOT NULL;
-- Those of them that have not ended, the earliest stage first.
CREATE INDEX idx_tasks_unfinished_children ON tasks (parent_task_id, execution_order)
    WHERE parent_task_id IS NOT NULL AND status IN ('pending', 'in_queue', 'processing', 'retrying', 'paused');
-- What the dispatcher has to see to: empty nearly always.
CREATE INDEX idx_tasks_unsettled ON tasks (task_id) WHERE is_unsettled;

-- A family is what it was accepted as: no circle can be made afterwards.
CREATE FUNCTION chorus_refuse_adoption() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'task % keeps its place in its family', OLD.task_id
        USING ERRCODE = 'check_violation', CONSTRAINT = 'tasks_family_is_kept', TABLE = 'tasks';
END
$$;

-- Fires only for statements that name one of these columns.
CREATE TRIGGER tasks_family_is_kept BEFORE UPDATE OF parent_task_id, execution_order, depth ON tasks
    FOR EACH ROW WHEN ((OLD.parent_task_id, OLD.execution_order, OLD.depth) IS DISTINCT FROM (NEW.parent_task_id, NEW.execution_order, NEW.depth))
    EXECUTE FUNCTION chorus_refuse_adoption();

-- Locks the rows and keeps them until the end of the transaction, the deepest first, then by id. A statement that follows sees what was
-- committed before the locks were given.
CREATE FUNCTION chorus_lock_tasks(ids uuid[]) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM tasks WHERE task_id = ANY (ids) ORDER BY depth DESC, task_id FOR NO KEY UPDATE;
END
$$;

CREATE FUNCTION chorus_parents(children uuid[]) RETURNS uuid[] LANGUAGE sql VOLATILE AS $$
    SELECT ARRAY(SELECT DISTINCT parent_task_id FROM tasks WHERE task_id = ANY (children) AND parent_task_id IS NOT NULL)
$$;

-- Says in the history why Chorus moves tasks by itself, and gives back what was said before.
CREATE FUNCTION chorus_give_reason(why text) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    before CONSTANT text := coalesce(current_setting('chorus.reason', true), '');
BEGIN
    PERFORM set_config('chorus.reason', why, true);
    RETURN before;
END
$$;

-- Wakes the dispatchers: a task may run now that could not before. One message a transaction. The same name as Store.admissionChannel.
CREATE FUNCTION chorus_wake_dispatchers() RETURNS void LANGUAGE sql VOLATILE AS $$
    SELECT pg_notify('chorus_admission', '')
$$;

-- Lets the children of the earliest unfinished stage run, and holds back those of later ones. The parents' rows are locked.
CREATE FUNCTION chorus_order_stages(parents uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    changed uuid[];
    reason text;
BEGIN
    SELECT array_agg(wrong.task_id) INTO changed
    FROM unnest(parents) AS p (task_id)
    CROSS JOIN LATERAL (
        SELECT min(u.execution_order) AS stage FROM tasks u
        WHERE u.parent_task_id = p.task_id AND u.status IN ('pending', 'in_queue', 'processing', 'retrying', 'paused')
    ) AS lowest
    CROSS JOIN LATERAL (
        SELECT s.task_id FROM tasks s
        WHERE s.parent_task_id = p.task_id AND s.status IN ('pending', 'in_queue', 'processing', 'retrying', 'paused')
            AND (s.execution_order > lowest.stage OR s.waits_for_stage) AND s.waits_for_stage <> (s.execution_order > lowest.stage)
        FOR NO KEY UPDATE SKIP LOCKED
    ) AS wrong;
    IF changed IS NOT NULL THEN
        reason := chorus_give_reason('An earlier stage of its family has not ended.');
        UPDATE tasks SET waits_for_stage = NOT waits_for_stage, waiting_on = waiting_on + CASE WHEN waits_for_stage THEN -1 ELSE 1 END,
            status = CASE status WHEN 'in_queue' THEN 'pending' ELSE status END,
            updated_at = CASE status WHEN 'in_queue' THEN clock_timestamp() ELSE updated_at END
        WHERE task_id = ANY (changed);
        PERFORM chorus_give_reason(reason);
        PERFORM chorus_wake_dispatchers();
    END IF;
    UPDATE tasks p SET is_unsettled = TRUE, updated_at = clock_timestamp()
    FROM unnest(parents) AS family (task_id)
    CROSS JOIN LATERAL (
        SELECT min(u.execution_order) AS stage FROM tasks u
        WHERE u.parent_task_id = family.task_id AND u.status IN ('pending', 'in_queue', 'processing', 'retrying', 'paused')
    ) AS lowest
    WHERE p.task_id = family.task_id AND NOT p.is_unsettled
        AND EXISTS (
            SELECT FROM tasks s
            WHERE s.parent_task_id = family.task_id AND s.status IN ('pending', 'in_queue', 'processing', 'retrying', 'paused')
                AND (s.execution_order > lowest.stage OR s.waits_for_stage) AND s.waits_for_stage <> (s.execution_order > lowest.stage));
END
$$;

-- Cancels what is left of the families of parents that have ended, as a person would: calls that run are stopped. The parents' rows are
-- locked. Their children's own families follow through the trigger.
CREATE FUNCTION chorus_cancel_children(parents uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    families CONSTANT uuid[] := ARRAY(SELECT task_id FROM tasks WHERE task_id = ANY (parents) AND child_count > 0);
    ending text;
    children uuid[];
    reason text;
BEGIN
    IF cardinality(families) = 0 THEN RETURN; END IF;
    FOREACH ending IN ARRAY ARRAY['failed', 'cancelled', 'completed'] LOOP
        SELECT array_agg(task_id) INTO children FROM (
            SELECT c.task_id FROM tasks p JOIN tasks c ON c.parent_task_id = p.task_id
            WHERE p.task_id = ANY (families) AND p.status = ending
                AND c.status IN ('pending', 'in_queue', 'processing', 'retrying', 'paused')
            FOR NO KEY UPDATE OF c SKIP LOCKED
        ) AS held;
        CONTINUE WHEN children IS NULL;
        UPDATE results SET status = 'cancelled' WHERE task_id = ANY (children) AND status = 'pending';
        PERFORM pg_notify(chorus_worker_channel(assigned_worker_id), task_id::text) FROM tasks
        WHERE task_id = ANY (children) AND status = 'processing' AND assigned_worker_id IS NOT NULL;
        reason := chorus_give_reason('Its parent has ' || ending || '.');
        IF ending = 'cancelled' THEN PERFORM chorus_give_reason('Its parent was cancelled.'); END IF;
        UPDATE tasks SET status = 'cancelled', updated_at = clock_timestamp(), completed_at = clock_timestamp()
        WHERE task_id = ANY (children);
        PERFORM chorus_give_reason(reason);
    END LOOP;
    UPDATE tasks p SET is_unsettled = TRUE
    WHERE p.task_id = ANY (families) AND NOT p.is_unsettled AND p.status IN ('failed', 'cancelled', 'completed')
        AND EXISTS (
            SELECT FROM tasks c
            WHERE c.parent_task_id = p.task_id AND c.status IN ('pending', 'in_queue', 'processing', 'retrying', 'paused'));
END
$$;

-- Tasks of families have ended: their parents wait for fewer, or fail with them; their own children are not wanted any more.
CREATE FUNCTION chorus_family_members_ended(members uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    parents CONSTANT uuid[] := chorus_parents(members);
    reason text;
BEGIN
    IF cardinality(parents) > 0 THEN
        PERFORM chorus_lock_tasks(parents);
        -- The history takes its reason from the parent's own error message.
        reason := chorus_give_reason('');
        UPDATE tasks p SET waiting_on = p.waiting_on - ended.number,
            status = CASE WHEN fate.fails THEN 'failed' ELSE p.status END,
            failed_child_id = CASE WHEN fate.fails THEN ended.culprit ELSE p.failed_child_id END,
            error_message = CASE
                WHEN NOT fate.fails THEN p.error_message
                WHEN culprit.status = 'cancelled' THEN 'The child ' || culprit.task_id || ' was cancelled.'
                ELSE 'The child ' || culprit.task_id || ' failed: ' || left(coalesce(culprit.error_message, 'it does not say why.'), 1000) END,
            updated_at = CASE WHEN fate.fails THEN clock_timestamp() ELSE p.updated_at END,
            completed_at = CASE WHEN fate.fails THEN clock_timestamp() ELSE p.completed_at END
        FROM (
            SELECT c.parent_task_id, count(*)::integer AS number,
                (array_agg(c.task_id ORDER BY c.task_id) FILTER (WHERE c.status IN ('failed', 'cancelled')))[1] AS culprit
            FROM tasks c WHERE c.task_id = ANY (members) GROUP BY c.parent_task_id
        ) AS ended
        JOIN tasks AS family ON family.task_id = ended.parent_task_id
        LEFT JOIN tasks AS culprit ON culprit.task_id = ended.culprit
        CROSS JOIN LATERAL (
            SELECT culprit.task_id IS NOT NULL AND family.on_child_failure = 'fail'
                AND family.status IN ('pending', 'in_queue', 'retrying', 'paused') AS fails
        ) AS fate
        WHERE p.task_id = family.task_id;
        PERFORM chorus_give_reason(reason);
        PERFORM chorus_order_stages(
            ARRAY(SELECT task_id FROM tasks WHERE task_id = ANY (parents) AND status NOT IN ('completed', 'failed', 'cancelled')));
        PERFORM chorus_wake_dispatchers() FROM tasks
        WHERE task_id = ANY (parents) AND waiting_on = 0 AND status IN ('pending', 'retrying') LIMIT 1;
    END IF;
    PERFORM chorus_cancel_children(members);
END
$$;

-- Tasks of families are tried again: those of their descendants that did not complete are too, and so is a parent that failed over a
-- child, with all of its own that did not complete. A parent that runs, or has ended otherwise, refuses.
CREATE FUNCTION chorus_family_members_retried(members uuid[]) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    parents CONSTANT uuid[] := chorus_parents(members);
    children uuid[];
    refusing record;
    reason text;
BEGIN
    IF cardinality(parents) > 0 THEN
        PERFORM chorus_lock_tasks(parents);
        SELECT task_id, status INTO refusing FROM tasks
        WHERE task_id = ANY (parents)
            AND (status IN ('processing', 'completed', 'cancelled') OR status = 'failed' AND failed_child_id IS NULL)
        LIMIT 1;
        IF FOUND THEN
            RAISE EXCEPTION 'the parent % is %', refusing.task_id, refusing.status
                USING ERRCODE = 'check_violation', CONSTRAINT = 'tasks_parent_waits', TABLE = 'tasks', DETAIL = refusing.status;
        END IF;
        reason := chorus_give_reason('A child is tried again.');
        UPDATE tasks p SET waiting_on = p.waiting_on + begun.number,
            status = CASE WHEN p.status IN ('failed', 'in_queue') THEN 'pending' ELSE p.status END, failed_child_id = NULL,
            updated_at = clock_timestamp(),
            completed_at = CASE p.status WHEN 'failed' THEN NULL ELSE p.completed_at END,
            retry_count = CASE p.status WHEN 'failed' THEN 0 ELSE p.retry_count END,
            worker_losses = CASE p.status WHEN 'failed' THEN 0 ELSE p.worker_losses END,
            error_message = CASE p.status WHEN 'failed' THEN NULL ELSE p.error_message END,
            deadline = CASE WHEN p.status = 'failed' AND p.deadline <= clock_timestamp() THEN NULL ELSE p.deadline END
        FROM (
            SELECT c.parent_task_id, count(*)::integer AS number FROM tasks c WHERE c.task_id = ANY (members) GROUP BY c.parent_task_id
        ) AS begun
        WHERE p.task_id = begun.parent_task_id;
        PERFORM chorus_give_reason(reason);
    END IF;
    SELECT array_agg(task_id) INTO children FROM (
        SELECT c.task_id FROM tasks p JOIN tasks c ON c.parent_task_id = p.task_id
        WHERE p.task_id = ANY (members) AND p.child_count > 0 AND c.status IN ('failed', 'cancelled')
        ORDER BY c.task_id FOR NO KEY UPDATE OF c
    ) AS held;
    IF children IS NOT NULL THEN
        reason := chorus_give_reason('Its parent is tried again.');
        UPDATE tasks SET status = 'pending', updated_at = clock_timestamp(), completed_at = NULL, available_at = clock_timestamp(),
            retry_count = 0, worker_losses = 0, error_message = NULL, failed_child_id = NULL,
            deadline = CASE WHEN deadline <= clock_timestamp() THEN NULL ELSE deadline END
        WHERE task_id = ANY (children);
        PERFORM chorus_give_reason(reason);
    END IF;
    PERFORM chorus_order_stages(parents);
END
$$;

-- Does what could not be done at once for families that are marked, and gives their number.
CREATE FUNCTION chorus_settle_families(most integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    families uuid[];
BEGIN
    SELECT array_agg(task_id) INTO families FROM (
        SELECT task_id FROM tasks WHERE is_unsettled ORDER BY depth DESC, task_id LIMIT most FOR NO KEY UPDATE SKIP LOCKED
    ) AS held;
    IF families IS NULL THEN RETURN 0; END IF;
    UPDATE tasks SET is_unsettled = FALSE WHERE task_id = ANY (families);
    PERFORM chorus_order_stages(
        ARRAY(SELECT task_id FROM tasks WHERE task_id = ANY (families) AND status NOT IN ('completed', 'failed', 'cancelled')));
    PERFORM chorus_cancel_children(
        ARRAY(SELECT task_id FROM tasks WHERE task_id = ANY (families) AND status IN ('completed', 'failed', 'cancelled')));
    RETURN cardinality(families);
END
$$;

-- Children come to parents that wait: they are counted under the parents' locks.
CREATE FUNCTION chorus_tasks_accepted_in_families() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    parents CONSTANT uuid[] := ARRAY(SELECT DISTINCT parent_task_id FROM accepted WHERE parent_task_id IS NOT NULL);
    wrong record;
    reason text;
BEGIN
    IF cardinality(parents) = 0 THEN RETURN NULL; END IF;
    PERFORM chorus_lock_tasks(parents);
    SELECT a.task_id, p.status, p.status IN ('pending', 'in_queue', 'retrying', 'paused') AS waits INTO wrong
    FROM accepted a JOIN tasks p ON p.task_id = a.parent_task_id
    WHERE p.status NOT IN ('pending', 'in_queue', 'retrying', 'paused') OR p.project_id <> a.project_id OR a.depth <> p.depth + 1
    LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'task % cannot be a child of its parent, which is %', wrong.task_id, wrong.status
            USING ERRCODE = 'check_violation', TABLE = 'tasks', DETAIL = wrong.status,
                CONSTRAINT = CASE WHEN wrong.waits THEN 'tasks_parent_fits' ELSE 'tasks_parent_waits' END;
    END IF;
    reason := chorus_give_reason('It was given children.');
    UPDATE tasks p SET child_count = p.child_count + added.number,
        waiting_on = p.waiting_on + added.number - CASE WHEN p.waits_for_child THEN 1 ELSE 0 END, waits_for_child = FALSE,
        status = CASE p.status WHEN 'in_queue' THEN 'pending' ELSE p.status END,
        updated_at = CASE p.status WHEN 'in_queue' THEN clock_timestamp() ELSE p.updated_at END
    FROM (
        SELECT parent_task_id, count(*)::integer AS number FROM accepted WHERE parent_task_id IS NOT NULL GROUP BY parent_task_id
    ) AS added
    WHERE p.task_id = added.parent_task_id;
    PERFORM chorus_give_reason(reason);
    PERFORM chorus_order_stages(parents);
    RETURN NULL;
END
$$;

-- Behind tasks_accepted by its name: the history of the children comes first.
CREATE TRIGGER tasks_accepted_in_families AFTER INSERT ON tasks
    REFERENCING NEW TABLE AS accepted
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_tasks_accepted_in_families();

-- One look through the transition table is all that tasks without a family cost. Sets are taken from each other instead of joined: linear,
-- whatever the planner believes of their sizes.
CREATE FUNCTION chorus_tasks_moved_in_families() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    members uuid[];
BEGIN
    IF NOT EXISTS (
        SELECT FROM after
        WHERE (parent_task_id IS NOT NULL OR child_count > 0) AND status IN ('pending', 'completed', 'failed', 'cancelled'))
    THEN RETURN NULL; END IF;
    members := ARRAY(
        SELECT task_id FROM after
        WHERE (parent_task_id IS NOT NULL OR child_count > 0) AND status IN ('completed', 'failed', 'cancelled')
        EXCEPT SELECT task_id FROM before WHERE status IN ('completed', 'failed', 'cancelled'));
    IF cardinality(members) > 0 THEN PERFORM chorus_family_members_ended(members); END IF;
    members := ARRAY(
        SELECT task_id FROM before
        WHERE (parent_task_id IS NOT NULL OR child_count > 0) AND status IN ('completed', 'failed', 'cancelled')
        EXCEPT SELECT task_id FROM after WHERE status IN ('completed', 'failed', 'cancelled'));
    IF cardinality(members) > 0 THEN PERFORM chorus_family_members_retried(members); END IF;
    RETURN NULL;
END
$$;

-- Behind tasks_moved by its name: what happened to a task stands in the history before what followed from it.
CREATE TRIGGER tasks_moved_in_families AFTER UPDATE ON tasks
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_tasks_moved_in_families();
