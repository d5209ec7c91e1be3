//! What Portcullis asks of a forge, whichever it is.
//!
//! Every effect names the head that it expects, because a lease cannot fence a forge. Expected endings of a merge are
//! values of [`Merged`]; an error means that we could not find out, and calling again is safe. Deliberately absent: the
//! local forge (the daemon's, it needs git and the store) and retries (the outbox's).

mod comment;
mod conflict_words;
mod gitea;
mod github;
mod merge;
mod page;

pub use gitea::Gitea;
pub use github::GitHub;

use crate::http::{Answer, RestError};
use async_trait::async_trait;
use portcullis_core::effect::StatusState;
use portcullis_core::facts::{Check, ForgeError, PullRequest};
use portcullis_core::ids::Revision;
use reqwest::StatusCode;

/// How a pull request gets into its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Landing {
    /// By a merge commit.
    MergeCommit,
    /// By moving the target forward, where the forge can: what lands is the tested commit itself.
    FastForward,
}

/// How an attempt to merge ended.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum Merged {
    /// Merged now, by us; the commit that is on the target branch.
    Merged(Revision),
    /// It was merged before, or by somebody else, or by an attempt of ours whose answer was lost (MRG-3).
    AlreadyMerged {
        /// The commit on the target branch, if the forge says.
        merge_commit: Option<Revision>,
    },
    /// The pull request's head is not the one that was tested: every verdict on it is void.
    HeadMoved,
    /// The target branch moved on: catch up and test again.
    TargetMoved,
    /// It conflicts; the paths, where the forge says.
    Conflict(Vec<String>),
    /// Not now, and why: closed, protected, or the forge is still thinking.
    NotYet(String),
}

/// One repository on a forge.
#[async_trait]
pub trait Forge: Send + Sync {
    /// Every reported check of exactly this revision, newest per context (CIG-1). No check at all is an empty list.
    async fn checks(&self, revision: &Revision) -> Result<Vec<Check>, ForgeError>;

    /// Contexts that the protection of `branch` requires; some forges allow patterns here.
    async fn required_checks(&self, branch: &str) -> Result<Vec<String>, ForgeError>;

    /// A pull request as it is now.
    async fn pull_request(&self, number: u64) -> Result<PullRequest, ForgeError>;

    /// The number of the open pull request from `branch` into `base`; opens one only if there is none.
    async fn open_pull_request(&self, branch: &str, base: &str, title: &str, body: &str) -> Result<u64, ForgeError>;

    /// Merges, if the head is still `head` and the target still `target_head`. Looks first whether it is merged already,
    /// and after any answer looks again before believing it (MRG-3).
    ///
    /// A forge checks the head itself, the target only we do: a push to the target between our look and the merge is
    /// not noticed here. Where that matters, push the merge with an expected old value instead.
    async fn merge(
        &self,
        number: u64,
        head: &Revision,
        target_head: &Revision,
        message: &str,
    ) -> Result<Merged, ForgeError>;

    /// Reports a commit status. Reporting the same again is harmless.
    async fn set_status(
        &self,
        revision: &Revision,
        context: &str,
        state: StatusState,
        description: &str,
    ) -> Result<(), ForgeError>;

    /// Says `text` at a pull request, once for each `key`.
    async fn comment(&self, number: u64, key: &str, text: &str) -> Result<(), ForgeError>;
}

impl From<RestError> for ForgeError {
    fn from(error: RestError) -> Self {
        Self::Unavailable(error.to_string())
    }
}

/// The answer, if it is a success; otherwise what it means.
fn success(answer: Answer) -> Result<Answer, ForgeError> {
    if let Some(wait_s) = answer.wait_s() {
        return Err(ForgeError::RateLimited(wait_s));
    }
    match answer.status {
        status if status.is_success() => Ok(answer),
        StatusCode::NOT_FOUND | StatusCode::GONE => Err(ForgeError::NotFound),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(ForgeError::Unavailable(format!("{}; check the token and its rights", answer.describe())))
        }
        _ => Err(ForgeError::Unavailable(answer.describe())),
    }
}

/// A revision that the forge named.
fn named(what: &str, text: &str) -> Result<Revision, ForgeError> {
    Revision::parse(text).map_err(|error| ForgeError::Unavailable(format!("its {what} makes no sense: {error}")))
}

/// `owner/name` taken apart.
fn owner_and_name(repository: &str) -> Result<(String, String), crate::http::SetupError> {
    let bad = || crate::http::SetupError::Name {
        name: crate::text::one_line(repository, 100),
        what: "repository of the form owner/name",
    };
    let (owner, name) = repository.split_once('/').ok_or_else(bad)?;
    let usable = |part: &str| {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_' | '.');
        !part.is_empty() && part != "." && part != ".." && part.chars().all(plain)
    };
    if usable(owner) && usable(name) { Ok((owner.to_owned(), name.to_owned())) } else { Err(bad()) }
}

fn seconds(time: Option<&str>) -> Option<i64> {
    let at = time?.parse::<jiff::Timestamp>().ok()?.as_second();
    // Forges write "never" as a date long gone.
    (at > 0).then_some(at)
}

/// How a commit status of ours is called in both REST interfaces.
fn status_word(state: StatusState) -> &'static str {
    match state {
        StatusState::Pending => "pending",
        StatusState::Success => "success",
        StatusState::Failure => "failure",
    }
}
