-- Rings are counted, not timed: a clock that is set back, or a ring that waits for its turn to write, must neither lose one
-- nor ask for ever. What was answered before there was a count is asked once more.
ALTER TABLE task ADD COLUMN rings INTEGER NOT NULL DEFAULT 0;
UPDATE task SET rings = 1;
ALTER TABLE task DROP COLUMN rung_at_ms;
ALTER TABLE lease DROP COLUMN rung;
-- How often the task had been rung when the gate was asked.
ALTER TABLE evaluation ADD COLUMN rings INTEGER NOT NULL DEFAULT 0;
