//! What may be forgotten? (QUE-6) Rows that ended long ago, oldest first, a few at a time: the writer serves others in
//! between.
//!
//! What is active stays, whatever its age: everything of an unfinished task's present visit, the CI jobs of its head,
//! new events, waiting effects. Tasks themselves stay: a work item is a task once and for all (QUE-2).

use super::row::{Fail, all, change};
use crate::retention::{Cutoffs, Pruned};
use portcullis_core::ids::JobId;
use rusqlite::{Connection, named_params};

pub(super) fn prune(db: &Connection, cutoffs: &Cutoffs, limit: u32) -> Result<Pruned, Fail> {
    let mut pruned = Pruned::default();
    jobs(db, cutoffs, limit, &mut pruned)?;
    let rows = |sql: &str, cutoff: i64, most: usize| {
        change(db, sql, named_params! { ":cutoff_ms": cutoff, ":limit": i64::try_from(most).unwrap_or(i64::MAX) })
    };
    let most = usize::try_from(limit).unwrap_or(usize::MAX);
    pruned.evaluations = rows(EVALUATIONS, cutoffs.evaluations.0, most)?;
    pruned.inbox = rows(EVENTS, cutoffs.inbox.0, most)?;
    pruned.inbox += rows(EVENTS_PARKED, cutoffs.inbox_parked.0, most - pruned.inbox)?;
    pruned.outbox = rows(EFFECTS, cutoffs.outbox.0, most)?;
    pruned.outbox += rows(EFFECTS_PARKED, cutoffs.outbox_parked.0, most - pruned.outbox)?;
    pruned.audit = rows(AUDIT, cutoffs.audit.0, most)?;
    Ok(pruned)
}

const JOBS: &str = "
    SELECT j.id FROM job j INDEXED BY job_ended JOIN task t ON t.id = j.task
     WHERE j.ended_at_ms IS NOT NULL AND j.ended_at_ms <= :cutoff_ms AND j.state IN ('done', 'failed', 'cancelled')
       AND (t.standing = 'finished' OR (j.visit <> t.visit AND (j.lane = 'role' OR j.revision IS NOT t.head)))
     ORDER BY j.ended_at_ms LIMIT :limit";

const RUNS: &str = "DELETE FROM run WHERE job = :job RETURNING folder";

const JOB: &str = "DELETE FROM job WHERE id = :job";

fn jobs(db: &Connection, cutoffs: &Cutoffs, limit: u32, pruned: &mut Pruned) -> Result<(), Fail> {
    let ended = named_params! { ":cutoff_ms": cutoffs.jobs.0, ":limit": limit };
    for job in all(db, JOBS, ended, |row| Ok(JobId(row.get(0)?)))? {
        // A folder's name that cannot be read is lost; the rows go all the same.
        let folders = all(db, RUNS, named_params! { ":job": job.0 }, |row| Ok(row.get::<_, String>(0).ok()))?;
        pruned.runs += folders.len();
        pruned.folders.extend(folders.into_iter().flatten());
        pruned.jobs += change(db, JOB, named_params! { ":job": job.0 })?;
    }
    Ok(())
}

// Its record goes with it (ON DELETE CASCADE).
const EVALUATIONS: &str = "
    DELETE FROM evaluation WHERE id IN (
        SELECT e.id FROM evaluation e INDEXED BY evaluation_age JOIN task t ON t.id = e.task
         WHERE e.at_ms <= :cutoff_ms AND (t.standing = 'finished' OR e.visit <> t.visit)
         ORDER BY e.at_ms LIMIT :limit)";

const EVENTS: &str = "
    DELETE FROM inbox WHERE id IN (
        SELECT id FROM inbox INDEXED BY inbox_settled
         WHERE state IN ('processed', 'ignored') AND settled_at_ms <= :cutoff_ms
         ORDER BY settled_at_ms LIMIT :limit)";

const EVENTS_PARKED: &str = "
    DELETE FROM inbox WHERE id IN (
        SELECT id FROM inbox INDEXED BY inbox_parked
         WHERE state = 'parked' AND settled_at_ms <= :cutoff_ms ORDER BY settled_at_ms LIMIT :limit)";

const EFFECTS: &str = "
    DELETE FROM outbox WHERE id IN (
        SELECT id FROM outbox INDEXED BY outbox_sent
         WHERE state = 'sent' AND settled_at_ms <= :cutoff_ms ORDER BY settled_at_ms LIMIT :limit)";

const EFFECTS_PARKED: &str = "
    DELETE FROM outbox WHERE id IN (
        SELECT id FROM outbox INDEXED BY outbox_parked
         WHERE state = 'parked' AND settled_at_ms <= :cutoff_ms ORDER BY settled_at_ms LIMIT :limit)";

// Numbers grow with time (but for a clock that was set back): the oldest are the first, without an index.
const AUDIT: &str = "
    DELETE FROM audit WHERE id IN (SELECT id FROM audit ORDER BY id LIMIT :limit) AND at_ms <= :cutoff_ms";
