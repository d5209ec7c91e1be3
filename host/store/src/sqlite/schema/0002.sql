-- Jobs: since when one is in its owner's hands, and who asked for its end while it was running.
ALTER TABLE job ADD COLUMN claimed_at_ms INTEGER;
ALTER TABLE job ADD COLUMN cancel_asked_by TEXT;

-- A decision counts in the visit in which it was made. Those made before there was this column: in the present visit,
-- if they are younger than it.
ALTER TABLE decision ADD COLUMN visit INTEGER NOT NULL DEFAULT 0;
UPDATE decision
   SET visit = coalesce((SELECT t.visit FROM task t
                          WHERE t.id = decision.task AND t.stage = decision.stage
                            AND t.stage_since_ms <= decision.at_ms), 0);
DROP INDEX decision_task;
CREATE INDEX decision_task ON decision (task, visit, stage, at_ms);

-- Who exactly holds a lease: the machine, and when the process was started (a pid alone may belong to a stranger later).
ALTER TABLE lease ADD COLUMN node TEXT NOT NULL DEFAULT '';
ALTER TABLE lease ADD COLUMN start_ticks INTEGER NOT NULL DEFAULT 0;

-- Kill-switches (QUE-7). `name` is empty for the daemon.
CREATE TABLE pause (
    kind      TEXT NOT NULL CHECK (kind IN ('daemon', 'project', 'role', 'gate')),
    name      TEXT NOT NULL,
    by_whom   TEXT NOT NULL,
    why       TEXT NOT NULL,
    since_ms  INTEGER NOT NULL,
    PRIMARY KEY (kind, name),
    CHECK ((kind = 'daemon') = (name = ''))
) STRICT, WITHOUT ROWID;

-- What the loops have counted; outlives restarts (REC-7).
CREATE TABLE counter (
    name  TEXT PRIMARY KEY,
    n     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- One row, written to find out whether the disk takes anything again.
CREATE TABLE probe (
    id  INTEGER PRIMARY KEY CHECK (id = 1),
    n   INTEGER NOT NULL
) STRICT;
INSERT INTO probe (id, n) VALUES (1, 0);

-- Tasks by how long nothing has changed about them. The expression is that of `tasks_at_rest`, word for word.
CREATE INDEX task_quiet ON task (max(stage_since_ms, coalesce(head_since_ms, 0), fresh_from_ms))
    WHERE standing = 'active';
