-- For the guest `grows`, which takes the place of `asks`: a table more, and what was there stays as it was.
CREATE TABLE place (
    id BIGINT PRIMARY KEY,
    name TEXT NOT NULL
);
INSERT INTO place (id, name) VALUES (1, 'souk');
