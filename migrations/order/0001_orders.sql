-- Orders, the work that is left of each, and the keys under which they were asked for: the same text on every engine.
--
-- BIGINT and TEXT only, moments as RFC 3339 text of a fixed width, as in every service. What stands here as CHECK is what must not
-- be wrong even if the code is.

CREATE TABLE orders (
    id TEXT NOT NULL PRIMARY KEY,
    -- What people say on the phone; drawn at random, so that it tells nobody how much is sold.
    number TEXT NOT NULL UNIQUE,
    -- Whose it is: the whole `sub` of the gateway's `souk-caller`.
    account TEXT NOT NULL,
    -- The customer's profile, if the account had one.
    customer_id TEXT,
    -- The cart it came from, to be taken out of it; none for a direct purchase.
    cart_id TEXT,
    -- How the client that placed it is answered.
    form TEXT NOT NULL CHECK (form IN ('order', 'transaction')),
    -- JSON: where it goes to, as it was then.
    address TEXT,
    currency TEXT NOT NULL,
    total BIGINT NOT NULL CHECK (total >= 0),
    status TEXT NOT NULL
        CHECK (status IN ('pending', 'confirmed', 'paid', 'shipped', 'delivered', 'cancelling', 'cancelled', 'rejected')),
    -- JSON: why it is not going on, from the moment when that was decided.
    reason TEXT,
    payment_id TEXT,
    -- 1 as long as the money is here.
    captured BIGINT NOT NULL CHECK (captured IN (0, 1)),
    -- Which try at a reservation: one whose time is over can't be used again.
    reservation BIGINT NOT NULL CHECK (reservation >= 1),

    -- What is to be done next; none if nothing is left.
    step TEXT CHECK (step IN ('reserve', 'authorize', 'capture', 'commit', 'take-out', 'inquire', 'void', 'refund', 'release')),
    -- When the step became the next one: its deadline counts from here.
    step_since TEXT,
    -- Nobody else takes it up before this moment. Whoever works at it moves it forward.
    due_at TEXT,
    -- How often the step had no outcome in a row.
    attempts BIGINT NOT NULL CHECK (attempts >= 0),
    -- Which try at giving money back: one that the provider refused for good needs a new key.
    undo_number BIGINT NOT NULL CHECK (undo_number >= 1),
    -- The provider's token for the customer's card or the like. Gone as soon as the authorization has an outcome.
    method_token TEXT,

    -- Grows by one with each transaction, which is how two that work at the same order find out.
    version BIGINT NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    CHECK ((step IS NULL) = (due_at IS NULL)),
    CHECK ((step IS NULL) = (step_since IS NULL))
);

CREATE INDEX orders_of_account ON orders (account, id);
CREATE INDEX orders_by_status ON orders (status, id);
CREATE INDEX orders_by_time ON orders (created_at, id);
CREATE INDEX orders_due ON orders (due_at, id) WHERE due_at IS NOT NULL;

CREATE TABLE order_lines (
    order_id TEXT NOT NULL REFERENCES orders (id),
    line BIGINT NOT NULL CHECK (line >= 1),
    product_id TEXT NOT NULL,
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity >= 1),
    -- In minor units of the order's currency, as the customer has seen it.
    unit_price BIGINT NOT NULL CHECK (unit_price >= 0),
    PRIMARY KEY (order_id, line)
);

-- What happened to an order, one line for each transaction.
CREATE TABLE journal (
    order_id TEXT NOT NULL REFERENCES orders (id),
    version BIGINT NOT NULL,
    at TEXT NOT NULL,
    -- Which step had come up, and what came of it.
    step TEXT,
    what TEXT NOT NULL,
    PRIMARY KEY (order_id, version)
);

-- Each version of a cart is bought once: two clicks under two keys are one order.
CREATE TABLE carts_bought (
    cart_id TEXT NOT NULL,
    cart_version BIGINT NOT NULL,
    order_id TEXT NOT NULL,
    PRIMARY KEY (cart_id, cart_version)
);

CREATE INDEX carts_bought_by_order ON carts_bought (order_id);

-- `Idempotency-Key`: of each account its own. The first answer is kept as it was sent.
CREATE TABLE keys (
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    -- SHA-256 of what was asked for.
    fingerprint TEXT NOT NULL,
    order_id TEXT NOT NULL UNIQUE,
    answer_status BIGINT,
    answer_body TEXT,
    created_at TEXT NOT NULL,
    PRIMARY KEY (account, key),
    CHECK ((answer_status IS NULL) = (answer_body IS NULL))
);

CREATE INDEX keys_by_time ON keys (created_at, order_id);
