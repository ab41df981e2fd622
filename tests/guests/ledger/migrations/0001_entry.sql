-- One row for each request that wrote.
CREATE TABLE entry (
    id TEXT PRIMARY KEY,
    amount BIGINT NOT NULL
);
INSERT INTO entry (id, amount) VALUES ('first', 1);
