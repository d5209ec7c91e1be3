//! Beginning a repository: a folder's content as the first commit of a branch.

use crate::branch::Branch;
use crate::error::GitError;
use crate::merge::commit_tree;
use crate::repository::{Repository, revision};
use portcullis_core::ids::Revision;
use std::path::Path;

impl Repository {
    /// Commits everything under `folder` as the first commit of `branch`, in the daemon's name. The folder is only read.
    ///
    /// # Errors
    /// [`GitError::BadBranch`] if the branch has a commit already; [`GitError`] if git fails.
    pub fn first_commit(&self, branch: &Branch, folder: &Path, message: &str) -> Result<Revision, GitError> {
        let io = |source| GitError::Io { action: "make a folder for", path: self.path().to_owned(), source };
        // An index of its own: a bare repository has none, and should not get one.
        let aside = tempfile::tempdir().map_err(io)?;
        let index = aside.path().join("index");
        let call = |operation: &str| {
            self.call(operation).env("GIT_INDEX_FILE", &index).env("GIT_WORK_TREE", folder).place(folder)
        };
        call("add").args(["--all", "--force", "--", "."]).run()?;
        let tree = revision("write-tree", &call("write-tree").run()?)?;
        let commit = commit_tree(self, &tree, &[], message)?;
        if self.move_branch(branch, None, &commit)? {
            return Ok(commit);
        }
        Err(GitError::BadBranch { name: branch.to_string(), why: "it has a first commit already" })
    }
}
