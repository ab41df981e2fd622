-- What a call of a job did, in the order in which it did it.
CREATE TABLE note (
    id TEXT PRIMARY KEY,
    job TEXT NOT NULL,
    what TEXT NOT NULL,
    at_ms BIGINT NOT NULL
);
