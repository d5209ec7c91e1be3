//! Publishing a task's branch: a compare-and-swap on the remote.
//!
//! A lease of ours cannot fence git, so each push names the head that it expects to replace. How it ended is decided by
//! reading the remote's branch again, never by what git or the forge printed.

use crate::branch::Branch;
use crate::error::GitError;
use crate::mirror::{Mirror, talk};
use portcullis_core::ids::Revision;

/// How a push ended. A lost race is an answer, not an error.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub enum PushOutcome {
    /// The remote's branch is at this head: by this push, or by an earlier one whose answer was lost.
    Pushed {
        /// What is published.
        head: Revision,
    },
    /// The remote's branch is not where it was expected; nothing was changed.
    Rejected {
        /// Where it is instead; none if there is no such branch.
        actual: Option<Revision>,
    },
}

impl Mirror {
    /// Publishes the task's branch, if the remote has it at `expected` (none: not at all). Rewritten history is
    /// published too: the expected head is what guards it.
    ///
    /// The remote's own hooks run there as the forge set them up.
    ///
    /// # Errors
    /// [`GitError::NotFound`] if the branch is not here; [`GitError::Refused`] if the remote did not take it although
    /// its branch is where it was expected; else nobody knows, and calling again is safe.
    pub fn push(&self, branch: &Branch, expected: Option<&Revision>) -> Result<PushOutcome, GitError> {
        let Some(head) = self.repository().branch_head(branch)? else {
            return Err(GitError::NotFound { what: format!("branch `{branch}`") });
        };
        let full = branch.full();
        let lease = format!("--force-with-lease={full}:{}", expected.map_or("", Revision::as_str));
        let how = ["--quiet", "--porcelain", "--no-verify", "--no-signed", "--recurse-submodules=no"];
        let call = self.repository().call("push").args(how).arg("--receive-pack=git-receive-pack").arg(lease);
        let call = call.args(["--end-of-options", self.remote().url(), &format!("{head}:{full}")]);
        let detail = match talk(call, self.remote()) {
            Ok(_) => return Ok(PushOutcome::Pushed { head }),
            Err(GitError::Unreachable { detail, .. }) => detail,
            Err(error) => return Err(error),
        };
        let actual = self.remote_head(branch)?;
        if actual.as_ref() == Some(&head) {
            Ok(PushOutcome::Pushed { head })
        } else if actual.as_ref() != expected {
            Ok(PushOutcome::Rejected { actual })
        } else {
            Err(GitError::Refused { url: self.remote().url().to_owned(), branch: branch.to_string(), detail })
        }
    }
}
