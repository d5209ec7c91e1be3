//! Forgetting what ended long ago (QUE-6): rows by the store, a few at a time, and then the folders that only they named.

use crate::app::App;
use crate::settings;
use portcullis_store::{Pruned, Retention, StoreError};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

/// Rows of each kind that go at once: what else is to be written waits no longer than that takes.
const AT_ONCE: u32 = 500;

/// One round: until nothing more is old enough. Never asks to come round sooner.
///
/// # Errors
/// [`StoreError`]; what went before is gone, the rest goes in the next round.
pub async fn tick(app: &Arc<App>) -> Result<Option<Duration>, StoreError> {
    let cutoffs = ages(&app.settings.retention).cutoffs(app.now());
    let mut removed = 0;
    loop {
        let pruned = app.store.prune(&cutoffs, AT_ONCE).await?;
        if pruned.rows() == 0 {
            break;
        }
        removed += pruned.rows();
        remove_folders(app, pruned).await;
    }
    if removed > 0 {
        tracing::info!(rows = removed, "forgot what ended long ago");
    }
    Ok(None)
}

fn ages(kept: &settings::Retention) -> Retention {
    let days = |days: u32| Duration::from_secs(u64::from(days) * 24 * 60 * 60);
    Retention {
        jobs: days(kept.jobs_days),
        evaluations: days(kept.evaluations_days),
        inbox: days(kept.inbox_days),
        inbox_parked: days(kept.parked_days),
        outbox: days(kept.outbox_days),
        outbox_parked: days(kept.parked_days),
        audit: days(kept.audit_days),
    }
}

/// Removes the runs' folders. Only what lies where runs' folders lie: a path is a row of a database.
async fn remove_folders(app: &App, pruned: Pruned) {
    let runs = app.settings.server.home.join("runs");
    let folders: Vec<PathBuf> = pruned.folders.into_iter().map(PathBuf::from).filter(|f| is_a_run(&runs, f)).collect();
    let removing = tokio::task::spawn_blocking(move || {
        for folder in folders {
            if let Err(error) = std::fs::remove_dir_all(&folder)
                && error.kind() != std::io::ErrorKind::NotFound
            {
                tracing::warn!(folder = %folder.display(), %error, "failed to remove the folder of a run");
            }
        }
    });
    if let Err(error) = removing.await {
        tracing::warn!(%error, "removing the folders of runs ended early");
    }
}

fn is_a_run(runs: &Path, folder: &Path) -> bool {
    folder.parent() == Some(runs) && folder.file_name().is_some()
}

#[cfg(test)]
mod tests {
    use super::is_a_run;
    use std::path::Path;

    #[test]
    fn only_a_folder_right_below_the_runs_is_removed() {
        // QUE-6
        let runs = Path::new("/home/runs");
        for (folder, expected) in [
            ("/home/runs/job-1-attempt-1", true),
            ("/home/runs", false),
            ("/home/runs/", false),
            ("/home/runs/..", false),
            ("/home/runs/../worktrees", false),
            ("/home/runs/a/b", false),
            ("/etc", false),
            ("", false),
        ] {
            assert_eq!(is_a_run(runs, Path::new(folder)), expected, "{folder}");
        }
    }
}
