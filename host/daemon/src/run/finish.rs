//! After a run has ended: always in this order (LAU-2), because the reaper relies on it.
//!
//! 1. Exit code and end time are recorded. 2. What the role left is committed, pushed and shown in a pull request.
//! 3. The job is finished, together with everything that has to be told outside, and its task is rung.
//!
//! Each part can be done again after a crash in the middle: a commit that is there is not made again, a push that has
//! arrived is recognised, a pull request that is open is found.

use super::command::tail;
use super::probe::end_strays;
use super::shim::{LOG, RunExit};
use super::watch::Attended;
use super::worker::is_for_want_of_room;
use crate::app::App;
use crate::crash;
use crate::project::{Landed, Project};
use crate::room;
use portcullis_core::effect::{Effect, NewEffect};
use portcullis_core::facts::CheckState;
use portcullis_core::ids::Revision;
use portcullis_core::job::{Lane, Run};
use portcullis_core::retry::Backoff;
use portcullis_core::task::Task;
use portcullis_store::{Finish, Finished, JobEnd, NewCiJob, NewHead, StoreError, check};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// The check of the project's own `ci` command.
pub const CI_CONTEXT: &str = "ci";

/// How a job ends, apart from success.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Worth another attempt, if there are any left.
    Failed(String),
    /// Worth another attempt, however many there were: there was no room to work in, which is no fault of the job's.
    NoRoom(String),
    /// Another attempt would end the same way.
    Hopeless(String),
}

/// Follows the order above for a run that has ended. `exit` none: it was lost.
///
/// # Errors
/// [`StoreError`]: the job stays running; the reaper finds it in nobody's hands and takes it up again.
pub async fn after_exit(
    app: &App,
    project: &Arc<Project>,
    job: &Attended,
    run: &Run,
    exit: Option<RunExit>,
) -> Result<(), StoreError> {
    let folder = Path::new(&run.folder);
    let alone = job.during(project.alone_with(job.task)).await;
    let Some(exit) = exit else {
        // The shim is gone, its role may not be: two must never work in one worktree.
        clear_away(folder).await;
        keep_leftovers(app, project, job, run).await?;
        let reason = "the run was lost: its shim ended without a record".to_owned();
        let no_room = is_for_want_of_room(app, job, &reason).await;
        return end(app, job, if no_room { Ending::NoRoom(reason) } else { Ending::Failed(reason) }).await;
    };
    crash::point("run/exit/seen");
    let exited = room::insist(app, || app.store.exited(job.claimed(), run.id, exit.exit_code, app.now()));
    if !job.during(exited).await? {
        tracing::info!(job.id = job.id.0, "somebody else has taken this job over; our work on it is dropped");
        return Ok(());
    }
    tracing::info!(job.id = job.id.0, run.id = run.id.0, exit_code = exit.exit_code, "a run has ended");
    if job.lane == Lane::Ci {
        return end_ci(app, project, job, &exit, folder).await;
    }
    let Some(task) = app.store.task(job.task).await? else { return Ok(()) };
    // A role that was ended for its time or by a person may still say 0: that is no success.
    if exit.exit_code != 0 || exit.reason.is_some() {
        keep_leftovers(app, project, job, run).await?;
        let last = app.redactor.clean(&tail(&folder.join(LOG), 500));
        let why = exit.reason.unwrap_or_else(|| "it failed".to_owned());
        let reason = format!("{why} (exit code {}); the end of its output: {last}", exit.exit_code);
        return end(app, job, if exit.started { Ending::Failed(reason) } else { Ending::Hopeless(reason) }).await;
    }
    if let Some(reason) = project.lost_work(&task).await {
        return end(app, job, Ending::Failed(reason)).await;
    }
    let landed = land(app, project, &task, job, run).await;
    drop(alone);
    match landed {
        Ok(landed) => succeed(app, project, &task, job, run, landed).await,
        Err(reason) => end(app, job, Ending::Failed(reason)).await,
    }
}

/// Ends whatever still runs of a run whose shim is gone.
pub async fn clear_away(folder: &Path) {
    let run = folder.to_owned();
    let ended = tokio::task::spawn_blocking(move || end_strays(&run)).await.unwrap_or(0);
    if ended > 0 {
        tracing::warn!(folder = %folder.display(), processes = ended, "ended what a lost run had left running");
    }
}

/// Commits locally what a run that did not succeed has left, so that the next attempt goes on from there; nothing is shown
/// before it is good.
///
/// # Errors
/// [`StoreError`].
pub async fn keep_leftovers(app: &App, project: &Arc<Project>, job: &Attended, run: &Run) -> Result<(), StoreError> {
    if job.lane == Lane::Ci {
        return Ok(());
    }
    let Some(task) = app.store.task(job.task).await? else { return Ok(()) };
    if let Err(reason) = job.during(project.commit(&task, &message(job, run))).await {
        tracing::warn!(job.id = job.id.0, %reason, "failed to commit what a failed run left");
    }
    Ok(())
}

fn message(job: &Attended, run: &Run) -> String {
    format!("{0}({1}): auto-commit from {0} run_id={2}", job.role, job.project, run.id)
}

/// Commit, push, pull request; tried a few times, because running the role again for a push that failed would be a waste.
async fn land(app: &App, project: &Arc<Project>, task: &Task, job: &Attended, run: &Run) -> Result<Landed, String> {
    let backoff = Backoff { first: Duration::from_secs(1), longest: Duration::from_secs(10) };
    let mut failures = 0;
    loop {
        match job.during(project.land(task, &message(job, run), &job.claimed().fence())).await {
            Ok(landed) => return Ok(landed),
            Err(reason) if is_for_want_of_room(app, job, &reason).await => {}
            Err(reason) if failures == 4 => return Err(reason),
            Err(reason) => {
                failures += 1;
                tracing::warn!(job.id = job.id.0, %reason, failures, "failed to publish what a run left; trying again");
                tokio::time::sleep(backoff.wait(failures, job.id.0.unsigned_abs())).await;
            }
        }
    }
}

async fn succeed(
    app: &App,
    project: &Arc<Project>,
    task: &Task,
    job: &Attended,
    run: &Run,
    landed: Landed,
) -> Result<(), StoreError> {
    let at = app.now();
    let (changed, reason) = match &landed {
        Landed::Published { head, .. } => (Some(head.clone()), format!("published {}", head.short())),
        Landed::Nothing { acts: true } => (None, "changed no file, as is expected of a role that acts".to_owned()),
        Landed::Nothing { acts: false } => (None, "changed no file, though its stage is one that writes".to_owned()),
    };
    match &landed {
        Landed::Nothing { acts: false } => {
            tracing::warn!(job.id = job.id.0, role = %job.role, "under-delivery: {reason}")
        }
        Landed::Nothing { acts: true } | Landed::Published { .. } => {
            tracing::info!(job.id = job.id.0, role = %job.role, "{reason}");
        }
    }
    let text = format!("{} has finished (run {}): {reason}", job.role, run.id);
    let comment = Effect::TrackerComment { work_item: task.work_item.clone(), text };
    let runs_ci = project.runs_ci_itself();
    let finish = Finish {
        end: JobEnd::Done,
        reason: Some(reason),
        head: match landed {
            Landed::Published { head, pull_request } => Some(NewHead { head, pull_request }),
            Landed::Nothing { .. } => None,
        },
        ci: changed.clone().filter(|_| runs_ci).map(|revision| NewCiJob { task: task.id, revision, at }),
        checks: changed.filter(|_| runs_ci).map(|revision| pending_check(revision, at)).into_iter().collect(),
        effects: vec![NewEffect { key: format!("run-{}/finished", run.id), effect: comment }],
        at,
    };
    write(app, job, finish).await
}

/// The check that says "the project's CI will run for this revision".
pub fn pending_check(
    revision: Revision,
    at: portcullis_core::time::UnixMillis,
) -> (Revision, portcullis_core::facts::Check) {
    (revision, check(CI_CONTEXT, CheckState::Pending, "waits for its turn", at))
}

async fn end_ci(
    app: &App,
    project: &Arc<Project>,
    job: &Attended,
    exit: &RunExit,
    folder: &Path,
) -> Result<(), StoreError> {
    let at = app.now();
    project.discard_checkout(&format!("ci-{}", job.id)).await;
    let (state, description) = match (exit.exit_code, &exit.reason) {
        (0, _) => (CheckState::Success, "passed".to_owned()),
        (_, Some(reason)) => (CheckState::Error, reason.clone()),
        (code, None) => {
            let last = app.redactor.clean(&tail(&folder.join(LOG), 200));
            (CheckState::Failure, format!("exit code {code}: {last}"))
        }
    };
    let checks = job.revision.clone().map(|revision| (revision, check(CI_CONTEXT, state, &description, at)));
    let finish = Finish {
        end: JobEnd::Done,
        reason: Some(description),
        head: None,
        ci: None,
        checks: checks.into_iter().collect(),
        effects: Vec::new(),
        at,
    };
    write(app, job, finish).await
}

/// Ends a job that did not succeed: again later, or for good (QUE-5).
///
/// # Errors
/// [`StoreError`].
pub async fn end(app: &App, job: &Attended, ending: Ending) -> Result<(), StoreError> {
    let at = app.now();
    let queue = &app.settings.queue;
    let (end, reason) = match ending {
        Ending::Failed(reason) if job.attempt < queue.max_attempts => {
            let backoff = Backoff {
                first: Duration::from_secs(queue.retry_first_s),
                longest: Duration::from_secs(queue.retry_longest_s),
            };
            (JobEnd::Retry(at.plus(backoff.wait(job.attempt, job.id.0.unsigned_abs()))), reason)
        }
        Ending::NoRoom(reason) => (JobEnd::Retry(at), reason),
        Ending::Failed(reason) => (JobEnd::Failed, format!("{reason} ({} attempts)", job.attempt)),
        Ending::Hopeless(reason) => (JobEnd::Failed, reason),
    };
    tracing::warn!(job.id = job.id.0, role = %job.role, ?end, %reason, "a job did not succeed");
    let checks = match (job.lane, end, job.revision.clone()) {
        (Lane::Ci, JobEnd::Failed, Some(revision)) => {
            vec![(revision, check(CI_CONTEXT, CheckState::Error, &reason, at))]
        }
        _ => Vec::new(),
    };
    let reason = Some(reason);
    let finish = Finish { end, reason, head: None, ci: None, checks, effects: Vec::new(), at };
    write(app, job, finish).await
}

async fn write(app: &App, job: &Attended, finish: Finish) -> Result<(), StoreError> {
    let finished = room::insist(app, || app.store.finish(job.claimed(), finish.clone()));
    if job.during(finished).await? == Finished::Stale {
        tracing::warn!(job.id = job.id.0, "somebody else ended this job; our end of it was dropped");
    }
    app.bell.ring_all();
    Ok(())
}
