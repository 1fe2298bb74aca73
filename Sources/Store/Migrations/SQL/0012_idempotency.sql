-- Requests that may be sent again: the first one's answer is kept for a day, in the transaction that made what it tells of.

CREATE TABLE idempotency_keys (
    user_id UUID NOT NULL REFERENCES accounts (user_id) ON DELETE CASCADE,
    -- Where the key came from: keys of HTTP requests and ids of messages are chosen by different programs.
    source VARCHAR(20) NOT NULL CHECK (source IN ('http', 'amqp')),
    key VARCHAR(255) NOT NULL,
    -- SHA-256 of what was asked: another request under the same key is refused.
    digest BYTEA NOT NULL,
    -- What a repetition is answered with. Where the first answer held a secret, that is a refusal, and no secret.
    status SMALLINT NOT NULL,
    location TEXT,
    answer TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP,
    PRIMARY KEY (user_id, source, key)
);

-- The oldest first: they are forgotten in batches.
CREATE INDEX idx_idempotency_keys_created_at ON idempotency_keys (created_at);

CREATE FUNCTION chorus_key_lifetime() RETURNS interval LANGUAGE sql IMMUTABLE AS $$ SELECT interval '24 hours' $$;

-- Takes the key for this transaction, or fails as a second row would, after waiting for whoever is about to take it. One that is past its
-- time is taken anew.
CREATE FUNCTION chorus_claim_key(owner uuid, origin text, name text, request_digest bytea, answer_status integer, place text, words text)
RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO idempotency_keys AS k (user_id, source, key, digest, status, location, answer)
    VALUES (owner, origin, name, request_digest, answer_status, place, words)
    ON CONFLICT (user_id, source, key) DO UPDATE SET digest = excluded.digest, status = excluded.status, location = excluded.location,
        answer = excluded.answer, created_at = excluded.created_at
    WHERE k.created_at < excluded.created_at - chorus_key_lifetime();
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the key is taken'
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'idempotency_keys_pkey', TABLE = 'idempotency_keys';
    END IF;
END
$$;
