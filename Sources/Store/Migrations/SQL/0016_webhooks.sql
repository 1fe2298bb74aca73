-- Events that are posted to addresses of the projects' owners (projects.settings -> 'webhooks').

ALTER TABLE event_listeners
    -- The last number that the log had given when the listener came: it is told of what came behind.
    ADD COLUMN since BIGINT;

CREATE FUNCTION chorus_has_webhooks(settings jsonb) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$
    SELECT coalesce(jsonb_typeof(settings -> 'webhooks') = 'array' AND settings -> 'webhooks' <> '[]', FALSE)
$$;

-- Keeps the listeners what the settings say, whoever writes those.
CREATE FUNCTION chorus_listen_for_webhooks() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    wanting CONSTANT uuid[] := ARRAY(SELECT project_id FROM changed WHERE chorus_has_webhooks(settings));
    last bigint;
BEGIN
    DELETE FROM event_listeners
    WHERE kind = 'webhook' AND project_id IN (SELECT project_id FROM changed) AND project_id <> ALL (wanting);
    IF cardinality(wanting) = 0 THEN RETURN NULL; END IF;
    SELECT CASE WHEN is_called THEN last_value ELSE 0 END INTO last FROM event_log_seq_seq;
    INSERT INTO event_cursors (reader, seq) VALUES ('webhooks', last) ON CONFLICT DO NOTHING;
    INSERT INTO event_listeners (kind, project_id, since) SELECT 'webhook', project_id, last FROM unnest(wanting) AS w (project_id)
    ON CONFLICT ON CONSTRAINT event_listeners_once DO NOTHING;
    RETURN NULL;
END
$$;

-- By their names before those that log events: a project's webhook hears that the project was made.
CREATE TRIGGER projects_listen_made AFTER INSERT ON projects
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_listen_for_webhooks();
CREATE TRIGGER projects_listen_changed AFTER UPDATE ON projects
    REFERENCING NEW TABLE AS changed
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_listen_for_webhooks();

-- One row an event and address. No secret is here: the signatures are made from the server's key when a delivery is sent.
CREATE TABLE webhook_deliveries (
    -- What the receiver sees as webhook-id, in every attempt.
    delivery_id UUID PRIMARY KEY,
    project_id UUID NOT NULL REFERENCES projects (project_id) ON DELETE CASCADE,
    url TEXT NOT NULL,
    seq BIGINT NOT NULL,
    event VARCHAR(50) NOT NULL,
    task_id UUID,
    -- What is posted, and signed, to the byte.
    body TEXT NOT NULL,
    -- pending: it was not taken yet. failed: given up.
    status VARCHAR(20) NOT NULL DEFAULT 'pending' CHECK (status IN ('pending', 'delivered', 'failed')),
    -- Counts claims: the fencing token, as with tasks.
    attempts INTEGER NOT NULL DEFAULT 0,
    -- Whoever claims it puts this ahead: the claim of a gateway that died comes back by itself.
    next_attempt_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),
    -- Then it is given up.
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp() + interval '24 hours',
    -- Of the last attempt.
    response_status INTEGER,
    error VARCHAR(500),
    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),
    delivered_at TIMESTAMP WITH TIME ZONE
);

-- What is due, the oldest first.
CREATE INDEX idx_webhook_deliveries_due ON webhook_deliveries (next_attempt_at) WHERE status = 'pending';
-- The log of a project, newest first, by keyset.
CREATE INDEX idx_webhook_deliveries_project ON webhook_deliveries (project_id, delivery_id);
