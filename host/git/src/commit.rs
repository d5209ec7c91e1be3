//! What a role left in its worktree, and committing it in the daemon's name (LAU-3).

use crate::error::GitError;
use crate::merge::ended;
use crate::repository::revision;
use crate::wire::fields;
use crate::worktree::Worktree;
use portcullis_core::ids::Revision;

impl Worktree {
    /// Paths that differ from the branch's head: changed, new or gone, without what git ignores. Bytes, sorted by git.
    ///
    /// # Errors
    /// [`GitError::NoWorktree`] if the folder has gone.
    pub fn changed_files(&self) -> Result<Vec<Vec<u8>>, GitError> {
        self.status("--untracked-files=all")
    }

    /// Commits everything that the role left uncommitted, new and deleted files included, with `message` as it is.
    /// None: there was nothing to commit. The repository's hooks do not run; its `.gitignore` is obeyed. A repository
    /// that the role made inside the worktree becomes a bare reference to its head.
    ///
    /// # Errors
    /// [`GitError::Unfinished`] if conflicts are unresolved or a rebase is half done, [`GitError::WrongBranch`] if the
    /// role went to another branch and did not build on this one: nothing is committed then.
    pub fn commit_all(&self, message: &str) -> Result<Option<Revision>, GitError> {
        self.ready_to_change()?;
        self.content_call("add")?.arg("--all").run()?;
        let tree = revision("write-tree", &self.content_call("write-tree")?.run()?)?;
        let head_tree = self.call("rev-parse").args(["--verify", "HEAD^{tree}"]).run()?;
        if tree == revision("rev-parse", &head_tree)? && !self.is_merging() {
            return Ok(None);
        }
        let how = ["--quiet", "--no-verify", "--no-gpg-sign", "--allow-empty", "--allow-empty-message"];
        let call = self.content_call("commit")?.args(how).args(["--cleanup=verbatim", "--file=-"]);
        call.input(ended(message)).run()?;
        self.checked_out().map(Some)
    }

    /// Makes sure that the worktree is on its branch and nothing is half done but a merge without conflicts.
    pub(crate) fn ready_to_change(&self) -> Result<(), GitError> {
        self.unlock()?;
        let path = self.path().to_owned();
        let conflicts = !self.call("ls-files").args(["--unmerged", "-z"]).run()?.is_empty();
        match self.unfinished() {
            Some(what @ ("rebase" | "sequence of picks")) => {
                return Err(GitError::Unfinished { path, operation: what.to_owned() });
            }
            what if conflicts => {
                let operation = format!("{} with conflicts", what.unwrap_or("merge"));
                return Err(GitError::Unfinished { path, operation });
            }
            _ => {}
        }
        if self.come_home()? {
            return Ok(());
        }
        let found = self.attached_to()?.unwrap_or_else(|| "no branch".to_owned());
        Err(GitError::WrongBranch { path, branch: self.branch().to_string(), found })
    }

    /// Whether every tracked file is as the head has it, and with `untracked` whether there is none that is not tracked.
    pub(crate) fn is_clean(&self, untracked: bool) -> Result<bool, GitError> {
        let untracked = if untracked { "--untracked-files=normal" } else { "--untracked-files=no" };
        Ok(self.status(untracked)?.is_empty())
    }

    fn status(&self, untracked: &str) -> Result<Vec<Vec<u8>>, GitError> {
        let how = ["--porcelain=v1", "-z", "--no-renames", "--ignore-submodules=none", untracked];
        let printed = self.content_call("status")?.args(how).run()?;
        // Two letters and a space stand before each path.
        Ok(fields(&printed).filter_map(|entry| entry.get(3..)).map(<[u8]>::to_vec).collect())
    }
}
