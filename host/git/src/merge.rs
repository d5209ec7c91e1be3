//! Merging on trees alone, and the local forge's merge of a branch into its target in a bare repository.

use crate::branch::Branch;
use crate::call::Call;
use crate::catch_up::lossy;
use crate::error::GitError;
use crate::repository::{Repository, disarm, revision};
use portcullis_core::ids::Revision;

/// How a branch gets into its target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MergeStyle {
    /// Always by a merge commit.
    MergeCommit,
    /// By moving the target forward where that is possible, else by a merge commit.
    FastForward,
}

/// How a merge ended. None of these is an error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum MergeOutcome {
    /// The target is now at this revision.
    Merged(Revision),
    /// The target held the head before; the commit that brought it in, or the target's head if none did so directly.
    AlreadyMerged(Revision),
    /// The target is not where it was expected but here; nothing was changed.
    TargetMoved(Revision),
    /// These paths conflict; nothing was changed.
    Conflict(Vec<String>),
}

impl Repository {
    /// Merges `head` into the branch `target` if that is at `expected`: a compare-and-swap without a worktree. Asks
    /// first whether it is merged already (MRG-3), so calling again after a crash is safe.
    ///
    /// # Errors
    /// [`GitError::NotFound`] if the branch or `head` is not here; [`GitError`] if git fails.
    pub fn merge_commit(
        &self,
        target: &Branch,
        expected: &Revision,
        head: &Revision,
        message: &str,
        style: MergeStyle,
    ) -> Result<MergeOutcome, GitError> {
        self.require_commit(head)?;
        let tip = self.required_head(target)?;
        if let Some(outcome) = self.already(&tip, expected, head)? {
            return Ok(outcome);
        }
        let merged = if style == MergeStyle::FastForward && self.is_ancestor(&tip, head)? {
            head.clone()
        } else {
            let disarmed = disarm(self.call("config"))?;
            match try_merge(self.call("merge-tree").config(disarmed), &tip, head)? {
                Tried::Clean(tree) => commit_tree(self, &tree, &[&tip, head], message)?,
                Tried::Conflict(paths) => return Ok(MergeOutcome::Conflict(paths)),
            }
        };
        if self.move_branch(target, Some(&tip), &merged)? {
            return Ok(MergeOutcome::Merged(merged));
        }
        // A rival was faster. If it moved the target away and back, nothing tells that from here: the caller asks again.
        let actual = self.required_head(target)?;
        Ok(self.already(&actual, expected, head)?.unwrap_or(MergeOutcome::TargetMoved(actual)))
    }

    fn required_head(&self, target: &Branch) -> Result<Revision, GitError> {
        self.branch_head(target)?.ok_or_else(|| GitError::NotFound { what: format!("branch `{target}`") })
    }

    /// What makes a merge needless or void.
    fn already(&self, tip: &Revision, expected: &Revision, head: &Revision) -> Result<Option<MergeOutcome>, GitError> {
        if self.is_ancestor(head, tip)? {
            return Ok(Some(MergeOutcome::AlreadyMerged(self.merge_of(head, tip)?)));
        }
        Ok((tip != expected).then(|| MergeOutcome::TargetMoved(tip.clone())))
    }

    /// The commit on the target's own line whose other parent is `head`.
    fn merge_of(&self, head: &Revision, tip: &Revision) -> Result<Revision, GitError> {
        let call = self.call("rev-list").args(["--first-parent", "--parents", tip.as_str(), &format!("^{head}")]);
        let printed = call.run()?;
        for line in printed.split(|&byte| byte == b'\n') {
            let line = String::from_utf8_lossy(line);
            let mut names = line.split(' ');
            let commit = names.next().unwrap_or_default();
            if names.skip(1).any(|parent| parent == head.as_str()) {
                return revision("rev-list", commit.as_bytes());
            }
        }
        Ok(tip.clone())
    }
}

/// What merging two commits would give.
pub(crate) enum Tried {
    /// This tree.
    Clean(Revision),
    /// Conflicts in these paths.
    Conflict(Vec<String>),
}

/// Merges two commits without touching a branch, an index or a folder. `call` is a `merge-tree` in the making.
pub(crate) fn try_merge(call: Call<'_>, ours: &Revision, theirs: &Revision) -> Result<Tried, GitError> {
    let how = ["--write-tree", "-z", "--name-only", "--no-messages"];
    let (code, printed) = call.args(how).args([ours.as_str(), theirs.as_str()]).run_expecting(&[0, 1])?;
    let end = printed.iter().position(|&byte| byte == 0).unwrap_or(printed.len());
    // The tree of a conflict exists too; it holds the conflict's marks.
    let tree = revision("merge-tree", &printed[..end])?;
    if code == 0 {
        return Ok(Tried::Clean(tree));
    }
    Ok(Tried::Conflict(lossy(printed.get(end + 1..).unwrap_or_default())))
}

/// Makes a commit in the daemon's name and moves nothing to it.
pub(crate) fn commit_tree(
    repository: &Repository,
    tree: &Revision,
    parents: &[&Revision],
    message: &str,
) -> Result<Revision, GitError> {
    let mut call = repository.call("commit-tree").args(["--no-gpg-sign", tree.as_str()]);
    for parent in parents {
        call = call.args(["-p", parent.as_str()]);
    }
    revision("commit-tree", &call.input(ended(message)).run()?)
}

/// A message that ends its last line, as messages do: never empty, so git gets an input.
pub(crate) fn ended(message: &str) -> String {
    if message.ends_with('\n') { message.to_owned() } else { format!("{message}\n") }
}
