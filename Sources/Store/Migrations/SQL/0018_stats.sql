-- What a project has, and what its calls brought and cost, without counting rows.
--
-- Each statement that moves tasks, settles calls or gives feedback adds the differences that it made as new rows: nobody waits for a row
-- that somebody else counts in. Dispatchers fold them into one row for each figure. A figure is its row and the differences that are not
-- folded yet, read by one statement: exact at any moment.

CREATE TABLE project_counts (
    project_id UUID NOT NULL,
    -- task: tasks by status. call: calls to engines that have ended, by status and engine. rating: feedback by engine. minute: tasks that
    -- ended in that way within that minute.
    subject VARCHAR(10) NOT NULL CHECK (subject IN ('task', 'call', 'rating', 'minute')),
    status VARCHAR(20) NOT NULL,
    engine VARCHAR(255) NOT NULL,
    -- Of the subject minute; else no time.
    minute TIMESTAMP WITH TIME ZONE NOT NULL,
    number BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    -- Millionths of a USD.
    cost BIGINT NOT NULL,
    -- What the calls took, in milliseconds.
    duration BIGINT NOT NULL,
    -- The sum of the ratings.
    rating BIGINT NOT NULL,
    PRIMARY KEY (project_id, subject, status, engine, minute)
);

-- Minutes that are over, the oldest first: they are forgotten in batches.
CREATE INDEX idx_project_counts_minute ON project_counts (minute) WHERE subject = 'minute';

CREATE TABLE project_count_changes (
    project_id UUID NOT NULL,
    subject VARCHAR(10) NOT NULL,
    status VARCHAR(20) NOT NULL,
    engine VARCHAR(255) NOT NULL,
    made_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),
    number BIGINT NOT NULL,
    tokens BIGINT NOT NULL DEFAULT 0,
    cost BIGINT NOT NULL DEFAULT 0,
    duration BIGINT NOT NULL DEFAULT 0,
    rating BIGINT NOT NULL DEFAULT 0
);

-- What is not folded yet of a project.
CREATE INDEX idx_project_count_changes ON project_count_changes (project_id);
-- Rows come and go all the time: the table stays as small as what is not folded.
ALTER TABLE project_count_changes SET (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 5000);

-- Whoever folds, or counts anew, holds this advisory lock.
CREATE FUNCTION chorus_folding() RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT x'63686f7275730010'::bigint $$;

-- What the figures must be, by counting rows.
CREATE VIEW project_true_counts AS
SELECT project_id, 'task' AS subject, status, '' AS engine, count(*) AS number, 0 AS tokens, 0 AS cost, 0 AS duration, 0 AS rating
FROM tasks GROUP BY project_id, status
UNION ALL
SELECT t.project_id, 'call', r.status, r.engine_type, count(*), sum(chorus_tokens(r.token_usage)), sum(chorus_cost(r.token_usage)),
    coalesce(sum(r.processing_time), 0), 0
FROM results r JOIN tasks t USING (task_id) WHERE r.status <> 'pending' GROUP BY t.project_id, r.status, r.engine_type
UNION ALL
SELECT t.project_id, 'rating', '', r.engine_type, count(*), 0, 0, 0, sum(f.rating)
FROM result_feedback f JOIN results r USING (result_id) JOIN tasks t USING (task_id)
WHERE f.rating IS NOT NULL GROUP BY t.project_id, r.engine_type;

-- Counts everything anew, while nobody changes anything: for what was there before there were figures.
CREATE FUNCTION chorus_count_anew() RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    LOCK TABLE tasks, results, result_feedback IN SHARE ROW EXCLUSIVE MODE;
    PERFORM pg_advisory_xact_lock(chorus_folding());
    DELETE FROM project_count_changes;
    DELETE FROM project_counts WHERE subject <> 'minute';
    INSERT INTO project_counts (project_id, subject, status, engine, minute, number, tokens, cost, duration, rating)
    SELECT project_id, subject, status, engine, '-infinity', number, tokens, cost, duration, rating FROM project_true_counts;
END
$$;

-- Nobody moves anything between the first difference and the count of what is there.
LOCK TABLE tasks, results, result_feedback IN SHARE ROW EXCLUSIVE MODE;

-- Tasks ---------------------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION chorus_count_accepted() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO project_count_changes (project_id, subject, status, engine, number)
    SELECT project_id, 'task', status, '', count(*) FROM accepted GROUP BY project_id, status;
    RETURN NULL;
END
$$;

CREATE TRIGGER tasks_accepted_counts AFTER INSERT ON tasks
    REFERENCING NEW TABLE AS accepted
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_count_accepted();

-- The two transition tables are added up instead of joined: linear, whatever the planner believes of their sizes.
CREATE FUNCTION chorus_count_moved() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO project_count_changes (project_id, subject, status, engine, number)
    SELECT project_id, 'task', status, '', sum(number) FROM (
        SELECT project_id, status, 1 AS number FROM after UNION ALL SELECT project_id, status, -1 FROM before
    ) AS version
    GROUP BY project_id, status HAVING sum(number) <> 0;
    RETURN NULL;
END
$$;

CREATE TRIGGER tasks_moved_counts AFTER UPDATE ON tasks
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_count_moved();

CREATE FUNCTION chorus_count_removed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO project_count_changes (project_id, subject, status, engine, number)
    SELECT project_id, 'task', status, '', -count(*) FROM removed GROUP BY project_id, status;
    RETURN NULL;
END
$$;

CREATE TRIGGER tasks_removed_counts AFTER DELETE ON tasks
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_count_removed();

-- Calls ---------------------------------------------------------------------------------------------------------------------------------

-- A call that is open counts nowhere: claims, which open them, pay nothing for this.
CREATE FUNCTION chorus_count_calls() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO project_count_changes (project_id, subject, status, engine, number, tokens, cost, duration)
    SELECT t.project_id, 'call', call.status, call.engine_type, sum(call.sign), sum(call.sign * chorus_tokens(call.token_usage)),
        sum(call.sign * chorus_cost(call.token_usage)), sum(call.sign * coalesce(call.processing_time, 0))
    FROM (
        SELECT task_id, status, engine_type, token_usage, processing_time, 1 AS sign FROM after WHERE status <> 'pending'
        UNION ALL
        SELECT task_id, status, engine_type, token_usage, processing_time, -1 FROM before WHERE status <> 'pending'
    ) AS call JOIN tasks t USING (task_id)
    GROUP BY t.project_id, call.status, call.engine_type
    HAVING sum(call.sign) <> 0 OR sum(call.sign * chorus_tokens(call.token_usage)) <> 0
        OR sum(call.sign * chorus_cost(call.token_usage)) <> 0 OR sum(call.sign * coalesce(call.processing_time, 0)) <> 0;
    RETURN NULL;
END
$$;

CREATE TRIGGER results_settled_counts AFTER UPDATE ON results
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_count_calls();

CREATE FUNCTION chorus_count_call_rows() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF NOT EXISTS (SELECT FROM changed WHERE status <> 'pending') THEN RETURN NULL; END IF;
    INSERT INTO project_count_changes (project_id, subject, status, engine, number, tokens, cost, duration)
    SELECT t.project_id, 'call', r.status, r.engine_type, sign.value * count(*), sign.value * sum(chorus_tokens(r.token_usage)),
        sign.value * sum(chorus_cost(r.token_usage)), sign.value * coalesce(sum(r.processing_time), 0)
    FROM changed r JOIN tasks t USING (task_id) CROSS JOIN (SELECT CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END AS value) AS sign
    WHERE r.status <> 'pending' GROUP BY t.project_id, r.status, r.engine_type, sign.value;
    RETURN NULL;
END
$$;

CREATE TRIGGER results_made_counts AFTER INSERT ON results
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_count_call_rows();
CREATE TRIGGER results_removed_counts AFTER DELETE ON results
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_count_call_rows();

-- Feedback ------------------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION chorus_count_ratings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO project_count_changes (project_id, subject, status, engine, number, rating)
    SELECT t.project_id, 'rating', '', r.engine_type, sign.value * count(*), sign.value * sum(f.rating)
    FROM changed f JOIN results r USING (result_id) JOIN tasks t USING (task_id)
        CROSS JOIN (SELECT CASE TG_OP WHEN 'INSERT' THEN 1 ELSE -1 END AS value) AS sign
    WHERE f.rating IS NOT NULL GROUP BY t.project_id, r.engine_type, sign.value;
    RETURN NULL;
END
$$;

CREATE TRIGGER result_feedback_given_counts AFTER INSERT ON result_feedback
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_count_ratings();
CREATE TRIGGER result_feedback_removed_counts AFTER DELETE ON result_feedback
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_count_ratings();

-- Folding -------------------------------------------------------------------------------------------------------------------------------

-- Adds the oldest differences, `most` at the most, to the figures, and gives their number; 0 where somebody else does so at this moment.
CREATE FUNCTION chorus_fold_counts(most integer) RETURNS integer LANGUAGE plpgsql AS $$
DECLARE
    folded integer;
BEGIN
    IF NOT pg_try_advisory_xact_lock(chorus_folding()) THEN RETURN 0; END IF;
    WITH taken AS (
        DELETE FROM project_count_changes WHERE ctid = ANY (ARRAY(SELECT ctid FROM project_count_changes LIMIT most)) RETURNING *
    ), sums AS (
        SELECT project_id, subject, status, engine, '-infinity'::timestamptz AS minute, sum(number) AS number, sum(tokens) AS tokens,
            sum(cost) AS cost, sum(duration) AS duration, sum(rating) AS rating
        FROM taken GROUP BY project_id, subject, status, engine
        UNION ALL
        SELECT project_id, 'minute', status, '', date_trunc('minute', made_at), sum(number), 0, 0, 0, 0
        FROM taken WHERE subject = 'task' AND status IN ('completed', 'failed', 'cancelled') AND number > 0
        GROUP BY project_id, status, date_trunc('minute', made_at)
    ), added AS (
        INSERT INTO project_counts AS c SELECT * FROM sums
        ON CONFLICT (project_id, subject, status, engine, minute) DO UPDATE SET number = c.number + excluded.number,
            tokens = c.tokens + excluded.tokens, cost = c.cost + excluded.cost, duration = c.duration + excluded.duration,
            rating = c.rating + excluded.rating
    )
    SELECT count(*) INTO folded FROM taken;
    RETURN folded;
END
$$;

SELECT chorus_count_anew();
