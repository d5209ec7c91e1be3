//! The embedded forge: a bare repository on disk, with pull requests and checks in the daemon's own memory.
//!
//! Whether a pull request is merged is read from git, not remembered: a crash between the merge and its note in the store
//! changes nothing (MRG-3).

use crate::gatehouse::chain;
use crate::outbox::check_state;
use async_trait::async_trait;
use portcullis_connect::forge::{Forge, Merged};
use portcullis_core::effect::StatusState;
use portcullis_core::facts::{Check, ForgeError, PullRequest};
use portcullis_core::ids::{ProjectName, Revision};
use portcullis_core::time::Clock;
use portcullis_git::{Branch, Git, GitError, MergeOutcome, MergeStyle, Repository};
use portcullis_store::{LocalPullRequest, Store, StoreError, check};
use std::path::PathBuf;
use std::sync::Arc;

/// The embedded forge of one project.
pub struct LocalForge {
    /// Which project.
    pub project: ProjectName,
    /// Its bare repository.
    pub repository: PathBuf,
    /// Starts git.
    pub git: Git,
    /// Where pull requests and checks are.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// How it merges.
    pub style: MergeStyle,
    /// Contexts that every branch requires.
    pub required: Vec<String>,
}

impl LocalForge {
    async fn git<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Repository) -> Result<T, GitError> + Send + 'static,
    ) -> Result<T, ForgeError> {
        let (git, path) = (self.git.clone(), self.repository.clone());
        let done = tokio::task::spawn_blocking(move || work(&Repository::open(&git, &path)?)).await;
        done.map_err(|error| ForgeError::Unavailable(error.to_string()))?.map_err(|error| unavailable(&error))
    }

    async fn stored(&self, number: u64) -> Result<LocalPullRequest, ForgeError> {
        self.store.pull_request(&self.project, number).await.map_err(|e| unavailable(&e))?.ok_or(ForgeError::NotFound)
    }
}

fn unavailable(error: &(dyn std::error::Error + 'static)) -> ForgeError {
    ForgeError::Unavailable(chain(error))
}

#[async_trait]
impl Forge for LocalForge {
    async fn checks(&self, revision: &Revision) -> Result<Vec<Check>, ForgeError> {
        self.store.checks(&self.project, revision).await.map_err(|error| unavailable(&error))
    }

    async fn required_checks(&self, _branch: &str) -> Result<Vec<String>, ForgeError> {
        Ok(self.required.clone())
    }

    async fn pull_request(&self, number: u64) -> Result<PullRequest, ForgeError> {
        let stored = self.stored(number).await?;
        let (branch, base) = (stored.branch.clone(), stored.base.clone());
        let known = stored.merge_commit.clone();
        let (head, merge_commit) = self
            .git(move |repository| {
                let (branch, base) = (Branch::parse(&branch)?, Branch::parse(&base)?);
                let head = repository.branch_head(&branch)?;
                let tip = repository.branch_head(&base)?;
                let merged = match (&known, &head, &tip) {
                    (Some(commit), ..) => Some(commit.clone()),
                    (None, Some(head), Some(tip)) if repository.reader().is_ancestor(head, tip).unwrap_or(false) => {
                        // Merged, and the note of it was lost: git says by which commit.
                        match repository.merge_commit(&base, tip, head, "", MergeStyle::MergeCommit)? {
                            MergeOutcome::AlreadyMerged(commit) | MergeOutcome::Merged(commit) => Some(commit),
                            MergeOutcome::TargetMoved(_) | MergeOutcome::Conflict(_) => None,
                        }
                    }
                    (None, ..) => None,
                };
                Ok((head, merged))
            })
            .await?;
        Ok(PullRequest {
            number,
            open: stored.open && merge_commit.is_none(),
            merged: merge_commit.is_some(),
            head: head.ok_or(ForgeError::NotFound)?,
            base: stored.base,
            merge_commit,
        })
    }

    async fn open_pull_request(&self, branch: &str, base: &str, title: &str, _body: &str) -> Result<u64, ForgeError> {
        let opened = self.store.open_pull_request(&self.project, branch, base, title).await;
        opened.map(|pull_request| pull_request.number).map_err(|error| unavailable(&error))
    }

    async fn merge(
        &self,
        number: u64,
        head: &Revision,
        target_head: &Revision,
        message: &str,
    ) -> Result<Merged, ForgeError> {
        let stored = self.stored(number).await?;
        let (branch, base) = (stored.branch, stored.base);
        let (head, target_head, message) = (head.clone(), target_head.clone(), message.to_owned());
        let style = self.style;
        let outcome = self
            .git(move |repository| {
                let (branch, base) = (Branch::parse(&branch)?, Branch::parse(&base)?);
                if repository.branch_head(&branch)?.as_ref() != Some(&head) {
                    return Ok(None);
                }
                repository.merge_commit(&base, &target_head, &head, &message, style).map(Some)
            })
            .await?;
        let merged = match outcome {
            None => Merged::HeadMoved,
            Some(MergeOutcome::Merged(commit)) => Merged::Merged(commit),
            Some(MergeOutcome::AlreadyMerged(commit)) => Merged::AlreadyMerged { merge_commit: Some(commit) },
            Some(MergeOutcome::TargetMoved(_)) => Merged::TargetMoved,
            Some(MergeOutcome::Conflict(paths)) => Merged::Conflict(paths),
        };
        if let Merged::Merged(commit) | Merged::AlreadyMerged { merge_commit: Some(commit) } = &merged {
            let noted = self.store.pull_request_merged(&self.project, number, commit).await;
            noted.map_err(|error| unavailable(&error))?;
        }
        Ok(merged)
    }

    async fn set_status(
        &self,
        revision: &Revision,
        context: &str,
        state: StatusState,
        description: &str,
    ) -> Result<(), ForgeError> {
        let check = check(context, check_state(state), description, self.clock.now());
        self.store.put_check(&self.project, revision, check).await.map_err(|error| unavailable(&error))
    }

    async fn comment(&self, number: u64, key: &str, text: &str) -> Result<(), ForgeError> {
        // The embedded forge has one board for both: what is said at a pull request is said at `PR-<number>` there.
        let item = portcullis_core::ids::WorkItem::new(format!("PR-{number}"));
        let added: Result<(), StoreError> =
            self.store.add_board_comment(&self.project, &item, key, text, self.clock.now()).await;
        added.map_err(|error| unavailable(&error))
    }
}
