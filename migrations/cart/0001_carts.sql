-- Carts, what is in them, and what must not happen twice to them: the same text on every engine.
--
-- BIGINT and TEXT only: INTEGER has 32 bits on some engines, and types for time differ. Moments are RFC 3339 text of a
-- fixed width (`2026-11-20T10:00:00.000Z`), which sorts and compares as text. What stands here as CHECK is what must not be
-- wrong even if the code is: that a cart is nobody's or two people's, or that something in it is bought no times.

CREATE TABLE carts (
    -- A UUID that begins with its time. Of an account's cart after its time was over, another.
    id TEXT NOT NULL PRIMARY KEY,
    -- Whose it is, `<issuer>|<subject>`; none for a guest's.
    account TEXT UNIQUE,
    -- The SHA-256 of the token that a guest holds, in hexadecimal. The token itself is nowhere.
    token_hash TEXT UNIQUE,
    -- Of all prices in it; none while it is empty.
    currency TEXT,
    -- Grows with each change of what is in it.
    version BIGINT NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    -- When `version` last grew.
    updated_at TEXT NOT NULL,
    -- From then on it is not there, whether or not the row is.
    expires_at TEXT NOT NULL,
    CHECK ((account IS NULL) <> (token_hash IS NULL))
);

-- What a job takes away, oldest first.
CREATE INDEX carts_by_expiry ON carts (expires_at);

CREATE TABLE cart_items (
    cart_id TEXT NOT NULL REFERENCES carts (id),
    product_id TEXT NOT NULL,
    -- The order in which they were put in; with gaps.
    place BIGINT NOT NULL,
    -- What the customer has seen: a copy, so that a difference can be told.
    sku TEXT NOT NULL,
    name TEXT NOT NULL,
    image_url TEXT,
    quantity BIGINT NOT NULL CHECK (quantity >= 1),
    -- In minor units of the cart's currency.
    price_amount BIGINT NOT NULL CHECK (price_amount >= 0),
    PRIMARY KEY (cart_id, product_id)
);

-- Guests' carts that were put into an account's: the token is no cart's any more, and its holder may ask again.
CREATE TABLE merged_carts (
    token_hash TEXT NOT NULL PRIMARY KEY,
    -- Who asked: to nobody else the token was ever a cart's.
    account TEXT NOT NULL,
    -- What found no room: a JSON array.
    left_out TEXT NOT NULL,
    merged_at TEXT NOT NULL
);

CREATE INDEX merged_carts_by_time ON merged_carts (merged_at);

-- Orders whose items were taken out of a cart, so that they are taken out once.
CREATE TABLE taken_out (
    order_id TEXT NOT NULL PRIMARY KEY,
    taken_at TEXT NOT NULL
);

CREATE INDEX taken_out_by_time ON taken_out (taken_at);
