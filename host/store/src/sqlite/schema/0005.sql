-- The lease that a task rests for, so that it is looked at when that is given back. What cannot be read waits for none.
ALTER TABLE task ADD COLUMN waits_for TEXT
      GENERATED ALWAYS AS (iif(json_valid(rest), rest ->> '$.lease', NULL)) VIRTUAL;
CREATE INDEX task_waits_for ON task (waits_for) WHERE waits_for IS NOT NULL;
