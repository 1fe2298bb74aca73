-- Calls that wait for their turn at an engine with limits.
--
-- A task that a worker has taken and whose call has no slot yet was counted nowhere: not in the queue any more, and not in what the gate has
-- given away. So a slow engine was sent task after task while the first one waited, all but one of which came back after a while, behind
-- those that were younger.

-- How many of a worker's calls waited on when it asked the gate last (chorus_take_slots), and their tokens; of tasks that need this engine and
-- no other. Tasks that it took later have not asked yet.
CREATE TABLE engine_waits (
    engine VARCHAR(255) NOT NULL REFERENCES engine_gates (engine) ON DELETE CASCADE,
    worker_id UUID NOT NULL REFERENCES workers (worker_id) ON DELETE CASCADE,
    asked_at TIMESTAMP WITH TIME ZONE NOT NULL,
    calls INTEGER NOT NULL CHECK (calls >= 0),
    tokens BIGINT NOT NULL CHECK (tokens >= 0),
    PRIMARY KEY (engine, worker_id)
) WITH (fillfactor = 50);

-- For the rows of a worker whose row is deleted.
CREATE INDEX idx_engine_waits_worker ON engine_waits (worker_id);
