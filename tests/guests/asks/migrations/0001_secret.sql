-- Something that others would like to read, and would like to change.
CREATE TABLE secret (
    id BIGINT PRIMARY KEY,
    word TEXT NOT NULL
);
INSERT INTO secret (id, word) VALUES (1, 'untouched');
