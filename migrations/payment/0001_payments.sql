-- Payments, the operations on them, the ledger, and what the built-in provider knows: the same text on every engine.
--
-- BIGINT and TEXT only: INTEGER has 32 bits on some engines, and types for time differ. Moments are RFC 3339 text of a
-- fixed width (`2026-11-20T10:00:00.000Z`), which sorts and compares as text. Lengths are checked where input is
-- parsed; what stands here as CHECK is what must not be wrong even if the code is. What a customer pays with is never in
-- the service's own tables.

CREATE TABLE payments (
    -- A UUID that begins with its time: the order of the ids is the order of creation.
    id TEXT NOT NULL PRIMARY KEY,
    order_id TEXT NOT NULL,
    customer TEXT NOT NULL,
    provider TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 1),
    currency TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('authorizing', 'authorized', 'partially-captured', 'captured', 'voided',
        'declined', 'partially-refunded', 'refunded', 'failed')),
    captured BIGINT NOT NULL CHECK (captured >= 0 AND captured <= amount),
    refunded BIGINT NOT NULL CHECK (refunded >= 0 AND refunded <= captured),
    decline_reason TEXT,
    -- The one operation that has no outcome yet. While there is one, no other begins.
    pending TEXT,
    version BIGINT NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    CHECK ((status = 'declined' AND decline_reason IS NOT NULL) OR (status <> 'declined' AND decline_reason IS NULL)),
    CHECK (captured > 0 OR status IN ('authorizing', 'authorized', 'voided', 'declined', 'failed'))
);

-- Lists are in the order of creation, of one order, one customer or one status.
CREATE INDEX payments_of_order ON payments (order_id, id);
CREATE INDEX payments_of_customer ON payments (customer, id);
CREATE INDEX payments_by_status ON payments (status, id);

-- What was asked under each key, once: written before the provider is asked, finished with its answer. Kept for ever, so that
-- repetitions are recognised.
CREATE TABLE operations (
    -- `<kind>:<key>`, or `<kind>@http:<key>` for keys that came by HTTP. The provider knows it by the same name.
    id TEXT NOT NULL PRIMARY KEY,
    kind TEXT NOT NULL CHECK (kind IN ('authorize', 'capture', 'void', 'refund')),
    payment_id TEXT NOT NULL REFERENCES payments (id),
    -- SHA-256 of the arguments, hexadecimal: enough to tell a repetition from another request.
    fingerprint TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 0),
    -- Under way: somebody is at it. Unsent: the provider was not reached. Unknown: it did not answer. Done: it has an outcome.
    state TEXT NOT NULL CHECK (state IN ('under-way', 'unsent', 'unknown', 'done')),
    -- Grows whenever somebody takes it up: of several at once, one does.
    attempt BIGINT NOT NULL CHECK (attempt >= 1),
    -- When somebody last took it up or put it down.
    touched_at TEXT NOT NULL,
    -- JSON: the outcome, and the payment's state as it was then.
    answer TEXT,
    created_at TEXT NOT NULL,
    CHECK ((state = 'done' AND answer IS NOT NULL) OR (state <> 'done' AND answer IS NULL))
);

CREATE INDEX open_operations ON operations (touched_at, id) WHERE state <> 'done';

-- Double entry: each movement is one transaction whose entries sum to zero in each currency. The statement that checks it is
-- a step of the transaction that writes them.
CREATE TABLE ledger_entries (
    -- The operation that moved the money, which can so be booked only once.
    transaction_id TEXT NOT NULL REFERENCES operations (id),
    line BIGINT NOT NULL CHECK (line >= 1),
    payment_id TEXT NOT NULL REFERENCES payments (id),
    account TEXT NOT NULL CHECK (account IN ('customer-receivable', 'provider-clearing', 'revenue', 'refunds')),
    currency TEXT NOT NULL,
    -- In minor units: a debit is positive, a credit negative.
    amount BIGINT NOT NULL CHECK (amount <> 0),
    booked_at TEXT NOT NULL,
    PRIMARY KEY (transaction_id, line)
);

-- The audit sums all entries, in this order and from this index alone.
CREATE INDEX ledger_by_account ON ledger_entries (currency, account, amount);

-- Events of providers that had an effect.
CREATE TABLE webhook_events (
    provider TEXT NOT NULL,
    event_id TEXT NOT NULL,
    -- When the row may go: no sender repeats an event for so long.
    forget_at TEXT NOT NULL,
    PRIMARY KEY (provider, event_id)
);

CREATE INDEX webhook_events_to_forget ON webhook_events (provider, forget_at);

-- From here on: the truth of the built-in provider, which no other part of the service reads or writes.

CREATE TABLE simulator_authorizations (
    payment_id TEXT NOT NULL PRIMARY KEY,
    -- A test token: it says what is to go wrong later.
    token TEXT NOT NULL,
    amount BIGINT NOT NULL CHECK (amount >= 1),
    captured BIGINT NOT NULL CHECK (captured >= 0 AND captured <= amount),
    refunded BIGINT NOT NULL CHECK (refunded >= 0 AND refunded <= captured),
    is_voided BIGINT NOT NULL CHECK (is_voided IN (0, 1)),
    CHECK (is_voided = 0 OR captured = 0)
);

CREATE TABLE simulator_operations (
    key TEXT NOT NULL PRIMARY KEY,
    -- `done`, `failed`, or `declined:<reason>`. What was asked about and never arrived is `failed` from then on.
    verdict TEXT NOT NULL,
    -- The first moment at which the verdict is told.
    told_from TEXT NOT NULL,
    -- How often the key arrived.
    arrivals BIGINT NOT NULL CHECK (arrivals >= 0)
);
