-- Several engines for one task.

ALTER TABLE results
    -- Where an attempt has several answers (an ensemble; a race whose second came at the same moment): whether the task completed with this
    -- one. NULL everywhere else, and for the call of a judge.
    ADD COLUMN chosen BOOLEAN,
    -- Not validated, which would read all rows under a lock that stops everybody: those that are there have NULL.
    ADD CONSTRAINT results_only_answers_are_chosen CHECK (chosen IS NULL OR status = 'completed') NOT VALID;

-- As in 0002, but a task that balances its engines gets none from the claim: its worker chooses by load, and opens the call then. The same
-- choice as StrategyPlan in code, and a test holds the two equal. A strategy counts beside the engines that it was given for.
CREATE OR REPLACE FUNCTION chorus_first_engine(input jsonb, settings jsonb, fleet_default text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN input ->> 'engine' IS NOT NULL THEN input ->> 'engine'
        WHEN input -> 'engines' ->> 0 IS NOT NULL THEN CASE WHEN input ->> 'strategy' = 'balance' THEN NULL ELSE input -> 'engines' ->> 0 END
        WHEN settings -> 'engines' ->> 0 IS NOT NULL
            THEN CASE WHEN settings ->> 'strategy' = 'balance' THEN NULL ELSE settings -> 'engines' ->> 0 END
        ELSE fleet_default
    END
$$;
