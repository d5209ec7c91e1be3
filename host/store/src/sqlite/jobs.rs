//! Which jobs are there? Making them, calling them off when their task moves on, and reading them (QUE-1).

use super::row::{Columns, Fail, all, change, insert, intact, missing, one};
use super::runs;
use crate::model::{DamagedJob, NewCiJob, RunningJobs, StoreError, ci_role};
use portcullis_core::ids::{JobId, ProjectName, RoleName, RunId, StageName, TaskId};
use portcullis_core::job::Job;
use portcullis_core::time::UnixMillis;
use rusqlite::{Connection, Row, named_params};

// For the visit that the task is in now.
const ENQUEUE_ROLE: &str = "
    INSERT INTO job (task, project, lane, stage, visit, role, state, not_before_ms, created_at_ms)
    SELECT id, project, 'role', stage, visit, :role, 'queued', :now_ms, :now_ms FROM task WHERE id = :task";

pub(super) fn enqueue_role(db: &Connection, task: TaskId, role: &RoleName, now: UnixMillis) -> Result<(), Fail> {
    change(db, ENQUEUE_ROLE, named_params! { ":task": task.0, ":role": role.as_str(), ":now_ms": now.0 })?;
    Ok(())
}

// The index job_one_of_revision decides whether there is one already.
const ENQUEUE_CI: &str = "
    INSERT INTO job (task, project, lane, stage, visit, role, revision, state, not_before_ms, created_at_ms)
    SELECT id, project, 'ci', stage, visit, :role, :revision, 'queued', :now_ms, :now_ms FROM task WHERE id = :task
    ON CONFLICT DO NOTHING";

pub(super) fn enqueue_ci(db: &Connection, job: &NewCiJob) -> Result<Option<JobId>, Fail> {
    let role = ci_role();
    let params = named_params! {
        ":task": job.task.0, ":role": role.as_str(), ":revision": job.revision.as_str(), ":now_ms": job.at.0,
    };
    Ok(insert(db, ENQUEUE_CI, params)?.map(JobId))
}

const SUPERSEDE: &str = "
    UPDATE job SET state = 'cancelled', ended_at_ms = :now_ms, reason = 'the task has moved on'
     WHERE task = :task AND lane = 'role' AND state = 'queued'";

/// Calls off what is still queued for the task's present visit, because that visit ends.
pub(super) fn supersede(db: &Connection, task: TaskId, now: UnixMillis) -> Result<(), Fail> {
    change(db, SUPERSEDE, named_params! { ":task": task.0, ":now_ms": now.0 })?;
    Ok(())
}

const ONE: &str = "SELECT * FROM job WHERE id = :id";

pub(super) fn job(db: &Connection, id: JobId) -> Result<Option<Job>, Fail> {
    one(db, ONE, named_params! { ":id": id.0 }, job_row)?.map(|row| row.with_run(db)).transpose()
}

const IS_CLAIMED: &str = "SELECT 1 FROM job WHERE id = :id AND state = 'running' AND lease = :lease";

/// Whether the job is still in the hands of whoever won it under this number.
pub(super) fn is_claimed(db: &Connection, id: JobId, lease: i64) -> Result<bool, Fail> {
    Ok(one(db, IS_CLAIMED, named_params! { ":id": id.0, ":lease": lease }, |_| Ok(()))?.is_some())
}

const OF_VISIT: &str = "
    SELECT j.* FROM task t JOIN job j ON j.task = t.id AND j.visit = t.visit AND j.lane = 'role'
     WHERE t.id = :task ORDER BY j.id DESC LIMIT 1";

pub(super) fn of_visit(db: &Connection, task: TaskId) -> Result<Option<Job>, Fail> {
    one(db, OF_VISIT, named_params! { ":task": task.0 }, job_row)?.map(|row| row.with_run(db)).transpose()
}

// INDEXED BY: for the order's sake SQLite would rather read the whole table, finished jobs and all.
const RUNNING: &str = "SELECT * FROM job INDEXED BY job_running WHERE state = 'running' ORDER BY id";

pub(super) fn running(db: &Connection) -> Result<Vec<Job>, Fail> {
    with_runs(db, intact(db, RUNNING, &[], job_row)?)
}

/// A job whose run cannot be read counts as damaged, too: its process may be alive, and nobody could tell which it is.
pub(super) fn running_or_damaged(db: &Connection) -> Result<RunningJobs, Fail> {
    let mut found = RunningJobs::default();
    let rows = all(db, RUNNING, &[], |row| Ok((JobId(row.get("id")?), job_row(row))))?;
    for (id, row) in rows {
        match row.and_then(|row| row.with_run(db)) {
            Ok(job) => found.jobs.push(job),
            Err(Fail::Store(StoreError::Damaged { table, row, reason })) => {
                found.damaged.push(DamagedJob { id, reason: format!("row {row} of table {table}: {reason}") });
            }
            Err(other) => return Err(other),
        }
    }
    Ok(found)
}

const QUEUED: &str = "SELECT * FROM job INDEXED BY job_queued WHERE state = 'queued' ORDER BY id";

pub(super) fn queued(db: &Connection) -> Result<Vec<Job>, Fail> {
    with_runs(db, intact(db, QUEUED, &[], job_row)?)
}

/// A damaged run does not hide its job: the reaper has to see it.
fn with_runs(db: &Connection, rows: Vec<JobRow>) -> Result<Vec<Job>, Fail> {
    rows.into_iter().map(|row| row.with_readable_run(db)).collect()
}

/// A job as its own row has it: the run is in another table.
pub(super) struct JobRow {
    job: Job,
    run: Option<i64>,
}

impl JobRow {
    pub(super) fn with_run(mut self, db: &Connection) -> Result<Job, Fail> {
        if let Some(run) = self.run {
            self.job.run = Some(runs::run(db, RunId(run))?.ok_or_else(|| missing("run", run))?);
        }
        Ok(self.job)
    }

    fn with_readable_run(self, db: &Connection) -> Result<Job, Fail> {
        let bare = self.job.clone();
        match self.with_run(db) {
            Err(Fail::Store(error @ StoreError::Damaged { .. })) => {
                tracing::error!(job.id = bare.id.0, %error, "a job is shown without its run");
                Ok(bare)
            }
            other => other,
        }
    }
}

pub(super) fn job_row(row: &Row<'_>) -> Result<JobRow, Fail> {
    let columns = Columns::of("job", row);
    let job = Job {
        id: JobId(columns.get("id")?),
        task: TaskId(columns.get("task")?),
        project: columns.id("project", ProjectName::new)?,
        lane: columns.word("lane")?,
        stage: columns.id("stage", StageName::new)?,
        visit: columns.get("visit")?,
        role: columns.id("role", RoleName::new)?,
        revision: columns.revision_if("revision")?,
        state: columns.word("state")?,
        attempt: columns.count("attempt")?,
        lease: columns.get("lease")?,
        not_before: columns.at("not_before_ms")?,
        created_at: columns.at("created_at_ms")?,
        ended_at: columns.at_if("ended_at_ms")?,
        reason: columns.get("reason")?,
        cancel_asked_by: columns.get("cancel_asked_by")?,
        run: None,
    };
    Ok(JobRow { job, run: columns.get("run")? })
}
