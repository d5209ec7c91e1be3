-- The words in CHECKs are those of the enums in core. Times are milliseconds since 1970 UTC (`_ms`) unless the name
-- says otherwise. AUTOINCREMENT: a number is never given twice, not even after its row was pruned; folders and leases
-- are named by them.

CREATE TABLE inbox (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    source          TEXT NOT NULL CHECK (source IN ('gitea', 'github', 'plane')),
    delivery        TEXT NOT NULL,
    meaning         TEXT,
    event           TEXT NOT NULL,
    body            BLOB NOT NULL,
    state           TEXT NOT NULL CHECK (state IN ('new', 'processed', 'ignored', 'parked')),
    attempts        INTEGER NOT NULL DEFAULT 0,
    not_before_ms   INTEGER NOT NULL,
    reason          TEXT,
    received_at_ms  INTEGER NOT NULL,
    settled_at_ms   INTEGER,
    UNIQUE (source, delivery)
) STRICT;
CREATE UNIQUE INDEX inbox_meaning ON inbox (source, meaning) WHERE meaning IS NOT NULL;
CREATE INDEX inbox_due ON inbox (not_before_ms) WHERE state = 'new';
CREATE INDEX inbox_state ON inbox (state);

CREATE TABLE task (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    project          TEXT NOT NULL,
    work_item        TEXT NOT NULL,
    tracker_id       TEXT,
    title            TEXT NOT NULL,
    description      TEXT NOT NULL,
    stage            TEXT NOT NULL,
    visit            INTEGER NOT NULL,
    version          INTEGER NOT NULL,
    branch           TEXT NOT NULL,
    head             TEXT,
    head_since_ms    INTEGER,
    pull_request     INTEGER,
    merging          TEXT,
    merge_commit     TEXT,
    returns          INTEGER NOT NULL DEFAULT 0,
    held             TEXT,
    feedback         TEXT,
    overlay          TEXT NOT NULL,
    stage_since_ms   INTEGER NOT NULL,
    fresh_from_ms    INTEGER NOT NULL,
    created_at_ms    INTEGER NOT NULL,
    rung_at_ms       INTEGER NOT NULL,
    next_look_at_ms  INTEGER,
    rest             TEXT,
    -- What `held` and `rest` come to, for the indexes.
    standing         TEXT NOT NULL CHECK (standing IN ('active', 'held', 'finished')),
    UNIQUE (project, work_item)
) STRICT;
CREATE UNIQUE INDEX task_tracker_id ON task (project, tracker_id) WHERE tracker_id IS NOT NULL;
CREATE INDEX task_branch ON task (project, branch);
CREATE INDEX task_head ON task (project, head) WHERE head IS NOT NULL;
CREATE INDEX task_due ON task (next_look_at_ms) WHERE next_look_at_ms IS NOT NULL;
CREATE INDEX task_open ON task (project, standing) WHERE standing <> 'finished';

CREATE TABLE job (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    task           INTEGER NOT NULL REFERENCES task (id),
    project        TEXT NOT NULL,
    lane           TEXT NOT NULL CHECK (lane IN ('role', 'ci')),
    stage          TEXT NOT NULL,
    visit          INTEGER NOT NULL,
    role           TEXT NOT NULL,
    revision       TEXT,
    state          TEXT NOT NULL CHECK (state IN ('queued', 'running', 'done', 'failed', 'cancelled')),
    attempt        INTEGER NOT NULL DEFAULT 0,
    lease          INTEGER NOT NULL DEFAULT 0,
    boot           TEXT,
    not_before_ms  INTEGER NOT NULL,
    created_at_ms  INTEGER NOT NULL,
    ended_at_ms    INTEGER,
    reason         TEXT,
    run            INTEGER,
    CHECK ((lane = 'ci') = (revision IS NOT NULL))
) STRICT;
CREATE INDEX job_task ON job (task, visit);
CREATE INDEX job_queued ON job (lane, project) WHERE state = 'queued';
CREATE INDEX job_running ON job (lane, project) WHERE state = 'running';
-- The last defence of QUE-2: a visit has one role at work, a revision is tested once.
CREATE UNIQUE INDEX job_one_of_visit ON job (task, visit) WHERE lane = 'role' AND state IN ('queued', 'running');
CREATE UNIQUE INDEX job_one_of_revision ON job (task, revision)
    WHERE lane = 'ci' AND state NOT IN ('failed', 'cancelled');

CREATE TABLE run (
    id              INTEGER PRIMARY KEY AUTOINCREMENT,
    job             INTEGER NOT NULL REFERENCES job (id),
    attempt         INTEGER NOT NULL,
    boot            TEXT NOT NULL,
    launched_at_ms  INTEGER NOT NULL,
    pid             INTEGER,
    start_ticks     INTEGER,
    machine_boot    TEXT,
    exit_code       INTEGER,
    exited_at_ms    INTEGER,
    folder          TEXT NOT NULL
) STRICT;
CREATE INDEX run_job ON run (job);

-- When each project was last served, as a count of claims and not as a time: two claims may fall into one millisecond.
CREATE TABLE project_served (
    lane     TEXT NOT NULL CHECK (lane IN ('role', 'ci')),
    project  TEXT NOT NULL,
    turn     INTEGER NOT NULL,
    PRIMARY KEY (lane, project)
) STRICT, WITHOUT ROWID;

CREATE TABLE decision (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    task      INTEGER NOT NULL REFERENCES task (id),
    stage     TEXT NOT NULL,
    approval  TEXT NOT NULL,
    at_ms     INTEGER NOT NULL
) STRICT;
CREATE INDEX decision_task ON decision (task, stage, at_ms);

CREATE TABLE evaluation (
    id                 INTEGER PRIMARY KEY AUTOINCREMENT,
    task               INTEGER NOT NULL REFERENCES task (id),
    project            TEXT NOT NULL,
    visit              INTEGER NOT NULL,
    gate               TEXT NOT NULL,
    plugin             TEXT NOT NULL,
    plugin_version     TEXT NOT NULL,
    plugin_digest      TEXT NOT NULL,
    config_digest      TEXT NOT NULL,
    subject            TEXT NOT NULL,
    call               TEXT NOT NULL CHECK (call IN ('evaluate', 'act')),
    mode               TEXT NOT NULL CHECK (mode IN ('enforce', 'shadow', 'off')),
    on_fault           TEXT NOT NULL CHECK (on_fault IN ('closed', 'open')),
    -- What `outcome` comes to, for counting.
    ending             TEXT NOT NULL CHECK (ending IN ('pass', 'fail', 'pending', 'actionable', 'fault')),
    outcome            TEXT NOT NULL,
    duration_ns        INTEGER NOT NULL,
    memory_peak_bytes  INTEGER NOT NULL,
    host_calls         INTEGER NOT NULL,
    at_ms              INTEGER NOT NULL
) STRICT;
CREATE INDEX evaluation_task ON evaluation (task, visit);
CREATE INDEX evaluation_project ON evaluation (project);

-- The large part of an evaluation, apart so that lists do not read it.
CREATE TABLE evaluation_record (
    evaluation  INTEGER PRIMARY KEY REFERENCES evaluation (id) ON DELETE CASCADE,
    transcript  BLOB NOT NULL,
    log         TEXT NOT NULL
) STRICT;

-- A free lease keeps its row (boot IS NULL) for its number's sake.
CREATE TABLE lease (
    name         TEXT PRIMARY KEY,
    number       INTEGER NOT NULL,
    boot         TEXT,
    pid          INTEGER NOT NULL,
    what         TEXT NOT NULL,
    since_ms     INTEGER NOT NULL,
    deadline_ms  INTEGER NOT NULL,
    -- For drive leases: somebody rang since the grant, so the holder may have read the world too early.
    rung         INTEGER NOT NULL DEFAULT 0 CHECK (rung IN (0, 1))
) STRICT, WITHOUT ROWID;
CREATE INDEX lease_held ON lease (boot) WHERE boot IS NOT NULL;

CREATE TABLE outbox (
    id             INTEGER PRIMARY KEY AUTOINCREMENT,
    project        TEXT NOT NULL,
    task           INTEGER NOT NULL REFERENCES task (id),
    key            TEXT NOT NULL,
    target         TEXT NOT NULL,
    effect         TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('waiting', 'sent', 'parked')),
    attempts       INTEGER NOT NULL DEFAULT 0,
    not_before_ms  INTEGER NOT NULL,
    reason         TEXT,
    created_at_ms  INTEGER NOT NULL,
    settled_at_ms  INTEGER,
    UNIQUE (project, key)
) STRICT;
CREATE INDEX outbox_task ON outbox (task);
CREATE INDEX outbox_waiting ON outbox (project, target, id) WHERE state = 'waiting';
CREATE INDEX outbox_open ON outbox (id) WHERE state IN ('waiting', 'parked');

CREATE TABLE pull_request (
    project       TEXT NOT NULL,
    number        INTEGER NOT NULL,
    branch        TEXT NOT NULL,
    base          TEXT NOT NULL,
    title         TEXT NOT NULL,
    open          INTEGER NOT NULL CHECK (open IN (0, 1)),
    merge_commit  TEXT,
    PRIMARY KEY (project, number)
) STRICT, WITHOUT ROWID;
CREATE UNIQUE INDEX pull_request_open ON pull_request (project, branch) WHERE open = 1;

CREATE TABLE forge_check (
    project        TEXT NOT NULL,
    revision       TEXT NOT NULL,
    context        TEXT NOT NULL,
    state          TEXT NOT NULL CHECK (state IN ('success', 'failure', 'error', 'pending', 'warning', 'skipped')),
    description    TEXT NOT NULL,
    target_url     TEXT NOT NULL,
    reported_at_s  INTEGER,
    PRIMARY KEY (project, revision, context)
) STRICT, WITHOUT ROWID;

CREATE TABLE board_item (
    project    TEXT NOT NULL,
    work_item  TEXT NOT NULL,
    state      TEXT NOT NULL,
    PRIMARY KEY (project, work_item)
) STRICT, WITHOUT ROWID;

CREATE TABLE board_comment (
    id         INTEGER PRIMARY KEY AUTOINCREMENT,
    project    TEXT NOT NULL,
    work_item  TEXT NOT NULL,
    key        TEXT NOT NULL,
    at_ms      INTEGER NOT NULL,
    text       TEXT NOT NULL,
    UNIQUE (project, work_item, key)
) STRICT;

CREATE TABLE test_run (
    project      TEXT NOT NULL,
    name         TEXT NOT NULL,
    tree         TEXT NOT NULL,
    exit_code    INTEGER NOT NULL,
    output_tail  TEXT NOT NULL,
    at_s         INTEGER NOT NULL,
    PRIMARY KEY (project, name, tree)
) STRICT, WITHOUT ROWID;

CREATE TABLE expected_head (
    project   TEXT NOT NULL,
    revision  TEXT NOT NULL,
    at_ms     INTEGER NOT NULL,
    PRIMARY KEY (project, revision)
) STRICT, WITHOUT ROWID;

CREATE TABLE project_lock (
    project  TEXT PRIMARY KEY,
    lock     TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- No foreign key: the trail outlives what it is about.
CREATE TABLE audit (
    id          INTEGER PRIMARY KEY AUTOINCREMENT,
    at_ms       INTEGER NOT NULL,
    task        INTEGER,
    project     TEXT,
    actor       TEXT NOT NULL,
    what        TEXT NOT NULL,
    from_state  TEXT NOT NULL,
    to_state    TEXT NOT NULL,
    why         TEXT NOT NULL
) STRICT;
CREATE INDEX audit_task ON audit (task);
CREATE INDEX audit_project ON audit (project);

-- How many rows there are of each state, so that counting them does not read history (QUE-6). Triggers keep it, in the
-- transaction of the change itself, whoever makes it.
CREATE TABLE tally (
    kind   TEXT NOT NULL CHECK (kind IN ('inbox', 'job', 'outbox', 'evaluation')),
    state  TEXT NOT NULL,
    n      INTEGER NOT NULL CHECK (n >= 0),
    PRIMARY KEY (kind, state)
) STRICT, WITHOUT ROWID;
INSERT INTO tally (kind, state, n) VALUES
    ('inbox', 'new', 0), ('inbox', 'processed', 0), ('inbox', 'ignored', 0), ('inbox', 'parked', 0),
    ('job', 'queued', 0), ('job', 'running', 0), ('job', 'done', 0), ('job', 'failed', 0), ('job', 'cancelled', 0),
    ('outbox', 'waiting', 0), ('outbox', 'sent', 0), ('outbox', 'parked', 0),
    ('evaluation', 'pass', 0), ('evaluation', 'fail', 0), ('evaluation', 'pending', 0),
    ('evaluation', 'actionable', 0), ('evaluation', 'fault', 0);

CREATE TRIGGER inbox_made AFTER INSERT ON inbox BEGIN
    UPDATE tally SET n = n + 1 WHERE kind = 'inbox' AND state = NEW.state;
END;
CREATE TRIGGER inbox_moved AFTER UPDATE OF state ON inbox WHEN OLD.state <> NEW.state BEGIN
    UPDATE tally SET n = n - 1 WHERE kind = 'inbox' AND state = OLD.state;
    UPDATE tally SET n = n + 1 WHERE kind = 'inbox' AND state = NEW.state;
END;
CREATE TRIGGER inbox_pruned AFTER DELETE ON inbox BEGIN
    UPDATE tally SET n = n - 1 WHERE kind = 'inbox' AND state = OLD.state;
END;
CREATE TRIGGER job_made AFTER INSERT ON job BEGIN
    UPDATE tally SET n = n + 1 WHERE kind = 'job' AND state = NEW.state;
END;
CREATE TRIGGER job_moved AFTER UPDATE OF state ON job WHEN OLD.state <> NEW.state BEGIN
    UPDATE tally SET n = n - 1 WHERE kind = 'job' AND state = OLD.state;
    UPDATE tally SET n = n + 1 WHERE kind = 'job' AND state = NEW.state;
END;
CREATE TRIGGER job_pruned AFTER DELETE ON job BEGIN
    UPDATE tally SET n = n - 1 WHERE kind = 'job' AND state = OLD.state;
END;
CREATE TRIGGER outbox_made AFTER INSERT ON outbox BEGIN
    UPDATE tally SET n = n + 1 WHERE kind = 'outbox' AND state = NEW.state;
END;
CREATE TRIGGER outbox_moved AFTER UPDATE OF state ON outbox WHEN OLD.state <> NEW.state BEGIN
    UPDATE tally SET n = n - 1 WHERE kind = 'outbox' AND state = OLD.state;
    UPDATE tally SET n = n + 1 WHERE kind = 'outbox' AND state = NEW.state;
END;
CREATE TRIGGER outbox_pruned AFTER DELETE ON outbox BEGIN
    UPDATE tally SET n = n - 1 WHERE kind = 'outbox' AND state = OLD.state;
END;
CREATE TRIGGER evaluation_made AFTER INSERT ON evaluation BEGIN
    UPDATE tally SET n = n + 1 WHERE kind = 'evaluation' AND state = NEW.ending;
END;
CREATE TRIGGER evaluation_pruned AFTER DELETE ON evaluation BEGIN
    UPDATE tally SET n = n - 1 WHERE kind = 'evaluation' AND state = OLD.ending;
END;
