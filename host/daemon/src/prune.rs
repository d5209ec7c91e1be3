//! Forgetting what ended long ago (QUE-6): rows by the store, a few at a time, then the folders that only they named, and
//! at last whatever folders of runs belong to nothing that is known any more.

use crate::app::App;
use crate::settings;
use portcullis_core::ids::{JobId, TaskId};
use portcullis_core::step::Rest;
use portcullis_core::task::Task;
use portcullis_core::time::UnixMillis;
use portcullis_store::{Pruned, Retention, Store, StoreError};
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
    let runs = app.settings.server.home.join("runs");
    let swept = sweep(&*app.store, runs, cutoffs.jobs).await?;
    if removed > 0 || swept > 0 {
        tracing::info!(rows = removed, folders = swept, "forgot what ended long ago");
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
    remove(pruned.folders.into_iter().map(PathBuf::from).filter(|f| is_a_run(&runs, f)).collect()).await;
}

async fn remove(folders: Vec<PathBuf>) {
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

/// Whose a folder of runs is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Owner {
    /// One attempt of a job.
    Job(JobId),
    /// The commands that gates ran for a task.
    Task(TaskId),
}

impl Owner {
    /// From the folder's name; none if it is not named as ours are.
    fn of(name: &str) -> Option<Self> {
        if let Some(task) = name.strip_prefix("task-").and_then(|rest| rest.strip_suffix("-acts")) {
            return task.parse().ok().map(|id| Self::Task(TaskId(id)));
        }
        let (job, attempt) = name.strip_prefix("job-")?.split_once("-attempt-")?;
        let _attempt: u32 = attempt.parse().ok()?;
        job.parse().ok().map(|id| Self::Job(JobId(id)))
    }
}

/// Removes the folders of jobs that are forgotten, because a daemon may end between forgetting them and removing theirs,
/// and those of tasks that finished by `finished_by`. Answers how many.
async fn sweep(store: &dyn Store, runs: PathBuf, finished_by: UnixMillis) -> Result<usize, StoreError> {
    // Listed before it is asked: a job is older than its folder, so that one without a job has had one.
    let listing = tokio::task::spawn_blocking(move || owned(&runs));
    let mut left = Vec::new();
    for (folder, owner) in listing.await.unwrap_or_default() {
        let is_left = match owner {
            Owner::Job(job) => store.job(job).await.map(|job| job.is_none()),
            Owner::Task(task) => store.task(task).await.map(|task| is_over(task.as_ref(), finished_by)),
        };
        match is_left {
            Ok(true) => left.push(folder),
            // One whose row cannot be read is there, for whoever mends it.
            Ok(false) | Err(StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    let swept = left.len();
    remove(left).await;
    Ok(swept)
}

/// The folders right below `runs` that are named as ours are. What cannot be listed is left for the next round.
fn owned(runs: &Path) -> Vec<(PathBuf, Owner)> {
    let entries = std::fs::read_dir(runs).into_iter().flatten().flatten();
    entries.filter_map(|entry| Some((entry.path(), Owner::of(entry.file_name().to_str()?)?))).collect()
}

fn is_over(task: Option<&Task>, finished_by: UnixMillis) -> bool {
    task.is_none_or(|task| task.rest == Some(Rest::Finished) && task.stage_since <= finished_by)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]
    use super::*;
    use portcullis_core::ids::{ProjectName, RoleName, StageName, WorkItem};
    use portcullis_core::task::NewTask;
    use portcullis_store::sqlite::SqliteStore;

    const NOW: UnixMillis = UnixMillis(1_767_603_600_000);

    /// A store with one task and its first job, in a folder of its own.
    async fn one_task(home: &Path) -> SqliteStore {
        let store = SqliteStore::open(&home.join("portcullis.db")).unwrap();
        let new = NewTask {
            project: ProjectName::new("demo"),
            work_item: WorkItem::new("DEMO-1"),
            tracker_id: None,
            title: "Lift 40 t".to_owned(),
            description: String::new(),
            stage: StageName::new("development"),
            role: Some(RoleName::new("developer")),
            branch: "task/DEMO-1".to_owned(),
            overlay: serde_json::json!({}),
        };
        let _new = store.create_task(new, "tester", NOW).await.unwrap();
        store
    }

    #[tokio::test]
    async fn folders_of_what_is_forgotten_are_swept_and_everything_else_stays() {
        // QUE-6
        let home = tempfile::tempdir().unwrap();
        let store = one_task(home.path()).await;
        let runs = home.path().join("runs");
        let stays =
            ["job-1-attempt-1", "job-1-attempt-2", "task-1-acts", "notes", "job-9", "job-x-attempt-1", "task-9"];
        let goes = ["job-9-attempt-1", "job-9-attempt-2", "task-9-acts"];
        for name in stays.iter().chain(&goes) {
            std::fs::create_dir_all(runs.join(name).join("deeper")).unwrap();
        }
        assert_eq!(sweep(&store, runs.clone(), NOW).await.unwrap(), goes.len());
        let mut left: Vec<String> =
            std::fs::read_dir(&runs).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        left.sort();
        let mut expected = stays;
        expected.sort_unstable();
        assert_eq!(left, expected);
        assert_eq!(sweep(&store, home.path().join("none"), NOW).await.unwrap(), 0, "there may have been no run yet");
    }

    #[tokio::test]
    async fn what_gates_ran_for_a_task_is_kept_until_it_has_been_finished_for_long() {
        // QUE-6
        let home = tempfile::tempdir().unwrap();
        let mut task = one_task(home.path()).await.task(TaskId(1)).await.unwrap().unwrap();
        assert!(!is_over(Some(&task), UnixMillis(NOW.0 + 1)));
        task.rest = Some(Rest::Finished);
        assert!(!is_over(Some(&task), UnixMillis(NOW.0 - 1)));
        assert!(is_over(Some(&task), NOW));
    }

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
