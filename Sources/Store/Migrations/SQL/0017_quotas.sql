-- What accounts may use in a calendar month (UTC), and the budgets that projects set themselves.
--
-- A row of usage_quotas counts in current_usage what was made since counted_since: tasks by their created_at, the tokens and the cost of
-- calls by the created_at of the call. What tasks in the queues and with the workers may still use is not written down: it is the sum over
-- those tasks, so that nothing has to be given back when one of them ends, whatever ends it.
--
-- Locks: a transaction takes the rows of usage_quotas behind the tasks that it moves, and several of them in the order of quota_id.

UPDATE usage_quotas SET current_usage = 0 WHERE current_usage IS NULL;

ALTER TABLE usage_quotas
    -- NULL for all that the account may use; else the budget of one project, as its settings say.
    ADD COLUMN project_id UUID REFERENCES projects (project_id) ON DELETE CASCADE,
    -- Tokens, and millionths of a USD, are more than 2^31 a month.
    ALTER COLUMN monthly_limit TYPE BIGINT,
    ALTER COLUMN current_usage TYPE BIGINT,
    -- NULL until the first use: by then every transaction sees the quota, so that what came before is not counted and all that comes is.
    ADD COLUMN counted_since TIMESTAMP WITH TIME ZONE,
    ADD CONSTRAINT usage_quotas_type CHECK (quota_type IN ('tasks', 'tokens', 'cost_micros')) NOT VALID,
    ADD CONSTRAINT usage_quotas_figures CHECK (current_usage IS NOT NULL AND current_usage >= 0 AND monthly_limit >= 0) NOT VALID;

-- One of each type an account, and a project.
CREATE UNIQUE INDEX idx_usage_quotas_subject ON usage_quotas (user_id, quota_type, project_id) NULLS NOT DISTINCT;
CREATE INDEX idx_usage_quotas_project_id ON usage_quotas (project_id) WHERE project_id IS NOT NULL;
-- Whether there is any of a type: where there is none, nothing else is looked at.
CREATE INDEX idx_usage_quotas_type ON usage_quotas (quota_type);

ALTER TABLE projects
    -- Some quota bounds it, its account's or its own: kept by triggers, so that all other projects never look.
    ADD COLUMN metered BOOLEAN NOT NULL DEFAULT FALSE;

ALTER TABLE tasks
    -- What it may cost in millionths of a USD, while it is in the queues or with a worker: written when it is admitted, at the prices of then.
    ADD COLUMN reserved_cost BIGINT NOT NULL DEFAULT 0,
    -- Paused by Chorus, because what is left of a quota is less than it may use. It goes on by itself when there is more.
    ADD COLUMN is_over_budget BOOLEAN NOT NULL DEFAULT FALSE;

-- What may go on at a reset or a raise, in its order: empty nearly always.
CREATE INDEX idx_tasks_over_budget ON tasks (project_id, priority DESC, task_id) WHERE status = 'paused' AND is_over_budget;

-- The first day of the next month (UTC).
CREATE FUNCTION chorus_next_reset() RETURNS date LANGUAGE sql VOLATILE AS $$
    SELECT (date_trunc('month', clock_timestamp() AT TIME ZONE 'UTC') + interval '1 month')::date
$$;

-- The quota's month is over, or has not begun: its usage is that of another time, and counts for nothing.
CREATE FUNCTION chorus_is_due(reset_date date, counted_since timestamptz) RETURNS boolean LANGUAGE sql VOLATILE AS $$
    SELECT counted_since IS NULL OR reset_date <= (clock_timestamp() AT TIME ZONE 'UTC')::date
$$;

-- The tokens of a call, and its cost in millionths of a USD, as its row in results says; 0 where it says nothing. No figure, whatever
-- stands there, is more than a sum can hold.
CREATE FUNCTION chorus_figure(figure jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN jsonb_typeof(figure) = 'number' THEN least(greatest(figure::numeric, 0), 1000000000000000)::bigint ELSE 0 END
$$;
CREATE FUNCTION chorus_tokens(token_usage jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT chorus_figure(token_usage -> 'total_tokens')
$$;
CREATE FUNCTION chorus_cost(token_usage jsonb) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT chorus_figure(token_usage -> 'cost_micro_usd')
$$;

-- What a token of a task may cost at the most, in millionths of a USD: the dearest price of the engines that it may ask.
CREATE FUNCTION chorus_token_price(engine text, input jsonb, settings jsonb, fleet_default text) RETURNS float8 LANGUAGE sql STABLE AS $$
    SELECT coalesce(max(greatest(
        (e.definition #>> '{price,prompt_per_million}')::float8, (e.definition #>> '{price,completion_per_million}')::float8)), 0)
    FROM engines e
    WHERE e.name = ANY (
        CASE
            WHEN engine NOT IN ('', '*') THEN ARRAY[engine]
            WHEN engine = '*' THEN ARRAY(SELECT jsonb_array_elements_text(input -> 'engines')) || (input ->> 'judge')
            WHEN settings -> 'engines' ->> 0 IS NOT NULL
                THEN ARRAY(SELECT jsonb_array_elements_text(settings -> 'engines')) || (settings ->> 'judge')
            ELSE ARRAY[fleet_default]
        END)
$$;

-- Which projects are metered ------------------------------------------------------------------------------------------------------------

-- Whoever makes or drops an account's quota holds the row of the account (FOR UPDATE), and whoever makes a project of it has shown that
-- the row is there: one of the two sees the other.
CREATE FUNCTION chorus_quota_meters() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    quota usage_quotas;
BEGIN
    IF TG_OP = 'DELETE' THEN quota := OLD; ELSE quota := NEW; END IF;
    UPDATE projects p SET metered = NOT p.metered
    WHERE (p.project_id = quota.project_id OR quota.project_id IS NULL AND p.user_id = quota.user_id)
        AND p.metered <> (
            EXISTS (SELECT FROM usage_quotas q WHERE q.user_id = p.user_id AND q.project_id IS NULL)
            OR EXISTS (SELECT FROM usage_quotas q WHERE q.project_id = p.project_id));
    RETURN NULL;
END
$$;

CREATE TRIGGER usage_quotas_meter AFTER INSERT OR DELETE ON usage_quotas FOR EACH ROW EXECUTE FUNCTION chorus_quota_meters();

-- The budget in a project's settings, and its quotas, are the same. A limit that changes keeps what was counted.
CREATE FUNCTION chorus_project_budgets() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    budget CONSTANT jsonb := CASE jsonb_typeof(NEW.settings -> 'budget') WHEN 'object' THEN NEW.settings -> 'budget' ELSE '{}' END;
BEGIN
    DELETE FROM usage_quotas WHERE project_id = NEW.project_id AND jsonb_typeof(budget -> quota_type) IS DISTINCT FROM 'number';
    INSERT INTO usage_quotas AS q (quota_id, user_id, project_id, quota_type, monthly_limit, reset_date)
    SELECT chorus_uuid_v7(), NEW.user_id, NEW.project_id, b.key, b.value::bigint, chorus_next_reset()
    FROM jsonb_each(budget) AS b WHERE jsonb_typeof(b.value) = 'number'
    ON CONFLICT (user_id, quota_type, project_id) DO UPDATE SET monthly_limit = excluded.monthly_limit
    WHERE q.monthly_limit <> excluded.monthly_limit;
    IF TG_OP = 'INSERT' THEN
        UPDATE projects SET metered = TRUE
        WHERE project_id = NEW.project_id AND NOT metered
            AND EXISTS (SELECT FROM usage_quotas WHERE user_id = NEW.user_id AND project_id IS NULL);
    END IF;
    RETURN NULL;
END
$$;

CREATE TRIGGER projects_made_with_budgets AFTER INSERT ON projects FOR EACH ROW EXECUTE FUNCTION chorus_project_budgets();
CREATE TRIGGER projects_budgets_changed AFTER UPDATE OF settings ON projects
    FOR EACH ROW WHEN (OLD.settings -> 'budget' IS DISTINCT FROM NEW.settings -> 'budget')
    EXECUTE FUNCTION chorus_project_budgets();

UPDATE projects p SET metered = TRUE WHERE EXISTS (SELECT FROM usage_quotas q WHERE q.user_id = p.user_id AND q.project_id IS NULL);

-- What is counted -----------------------------------------------------------------------------------------------------------------------

-- The quotas of these types that bound any of the projects, locked in their order.
CREATE FUNCTION chorus_lock_quotas(project_ids uuid[], types text[]) RETURNS uuid[] LANGUAGE plpgsql AS $$
DECLARE
    ids uuid[];
BEGIN
    SELECT array_agg(quota_id) INTO ids FROM (
        SELECT quota_id FROM usage_quotas
        WHERE quota_id = ANY (
            ARRAY(SELECT q.quota_id FROM usage_quotas q WHERE q.project_id = ANY (project_ids) AND q.quota_type = ANY (types))
            || ARRAY(
                SELECT q.quota_id FROM (SELECT DISTINCT user_id FROM projects WHERE project_id = ANY (project_ids)) AS owner
                    JOIN usage_quotas q ON q.user_id = owner.user_id AND q.project_id IS NULL
                WHERE q.quota_type = ANY (types)))
        ORDER BY quota_id FOR NO KEY UPDATE
    ) AS held;
    RETURN coalesce(ids, '{}');
END
$$;

-- Every task that comes into a metered project counts, whichever way it came; more than a quota allows come in no way.
CREATE FUNCTION chorus_tasks_counted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    project_ids uuid[];
    quotas uuid[];
    exceeded uuid;
BEGIN
    IF NOT EXISTS (SELECT FROM usage_quotas WHERE quota_type = 'tasks') THEN RETURN NULL; END IF;
    project_ids := ARRAY(SELECT DISTINCT project_id FROM accepted);
    project_ids := ARRAY(SELECT project_id FROM projects WHERE project_id = ANY (project_ids) AND metered);
    IF cardinality(project_ids) = 0 THEN RETURN NULL; END IF;
    quotas := chorus_lock_quotas(project_ids, '{tasks}');
    UPDATE usage_quotas q SET current_usage = q.current_usage + counted.number
    FROM (
        SELECT u.quota_id, count(*) AS number
        FROM accepted a JOIN projects p USING (project_id)
            JOIN usage_quotas u ON u.user_id = p.user_id AND (u.project_id IS NULL OR u.project_id = p.project_id)
        WHERE u.quota_id = ANY (quotas) AND a.created_at >= u.counted_since
        GROUP BY u.quota_id
    ) AS counted
    WHERE q.quota_id = counted.quota_id;
    SELECT quota_id INTO exceeded FROM usage_quotas
    WHERE quota_id = ANY (quotas) AND current_usage > monthly_limit AND counted_since IS NOT NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'quota % is used up', exceeded
            USING ERRCODE = 'check_violation', CONSTRAINT = 'usage_quotas_hold', TABLE = 'usage_quotas';
    END IF;
    RETURN NULL;
END
$$;

-- Behind the others by its name, so that the quotas are locked last.
CREATE TRIGGER tasks_usage_counted AFTER INSERT ON tasks
    REFERENCING NEW TABLE AS accepted
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_tasks_counted();

-- What becomes known of the use of a call is charged, whenever that is, and whatever became of its task: the difference to what was known.
CREATE FUNCTION chorus_results_charged() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    project_ids uuid[];
    quotas uuid[];
BEGIN
    IF NOT EXISTS (SELECT FROM usage_quotas WHERE quota_type IN ('tokens', 'cost_micros')) THEN RETURN NULL; END IF;
    project_ids := ARRAY(
        SELECT DISTINCT t.project_id FROM after r JOIN tasks t USING (task_id) JOIN projects p USING (project_id)
        WHERE r.token_usage IS NOT NULL AND p.metered);
    IF cardinality(project_ids) = 0 THEN RETURN NULL; END IF;
    quotas := chorus_lock_quotas(project_ids, '{tokens,cost_micros}');
    UPDATE usage_quotas q SET current_usage = greatest(0, q.current_usage + charged.amount)
    FROM (
        SELECT u.quota_id, sum(CASE u.quota_type WHEN 'tokens' THEN call.tokens ELSE call.cost END)::bigint AS amount
        FROM (
            SELECT task_id, created_at, chorus_tokens(token_usage) AS tokens, chorus_cost(token_usage) AS cost FROM after
            UNION ALL
            SELECT task_id, created_at, -chorus_tokens(token_usage), -chorus_cost(token_usage) FROM before
        ) AS call
            JOIN tasks t USING (task_id) JOIN projects p USING (project_id)
            JOIN usage_quotas u ON u.user_id = p.user_id AND (u.project_id IS NULL OR u.project_id = p.project_id)
        WHERE u.quota_id = ANY (quotas) AND call.created_at >= u.counted_since
        GROUP BY u.quota_id
    ) AS charged
    WHERE q.quota_id = charged.quota_id AND charged.amount <> 0;
    RETURN NULL;
END
$$;

CREATE TRIGGER results_usage_charged AFTER UPDATE ON results
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_results_charged();
