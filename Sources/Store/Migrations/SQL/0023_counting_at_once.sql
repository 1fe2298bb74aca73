-- What counting the tasks of a batch costs.

-- As in 0021, in one statement where there were four. A quota of which the month began behind the transaction's own beginning adds nothing
-- to its count, and is refused all the same. The rows are locked as they come: in the order of quota_id, as everywhere.
CREATE OR REPLACE FUNCTION chorus_tasks_counted() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    exceeded uuid;
BEGIN
    IF current_setting('chorus.counts_tasks_itself', true) = 'on' THEN RETURN NULL; END IF;
    IF NOT EXISTS (SELECT FROM usage_quotas WHERE quota_type = 'tasks') THEN RETURN NULL; END IF;
    WITH counted AS (
        UPDATE usage_quotas q SET current_usage = q.current_usage + made.number
        FROM (
            SELECT u.quota_id, coalesce(sum(a.number) FILTER (WHERE a.created_at >= u.counted_since), 0)::bigint AS number
            FROM (SELECT project_id, created_at, count(*) AS number FROM accepted GROUP BY project_id, created_at) AS a
                JOIN projects p USING (project_id)
                JOIN usage_quotas u ON u.user_id = p.user_id AND (u.project_id IS NULL OR u.project_id = p.project_id)
            WHERE p.metered AND u.quota_type = 'tasks' AND u.counted_since IS NOT NULL
            GROUP BY u.quota_id ORDER BY u.quota_id
        ) AS made
        WHERE q.quota_id = made.quota_id
        RETURNING q.quota_id, q.current_usage > q.monthly_limit OR q.counted_since > now() AS is_exceeded
    )
    SELECT quota_id INTO exceeded FROM counted WHERE is_exceeded LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'quota % is used up', exceeded
            USING ERRCODE = 'check_violation', CONSTRAINT = 'usage_quotas_hold', TABLE = 'usage_quotas';
    END IF;
    RETURN NULL;
END
$$;
