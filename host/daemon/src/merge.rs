//! The merge itself, and the lease that serialises the merges of one repository (MRG-2, MRG-3).

use crate::app::App;
use crate::crash;
use crate::project::Project;
use portcullis_connect::forge::Merged;
use portcullis_core::ids::{Revision, TaskId};
use portcullis_core::lease::{Acquire, Fence, Lease, LeaseName};
use portcullis_core::step::Rest;
use portcullis_core::task::{MergeIntent, Task};
use portcullis_store::StoreError;
use std::sync::PoisonError;
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

/// Merges what the gates judged, unless it is merged already. Asking comes first, always (MRG-3). `under` is the
/// repository's merge lease: nobody else merges there meanwhile.
pub async fn merge(project: &Project, task: &Task, intent: &MergeIntent, under: &Fence) -> MergeEnd {
    tracing::debug!(task.id = task.id.0, %under, head = intent.head.short(), "merging");
    let Some(number) = task.pull_request else {
        return MergeEnd::NotYet("it has no pull request yet".to_owned());
    };
    match merged_already(project, number, intent).await {
        Ok(None) => {}
        Ok(Some(end)) => return end,
        Err(reason) => return MergeEnd::NotYet(reason),
    }
    match project.heads(&task.branch).await {
        Err(reason) => return MergeEnd::NotYet(reason),
        Ok(heads) if heads.target != intent.target_head => {
            return MergeEnd::Void(format!("{} moved to {}", project.settings.default_branch, heads.target.short()));
        }
        Ok(_) => {}
    }
    if let Err(reason) = project.stands(under).await {
        return MergeEnd::NotYet(reason);
    }
    let message = format!("Merge {} {}\n\n{}", task.project, task.work_item, task.title);
    crash::point("merge/before");
    let merged = project.forge.merge(number, &intent.head, &intent.target_head, &message).await;
    crash::point("merge/after");
    match merged {
        Ok(Merged::Merged(commit)) => MergeEnd::Merged(commit),
        // Merged by somebody between our question and our order: at which head, only asking again can tell (I8).
        Ok(Merged::AlreadyMerged { .. }) => match merged_already(project, number, intent).await {
            Ok(Some(end)) => end,
            Ok(None) => MergeEnd::NotYet("the forge says both that it is merged and that it is not".to_owned()),
            Err(reason) => MergeEnd::NotYet(reason),
        },
        Ok(Merged::HeadMoved) => MergeEnd::Void("the branch moved after it was judged".to_owned()),
        Ok(Merged::TargetMoved) => MergeEnd::Void("the target branch moved after it was judged".to_owned()),
        Ok(Merged::Conflict(paths)) => MergeEnd::Conflict(paths),
        Ok(Merged::NotYet(reason)) => MergeEnd::NotYet(reason),
        Err(error) => MergeEnd::NotYet(error.to_string()),
    }
}

/// Asks the forge what has become of the pull request. None: it is open.
async fn merged_already(project: &Project, number: u64, intent: &MergeIntent) -> Result<Option<MergeEnd>, String> {
    let found = project.forge.pull_request(number).await.map_err(|error| error.to_string())?;
    if found.merged {
        return Ok(Some(match found.merge_commit {
            _ if found.head != intent.head => MergeEnd::Outside(format!(
                "pull request {number} was merged outside at {}, while the gates judged {}; look at what was merged, then cancel this task and make a new one for what is missing",
                found.head.short(),
                intent.head.short()
            )),
            Some(commit) => MergeEnd::Merged(commit),
            None => MergeEnd::NotYet("the forge does not name the merge commit yet".to_owned()),
        }));
    }
    if !found.open {
        return Ok(Some(MergeEnd::Outside(format!(
            "pull request {number} was closed without being merged; open it again, then release the task"
        ))));
    }
    Ok(None)
}

/// How an attempt to take a repository's merge lease ended.
pub enum Hold {
    /// It is ours.
    Taken(Lease),
    /// Somebody else has it: the task rests.
    Elsewhere(Rest),
}

/// Takes the repository's merge lease for a task, or renews the one it kept since an earlier look.
///
/// # Errors
/// [`StoreError`].
pub async fn hold_lease(app: &App, task: TaskId, repository: &str) -> Result<Hold, StoreError> {
    if let Some(mut lease) = take_kept(app, task) {
        match app.store.renew(&mut lease, app.now(), LEASE_FOR).await {
            Ok(true) => return Ok(Hold::Taken(lease)),
            Ok(false) => {}
            Err(error) => {
                // It may still be ours; forgotten, it would keep everybody from merging until its deadline.
                keep_for(app, task, lease);
                return Err(error);
            }
        }
    }
    let name = LeaseName::merge(repository);
    match app.store.acquire(&name, &app.holder(format!("task {task}")), app.now(), LEASE_FOR).await? {
        Acquire::Won(lease) => Ok(Hold::Taken(lease)),
        Acquire::Held { by, .. } => Ok(Hold::Elsewhere(Rest::LeaseTaken { lease: name.to_string(), by: by.what })),
    }
}

/// Renews the lease while something under it takes long. False: it was lost; whatever is under way has to be dropped.
///
/// # Errors
/// [`StoreError`].
pub async fn renew(app: &App, lease: &mut Lease) -> Result<bool, StoreError> {
    app.store.renew(lease, app.now(), LEASE_FOR).await
}

/// At the end of a drive: gives the lease back, unless the task is still on its way to the merge.
pub async fn settle(app: &App, task: TaskId, lease: Option<Lease>, keep_it: bool) {
    let lease = lease.or_else(|| take_kept(app, task));
    match lease {
        Some(lease) if keep_it => {
            keep_for(app, task, lease);
        }
        Some(lease) => match app.store.release(lease, app.now()).await {
            Ok(()) => app.bell.tasks.notify_one(),
            // Its deadline frees it.
            Err(error) => tracing::warn!(task.id = task.0, %error, "failed to give the merge lease back"),
        },
        None => {}
    }
}

fn keep_for(app: &App, task: TaskId, lease: Lease) {
    app.merge_leases.lock().unwrap_or_else(PoisonError::into_inner).insert(task, lease);
}

fn take_kept(app: &App, task: TaskId) -> Option<Lease> {
    app.merge_leases.lock().unwrap_or_else(PoisonError::into_inner).remove(&task)
}
