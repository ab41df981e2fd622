-- Products, categories, stock and reservations: the same text on every engine.
--
-- BIGINT and TEXT only: INTEGER has 32 bits on some engines, and types for time differ. Moments are RFC 3339 text of a
-- fixed width (`2026-11-20T10:00:00.000Z`), which sorts and compares as text. Lengths are checked where input is
-- parsed; what stands here as CHECK is what must not be wrong even if the code is: no count below zero, nothing held
-- that is not there.

-- Flat on purpose: a tree would make each list a recursion. A parent can be added as a column.
CREATE TABLE categories (
    slug TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    description TEXT NOT NULL,
    version BIGINT NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL
);

CREATE TABLE products (
    id TEXT NOT NULL PRIMARY KEY,
    sku TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    -- The name in lower case, so that every engine sorts `apple` before `Banana`.
    sort_name TEXT NOT NULL,
    description TEXT NOT NULL,
    price_amount BIGINT NOT NULL CHECK (price_amount >= 0),
    price_currency TEXT NOT NULL,
    category TEXT NOT NULL REFERENCES categories (slug),
    -- One JSON object with text values, as it is answered.
    attributes TEXT NOT NULL,
    image_url TEXT,
    status TEXT NOT NULL CHECK (status IN ('draft', 'published')),
    -- Grows with each change of the columns above, and of nothing below: selling does not disturb who is editing.
    version BIGINT NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    stock BIGINT NOT NULL CHECK (stock >= 0),
    -- The sum of the product's live reservation lines, those included that have expired and not been swept yet.
    held BIGINT NOT NULL CHECK (held >= 0 AND held <= stock),
    -- Grows with each change of `stock` and `held`.
    stock_version BIGINT NOT NULL CHECK (stock_version >= 1)
);

-- A list is always of one status, perhaps of one category, in one of three orders: an index for each, so that a page is
-- read in order and never sorted. The id makes the order total.
CREATE INDEX products_by_name ON products (status, sort_name, id);
CREATE INDEX products_by_price ON products (status, price_currency, price_amount, id);
CREATE INDEX products_by_age ON products (status, created_at, id);
CREATE INDEX category_by_name ON products (category, status, sort_name, id);
CREATE INDEX category_by_price ON products (category, status, price_currency, price_amount, id);
CREATE INDEX category_by_age ON products (category, status, created_at, id);
-- The walk over everything on sale (`souk:product/catalog.list`).
CREATE INDEX products_by_id ON products (status, id);

CREATE TABLE reservations (
    id TEXT NOT NULL PRIMARY KEY,
    -- An expired reservation is still `held` here; `expires_at` tells.
    state TEXT NOT NULL CHECK (state IN ('held', 'committed', 'released')),
    expires_at TEXT NOT NULL,
    created_at TEXT NOT NULL
);

-- Kept after the end, so that repetitions are recognised. The product is no foreign key: it may be deleted before that.
CREATE TABLE reservation_lines (
    reservation_id TEXT NOT NULL REFERENCES reservations (id),
    product_id TEXT NOT NULL,
    quantity BIGINT NOT NULL CHECK (quantity >= 1),
    -- 1 as long as the quantity is a part of the product's `held`.
    live BIGINT NOT NULL CHECK (live IN (0, 1)),
    -- A copy of the reservation's, which never changes: expired lines of a product are found by one index.
    expires_at TEXT NOT NULL,
    PRIMARY KEY (reservation_id, product_id)
);

CREATE INDEX live_lines ON reservation_lines (product_id, expires_at) WHERE live = 1;

-- Every change of stock that people made, once each: the key is the client's `Idempotency-Key`, or a new id.
CREATE TABLE stock_adjustments (
    key TEXT NOT NULL PRIMARY KEY,
    product_id TEXT NOT NULL,
    change BIGINT NOT NULL,
    reason TEXT NOT NULL,
    created_at TEXT NOT NULL
);
