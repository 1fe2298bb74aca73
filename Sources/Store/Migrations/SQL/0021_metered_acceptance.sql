-- What acceptance costs a project that quotas bound.

-- The quotas of an account, without the budgets of its projects.
CREATE INDEX idx_usage_quotas_account ON usage_quotas (user_id) WHERE project_id IS NULL;

-- As in 0017, with two differences. What a quota would not count, because its month began behind the transaction's own beginning, is
-- refused too: nobody has to hold a quota's lock before the tasks come in, and whoever is refused begins anew. And a transaction of many
-- statements, which would hold the lock for as long as it runs, may say that it counts its tasks itself, in its last statement.
CREATE OR REPLACE FUNCTION chorus_tasks_counted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    project_ids uuid[];
    quotas uuid[];
    exceeded uuid;
BEGIN
    IF current_setting('chorus.counts_tasks_itself', true) = 'on' THEN RETURN NULL; END IF;
    IF NOT EXISTS (SELECT FROM usage_quotas WHERE quota_type = 'tasks') THEN RETURN NULL; END IF;
    project_ids := ARRAY(SELECT DISTINCT project_id FROM accepted);
    project_ids := ARRAY(SELECT project_id FROM projects WHERE project_id = ANY (project_ids) AND metered);
    IF cardinality(project_ids) = 0 THEN RETURN NULL; END IF;
    quotas := chorus_lock_quotas(project_ids, '{tasks}');
    IF cardinality(quotas) = 0 THEN RETURN NULL; END IF;
    UPDATE usage_quotas q SET current_usage = q.current_usage + counted.number
    FROM (
        SELECT u.quota_id, sum(a.number)::bigint AS number
        FROM (SELECT project_id, created_at, count(*) AS number FROM accepted GROUP BY project_id, created_at) AS a
            JOIN projects p USING (project_id)
            JOIN usage_quotas u ON u.user_id = p.user_id AND (u.project_id IS NULL OR u.project_id = p.project_id)
        WHERE u.quota_id = ANY (quotas) AND a.created_at >= u.counted_since
        GROUP BY u.quota_id
    ) AS counted
    WHERE q.quota_id = counted.quota_id;
    SELECT quota_id INTO exceeded FROM usage_quotas
    WHERE quota_id = ANY (quotas) AND (current_usage > monthly_limit OR counted_since > now()) AND counted_since IS NOT NULL LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'quota % is used up', exceeded
            USING ERRCODE = 'check_violation', CONSTRAINT = 'usage_quotas_hold', TABLE = 'usage_quotas';
    END IF;
    RETURN NULL;
END
$$;
