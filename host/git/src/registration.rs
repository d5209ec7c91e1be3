//! How a repository remembers its worktrees: one folder `worktrees/<id>` each, which this crate reads and removes itself
//! because a daemon that died, or a role, may have left any of them half made.

use crate::error::GitError;
use crate::repository::Repository;
use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

/// One folder `worktrees/<id>` of a repository.
pub(crate) struct Registration {
    pub(crate) admin: PathBuf,
    pub(crate) dir: PathBuf,
    /// Full name of the branch that is checked out there.
    pub(crate) branch: Option<String>,
}

impl Repository {
    /// Every worktree that the repository knows of, whatever its state.
    pub(crate) fn registrations(&self) -> Result<Vec<Registration>, GitError> {
        let folder = self.path().join("worktrees");
        let entries = match std::fs::read_dir(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|source| GitError::Io { action: "list", path: folder.clone(), source })?,
        };
        let mut found = Vec::new();
        for entry in entries {
            let entry = entry.map_err(|source| GitError::Io { action: "list", path: folder.clone(), source })?;
            let admin = entry.path();
            // One without a folder's name belongs to nobody; git prunes it in time.
            let Ok(link) = std::fs::read(admin.join("gitdir")) else { continue };
            let link = PathBuf::from(OsString::from_vec(trimmed(link)));
            let Some(dir) = link.parent().map(Path::to_owned) else { continue };
            let head = std::fs::read_to_string(admin.join("HEAD")).unwrap_or_default();
            let branch = head.trim_end().strip_prefix("ref: ").map(str::to_owned);
            found.push(Registration { admin, dir, branch });
        }
        Ok(found)
    }
}

impl Registration {
    /// Whether the checkout was finished and the folder is still there.
    pub(crate) fn usable(&self) -> bool {
        let reason = std::fs::read_to_string(self.admin.join("locked")).unwrap_or_default();
        self.dir.is_dir() && self.admin.join("index").is_file() && reason.trim() != "initializing"
    }

    /// Removes the folder and the registration.
    pub(crate) fn discard(&self) -> Result<(), GitError> {
        remove(&self.dir)?;
        self.forget()
    }

    /// Removes the registration, locked or not.
    pub(crate) fn forget(&self) -> Result<(), GitError> {
        remove(&self.admin)
    }
}

/// Removes a file or a folder, without following links; that it is not there is fine.
pub(crate) fn remove(path: &Path) -> Result<(), GitError> {
    let removed = match std::fs::symlink_metadata(path) {
        Err(error) => Err(error),
        Ok(found) if found.is_dir() => std::fs::remove_dir_all(path),
        Ok(_) => std::fs::remove_file(path),
    };
    match removed {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        removed => removed.map_err(|source| GitError::Io { action: "remove", path: path.to_owned(), source }),
    }
}

fn trimmed(mut bytes: Vec<u8>) -> Vec<u8> {
    while bytes.last() == Some(&b'\n') {
        bytes.pop();
    }
    bytes
}
