-- Customers, their addresses, and what was changed about them: the same text on every engine.
--
-- BIGINT and TEXT only: INTEGER has 32 bits on some engines, and types for time differ. Moments are RFC 3339 text of a
-- fixed width (`2026-11-20T10:00:00.000Z`), which sorts and compares as text. Lengths are checked where input is
-- parsed; what stands here as CHECK is what must not be wrong even if the code is: that nothing is known of a customer who
-- was deleted.

CREATE TABLE customers (
    -- A UUID that begins with its time: the order of the ids is the order of creation. What an order remembers.
    id TEXT NOT NULL PRIMARY KEY,
    -- Whose it is, `<issuer>|<subject>`; nobody's once it was deleted.
    account TEXT UNIQUE,
    status TEXT NOT NULL CHECK (status IN ('active', 'deleted')),
    name TEXT,
    -- The name and the e-mail in lower case, for searches.
    sort_name TEXT,
    email TEXT,
    email_key TEXT,
    phone TEXT,
    language TEXT,
    marketing_consent BIGINT NOT NULL CHECK (marketing_consent IN (0, 1)),
    -- When it was given or withdrawn; none if it was never given.
    marketing_consent_at TEXT,
    -- Of the addresses below, so that there is never more than one of each. No foreign keys: the two tables would need
    -- each other.
    delivery_address_id TEXT,
    invoice_address_id TEXT,
    -- Grows with each change of the columns from `status` to the consent: addresses don't disturb who edits the profile.
    version BIGINT NOT NULL CHECK (version >= 1),
    -- Grows with each change of the profile or an address, which so come one after another. The number of the latest row of
    -- `customer_changes`.
    changes BIGINT NOT NULL CHECK (changes >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    CHECK (status = 'deleted' OR account IS NOT NULL),
    CHECK (status = 'active' OR (account IS NULL AND name IS NULL AND sort_name IS NULL AND email IS NULL
        AND email_key IS NULL AND phone IS NULL AND language IS NULL AND marketing_consent = 0
        AND marketing_consent_at IS NULL AND delivery_address_id IS NULL AND invoice_address_id IS NULL)),
    CHECK ((delivery_address_id IS NULL) = (invoice_address_id IS NULL))
);

-- What a search begins with is a range of an index.
CREATE INDEX customers_by_email ON customers (email_key, id);
CREATE INDEX customers_by_name ON customers (sort_name, id);
-- Those that are active are most: for them the order of the primary key is index enough.
CREATE INDEX deleted_customers ON customers (id) WHERE status = 'deleted';

CREATE TABLE addresses (
    customer_id TEXT NOT NULL REFERENCES customers (id),
    -- Begins with its time, as a customer's: the greatest is the one that was added last.
    id TEXT NOT NULL,
    label TEXT,
    recipient TEXT NOT NULL,
    -- One line of the address a line of the text.
    lines TEXT NOT NULL,
    postal_code TEXT,
    city TEXT NOT NULL,
    region TEXT,
    country TEXT NOT NULL,
    -- Grows with each change of the columns above. Whether the address is a default stands with the customer.
    version BIGINT NOT NULL CHECK (version >= 1),
    created_at TEXT NOT NULL,
    updated_at TEXT NOT NULL,
    PRIMARY KEY (customer_id, id)
);

-- What was changed, by whom, when. Outlives the deletion, without the values.
CREATE TABLE customer_changes (
    customer_id TEXT NOT NULL REFERENCES customers (id),
    -- 1, 2, 3, … for each customer.
    number BIGINT NOT NULL CHECK (number >= 1),
    changed_at TEXT NOT NULL,
    actor TEXT NOT NULL CHECK (actor IN ('own', 'admin', 'service')),
    kind TEXT NOT NULL
        CHECK (kind IN ('created', 'changed', 'address-added', 'address-changed', 'address-removed', 'deleted')),
    -- The names of the fields that were changed: a JSON array.
    fields TEXT NOT NULL,
    -- What they were before: a JSON object. Nothing after the deletion.
    previous TEXT,
    PRIMARY KEY (customer_id, number)
);
