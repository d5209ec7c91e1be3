//! Which process was started for a job, and how did it end? (LAU-1, LAU-2)

use super::jobs;
use super::row::{Columns, Fail, change, hit, one, signed, to_json};
use portcullis_core::ids::{JobId, RunId};
use portcullis_core::job::{ClaimedJob, ProcessIdentity, Run};
use portcullis_core::step::Rest;
use portcullis_core::time::UnixMillis;
use rusqlite::{Connection, Row, named_params};

/// Under which number somebody has a running job: what every write about its run checks.
#[derive(Clone, Copy)]
pub(super) struct Claimed {
    pub(super) job: JobId,
    pub(super) lease: i64,
}

impl Claimed {
    pub(super) fn of(job: &ClaimedJob) -> Self {
        Self { job: job.id, lease: job.lease }
    }
}

// `run IS NULL`: one claim starts one process, whoever asks twice.
const LAUNCH: &str = "
    INSERT INTO run (job, attempt, boot, launched_at_ms, folder)
    SELECT id, attempt, :boot, :now_ms, :folder FROM job
     WHERE id = :job AND state = 'running' AND lease = :lease AND run IS NULL
 RETURNING *";

const POINT: &str = "UPDATE job SET run = :run WHERE id = :job";

pub(super) fn launch(
    db: &Connection,
    claim: Claimed,
    boot: &str,
    folder: &str,
    now: UnixMillis,
) -> Result<Option<Run>, Fail> {
    let params = named_params! {
        ":job": claim.job.0, ":lease": claim.lease, ":boot": boot, ":folder": folder, ":now_ms": now.0,
    };
    let Some(run) = one(db, LAUNCH, params, run_row)? else { return Ok(None) };
    change(db, POINT, named_params! { ":run": run.id.0, ":job": claim.job.0 })?;
    say_so(db, claim.job, now)?;
    Ok(Some(run))
}

// Only a rest that said it waits for this very job; nobody's decision changes with it, so the version stays.
const SAY_SO: &str = "
    UPDATE task SET rest = :rest
     WHERE id = :task AND visit = :visit AND rest ->> '$.kind' = 'job-queued' AND rest ->> '$.job' = :job";

/// The task rests for a job that waits. From now on it runs, and `explain` says so without another look (STG-6).
fn say_so(db: &Connection, id: JobId, now: UnixMillis) -> Result<(), Fail> {
    let Some(job) = jobs::job(db, id)? else { return Ok(()) };
    let rest = to_json(&Rest::of_running(&job, now))?;
    let params = named_params! { ":rest": rest, ":task": job.task.0, ":visit": job.visit, ":job": id.0 };
    change(db, SAY_SO, params)?;
    Ok(())
}

// The first one stays: a run is one process.
const LAUNCHED: &str = "
    UPDATE run SET pid = coalesce(pid, :pid), start_ticks = coalesce(start_ticks, :start_ticks),
                   machine_boot = coalesce(machine_boot, :machine_boot)
     WHERE id = (SELECT run FROM job WHERE id = :job AND state = 'running' AND lease = :lease AND run = :id)";

pub(super) fn launched(db: &Connection, claim: Claimed, id: RunId, process: &ProcessIdentity) -> Result<bool, Fail> {
    let params = named_params! {
        ":job": claim.job.0, ":lease": claim.lease, ":id": id.0, ":pid": process.pid, ":start_ticks": signed(process.start_ticks),
        ":machine_boot": process.machine_boot,
    };
    change(db, LAUNCHED, params).map(hit)
}

// The first record stays: a guess that comes later must not overwrite what is known.
const EXITED: &str = "
    UPDATE run SET exited_at_ms = iif(exit_code IS NULL, :at_ms, exited_at_ms),
                   exit_code = coalesce(exit_code, :exit_code)
     WHERE id = (SELECT run FROM job WHERE id = :job AND state = 'running' AND lease = :lease AND run = :id)";

pub(super) fn exited(db: &Connection, claim: Claimed, id: RunId, exit_code: i32, at: UnixMillis) -> Result<bool, Fail> {
    let params = named_params! {
        ":job": claim.job.0, ":lease": claim.lease, ":id": id.0, ":exit_code": exit_code, ":at_ms": at.0,
    };
    change(db, EXITED, params).map(hit)
}

const ONE: &str = "SELECT * FROM run WHERE id = :id";

pub(super) fn run(db: &Connection, id: RunId) -> Result<Option<Run>, Fail> {
    one(db, ONE, named_params! { ":id": id.0 }, run_row)
}

fn run_row(row: &Row<'_>) -> Result<Run, Fail> {
    let columns = Columns::of("run", row);
    let process = match columns.count_if("pid")? {
        None => None,
        Some(pid) => Some(ProcessIdentity {
            pid,
            start_ticks: columns.count("start_ticks")?,
            machine_boot: columns.get("machine_boot")?,
        }),
    };
    Ok(Run {
        id: RunId(columns.get("id")?),
        job: JobId(columns.get("job")?),
        attempt: columns.count("attempt")?,
        boot: columns.get("boot")?,
        launched_at: columns.at("launched_at_ms")?,
        process,
        exit_code: columns.get("exit_code")?,
        exited_at: columns.at_if("exited_at_ms")?,
        folder: columns.get("folder")?,
    })
}
