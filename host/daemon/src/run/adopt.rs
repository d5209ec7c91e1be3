//! What a daemon does at its start about jobs that an earlier one left running (LAU-6).

use super::finish::{self, Ending};
use super::launch::wait_adopted;
use super::process::identify;
use super::shim::read_exit;
use crate::app::App;
use crate::gatehouse::chain;
use portcullis_core::job::{Job, ProcessIdentity, Run};
use portcullis_store::StoreError;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::Arc;

/// Takes every running job over: its run is awaited, or its end is looked up. Answers how many.
///
/// # Errors
/// [`StoreError`].
pub async fn adopt_all(app: &Arc<App>) -> Result<usize, StoreError> {
    let jobs = app.store.running_jobs().await?;
    let found = jobs.len();
    for job in jobs {
        let app = app.clone();
        tokio::spawn(async move {
            let id = job.id;
            tracing::info!(job.id = id.0, "adopting a job that was running when the last daemon ended");
            if let Err(error) = adopt(&app, job).await {
                tracing::error!(job.id = id.0, error = %chain(&error), "failed to adopt a job; the next start tries again");
            }
            app.bell.ring_all();
        });
    }
    Ok(found)
}

async fn adopt(app: &Arc<App>, job: Job) -> Result<(), StoreError> {
    let Some(run) = job.run.clone() else {
        let reason = "the daemon ended before the run was launched".to_owned();
        return finish::end(app, &job, Ending::Failed(reason)).await;
    };
    let Some(project) = app.project(&job.project) else {
        let reason = format!("project {} is no longer in the settings", job.project);
        return finish::end(app, &job, Ending::Hopeless(reason)).await;
    };
    let folder = Path::new(&run.folder);
    let exit = match read_exit(folder) {
        Some(exit) => Some(exit),
        None => wait_adopted(process_of(&run).as_ref(), folder).await,
    };
    finish::after_exit(app, &project, &job, &run, exit).await
}

/// Which process the run became. If the daemon ended between the fork and writing that down, the shim is looked for by
/// its command line, which names the run's own folder.
fn process_of(run: &Run) -> Option<ProcessIdentity> {
    if let Some(process) = &run.process {
        return Some(process.clone());
    }
    let ours = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let mut words = line.split(|b| *b == 0).skip(1);
        words.next() == Some(b"shim") && words.next() == Some(Path::new(&run.folder).as_os_str().as_bytes())
    };
    let pids = std::fs::read_dir("/proc").ok()?.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.into_iter().find(ours).and_then(identify)
}
