//! The merge itself, and the lease that serialises the merges of one repository (MRG-2, MRG-3).

use crate::app::App;
use crate::project::Project;
use portcullis_connect::forge::Merged;
use portcullis_core::ids::{Revision, TaskId};
use portcullis_core::lease::{Acquire, LeaseName};
use portcullis_core::step::Rest;
use portcullis_core::task::{MergeIntent, Task};
use portcullis_store::StoreError;
use std::time::Duration;

/// Long enough for a pause between two looks; renewed at each look and while a gate acts.
const LEASE_FOR: Duration = Duration::from_secs(1800);

/// How an attempt to merge ended.
#[derive(Debug, PartialEq, Eq)]
pub enum MergeEnd {
    /// It is merged, now or since an earlier attempt whose answer was lost; by this commit.
    Merged(Revision),
    /// What was judged is no longer what would be merged: judge again. Says why.
    Void(String),
    /// It conflicts, in these paths.
    Conflict(Vec<String>),
    /// Somebody merged something else by hand: a person has to look.
    Outside(String),
    /// The forge could not say, or not yet.
    NotYet(String),
}

/// Merges what the gates judged, unless it is merged already. Asking comes first, always (MRG-3).
pub async fn merge(project: &Project, task: &Task, intent: &MergeIntent) -> MergeEnd {
    let Some(number) = task.pull_request else {
        return MergeEnd::NotYet("it has no pull request yet".to_owned());
    };
    let before = match project.forge.pull_request(number).await {
        Ok(pull_request) => pull_request,
        Err(error) => return MergeEnd::NotYet(error.to_string()),
    };
    if before.merged {
        return match before.merge_commit {
            _ if before.head != intent.head => MergeEnd::Outside(format!(
                "pull request {number} was merged outside at {}, while the gates judged {}; look at what was merged, then cancel this task and make a new one for what is missing",
                before.head.short(),
                intent.head.short()
            )),
            Some(commit) => MergeEnd::Merged(commit),
            None => MergeEnd::NotYet("the forge does not name the merge commit yet".to_owned()),
        };
    }
    if !before.open {
        return MergeEnd::Outside(format!(
            "pull request {number} was closed without being merged; open it again, then release the task"
        ));
    }
    match project.heads(&task.branch).await {
        Err(reason) => return MergeEnd::NotYet(reason),
        Ok(heads) if heads.target != intent.target_head => {
            return MergeEnd::Void(format!("{} moved to {}", project.settings.default_branch, heads.target.short()));
        }
        Ok(_) => {}
    }
    let message = format!("Merge {} {}\n\n{}", task.project, task.work_item, task.title);
    match project.forge.merge(number, &intent.head, &intent.target_head, &message).await {
        Ok(Merged::Merged(commit)) => MergeEnd::Merged(commit),
        Ok(Merged::AlreadyMerged { merge_commit: Some(commit) }) => MergeEnd::Merged(commit),
        Ok(Merged::AlreadyMerged { merge_commit: None }) => {
            MergeEnd::NotYet("the forge does not name the merge commit yet".to_owned())
        }
        Ok(Merged::HeadMoved) => MergeEnd::Void("the branch moved after it was judged".to_owned()),
        Ok(Merged::TargetMoved) => MergeEnd::Void("the target branch moved after it was judged".to_owned()),
        Ok(Merged::Conflict(paths)) => MergeEnd::Conflict(paths),
        Ok(Merged::NotYet(reason)) => MergeEnd::NotYet(reason),
        Err(error) => MergeEnd::NotYet(error.to_string()),
    }
}

/// Takes the repository's merge lease for a task, or renews the one it kept. Some: somebody else holds it.
///
/// # Errors
/// [`StoreError`].
pub async fn hold_lease(app: &App, task: TaskId, repository: &str) -> Result<Option<Rest>, StoreError> {
    let kept = take_kept(app, task);
    if let Some(mut lease) = kept
        && app.store.renew(&mut lease, app.now(), LEASE_FOR).await?
    {
        keep(app, task, lease);
        return Ok(None);
    }
    let name = LeaseName::merge(repository);
    match app.store.acquire(&name, &app.holder(format!("task {task}")), app.now(), LEASE_FOR).await? {
        Acquire::Won(lease) => {
            keep(app, task, lease);
            Ok(None)
        }
        Acquire::Held { by, .. } => Ok(Some(Rest::LeaseTaken { lease: name.to_string(), by: by.what })),
    }
}

/// Renews the lease that a task keeps, if it keeps one, while something takes long. One that was lost meanwhile is not
/// kept on: the next step takes it anew, or rests.
///
/// # Errors
/// [`StoreError`].
pub async fn renew(app: &App, task: TaskId) -> Result<(), StoreError> {
    if let Some(mut lease) = take_kept(app, task)
        && app.store.renew(&mut lease, app.now(), LEASE_FOR).await?
    {
        keep(app, task, lease);
    }
    Ok(())
}

/// At the end of a drive: gives the lease back, unless the task is still on its way to the merge.
pub async fn settle(app: &App, task: TaskId, keep_it: bool) {
    if !keep_it
        && let Some(lease) = take_kept(app, task)
        && let Err(error) = app.store.release(lease).await
    {
        // Its deadline frees it.
        tracing::warn!(task.id = task.0, %error, "failed to give the merge lease back");
    }
}

fn take_kept(app: &App, task: TaskId) -> Option<portcullis_core::lease::Lease> {
    app.merge_leases.lock().unwrap_or_else(std::sync::PoisonError::into_inner).remove(&task)
}

fn keep(app: &App, task: TaskId, lease: portcullis_core::lease::Lease) {
    app.merge_leases.lock().unwrap_or_else(std::sync::PoisonError::into_inner).insert(task, lease);
}
