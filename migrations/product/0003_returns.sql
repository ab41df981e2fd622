-- Sold goods that came back: a committed reservation says when. A column and no further state, because the check of the
-- states can't be widened in one way on every engine.
ALTER TABLE reservations ADD COLUMN returned_at TEXT;
