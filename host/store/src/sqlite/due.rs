//! When is there something to do by time alone?

use super::row::{Fail, one};
use portcullis_core::time::UnixMillis;
use rusqlite::{Connection, named_params};

// Every part reads a partial index over what is active. A job that cannot be claimed whatever the hour (its task is
// held or has moved on, or it is paused) and an effect behind another one do not count: they would wake the daemon for nothing.
const NEXT: &str = "
    SELECT min(at_ms) FROM (
        SELECT min(next_look_at_ms) AS at_ms FROM task WHERE next_look_at_ms > :after_ms
        UNION ALL
        SELECT min(not_before_ms) FROM inbox WHERE state = 'new' AND not_before_ms > :after_ms
        UNION ALL
        SELECT min(j.not_before_ms) FROM job j JOIN task t ON t.id = j.task
         WHERE j.state = 'queued' AND j.not_before_ms > :after_ms
           AND t.standing <> 'held' AND (j.lane = 'ci' OR j.visit = t.visit)
           AND NOT EXISTS (SELECT 1 FROM pause p
                            WHERE (p.kind = 'daemon' AND p.name = '')
                               OR (p.kind = 'project' AND p.name = j.project)
                               OR (p.kind = 'role' AND p.name = j.role))
        UNION ALL
        SELECT min(o.not_before_ms)
          FROM (SELECT min(id) AS id FROM outbox WHERE state = 'waiting' GROUP BY project, target) first
          JOIN outbox o ON o.id = first.id
         WHERE o.not_before_ms > :after_ms)";

pub(super) fn next_after(db: &Connection, after: UnixMillis) -> Result<Option<UnixMillis>, Fail> {
    let found: Option<Option<i64>> = one(db, NEXT, named_params! { ":after_ms": after.0 }, |row| Ok(row.get(0)?))?;
    Ok(found.flatten().map(UnixMillis))
}
