-- Accounts, their sessions, and wrong passwords: the same text on every engine.
--
-- BIGINT and TEXT only: INTEGER has 32 bits on some engines, and types for time differ. Moments are RFC 3339 text of a
-- fixed width (`2026-11-20T10:00:00.000Z`), which sorts and compares as text. What is secret is never here: of a password
-- the host's argon2id hash, of a refresh token its SHA-256.

CREATE TABLE accounts (
    -- A UUID that begins with its time: the order of the ids is the order of creation.
    id TEXT NOT NULL PRIMARY KEY,
    email TEXT NOT NULL,
    -- The e-mail in lower case: what must be unique, and what a login is compared with.
    email_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    -- The name in lower case, for searches.
    sort_name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    -- One column a role: they are few, and a list of admins is a walk along an index.
    is_customer BIGINT NOT NULL CHECK (is_customer IN (0, 1)),
    is_merchant BIGINT NOT NULL CHECK (is_merchant IN (0, 1)),
    is_admin BIGINT NOT NULL CHECK (is_admin IN (0, 1)),
    status TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
    -- Grows with each change of the columns above, but the password.
    version BIGINT NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

-- Lists in the order of creation, of those few that a filter asks for. Customers that are active are most accounts: for
-- them the order of the primary key is index enough.
CREATE INDEX merchants ON accounts (id) WHERE is_merchant = 1;
CREATE INDEX admins ON accounts (id) WHERE is_admin = 1;
CREATE INDEX disabled_accounts ON accounts (id) WHERE status = 'disabled';

-- One sign-in and what came of it: the family of refresh tokens that access tokens name.
CREATE TABLE sessions (
    id TEXT NOT NULL PRIMARY KEY,
    account_id TEXT NOT NULL REFERENCES accounts (id),
    created_at TEXT NOT NULL,
    last_used_at TEXT NOT NULL,
    -- How many refresh tokens it has had, and so how many rows.
    refreshes BIGINT NOT NULL CHECK (refreshes >= 0),
    -- The first moment at which the present refresh token is too old, never after `ends_at`.
    expires_at TEXT NOT NULL,
    -- The first moment at which the session is over, however much it is used.
    ends_at TEXT NOT NULL,
    -- When somebody ended it before that.
    ended_at TEXT,
    -- When the row may go: once no access token of the session can be good any more.
    forget_at TEXT NOT NULL
);

CREATE INDEX sessions_of_account ON sessions (account_id, id);
CREATE INDEX sessions_to_forget ON sessions (forget_at);

-- Used ones stay as long as their session, so that a second use is found.
CREATE TABLE refresh_tokens (
    -- SHA-256, hexadecimal. The token is random: nothing slower is needed.
    hash TEXT NOT NULL PRIMARY KEY,
    session_id TEXT NOT NULL REFERENCES sessions (id),
    used_at TEXT
);

CREATE INDEX tokens_of_session ON refresh_tokens (session_id);

-- Wrong passwords in a row, of an account (whether it exists or not) or from an address.
CREATE TABLE attempts (
    -- SHA-256 of what is counted: the table tells nobody's e-mail or address.
    key TEXT NOT NULL PRIMARY KEY,
    failures BIGINT NOT NULL CHECK (failures >= 0),
    -- The first moment at which a password is looked at again.
    blocked_until TEXT NOT NULL,
    -- When the row means nothing any more.
    forget_at TEXT NOT NULL
);

CREATE INDEX attempts_to_forget ON attempts (forget_at);
