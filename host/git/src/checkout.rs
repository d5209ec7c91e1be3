//! A repository that somebody works in, e.g. the one that `portcullis gate run` is started in. It is read and never
//! changed.

use crate::error::GitError;
use crate::git::Git;
use crate::repository::{Repository, revision};
use portcullis_core::ids::Revision;
use std::path::{Path, PathBuf};

/// Longest name of a revision that git is asked about.
const NAME_BYTES: usize = 1_024;

/// A folder in a repository: a working tree, one linked to it, or a bare repository. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Checkout {
    git: Git,
    place: PathBuf,
    repository: Repository,
}

impl Checkout {
    /// The repository that `place` lies in.
    ///
    /// # Errors
    /// [`GitError::NoRepository`] if there is none; [`GitError`] if git refuses it, e.g. because it is another user's.
    pub fn open(git: &Git, place: &Path) -> Result<Self, GitError> {
        let none = || GitError::NoRepository { path: place.to_owned() };
        let place = place.canonicalize().map_err(|_| none())?;
        let call = git.call("rev-parse").args(["--path-format=absolute", "--git-common-dir"]).place(&place);
        let output = call.output()?;
        if !output.status.success() {
            // 128 is also what git says of a repository that it does not trust: that is told as it is.
            let detail = call.complaint(&output);
            let is_none = detail.contains("not a git repository");
            return Err(if is_none { none() } else { call.failure(&output) });
        }
        let folder = String::from_utf8_lossy(&output.stdout).trim_end_matches('\n').to_owned();
        let repository = Repository::open(git, Path::new(&folder))?;
        Ok(Self { git: git.clone(), place, repository })
    }

    /// Its objects.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The commit that `name` stands for here, e.g. `HEAD~2`, `main`, a tag or an abbreviated object name. None: nothing.
    ///
    /// # Errors
    /// [`GitError`] if git cannot tell.
    pub fn resolve(&self, name: &str) -> Result<Option<Revision>, GitError> {
        if name.is_empty() || name.len() > NAME_BYTES || name.contains('\0') {
            return Ok(None);
        }
        let commit = format!("{name}^{{commit}}");
        let call = self.git.call("rev-parse").args(["--verify", "--quiet", "--end-of-options", &commit]);
        match call.place(&self.place).run_expecting(&[0, 1, 128])? {
            (0, printed) => Ok(Some(revision("rev-parse", &printed)?)),
            _ => Ok(None),
        }
    }

    /// The branch that is checked out. None: a commit is, or nothing.
    ///
    /// # Errors
    /// [`GitError`] if git cannot tell.
    pub fn branch(&self) -> Result<Option<String>, GitError> {
        let call = self.git.call("symbolic-ref").args(["--quiet", "--short", "HEAD"]).place(&self.place);
        match call.run_expecting(&[0, 1])? {
            (0, printed) => Ok(Some(String::from_utf8_lossy(&printed).trim_end().to_owned())),
            _ => Ok(None),
        }
    }
}
