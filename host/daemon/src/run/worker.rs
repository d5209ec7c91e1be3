//! The worker: claims jobs and sees each through to its end.

use super::brief;
use super::finish::{self, Ending};
use super::launch::{LaunchError, Started};
use super::process::Pinned;
use super::shim::RunOrder;
use super::validated;
use super::watch::Attended;
use crate::app::App;
use crate::crash;
use crate::gatehouse::chain;
use crate::project::Project;
use crate::room;
use portcullis_core::ids::RunId;
use portcullis_core::job::{Claim, Job, Lane};
use portcullis_core::task::Task;
use portcullis_store::{Caps, StoreError};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Claims whatever can be claimed now and starts it. Answers how many.
///
/// # Errors
/// [`StoreError`]; what was claimed before goes on.
pub async fn tick(app: &Arc<App>) -> Result<u32, StoreError> {
    room::look(app).await;
    if app.room.lack().is_some() {
        return Ok(0);
    }
    let queue = &app.settings.queue;
    let mut started = 0;
    for (lane, caps) in [
        (Lane::Role, Caps { overall: queue.max_concurrency, per_project: queue.max_per_project }),
        (Lane::Ci, Caps { overall: queue.max_ci, per_project: queue.max_ci }),
    ] {
        while let Claim::Won(claimed) = app.store.claim(lane, caps, &app.boot, app.now()).await? {
            started += 1;
            let (app, job) = (app.clone(), app.watches.attend(*claimed));
            tokio::spawn(async move {
                let id = job.id;
                if let Err(error) = run(&app, job).await {
                    tracing::error!(job.id = id.0, error = %chain(&error), "a job could not be recorded; the reaper takes it up");
                }
                app.bell.ring_all();
            });
        }
    }
    Ok(started)
}

/// One claimed job, from preparing to its recorded end.
async fn run(app: &Arc<App>, job: Attended) -> Result<(), StoreError> {
    let Some(task) = app.store.task(job.task).await? else { return Ok(()) };
    let Some(project) = app.project(&job.project) else {
        let reason = format!("project {} is no longer in the settings", job.project);
        return finish::end(app, &job, Ending::Hopeless(reason)).await;
    };
    let folder = app.run_folder(&format!("job-{}-attempt-{}", job.id, job.attempt));
    let prepared = loop {
        let preparing = async {
            let _alone = project.alone_with(task.id).await;
            prepare(app, &project, &task, &job).await
        };
        match job.during(preparing).await {
            Ok(prepared) => break prepared,
            // A full disk is no fault of the job's.
            Err(Ending::Failed(reason)) if is_for_want_of_room(app, &job, &reason).await => {}
            Err(ending) => return finish::end(app, &job, ending).await,
        }
    };
    // "Launching" is durable before there is a process: whoever comes after a crash looks for it instead of starting a
    // second one. And it is the last thing before the fork: whoever has lost the job meanwhile is told so here.
    let place = folder.display().to_string();
    let launching = room::insist(app, || app.store.launch(job.claimed(), &app.boot, &place, app.now()));
    let Some(run) = job.during(launching).await? else {
        tracing::info!(job.id = job.id.0, "the claim is stale; dropped");
        return Ok(());
    };
    let job = job.with_run(run.clone());
    let mut order = order(app, &project, &task, &job, run.id, &folder, prepared);
    if job.lane == Lane::Role {
        order.env.extend(validated::environment(&*app.store, task.id).await?);
    }
    let started = loop {
        match start(app, &task, &job, &folder, &order) {
            Ok(started) => break started,
            Err(error) if error.is_for_want_of_room() => {
                let reason = chain(&error);
                tracing::info!(job.id = job.id.0, %reason, "a run could not be started for want of room; trying again");
                job.during(room::wait_for_files(app, reason)).await;
            }
            Err(error) => return finish::end(app, &job, Ending::Failed(chain(&error))).await,
        }
    };
    crash::point("run/spawn/after");
    if !app.store.launched(job.claimed(), run.id, started.process.clone()).await? {
        tracing::info!(job.id = job.id.0, "somebody else has taken this job over; he sees to the run");
        return Ok(());
    }
    // Whoever cancelled it before there was a process could tell nobody.
    if app.store.job(job.id).await?.is_some_and(|job| job.cancel_asked_by.is_some())
        && let Some(shim) = Pinned::open(&started.process)
    {
        shim.terminate();
    }
    tracing::info!(job.id = job.id.0, run.id = run.id.0, task.id = task.id.0, role = %job.role, pid = started.process.pid, "a run has begun");
    let exit = job.during(started.wait(&folder)).await;
    finish::after_exit(app, &project, &job, &run, exit).await
}

/// Prepares the run's folder and starts its shim. After an error there is no shim, and it may be done again.
fn start(app: &App, task: &Task, job: &Job, folder: &Path, order: &RunOrder) -> Result<Started, LaunchError> {
    app.launcher.prepare(folder, order)?;
    if job.lane == Lane::Role {
        std::fs::write(folder.join(brief::TASK_FILE), brief::text(task, job))
            .map_err(|source| LaunchError::Folder { folder: folder.display().to_string(), source })?;
    }
    crash::point("run/spawn/before");
    app.launcher.start(folder)
}

/// Whether something failed while there was no room. Then this has waited until there is some again.
pub(super) async fn is_for_want_of_room(app: &App, job: &Attended, reason: &str) -> bool {
    room::look(app).await;
    let lacked = app.room.lack().is_some();
    if lacked {
        tracing::info!(job.id = job.id.0, reason, "not counted as a failure: there was no room; trying again");
        job.during(app.room.is_there()).await;
    }
    lacked
}

/// What a run needs before it is launched.
struct Prepared {
    command: Vec<String>,
    limit_s: u64,
    worktree: PathBuf,
}

/// Looks up the command and makes the worktree.
async fn prepare(app: &App, project: &Arc<Project>, task: &Task, job: &Job) -> Result<Prepared, Ending> {
    let limit = app.settings.runs.time_limit_s;
    match job.lane {
        Lane::Role => {
            let Some(role) = project.settings.roles.get(&job.role) else {
                return Err(Ending::Hopeless(format!(
                    "project {} has no command for its {}; set `roles.{1}.command` in the settings",
                    project.settings.name, job.role
                )));
            };
            let worktree = project.worktree(task).await.map_err(Ending::Failed)?;
            Ok(Prepared { command: role.command.clone(), limit_s: role.time_limit_s.unwrap_or(limit), worktree })
        }
        Lane::Ci => {
            let (Some(command), Some(revision)) = (project.settings.commands.get("ci"), &job.revision) else {
                let reason = format!("project {} has no `commands.ci`", project.settings.name);
                return Err(Ending::Hopeless(reason));
            };
            let worktree = project.checkout(&format!("ci-{}", job.id), revision).await.map_err(Ending::Failed)?;
            Ok(Prepared { command: command.clone(), limit_s: limit, worktree })
        }
    }
}

/// The shim's order.
fn order(
    app: &App,
    project: &Project,
    task: &Task,
    job: &Job,
    run: RunId,
    folder: &Path,
    prepared: Prepared,
) -> RunOrder {
    let runs = &app.settings.runs;
    let env = match job.lane {
        Lane::Role => brief::environment(project, task, job, run, folder, runs),
        Lane::Ci => brief::inherited(runs),
    };
    RunOrder {
        command: prepared.command,
        folder: prepared.worktree,
        env,
        time_limit_ms: prepared.limit_s.saturating_mul(1000),
        kill_grace_ms: runs.kill_grace_s.saturating_mul(1000),
        log_limit_bytes: runs.log_limit_bytes,
    }
}
