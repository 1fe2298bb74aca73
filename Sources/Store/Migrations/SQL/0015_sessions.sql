-- Accounts that people make and log in to: sessions, the keys that sign their tokens, invitations.

-- A login. A token is good for as long as its row says: that is how it can be taken back before it ends by itself.
CREATE TABLE sessions (
    session_id UUID PRIMARY KEY,
    user_id UUID NOT NULL REFERENCES accounts (user_id) ON DELETE CASCADE,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    revoked_at TIMESTAMP WITH TIME ZONE,
    -- Where it was made from, for its user to know it again.
    client_address VARCHAR(45),
    user_agent VARCHAR(200)
);
-- The sessions of an account, newest first, by keyset.
CREATE INDEX idx_sessions_user ON sessions (user_id, session_id);
-- The oldest first: they are forgotten in batches.
CREATE INDEX idx_sessions_expires_at ON sessions (expires_at);

-- The public half of each gateway's key, for every gateway to check every token; the private half never leaves the memory of its gateway.
CREATE TABLE session_signing_keys (
    -- The `kid` of a token.
    key_id UUID PRIMARY KEY,
    algorithm VARCHAR(20) NOT NULL CHECK (algorithm = 'EdDSA'),
    public_key BYTEA NOT NULL CHECK (octet_length(public_key) = 32),
    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP,
    -- No token that it signed is good for longer.
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL
);

-- What lets somebody register once.
CREATE TABLE invitations (
    invitation_id UUID PRIMARY KEY,
    -- SHA-256 of the code, in hexadecimal.
    code VARCHAR(64) UNIQUE NOT NULL,
    -- The only address that may use it.
    email VARCHAR(255) CHECK (email = lower(email)),
    -- NULL where an operator made it.
    created_by UUID REFERENCES accounts (user_id) ON DELETE SET NULL,
    created_at TIMESTAMP WITH TIME ZONE NOT NULL DEFAULT CURRENT_TIMESTAMP,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    used_by UUID REFERENCES accounts (user_id) ON DELETE SET NULL
);

-- The words that code knows, and one way to write an address: with the seed's UNIQUE, no two accounts differ by case alone.
ALTER TABLE accounts
    ADD CONSTRAINT accounts_status CHECK (status IN ('active', 'disabled')) NOT VALID,
    ADD CONSTRAINT accounts_account_type CHECK (account_type IN ('standard', 'admin')) NOT VALID,
    ADD CONSTRAINT accounts_email_lower CHECK (email = lower(email)) NOT VALID;

-- Accounts of earlier releases were made by operators, who vouch for their addresses.
UPDATE accounts SET verification_status = true;
