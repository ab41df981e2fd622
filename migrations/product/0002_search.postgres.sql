-- Full-text search with tsvector. The engine keeps a generated column in step by itself.
--
-- `simple` and not a language: a shop's words are names and numbers in any language, and the other engines do not stem
-- either. `Café` is found by `cafe`, as there: letters are taken apart (NFD) and what is left of their accents is dropped.

CREATE FUNCTION plain(words TEXT) RETURNS TEXT LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE
AS $$ SELECT regexp_replace(normalize(words, NFD), '[\u0300-\u036F]', '', 'g') $$;

ALTER TABLE products ADD COLUMN search tsvector GENERATED ALWAYS AS (
    setweight(to_tsvector('simple', plain(name)), 'A')
    || setweight(to_tsvector('simple', plain(sku)), 'A')
    || setweight(to_tsvector('simple', plain(attributes)), 'B')
    || setweight(to_tsvector('simple', plain(description)), 'C')
) STORED;

CREATE INDEX products_by_word ON products USING gin (search);
