//! How did a job's run end? The last step of LAU-2, in one transaction.

use super::audit::{self, Entry};
use super::row::{Columns, Fail, change, hit, one};
use super::runs::Claimed;
use super::{forge, jobs, known, outbox, tasks};
use crate::model::{Finish, Finished, JobEnd, NewHead};
use portcullis_core::ids::{ProjectName, TaskId};
use portcullis_core::time::UnixMillis;
use rusqlite::{Connection, named_params};

/// The running job as far as ending it needs to know.
struct Running {
    task: TaskId,
    project: ProjectName,
    role: String,
    visit: i64,
    cancel_asked_by: Option<String>,
    /// The task has entered a stage since the job was made.
    is_past: bool,
}

const RUNNING: &str = "
    SELECT j.id, j.task, j.project, j.role, j.visit, j.cancel_asked_by, (j.lane = 'role' AND j.visit <> t.visit) AS is_past
      FROM job j JOIN task t ON t.id = j.task
     WHERE j.id = :id AND j.state = 'running' AND j.lease = :lease";

// State and lease: a job that was put back and claimed again is running, too, but not for us (REA-5).
const END: &str = "
    UPDATE job SET state = :state, boot = NULL, reason = :reason, ended_at_ms = :ended_at_ms,
                   not_before_ms = coalesce(:not_before_ms, not_before_ms)
     WHERE id = :id AND state = 'running' AND lease = :lease";

pub(super) fn finish(db: &Connection, claim: Claimed, finish: &Finish) -> Result<Finished, Fail> {
    let Some(job) = running(db, claim)? else { return Ok(Finished::Stale) };
    let asked = job.cancel_asked_by.as_ref().filter(|_| finish.end != JobEnd::Done);
    let (state, not_before) = match finish.end {
        JobEnd::Done => ("done", None),
        _ if asked.is_some() => ("cancelled", None),
        // It would wait for ever: a job of an earlier visit is never claimed.
        JobEnd::Retry(_) if job.is_past => ("cancelled", None),
        JobEnd::Retry(not_before) => ("queued", Some(not_before)),
        JobEnd::Failed => ("failed", None),
        JobEnd::Cancelled => ("cancelled", None),
    };
    let asked = asked.map(|by| format!("cancelled by {by}"));
    let reason = asked.as_ref().or(finish.reason.as_ref());
    let ended_at = not_before.is_none().then_some(finish.at.0);
    let params = named_params! {
        ":id": claim.job.0, ":lease": claim.lease, ":state": state, ":reason": reason,
        ":ended_at_ms": ended_at, ":not_before_ms": not_before.map(|at: UnixMillis| at.0),
    };
    if !hit(change(db, END, params)?) {
        return Ok(Finished::Stale);
    }
    let entry = |what, from, to, why| {
        let (actor, blank) = (&job.role, Entry::of_task(job.task, finish.at));
        Entry { actor, what, from, to, why, ..blank }
    };
    audit::write(db, &entry("end-job", "running", state, reason.map_or("", String::as_str)))?;
    if let Some(head) = &finish.head
        && set_head(db, &job, head, finish.at)?
    {
        audit::write(db, &entry("head", "", head.head.as_str(), &format!("pushed by job {}", claim.job)))?;
    }
    if let Some(ci) = &finish.ci {
        jobs::enqueue_ci(db, ci)?;
    }
    for (revision, check) in &finish.checks {
        forge::put_check(db, &job.project, revision, check)?;
    }
    outbox::add(db, job.task, &finish.effects, finish.at)?;
    tasks::ring(db, job.task, finish.at)?;
    Ok(Finished::Recorded)
}

fn running(db: &Connection, claim: Claimed) -> Result<Option<Running>, Fail> {
    one(db, RUNNING, named_params! { ":id": claim.job.0, ":lease": claim.lease }, |row| {
        let columns = Columns::of("job", row);
        Ok(Running {
            task: TaskId(columns.get("task")?),
            project: columns.id("project", ProjectName::new)?,
            role: columns.get("role")?,
            visit: columns.get("visit")?,
            cancel_asked_by: columns.get("cancel_asked_by")?,
            is_past: columns.get("is_past")?,
        })
    })
}

// The version grows, because whatever was being decided about the old head is void (GAT-8). A role that pushed nothing
// new leaves everything as it was. A run that knows of no pull request does not make one unknown.
const SET_HEAD: &str = "
    UPDATE task SET head_since_ms = iif(head IS :head, head_since_ms, :at_ms), head = :head,
                    pull_request = coalesce(:pull_request, pull_request), version = version + 1
     WHERE id = :task AND visit = :visit
       AND (head IS NOT :head OR (:pull_request IS NOT NULL AND pull_request IS NOT :pull_request))";

/// Whether the task expects another head (or pull request) now. A task that has moved on is left alone.
fn set_head(db: &Connection, job: &Running, new: &NewHead, at: UnixMillis) -> Result<bool, Fail> {
    known::expect_head(db, &job.project, &new.head, at)?;
    let params = named_params! {
        ":task": job.task.0, ":visit": job.visit, ":head": new.head.as_str(),
        ":pull_request": new.pull_request.map(super::row::signed), ":at_ms": at.0,
    };
    change(db, SET_HEAD, params).map(hit)
}
