-- Events for the broker's exchange, which one gateway at a time publishes.

CREATE TABLE exchange_pump (
    -- There is one row.
    is_only BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (is_only),
    -- Everything in event_log up to here is with the broker, or nobody was bound for it.
    seq BIGINT NOT NULL,
    -- The gateway that publishes, and until when it may; a process's own number, new with each start.
    holder UUID,
    held_until TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT '-infinity'
);

INSERT INTO exchange_pump (seq) SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM event_log_seq_seq;

-- A project that asks for its events (settings.events) has them written down for as long as it asks, whether anybody is bound or not.
CREATE FUNCTION chorus_listen_for_made_projects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    -- Nobody else can have moved anything of a project that is made by this very transaction: the log is whole from here on.
    INSERT INTO event_listeners (kind, project_id, first_seq)
    SELECT 'exchange', project_id, (SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM event_log_seq_seq)
    FROM made WHERE settings -> 'events' = 'true'
    ON CONFLICT ON CONSTRAINT event_listeners_once DO NOTHING;
    RETURN NULL;
END
$$;

-- By its name before projects_made_events, which writes down that the project was made.
CREATE TRIGGER projects_made_audible AFTER INSERT ON projects
    REFERENCING NEW TABLE AS made
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_listen_for_made_projects();

CREATE FUNCTION chorus_listen_for_changed_projects() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO event_listeners (kind, project_id)
    SELECT 'exchange', now.project_id
    FROM after AS now JOIN before AS was ON was.project_id = now.project_id
    WHERE now.settings -> 'events' = 'true' AND was.settings -> 'events' IS DISTINCT FROM 'true'
    ON CONFLICT ON CONSTRAINT event_listeners_once DO NOTHING;
    DELETE FROM event_listeners l
    USING after AS now, before AS was
    WHERE was.project_id = now.project_id AND l.project_id = now.project_id AND l.kind = 'exchange'
        AND was.settings -> 'events' = 'true' AND now.settings -> 'events' IS DISTINCT FROM 'true';
    RETURN NULL;
END
$$;

CREATE TRIGGER projects_moved_audible AFTER UPDATE ON projects
    REFERENCING OLD TABLE AS before NEW TABLE AS after
    FOR EACH STATEMENT EXECUTE FUNCTION chorus_listen_for_changed_projects();
