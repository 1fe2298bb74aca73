-- What an engine may be asked, by all workers together.

-- Tasks ---------------------------------------------------------------------------------------------------------------------------------

ALTER TABLE tasks
    -- The engine that the task names; '' where it leaves the choice to its project or the fleet, '*' where it names several, or none can be
    -- called (a group): no one engine holds it back. Written at the acceptance (TaskEngine in code), for no move changes it. A generated
    -- column would be computed anew by every move, because the table has a BEFORE UPDATE trigger, and each time from the whole input.
    ADD COLUMN engine VARCHAR(255) NOT NULL DEFAULT '';

UPDATE tasks SET engine = CASE
    WHEN task_type = 'group' OR input_data -> 'engines' -> 1 IS NOT NULL THEN '*'
    ELSE left(coalesce(input_data ->> 'engine', input_data -> 'engines' ->> 0, ''), 255) END
WHERE status NOT IN ('completed', 'failed', 'cancelled');

-- Each engine's tasks of a project and priority stand by themselves, in the order of admission: those of an engine that is closed hide
-- nothing.
DROP INDEX idx_tasks_backlog;
CREATE INDEX idx_tasks_backlog ON tasks (project_id, priority DESC, engine, available_at, task_id)
    WHERE status IN ('pending', 'retrying') AND waiting_on = 0;

-- The one engine that a task needs, '*' where it has a choice. The same answer as ChatInput.engines in code.
CREATE FUNCTION chorus_needed_engine(engine text, settings jsonb, fleet_default text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN engine <> '' THEN engine
        WHEN settings -> 'engines' -> 1 IS NOT NULL THEN '*'
        ELSE coalesce(settings -> 'engines' ->> 0, fleet_default, '*')
    END
$$;

-- Gates ---------------------------------------------------------------------------------------------------------------------------------

-- One row an engine, made when a worker first needs it. All times are this server's: workers take them relative to now.
CREATE TABLE engine_gates (
    engine VARCHAR(255) PRIMARY KEY REFERENCES engines (name) ON DELETE CASCADE,
    -- Up to when slots have been given away: the theoretical arrival time of the generic cell rate algorithm (ITU-T I.371), one for
    -- requests and one for tokens.
    requests_until TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),
    tokens_until TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp(),
    -- NULL while the gate is open. Once the time has come, a probe is let through; its success opens the gate.
    closed_until TIMESTAMP WITH TIME ZONE,
    closed_reason VARCHAR(20) CHECK (closed_reason IN ('rate_limited', 'overloaded', 'circuit')),
    -- The engine's own words, cut short.
    closed_message VARCHAR(300),
    -- Who probes, and until when nobody else may.
    probe_worker UUID,
    probe_until TIMESTAMP WITH TIME ZONE,
    -- How often it closed in a row: each time for longer.
    closings INTEGER NOT NULL DEFAULT 0,
    CHECK ((closed_until IS NULL) = (closed_reason IS NULL))
);

-- The places of engines that take only so many calls at once. A place counts for as long as its worker lives: the places of one that was
-- killed are free when it is taken for dead.
CREATE TABLE engine_places (
    engine VARCHAR(255) NOT NULL REFERENCES engine_gates (engine) ON DELETE CASCADE,
    worker_id UUID NOT NULL REFERENCES workers (worker_id) ON DELETE CASCADE,
    places INTEGER NOT NULL CHECK (places > 0),
    PRIMARY KEY (engine, worker_id)
);

-- For the places of a worker whose row is deleted.
CREATE INDEX idx_engine_places_worker ON engine_places (worker_id);

-- The row of the gate, locked; made where it is missing. No row for an engine that was removed.
CREATE FUNCTION chorus_lock_gate(name text) RETURNS SETOF engine_gates LANGUAGE plpgsql AS $$
BEGIN
    RETURN QUERY SELECT * FROM engine_gates WHERE engine = name FOR UPDATE;
    IF FOUND THEN RETURN; END IF;
    INSERT INTO engine_gates (engine) SELECT e.name FROM engines e WHERE e.name = chorus_lock_gate.name ON CONFLICT DO NOTHING;
    RETURN QUERY SELECT * FROM engine_gates WHERE engine = name FOR UPDATE;
END
$$;

-- Takes slots for calls that wait, in their order, and settles what earlier ones have used. Each call gets a slot of the requests and one
-- of the tokens, and may begin between the later and one second after the earlier of them; so in any 60 s there begin no more calls than
-- the limit and 2 %, of which 0.2 s are left for the way to the engine. SlotSchedule in code does the same sum, and a test holds the two
-- equal.
--
-- intervals: seconds a request and a token, NULL without a limit. used, wanted: the places that the worker's calls have, and how many it
-- would have. costs: the tokens of each call. settled: tokens that earlier calls used more (or less, if negative) than they took.
--
-- state: open; closed; probing (somebody else probes); probe (the one slot is for a probe); gone (there is no such engine).
CREATE FUNCTION chorus_take_slots(
    engine_name text, worker uuid, most_places integer, used integer, wanted integer, request_interval float8, token_interval float8,
    costs integer[], settled bigint, probe_lease float8,
    OUT state text, OUT closed_for float8, OUT reason text, OUT message text, OUT places integer, OUT slots integer,
    OUT request_slot float8, OUT token_slot float8, OUT next_in float8
) LANGUAGE plpgsql AS $$
DECLARE
    -- Seconds: how far ahead slots are given, how far back unused ones, and how far the two sequences may part.
    horizon CONSTANT float8 := 1;
    credit CONSTANT float8 := 0.5;
    spread CONSTANT float8 := 0.5;
    gate engine_gates;
    moment timestamptz;
    request_at float8 := -0.5;
    token_at float8 := -0.5;
    most integer := cardinality(costs);
    taken integer;
BEGIN
    slots := 0;
    places := 0;
    SELECT * INTO gate FROM chorus_lock_gate(engine_name);
    IF gate.engine IS NULL THEN state := 'gone'; RETURN; END IF;
    -- Behind the lock: whoever had it before gave its slots away by an earlier clock.
    moment := clock_timestamp();

    IF most_places IS NOT NULL THEN
        DELETE FROM engine_places p USING workers w
        WHERE p.engine = engine_name AND w.worker_id = p.worker_id AND w.status NOT IN ('alive', 'draining');
        SELECT coalesce(sum(p.places), 0) INTO taken FROM engine_places p WHERE p.engine = engine_name AND p.worker_id <> worker;
        places := greatest(used, least(wanted, most_places - taken), 0);
        IF NOT EXISTS (SELECT FROM workers w WHERE w.worker_id = worker AND w.status IN ('alive', 'draining')) THEN
            places := 0;
        ELSIF places > 0 THEN
            INSERT INTO engine_places AS p VALUES (engine_name, worker, chorus_take_slots.places)
            ON CONFLICT (engine, worker_id) DO UPDATE SET places = excluded.places WHERE p.places <> excluded.places;
        ELSE
            DELETE FROM engine_places p WHERE p.engine = engine_name AND p.worker_id = worker;
        END IF;
        most := least(most, places - used);
    ELSE
        DELETE FROM engine_places p WHERE p.engine = engine_name AND p.worker_id = worker;
    END IF;

    IF request_interval IS NOT NULL THEN request_at := greatest(extract(epoch FROM gate.requests_until - moment), -credit); END IF;
    IF token_interval IS NOT NULL THEN
        token_at := greatest(extract(epoch FROM gate.tokens_until - moment) + settled * token_interval, -credit);
    END IF;
    IF request_interval IS NOT NULL AND token_interval IS NOT NULL THEN
        request_at := greatest(request_at, token_at - spread);
        token_at := greatest(token_at, request_at - spread);
    END IF;

    state := 'open';
    IF gate.closed_until IS NOT NULL THEN
        reason := gate.closed_reason;
        message := gate.closed_message;
        IF gate.closed_until > moment THEN
            state := 'closed';
            closed_for := extract(epoch FROM gate.closed_until - moment);
        ELSIF gate.probe_until > moment AND gate.probe_worker <> worker
            AND EXISTS (SELECT FROM workers w WHERE w.worker_id = gate.probe_worker AND w.status IN ('alive', 'draining'))
        THEN
            state := 'probing';
            closed_for := extract(epoch FROM gate.probe_until - moment);
        ELSE
            state := 'closed';
            closed_for := 0;
            most := least(most, 1);
        END IF;
    END IF;

    IF state = 'open' OR closed_for = 0 THEN
        request_slot := request_at;
        token_slot := token_at;
        WHILE slots < most AND greatest(request_at, token_at) < horizon AND (slots = 0 OR abs(request_at - token_at) <= spread) LOOP
            slots := slots + 1;
            IF request_interval IS NOT NULL THEN request_at := request_at + request_interval; END IF;
            IF token_interval IS NOT NULL THEN token_at := token_at + costs[slots] * token_interval; END IF;
            -- Without one of the limits the other alone counts.
            IF request_interval IS NULL THEN request_at := token_at; END IF;
            IF token_interval IS NULL THEN token_at := request_at; END IF;
        END LOOP;
        IF slots > 0 AND state = 'closed' THEN
            state := 'probe';
            UPDATE engine_gates SET probe_worker = worker, probe_until = moment + probe_lease * interval '1 second'
            WHERE engine = engine_name;
        END IF;
    END IF;
    -- Asked again when half of the horizon is free, so that an answer holds more than one slot where slots are many.
    next_in := CASE WHEN slots < most THEN greatest(greatest(request_at, token_at) - horizon / 2, 0.02) ELSE 0.1 END;

    IF request_interval IS NOT NULL OR token_interval IS NOT NULL THEN
        UPDATE engine_gates SET
            requests_until = CASE WHEN request_interval IS NULL THEN requests_until ELSE moment + request_at * interval '1 second' END,
            tokens_until = CASE WHEN token_interval IS NULL THEN tokens_until ELSE moment + token_at * interval '1 second' END
        WHERE engine = engine_name;
    END IF;
END
$$;

-- Closes the gate for everybody and says for how many seconds. The first refusal of an open gate, and the refusal of its probe, count: in a
-- row they close it for longer and longer, as long as the engine asks (pause) at the least. Calls that were under way then may lengthen
-- what the engine asks for, and nothing else.
CREATE FUNCTION chorus_close_gate(
    engine_name text, worker uuid, was_probe boolean, pause float8, base float8, why text, words text
) RETURNS float8 LANGUAGE plpgsql AS $$
DECLARE
    longest CONSTANT float8 := 60;
    gate engine_gates;
    moment timestamptz;
    reopening timestamptz;
BEGIN
    SELECT * INTO gate FROM chorus_lock_gate(engine_name);
    IF gate.engine IS NULL THEN RETURN NULL; END IF;
    moment := clock_timestamp();
    IF gate.closed_until IS NULL OR was_probe AND gate.probe_worker = worker THEN
        gate.closings := gate.closings + 1;
        reopening := moment + interval '1 second' * CASE
            WHEN pause IS NOT NULL AND gate.closings = 1 THEN greatest(pause, 0.1)
            ELSE greatest(pause, least(longest, base * 2 ^ least(gate.closings - 1, 20)) * (1 + random() / 4)) END;
    ELSE
        reopening := greatest(gate.closed_until, moment + pause * interval '1 second');
        why := gate.closed_reason;
        words := gate.closed_message;
        IF reopening = gate.closed_until THEN RETURN greatest(extract(epoch FROM gate.closed_until - moment), 0); END IF;
    END IF;
    UPDATE engine_gates SET closed_until = reopening, closed_reason = why, closed_message = left(words, 300), closings = gate.closings,
        probe_worker = NULL, probe_until = NULL
    WHERE engine = engine_name;
    PERFORM pg_notify('chorus_gates', engine_name);
    RETURN extract(epoch FROM reopening - moment);
END
$$;

-- The probe has succeeded: everybody may pass.
CREATE FUNCTION chorus_open_gate(engine_name text, worker uuid) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    UPDATE engine_gates SET closed_until = NULL, closed_reason = NULL, closed_message = NULL, closings = 0, probe_worker = NULL,
        probe_until = NULL
    WHERE engine = engine_name AND probe_worker = worker;
    IF FOUND THEN PERFORM pg_notify('chorus_gates', engine_name); END IF;
END
$$;
