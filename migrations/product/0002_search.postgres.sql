-- Full-text search with tsvector. The engine keeps a generated column in step by itself.
--
-- `simple` and not a language: a shop's words are names and numbers in any language, and the other engines do not stem
-- either.

ALTER TABLE products ADD COLUMN search tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('simple', name), 'A')
    || setweight(to_tsvector('simple', sku), 'A')
    || setweight(to_tsvector('simple', attributes), 'B')
    || setweight(to_tsvector('simple', description), 'C')
) STORED;

CREATE INDEX products_by_word ON products USING gin (search);
