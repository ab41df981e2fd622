-- Full-text search with FTS5, kept in step by triggers.
--
-- The index keeps no copy of the text (`content = ''`); products have it. A row of FTS5 is known by an integer only.
-- The implicit rowid of `products` would not do, because VACUUM may renumber it; so products get a number of their own
-- here.

CREATE TABLE product_numbers (
    number INTEGER PRIMARY KEY,
    product_id TEXT NOT NULL UNIQUE REFERENCES products (id)
);

CREATE VIRTUAL TABLE product_search USING fts5 (
    name, sku, attributes, description,
    content = '', contentless_delete = 1,
    -- `Café` is found by `cafe`. Prefixes of two and three characters have an index: search completes the last word.
    tokenize = 'unicode61 remove_diacritics 2', prefix = '2 3'
);

CREATE TRIGGER product_search_after_insert AFTER INSERT ON products BEGIN
    INSERT INTO product_numbers (product_id) VALUES (new.id);
    INSERT INTO product_search (rowid, name, sku, attributes, description)
    SELECT number, new.name, new.sku, new.attributes, new.description
    FROM product_numbers WHERE product_id = new.id;
END;

-- Only when a searched column is written: stock changes often and is not searched.
CREATE TRIGGER product_search_after_update AFTER UPDATE OF name, sku, attributes, description ON products BEGIN
    DELETE FROM product_search WHERE rowid = (SELECT number FROM product_numbers WHERE product_id = new.id);
    INSERT INTO product_search (rowid, name, sku, attributes, description)
    SELECT number, new.name, new.sku, new.attributes, new.description
    FROM product_numbers WHERE product_id = new.id;
END;

-- Before: a number must not outlive its product.
CREATE TRIGGER product_search_before_delete BEFORE DELETE ON products BEGIN
    DELETE FROM product_search WHERE rowid = (SELECT number FROM product_numbers WHERE product_id = old.id);
    DELETE FROM product_numbers WHERE product_id = old.id;
END;

-- Products that are there already, if this migration comes later than they.
INSERT INTO product_numbers (product_id) SELECT id FROM products;
INSERT INTO product_search (rowid, name, sku, attributes, description)
SELECT number, name, sku, attributes, description FROM products JOIN product_numbers ON product_id = id;
