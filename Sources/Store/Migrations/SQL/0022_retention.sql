-- What goes when its time is over, and the figures that stay.
--
-- Who removes tasks says so (chorus.pruning, for one transaction): then the figures of their project and its quotas keep what went, and two
-- more places say what that was. Rows and what went are together what the figures say. Rows that are deleted in any other way are taken off
-- the figures, as before.

CREATE FUNCTION chorus_is_pruning() RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT current_setting('chorus.pruning', true) IS NOT DISTINCT FROM 'on'
$$;

-- Days that a project keeps its ended tasks, 0 for ever; NULL where it leaves that to the operator. Whatever else the setting holds is no
-- number: the gateway lets only whole ones in.
CREATE FUNCTION chorus_retention_days(settings jsonb) RETURNS integer LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN settings ->> 'retention_days' ~ '^(0|[1-9][0-9]{0,4})$' THEN (settings ->> 'retention_days')::integer END
$$;

-- What went of each project, in the words of project_counts.
CREATE TABLE project_pruned_counts (
    project_id UUID NOT NULL,
    subject VARCHAR(10) NOT NULL CHECK (subject IN ('task', 'call', 'rating')),
    status VARCHAR(20) NOT NULL,
    engine VARCHAR(255) NOT NULL,
    number BIGINT NOT NULL,
    tokens BIGINT NOT NULL,
    cost BIGINT NOT NULL,
    duration BIGINT NOT NULL,
    rating BIGINT NOT NULL,
    PRIMARY KEY (project_id, subject, status, engine)
);

ALTER TABLE usage_quotas
    -- What of current_usage is of tasks and calls that went since the quota counts.
    ADD COLUMN pruned_usage BIGINT NOT NULL DEFAULT 0;

-- What the figures must be: what counting rows gives, and what went.
ALTER VIEW project_true_counts RENAME TO project_row_counts;
CREATE VIEW project_true_counts AS
SELECT project_id, subject, status, engine, sum(number) AS number, sum(tokens) AS tokens, sum(cost) AS cost, sum(duration) AS duration,
    sum(rating) AS rating
FROM (
    SELECT project_id, subject, status, engine, number, tokens, cost, duration, rating FROM project_row_counts
    UNION ALL
    SELECT project_id, subject, status, engine, number, tokens, cost, duration, rating FROM project_pruned_counts
) AS counted
GROUP BY project_id, subject, status, engine;

CREATE FUNCTION chorus_add_pruned(
    project uuid, about text, ending text, engine_name text, number bigint, tokens numeric, cost numeric, duration numeric, rating numeric
) RETURNS void LANGUAGE sql VOLATILE AS $$
    INSERT INTO project_pruned_counts AS c (project_id, subject, status, engine, number, tokens, cost, duration, rating)
    VALUES (project, about, ending, engine_name, $5, $6, $7, $8, $9)
    ON CONFLICT (project_id, subject, status, engine) DO UPDATE SET number = c.number + excluded.number,
        tokens = c.tokens + excluded.tokens, cost = c.cost + excluded.cost, duration = c.duration + excluded.duration,
        rating = c.rating + excluded.rating
$$;

-- Tasks ---------------------------------------------------------------------------------------------------------------------------------

-- A quota of tasks is locked only where some of those that go are of its month.
CREATE FUNCTION chorus_count_pruned_tasks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    project_ids uuid[];
    quotas uuid[];
BEGIN
    PERFORM chorus_add_pruned(project_id, 'task', status, '', count(*), 0, 0, 0, 0) FROM removed GROUP BY project_id, status;
    project_ids := ARRAY(
        SELECT DISTINCT p.project_id FROM removed t JOIN projects p USING (project_id)
            JOIN usage_quotas u ON u.user_id = p.user_id AND (u.project_id IS NULL OR u.project_id = p.project_id)
        WHERE p.metered AND u.quota_type = 'tasks' AND t.created_at >= u.counted_since);
    IF cardinality(project_ids) = 0 THEN RETURN NULL; END IF;
    quotas := chorus_lock_quotas(project_ids, '{tasks}');
    UPDATE usage_quotas q SET pruned_usage = q.pruned_usage + went.number
    FROM (
        SELECT u.quota_id, count(*) AS number
        FROM removed t JOIN projects p USING (project_id)
            JOIN usage_quotas u ON u.user_id = p.user_id AND (u.project_id IS NULL OR u.project_id = p.project_id)
        WHERE u.quota_id = ANY (quotas) AND t.created_at >= u.counted_since GROUP BY u.quota_id
    ) AS went
    WHERE q.quota_id = went.quota_id;
    RETURN NULL;
END
$$;

DROP TRIGGER tasks_removed_counts ON tasks;
CREATE TRIGGER tasks_removed_counts AFTER DELETE ON tasks
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT WHEN (NOT chorus_is_pruning()) EXECUTE FUNCTION chorus_count_removed();
CREATE TRIGGER tasks_pruned_counts AFTER DELETE ON tasks
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT WHEN (chorus_is_pruning()) EXECUTE FUNCTION chorus_count_pruned_tasks();

-- Calls ---------------------------------------------------------------------------------------------------------------------------------

-- Calls go before their tasks, so that these can say whose they were. All quotas are locked at once, for their order; those of tasks are
-- needed when the tasks go.
CREATE FUNCTION chorus_count_pruned_calls() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    project_ids uuid[];
    quotas uuid[];
BEGIN
    PERFORM chorus_add_pruned(
        t.project_id, 'call', r.status, r.engine_type, count(*), sum(chorus_tokens(r.token_usage)), sum(chorus_cost(r.token_usage)),
        coalesce(sum(r.processing_time), 0), 0)
    FROM removed r JOIN tasks t USING (task_id) WHERE r.status <> 'pending' GROUP BY t.project_id, r.status, r.engine_type;
    IF NOT EXISTS (SELECT FROM usage_quotas WHERE quota_type IN ('tokens', 'cost_micros')) THEN RETURN NULL; END IF;
    project_ids := ARRAY(
        SELECT DISTINCT p.project_id FROM removed r JOIN tasks t USING (task_id) JOIN projects p USING (project_id)
            JOIN usage_quotas u ON u.user_id = p.user_id AND (u.project_id IS NULL OR u.project_id = p.project_id)
        WHERE p.metered AND u.quota_type IN ('tokens', 'cost_micros') AND r.created_at >= u.counted_since);
    IF cardinality(project_ids) = 0 THEN RETURN NULL; END IF;
    quotas := chorus_lock_quotas(project_ids, '{tasks,tokens,cost_micros}');
    UPDATE usage_quotas q SET pruned_usage = q.pruned_usage + went.amount
    FROM (
        SELECT u.quota_id,
            sum(CASE u.quota_type WHEN 'tokens' THEN chorus_tokens(r.token_usage) ELSE chorus_cost(r.token_usage) END)::bigint AS amount
        FROM removed r JOIN tasks t USING (task_id) JOIN projects p USING (project_id)
            JOIN usage_quotas u ON u.user_id = p.user_id AND (u.project_id IS NULL OR u.project_id = p.project_id)
        WHERE u.quota_id = ANY (quotas) AND u.quota_type <> 'tasks' AND r.created_at >= u.counted_since GROUP BY u.quota_id
    ) AS went
    WHERE q.quota_id = went.quota_id AND went.amount <> 0;
    RETURN NULL;
END
$$;

DROP TRIGGER results_removed_counts ON results;
CREATE TRIGGER results_removed_counts AFTER DELETE ON results
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT WHEN (NOT chorus_is_pruning()) EXECUTE FUNCTION chorus_count_call_rows();
CREATE TRIGGER results_pruned_counts AFTER DELETE ON results
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT WHEN (chorus_is_pruning()) EXECUTE FUNCTION chorus_count_pruned_calls();

-- Feedback ------------------------------------------------------------------------------------------------------------------------------

CREATE FUNCTION chorus_count_pruned_ratings() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM chorus_add_pruned(t.project_id, 'rating', '', r.engine_type, count(*), 0, 0, 0, sum(f.rating))
    FROM removed f JOIN results r USING (result_id) JOIN tasks t USING (task_id)
    WHERE f.rating IS NOT NULL GROUP BY t.project_id, r.engine_type;
    RETURN NULL;
END
$$;

DROP TRIGGER result_feedback_removed_counts ON result_feedback;
CREATE TRIGGER result_feedback_removed_counts AFTER DELETE ON result_feedback
    REFERENCING OLD TABLE AS changed
    FOR EACH STATEMENT WHEN (NOT chorus_is_pruning()) EXECUTE FUNCTION chorus_count_ratings();
CREATE TRIGGER result_feedback_pruned_counts AFTER DELETE ON result_feedback
    REFERENCING OLD TABLE AS removed
    FOR EACH STATEMENT WHEN (chorus_is_pruning()) EXECUTE FUNCTION chorus_count_pruned_ratings();
