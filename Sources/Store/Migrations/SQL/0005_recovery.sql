-- What recovery needs to know.

ALTER TABLE tasks
    -- How often the worker that ran it was lost. A task that kills its workers must not be handed to the next one for ever.
    ADD COLUMN worker_losses INTEGER NOT NULL DEFAULT 0;

-- Since when the server has kept its sessions, and with them the workers' locks. Being unlogged, the table is emptied by crash recovery
-- and by a failover, neither of which changes pg_postmaster_start_time(): whoever finds it empty writes the time.
CREATE UNLOGGED TABLE server_sessions (
    -- There is one row.
    is_only BOOLEAN PRIMARY KEY DEFAULT TRUE CHECK (is_only),
    since TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp()
);

ALTER TABLE workers
    -- When its session took the lock. A lock that was taken since the server keeps its sessions, and is free now, says that its worker is
    -- gone; one that was taken before says nothing, for a lease.
    ADD COLUMN locked_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT clock_timestamp();
