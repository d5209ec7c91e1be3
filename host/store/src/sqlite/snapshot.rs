//! What is going on right now? (QUE-4)
//!
//! Counts come from the tally, everything else from partial indexes over what is active: history costs nothing (QUE-6).

use super::row::{Columns, Fail, all, intact, one};
use super::{inbox, jobs, leases, line, outbox, pauses};
use crate::model::Snapshot;
use portcullis_core::ids::{ProjectName, TaskId, WorkItem};
use portcullis_core::job::Job;
use rusqlite::{Connection, named_params};
use serde::de::DeserializeOwned;
use std::collections::BTreeSet;

/// Parked events and open effects shown, at most.
const SHOWN: u32 = 20;

pub(super) fn snapshot(db: &Connection) -> Result<Snapshot, Fail> {
    let running = jobs::running(db)?;
    let waiting = line::in_order(db, jobs::queued(db)?)?;
    let work_items = work_items(db, running.iter().chain(&waiting))?;
    Ok(Snapshot {
        job_counts: tally(db, "job")?,
        running,
        waiting,
        work_items,
        leases: leases::held(db)?,
        pauses: pauses::all(db)?,
        tasks_active: tasks(db, "active")?,
        tasks_held: tasks(db, "held")?,
        inbox: tally(db, "inbox")?,
        inbox_parked: intact(db, INBOX_PARKED, named_params! { ":limit": SHOWN }, inbox::inbox_row)?,
        outbox: tally(db, "outbox")?,
        outbox_open: outbox::open(db, SHOWN)?,
        evaluations: tally(db, "evaluation")?,
    })
}

const TALLY: &str = "SELECT state, n FROM tally WHERE kind = :kind ORDER BY state";

/// Rows by state, states without rows included.
fn tally<T: DeserializeOwned>(db: &Connection, kind: &str) -> Result<Vec<(T, i64)>, Fail> {
    all(db, TALLY, named_params! { ":kind": kind }, |row| {
        let columns = Columns::of("tally", row);
        Ok((columns.word("state")?, columns.get("n")?))
    })
}

// The first condition is the index's, so that finished tasks are not read.
const TASKS: &str = "SELECT count(*) FROM task WHERE standing <> 'finished' AND standing = :standing";

fn tasks(db: &Connection, standing: &str) -> Result<i64, Fail> {
    Ok(one(db, TASKS, named_params! { ":standing": standing }, |row| Ok(row.get(0)?))?.unwrap_or_default())
}

// Without the bodies: they may be large, and are read one at a time.
const INBOX_PARKED: &str = "
    SELECT id, source, delivery, event, x'' AS body, state, attempts, not_before_ms, reason, received_at_ms
      FROM inbox WHERE state = 'parked' ORDER BY id DESC LIMIT :limit";

const WORK_ITEM: &str = "SELECT id, project, work_item FROM task WHERE id = :id";

fn work_items<'a>(
    db: &Connection,
    jobs: impl Iterator<Item = &'a Job>,
) -> Result<Vec<(TaskId, ProjectName, WorkItem)>, Fail> {
    let tasks: BTreeSet<TaskId> = jobs.map(|job| job.task).collect();
    let mut found = Vec::with_capacity(tasks.len());
    for id in tasks {
        found.extend(one(db, WORK_ITEM, named_params! { ":id": id.0 }, |row| {
            let columns = Columns::of("task", row);
            Ok((id, columns.id("project", ProjectName::new)?, columns.id("work_item", WorkItem::new)?))
        })?);
    }
    Ok(found)
}
