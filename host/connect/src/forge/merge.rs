//! How a merge is made safe over any forge (MRG-3): look, ask, look again, and believe only what was seen.
//!
//! An answer can be lost, late or vague; the pull request itself cannot. So the answer to the request decides nothing
//! that a look at the pull request could decide.

use super::Merged;
use async_trait::async_trait;
use portcullis_core::facts::{ForgeError, PullRequest};
use portcullis_core::ids::Revision;

/// A pull request as it was seen.
pub(super) struct Seen {
    pub(super) pull_request: PullRequest,
    /// The forge is certain that it conflicts. False where it does not know (yet).
    pub(super) conflicts: bool,
}

/// What the forge said to the request.
pub(super) enum Said {
    /// Merged.
    Done,
    /// Accepted for later, which we never ask for.
    Scheduled,
    /// It conflicts; the paths, as far as it says.
    Conflict(Vec<String>),
    /// No, and why.
    Refused(String),
}

/// The four steps of a merge, which each forge does in its way.
#[async_trait]
pub(super) trait Steps: Sync {
    async fn look(&self, number: u64) -> Result<Seen, ForgeError>;
    async fn branch_head(&self, branch: &str) -> Result<Revision, ForgeError>;
    async fn ask(&self, number: u64, head: &Revision, message: &str) -> Result<Said, ForgeError>;
    /// Takes back what was scheduled.
    async fn cancel(&self, number: u64) -> Result<(), ForgeError>;
}

pub(super) async fn merge(
    forge: &impl Steps,
    number: u64,
    head: &Revision,
    target_head: &Revision,
    message: &str,
) -> Result<Merged, ForgeError> {
    let before = forge.look(number).await?.pull_request;
    if let Some(ending) = settled(forge, &before, head, target_head).await? {
        return Ok(ending);
    }
    let said = forge.ask(number, head, message).await;
    if matches!(said, Ok(Said::Scheduled)) {
        // A scheduled merge would land later, whatever the gates say then.
        forge.cancel(number).await?;
    }
    let after = forge.look(number).await?;
    if after.pull_request.merged
        && matches!(said, Ok(Said::Done))
        && let Some(commit) = &after.pull_request.merge_commit
    {
        return Ok(Merged::Merged(commit.clone()));
    }
    if let Some(ending) = settled(forge, &after.pull_request, head, target_head).await? {
        return Ok(ending);
    }
    // Nothing has changed: now the answer may explain why.
    Ok(match said? {
        Said::Conflict(paths) => Merged::Conflict(paths),
        Said::Refused(_) if after.conflicts => Merged::Conflict(Vec::new()),
        Said::Refused(why) => Merged::NotYet(why),
        Said::Scheduled => Merged::NotYet("the forge only scheduled the merge; that was cancelled".to_owned()),
        Said::Done => Merged::NotYet("the forge says merged, but still shows the pull request as open".to_owned()),
    })
}

/// The ending that the pull request itself shows; none if it still stands as it was tested.
async fn settled(
    forge: &impl Steps,
    seen: &PullRequest,
    head: &Revision,
    target_head: &Revision,
) -> Result<Option<Merged>, ForgeError> {
    if seen.merged {
        return Ok(Some(Merged::AlreadyMerged { merge_commit: seen.merge_commit.clone() }));
    }
    if !seen.open {
        return Ok(Some(Merged::NotYet(format!("pull request {} is closed; open it again", seen.number))));
    }
    if seen.head != *head {
        return Ok(Some(Merged::HeadMoved));
    }
    if forge.branch_head(&seen.base).await? != *target_head {
        return Ok(Some(Merged::TargetMoved));
    }
    Ok(None)
}
