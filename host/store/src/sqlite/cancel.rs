//! What becomes of a job whose end a person asks for? (QUE-7)
//!
//! A running one stays `running` until its process has ended: `finish` then reads who asked.

use super::audit::{self, Entry};
use super::row::{Fail, one};
use super::tasks;
use portcullis_core::ids::{JobId, TaskId};
use portcullis_core::job::CancelAsked;
use portcullis_core::time::UnixMillis;
use rusqlite::{Connection, Row, named_params};

const CANCEL_QUEUED: &str = "
    UPDATE job SET state = 'cancelled', ended_at_ms = :now_ms, reason = 'cancelled by ' || :by
     WHERE id = :id AND state = 'queued'
 RETURNING task, role";

// The first who asked stays.
const ASK_RUNNING: &str = "
    UPDATE job SET cancel_asked_by = :by
     WHERE id = :id AND state = 'running' AND cancel_asked_by IS NULL
 RETURNING task, role";

const IS_RUNNING: &str = "SELECT task, role FROM job WHERE id = :id AND state = 'running'";

pub(super) fn cancel(db: &Connection, id: JobId, by: &str, why: &str, now: UnixMillis) -> Result<CancelAsked, Fail> {
    let tell = |(task, role): (TaskId, String), from, to| {
        let told = format!("job {id} of its {role}");
        let why = if why.is_empty() { told } else { format!("{told}: {why}") };
        let entry = Entry { actor: by, what: "cancel-job", from, to, why: &why, ..Entry::of_task(task, now) };
        audit::write(db, &entry)
    };
    let queued = named_params! { ":id": id.0, ":by": by, ":now_ms": now.0 };
    if let Some(job) = one(db, CANCEL_QUEUED, queued, whose)? {
        let task = job.0;
        tell(job, "queued", "cancelled")?;
        tasks::ring(db, task, now)?;
        return Ok(CancelAsked::Cancelled);
    }
    if let Some(job) = one(db, ASK_RUNNING, named_params! { ":id": id.0, ":by": by }, whose)? {
        tell(job, "running", "cancel-asked")?;
        return Ok(CancelAsked::Running);
    }
    let running = one(db, IS_RUNNING, named_params! { ":id": id.0 }, whose)?;
    Ok(if running.is_some() { CancelAsked::Running } else { CancelAsked::Over })
}

fn whose(row: &Row<'_>) -> Result<(TaskId, String), Fail> {
    Ok((TaskId(row.get(0)?), row.get(1)?))
}
