//! Bringing the target branch's head into a task's branch, locally (MRG-1).
//!
//! A conflict leaves branch and folder as they were. A merge is tried on trees alone, so it cannot leave anything
//! behind; a rebase happens in the worktree and is taken back.

use crate::branch::Branch;
use crate::error::GitError;
use crate::merge::{Tried, commit_tree, try_merge};
use crate::wire::fields;
use crate::worktree::Worktree;
use portcullis_core::facts::CaughtUp;
use portcullis_core::ids::Revision;

/// How the target's head is brought in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CatchUpStyle {
    /// By a merge commit on the branch.
    Merge,
    /// By writing the branch's commits anew on top of it; merges among them are flattened.
    Rebase,
}

impl Worktree {
    /// Brings `target_head` into the branch. Everything must be committed before; what git ignores does not count.
    ///
    /// # Errors
    /// [`GitError::Unclean`] with uncommitted changes; [`GitError::NotFound`] if `target_head` is not here;
    /// [`GitError`] if git cannot do it for another reason than conflicts: the branch is as it was then, too.
    pub fn catch_up(&self, target: &Branch, target_head: &Revision, style: CatchUpStyle) -> Result<CaughtUp, GitError> {
        self.ready_to_change()?;
        self.repository().require_commit(target_head)?;
        // The way back from a rebase cleans the folder: nothing may be in it that is not in a commit.
        if self.is_merging() || !self.is_clean(style == CatchUpStyle::Rebase)? {
            return Err(GitError::Unclean { path: self.path().to_owned() });
        }
        let head = self.head()?;
        if self.repository().is_ancestor(target_head, &head)? {
            return Ok(CaughtUp::UpToDate);
        }
        if self.repository().is_ancestor(&head, target_head)? {
            self.forward(target_head)?;
            return Ok(CaughtUp::Merged(target_head.clone()));
        }
        match style {
            CatchUpStyle::Merge => self.merge(target, &head, target_head),
            CatchUpStyle::Rebase => self.rebase(&head, target_head),
        }
    }

    fn merge(&self, target: &Branch, head: &Revision, target_head: &Revision) -> Result<CaughtUp, GitError> {
        let tree = match try_merge(self.content_call("merge-tree")?, head, target_head)? {
            Tried::Clean(tree) => tree,
            Tried::Conflict(paths) => return Ok(CaughtUp::Conflict(paths)),
        };
        let message = format!("Merge branch '{target}' into {}\n", self.branch());
        let merged = commit_tree(self.repository(), &tree, &[head, target_head], &message)?;
        self.forward(&merged)?;
        Ok(CaughtUp::Merged(merged))
    }

    fn rebase(&self, head: &Revision, target_head: &Revision) -> Result<CaughtUp, GitError> {
        let how = ["--quiet", "--merge", "--no-verify", "--no-gpg-sign", "--no-autostash", "--no-autosquash"];
        let call =
            self.content_call("rebase")?.args(how).args(["--no-fork-point", "--empty=drop", target_head.as_str()]);
        let result = call.output();
        if let Ok(output) = &result
            && output.status.success()
        {
            return Ok(CaughtUp::Merged(self.head()?));
        }
        let conflicts =
            self.content_call("diff")?.args(["--name-only", "-z", "--diff-filter=U", "--no-ext-diff"]).run();
        // Not `rebase --abort`: that needs a state that the failure may have spoilt.
        self.reset(head)?;
        let conflicts = lossy(&conflicts?);
        match result {
            Ok(_) if !conflicts.is_empty() => Ok(CaughtUp::Conflict(conflicts)),
            Ok(output) => Err(call.failure(&output)),
            Err(error) => Err(error),
        }
    }

    /// Moves branch and folder forward to a descendant of the head.
    fn forward(&self, to: &Revision) -> Result<(), GitError> {
        let how = ["--quiet", "--ff-only", "--no-verify", "--no-autostash", "--no-verify-signatures"];
        self.content_call("merge")?.args(how).arg(to.as_str()).run().map(drop)
    }
}

/// Paths for people: what is not UTF-8 shows as a replacement character.
pub(crate) fn lossy(printed: &[u8]) -> Vec<String> {
    fields(printed).map(|path| String::from_utf8_lossy(path).into_owned()).collect()
}
