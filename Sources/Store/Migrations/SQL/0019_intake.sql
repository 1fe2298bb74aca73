-- Messages of the intake that the broker hands out again, while a gateway tries one: whoever it ends leaves its row behind, and after three
-- trials the message is refused. Nearly always empty.

CREATE TABLE intake_trials (
    -- SHA-256 of routing key, message id and body: the broker gives a message no name of its own.
    digest BYTEA PRIMARY KEY,
    trials INTEGER NOT NULL,
    tried_at TIMESTAMP WITH TIME ZONE NOT NULL
);
