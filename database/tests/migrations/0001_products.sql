-- What a shop sells.
CREATE TABLE product (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL
);
