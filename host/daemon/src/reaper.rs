//! The reaper of dead jobs: the loop around `core::reaper::reap` (REA).
//!
//! A tick looks at every running job without changing anything, asks the core, and hands on what has to be done, where
//! taking the job over is the one write that decides. Ticks may overlap, crash and repeat. The first tick of a daemon is
//! also how it takes over what an earlier one left running (LAU-6).
//!
//! It is a backstop: the end of a process is noticed through its pidfd by whoever sees to it, at once.

use crate::app::App;
use crate::gatehouse::chain;
use crate::run::finish::clear_away;
use crate::run::probe::fate_of;
use crate::run::resume;
use portcullis_core::ids::{JobId, RunId};
use portcullis_core::job::Job;
use portcullis_core::reaper::{Probe, Reaping, reap};
use portcullis_core::time::UnixMillis;
use portcullis_store::StoreError;
use serde::Serialize;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, MutexGuard, PoisonError};
use std::time::Duration;

/// After a tick that found a process gone, the next one comes no later than this.
const NEXT_AFTER_GONE: Duration = Duration::from_secs(1);

/// What the reaper has done since the daemon's start, for `GET /queue`.
#[derive(Debug, Default, Serialize)]
pub struct ReaperReport {
    /// When it ticked last.
    pub last_tick: Option<UnixMillis>,
    /// What went wrong last, and with which job.
    pub last_error: Option<String>,
    /// Live runs taken over.
    pub adopted_total: u64,
    /// Runs lost without a record (tier 1).
    pub lost_total: u64,
    /// Ended runs finished for whoever did not (tier 2).
    pub finished_total: u64,
    /// Runs ended for their age (tier 3).
    pub timed_out_total: u64,
    /// Jobs that somebody else had dealt with first.
    pub outrun_total: u64,
    /// Leases freed.
    pub leases_reclaimed_total: u64,
    #[serde(skip)]
    gone: Gone,
}

/// In how many ticks in a row each job's process was gone while nobody saw to it. A claim, a take-over and a launch each
/// begin the count anew: what was not there before the fork says nothing about what was forked.
type Gone = HashMap<(JobId, i64, Option<RunId>), u32>;

fn report(app: &App) -> MutexGuard<'_, ReaperReport> {
    app.reaper.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One tick. Answers when the next one should come at the latest, if sooner than the interval.
///
/// # Errors
/// [`StoreError`] if the running jobs could not be read. What goes wrong with one job is logged and leaves the others
/// alone (REA-6).
pub async fn tick(app: &Arc<App>) -> Result<Option<Duration>, StoreError> {
    if app.settings.reaper.lease_reclaim_enabled {
        reclaim_leases(app).await?;
    }
    let running = app.store.running_jobs().await?;
    for damaged in running.damaged {
        tracing::error!(job.id = damaged.id.0, reason = %damaged.reason, "a running job cannot be read; it has failed");
        // Nobody knows which process is its own any more; by its folders' marks they are found all the same.
        for folder in run_folders_of(app, damaged.id) {
            clear_away(&folder).await;
        }
        if let Err(error) = app.store.fail_damaged_job(damaged.id, &damaged.reason, app.now()).await {
            note_error(app, damaged.id, &error);
        }
    }
    let mut gone = HashMap::new();
    for job in running.jobs {
        if let Err(error) = look_at(app, &job, &mut gone).await {
            note_error(app, job.id, &error);
        }
    }
    let again = (!gone.is_empty()).then_some(NEXT_AFTER_GONE);
    let mut report = report(app);
    report.gone = gone;
    report.last_tick = Some(app.now());
    Ok(again)
}

fn run_folders_of(app: &App, job: JobId) -> Vec<PathBuf> {
    let ours = format!("job-{job}-attempt-");
    let folders = std::fs::read_dir(app.run_folder("")).into_iter().flatten().filter_map(Result::ok);
    folders.filter(|f| f.file_name().to_string_lossy().starts_with(&ours)).map(|f| f.path()).collect()
}

fn note_error(app: &App, job: JobId, error: &StoreError) {
    let error = chain(error);
    tracing::error!(job.id = job.0, %error, "a running job could not be looked at; the others are");
    report(app).last_error = Some(format!("job {job}: {error}"));
}

/// Frees what nobody holds any more, by removing the lease and nothing else (LSE-2).
async fn reclaim_leases(app: &App) -> Result<(), StoreError> {
    let freed = app.store.reclaim_leases(&app.boot, app.now()).await?;
    for lease in &freed {
        tracing::warn!(lease = %lease.name, number = lease.number, holder = %lease.holder.what, "freed a lease whose holder is gone or late");
    }
    if !freed.is_empty() {
        app.bell.tasks.notify_one();
        report(app).leases_reclaimed_total += freed.len() as u64;
    }
    Ok(())
}

async fn look_at(app: &Arc<App>, job: &Job, gone: &mut Gone) -> Result<(), StoreError> {
    let key = (job.id, job.lease, job.run.as_ref().map(|run| run.id));
    let gone_before = report(app).gone.get(&key).copied().unwrap_or(0);
    // First who sees to it, then the process, then its record: the other way round somebody may fork and fall silent
    // between the looks, and a live run would look abandoned.
    let watch = app.watches.of(job.id);
    let looked_at = job.clone();
    let Ok(fate) = tokio::task::spawn_blocking(move || fate_of(&looked_at)).await else { return Ok(()) };
    let probe = Probe { fate, watch, gone_before };
    let reaping = reap(job, &probe, &app.settings.reaper.rules());
    if reaping != Reaping::Leave {
        tracing::info!(job.id = job.id.0, ?probe, ?reaping, "the reaper looked at a job");
    }
    match reaping {
        Reaping::Leave => return Ok(()),
        Reaping::Count => {
            gone.insert(key, gone_before.saturating_add(1));
            return Ok(());
        }
        Reaping::Adopt | Reaping::Lost | Reaping::Finish | Reaping::TimeOut => {}
    }
    let won = resume::take_up(app, job, reaping).await?;
    let mut report = report(app);
    let counter = match reaping {
        _ if !won => &mut report.outrun_total,
        Reaping::Adopt => &mut report.adopted_total,
        Reaping::Lost => &mut report.lost_total,
        Reaping::Finish => &mut report.finished_total,
        Reaping::TimeOut => &mut report.timed_out_total,
        Reaping::Leave | Reaping::Count => return Ok(()),
    };
    *counter += 1;
    Ok(())
}
