//! Taking a running job over and bringing it to its end: what the reaper decided is done here (LAU-6, REA-1 to REA-4).
//!
//! The take-over comes first, always: it is one guarded write, and whoever loses it does nothing at all (REA-3, REA-5).

use super::finish::{self, Ending};
use super::launch::wait_adopted;
use super::probe::{end_strays, shim_of};
use super::process::Pinned;
use super::shim::{RunExit, read_exit};
use super::watch::Attended;
use crate::app::App;
use crate::crash;
use crate::gatehouse::chain;
use crate::project::Project;
use portcullis_core::job::{Job, Run, TakeOver};
use portcullis_core::reaper::Reaping;
use portcullis_store::StoreError;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

/// Takes `job` over and does what was decided, in a task of its own. Answers whether it was won.
///
/// # Errors
/// [`StoreError`]; then nothing was done.
pub async fn take_up(app: &Arc<App>, job: &Job, reaping: Reaping) -> Result<bool, StoreError> {
    let TakeOver::Won(claimed) = app.store.take_over(job.id, job.lease, &app.boot).await? else {
        tracing::info!(job.id = job.id.0, "somebody else has ended this job or taken it over; nothing is done");
        return Ok(false);
    };
    crash::point("run/taken-over");
    tracing::info!(job.id = job.id.0, task.id = job.task.0, role = %job.role, ?reaping, "took a running job over");
    if claimed.run.as_ref().map(|run| run.id) != job.run.as_ref().map(|run| run.id) {
        // Launched after it was looked at: what was decided is about something else. The next look decides anew.
        tracing::info!(job.id = job.id.0, "it was launched meanwhile; looking again");
        return Ok(false);
    }
    let attended = app.watches.attend(*claimed);
    let app = app.clone();
    tokio::spawn(async move {
        let id = attended.id;
        if let Err(error) = see_through(&app, attended, reaping).await {
            tracing::error!(job.id = id.0, error = %chain(&error), "a job could not be brought to its end; the reaper tries again");
        }
        app.bell.ring_all();
    });
    Ok(true)
}

async fn see_through(app: &Arc<App>, job: Attended, reaping: Reaping) -> Result<(), StoreError> {
    let Some(run) = job.run.clone() else {
        let reason = "the daemon ended before the run was launched".to_owned();
        return finish::end(app, &job, Ending::Failed(reason)).await;
    };
    let Some(project) = app.project(&job.project) else {
        let reason = format!("project {} is no longer in the settings", job.project);
        return finish::end(app, &job, Ending::Hopeless(reason)).await;
    };
    let folder = Path::new(&run.folder);
    match reaping {
        Reaping::Leave | Reaping::Count => Ok(()),
        Reaping::Adopt => {
            if job.cancel_asked_by.is_some() {
                ask_to_end(&run);
            }
            let exit = match read_exit(folder) {
                Some(exit) => Some(exit),
                None => job.during(wait_adopted(shim_of(&run).as_ref(), folder)).await,
            };
            finish::after_exit(app, &project, &job, &run, exit).await
        }
        Reaping::Finish => finish::after_exit(app, &project, &job, &run, recorded(&run)).await,
        Reaping::Lost => finish::after_exit(app, &project, &job, &run, None).await,
        Reaping::TimeOut => time_out(app, &project, &job, &run).await,
    }
}

/// How a run ended, from its own record or, if that is gone, from the store's.
fn recorded(run: &Run) -> Option<RunExit> {
    let known = |exit_code| RunExit { exit_code, started: true, reason: None, dropped_bytes: 0 };
    read_exit(Path::new(&run.folder)).or_else(|| run.exit_code.map(known))
}

/// Asks a run's shim to end its group (LAU-5). Nobody else is ever told: the process has to be proven to be the one.
pub fn ask_to_end(run: &Run) {
    if let Some(pinned) = shim_of(run).as_ref().and_then(Pinned::open) {
        pinned.terminate();
    }
}

/// Ends a run that has taken longer than any may: first its shim is asked, as for any other end; then, if the shim itself
/// does not react, everything that carries the run's mark is killed.
async fn time_out(app: &Arc<App>, project: &Arc<Project>, job: &Attended, run: &Run) -> Result<(), StoreError> {
    let grace = Duration::from_secs(app.settings.runs.kill_grace_s.saturating_add(5));
    let folder = Path::new(&run.folder);
    job.ending();
    ask_to_end(run);
    let shim = shim_of(run);
    if job.during(tokio::time::timeout(grace, wait_adopted(shim.as_ref(), folder))).await.is_err() {
        tracing::warn!(job.id = job.id.0, "a run's shim does not end; its processes are killed");
    }
    finish::clear_away(folder).await;
    if let Some(exit) = read_exit(folder) {
        app.store.exited(job.claimed(), run.id, exit.exit_code, app.now()).await?;
    }
    finish::keep_leftovers(app, project, job, run).await?;
    let limit = app.settings.reaper.max_running_s;
    finish::end(app, job, Ending::Hopeless(format!("timed out: it ran longer than reaper.max_running_s, {limit} s")))
        .await
}

/// For a gate that acts: ends what an earlier act for the same task, cut short by the daemon's end, may have left running
/// in the same worktree.
pub async fn end_earlier_acts(folder: &Path) {
    let folder = folder.to_owned();
    let ended = tokio::task::spawn_blocking(move || end_strays(&folder)).await.unwrap_or(0);
    if ended > 0 {
        tracing::warn!(processes = ended, "ended what an interrupted act had left running");
    }
}
