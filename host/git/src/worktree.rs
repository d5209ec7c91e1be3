//! One branch and one worktree a task: making, finding, repairing, resetting and removing it.
//!
//! A role works in the folder and may do anything to it, so nothing in the folder is believed: every command gets the
//! registration inside the mirror and the folder by name, never what the folder's `.git` says. While a call of this
//! file or of `commit.rs` runs, no role may be at work in the worktree; what a killed one left locked is unlocked.
//!
//! A worktree is a checkout: attributes of the branch decide line endings and built-in merge kinds there, as everywhere
//! else. Filters and drivers, which would start programs, are disarmed.

use crate::branch::Branch;
use crate::call::Call;
use crate::error::GitError;
use crate::registration::remove;
use crate::repository::{Repository, disarm, revision};
use portcullis_core::ids::Revision;
use std::fs::File;
use std::path::{Path, PathBuf};

/// Names in a registration that say that something is half done, and what.
const UNFINISHED: &[(&str, &str)] = &[
    ("rebase-merge", "rebase"),
    ("rebase-apply", "rebase"),
    ("sequencer", "sequence of picks"),
    ("MERGE_HEAD", "merge"),
    ("CHERRY_PICK_HEAD", "cherry-pick"),
    ("REVERT_HEAD", "revert"),
    ("BISECT_START", "bisection"),
];

/// A task's worktree. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Worktree {
    repository: Repository,
    branch: Branch,
    dir: PathBuf,
    /// The registration inside the repository: index, HEAD and the like.
    admin: PathBuf,
}

impl Repository {
    /// The task's worktree at `dir`, on `branch`. Whatever is missing is made: the branch at `from` if there is none
    /// yet (else `from` counts for nothing), the folder from the branch. A damaged or stale registration is repaired,
    /// and work that a role left on another branch is brought home if it builds on this one; otherwise its commits are
    /// kept under `refs/portcullis/stray/` and the worktree is put back.
    ///
    /// # Errors
    /// [`GitError::NotFound`] if `from` is needed and not here; [`GitError::Occupied`] if `dir` holds something else;
    /// [`GitError::BranchInUse`] if the branch has a worktree elsewhere.
    pub fn ensure_worktree(&self, branch: &Branch, dir: &Path, from: &Revision) -> Result<Worktree, GitError> {
        let _turn = self.lock("worktrees")?;
        let dir = settle_path(dir)?;
        if self.branch_head(branch)?.is_none() {
            self.require_commit(from)?;
            // False: somebody else made it meanwhile, which is as good.
            self.move_branch(branch, None, from)?;
        }
        let mut here = None;
        for found in self.registrations()? {
            if found.dir == dir {
                if found.usable() { here = Some(found) } else { found.discard()? }
            } else if found.branch.as_deref() == Some(&branch.full()) {
                if found.dir.exists() {
                    return Err(GitError::BranchInUse { branch: branch.to_string(), path: found.dir });
                }
                found.forget()?;
            }
        }
        let admin = match here {
            Some(found) => found.admin,
            None => self.add(branch, &dir)?,
        };
        let worktree = Worktree { repository: self.clone(), branch: branch.clone(), dir, admin };
        worktree.link()?;
        worktree.unlock()?;
        if !worktree.come_home()? {
            worktree.put_back()?;
        }
        Ok(worktree)
    }

    /// Removes a task's worktree and keeps its branch. That it is gone already is fine.
    ///
    /// # Errors
    /// [`GitError::Occupied`] if `dir` is there but is no worktree of this repository: it is left alone.
    pub fn remove_worktree(&self, dir: &Path) -> Result<(), GitError> {
        let _turn = self.lock("worktrees")?;
        let dir = settle_path(dir)?;
        match self.registrations()?.into_iter().find(|found| found.dir == dir) {
            Some(found) => found.discard(),
            None if dir.exists() => Err(GitError::Occupied { path: dir }),
            None => Ok(()),
        }
    }

    /// Checks the branch out into a folder that is not there, or empty.
    fn add(&self, branch: &Branch, dir: &Path) -> Result<PathBuf, GitError> {
        let free = match std::fs::symlink_metadata(dir) {
            Err(_) => true,
            Ok(found) => found.is_dir() && std::fs::read_dir(dir).is_ok_and(|mut entries| entries.next().is_none()),
        };
        if !free {
            return Err(GitError::Occupied { path: dir.to_owned() });
        }
        let call = self.call("worktree").args(["add", "--quiet", "--end-of-options"]).arg(dir).arg(branch.as_str());
        call.config(disarm(self.call("config"))?).run()?;
        let found = self.registrations()?.into_iter().find(|found| found.dir == dir);
        found.map(|found| found.admin).ok_or_else(|| GitError::NoWorktree { path: dir.to_owned() })
    }

    /// Takes turns with every other process of this daemon's kind. The turn ends when the file is dropped, or with the
    /// process.
    pub(crate) fn lock(&self, what: &str) -> Result<File, GitError> {
        if !self.path().join("HEAD").is_file() {
            return Err(GitError::NoRepository { path: self.path().to_owned() });
        }
        let path = self.path().join(format!("portcullis-{what}.lock"));
        let file = File::options().create(true).truncate(false).write(true).open(&path);
        let locked = file.and_then(|file| file.lock().map(|()| file));
        locked.map_err(|source| GitError::Io { action: "lock", path, source })
    }
}

impl Worktree {
    /// The folder in which the role works.
    pub fn path(&self) -> &Path {
        &self.dir
    }

    /// The task's branch.
    pub fn branch(&self) -> &Branch {
        &self.branch
    }

    /// The repository that it belongs to.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The head of its branch.
    ///
    /// # Errors
    /// [`GitError::NotFound`] if the branch has gone.
    pub fn head(&self) -> Result<Revision, GitError> {
        let head = self.repository.branch_head(&self.branch)?;
        head.ok_or_else(|| GitError::NotFound { what: format!("branch `{}`", self.branch) })
    }

    /// Puts branch and folder at `to`, whatever they held; what git ignores (build caches) stays. Ends whatever was
    /// half done.
    ///
    /// # Errors
    /// [`GitError::NotFound`] if `to` is not here.
    pub fn reset(&self, to: &Revision) -> Result<(), GitError> {
        self.repository.require_commit(to)?;
        self.unlock()?;
        for (name, _) in UNFINISHED {
            remove(&self.admin.join(name))?;
        }
        self.call("symbolic-ref").args(["HEAD", &self.branch.full()]).run()?;
        self.content_call("reset")?.args(["--hard", "--quiet", to.as_str()]).run()?;
        self.call("clean").args(["-ffd", "--quiet"]).run().map(drop)
    }

    /// A call in this worktree that looks at no file, not even to refresh the index: nothing that would ask a driver.
    pub(crate) fn call(&self, operation: &str) -> Call<'_> {
        let call = self.repository.git().call(operation).env("GIT_DIR", &self.admin).env("GIT_WORK_TREE", &self.dir);
        call.place(&self.dir)
    }

    /// A call in this worktree that reads, writes or merges files. Drivers are looked for each time: a role may have
    /// configured some since the last.
    pub(crate) fn content_call(&self, operation: &str) -> Result<Call<'_>, GitError> {
        Ok(self.call(operation).config(disarm(self.call("config"))?))
    }

    /// What is half done here, if anything.
    pub(crate) fn unfinished(&self) -> Option<&'static str> {
        UNFINISHED.iter().find(|(name, _)| self.admin.join(name).exists()).map(|&(_, what)| what)
    }

    /// Whether a merge waits for its commit.
    pub(crate) fn is_merging(&self) -> bool {
        self.admin.join("MERGE_HEAD").exists()
    }

    /// The commit that is checked out.
    pub(crate) fn checked_out(&self) -> Result<Revision, GitError> {
        revision("rev-parse", &self.call("rev-parse").args(["--verify", "--quiet", "HEAD^{commit}"]).run()?)
    }

    /// The full name of the branch that is checked out, if one is.
    pub(crate) fn attached_to(&self) -> Result<Option<String>, GitError> {
        let (code, printed) = self.call("symbolic-ref").args(["--quiet", "HEAD"]).run_expecting(&[0, 1])?;
        Ok((code == 0).then(|| String::from_utf8_lossy(&printed).trim_end().to_owned()))
    }

    /// Brings the worktree back onto its branch if what is checked out builds on it. False: it does not.
    pub(crate) fn come_home(&self) -> Result<bool, GitError> {
        if self.attached_to()?.as_deref() == Some(&self.branch.full()) {
            return Ok(true);
        }
        let (here, tip) = (self.checked_out()?, self.head()?);
        let moving = UNFINISHED.iter().any(|(name, what)| *what != "merge" && self.admin.join(name).exists());
        if moving || !self.repository.is_ancestor(&tip, &here)? {
            return Ok(false);
        }
        if !self.repository.move_branch(&self.branch, Some(&tip), &here)? {
            return Ok(false);
        }
        self.call("symbolic-ref").args(["HEAD", &self.branch.full()]).run()?;
        Ok(true)
    }

    /// Returns to the branch's tip, keeping the commits that were made elsewhere.
    fn put_back(&self) -> Result<(), GitError> {
        let stray = self.checked_out()?;
        let reference = format!("refs/portcullis/stray/{}/{stray}", self.branch);
        self.repository.call("update-ref").args(["--no-deref", &reference, stray.as_str()]).run()?;
        tracing::warn!(worktree = %self.dir.display(), branch = %self.branch, kept = %reference, "the worktree was on another branch and was put back");
        self.reset(&self.head()?)
    }

    /// Points the folder at its registration and back, should a role have changed either.
    fn link(&self) -> Result<(), GitError> {
        let path = self.dir.join(".git");
        let wanted = [b"gitdir: ", self.admin.as_os_str().as_encoded_bytes(), b"\n"].concat();
        let is_file = std::fs::symlink_metadata(&path).is_ok_and(|found| found.is_file());
        if is_file && std::fs::read(&path).is_ok_and(|found| found == wanted) {
            return Ok(());
        }
        remove(&path)?;
        std::fs::write(&path, wanted).map_err(|source| GitError::Io { action: "write", path, source })
    }

    /// Removes the locks of a git that was killed together with its role, and the lock of a registration.
    pub(crate) fn unlock(&self) -> Result<(), GitError> {
        if !self.dir.is_dir() {
            return Err(GitError::NoWorktree { path: self.dir.clone() });
        }
        for name in ["index.lock", "HEAD.lock", "ORIG_HEAD.lock", "locked"] {
            remove(&self.admin.join(name))?;
        }
        remove(&self.repository.path().join(format!("{}.lock", self.branch.full())))
    }
}

/// The absolute path without links, as git registers it. The folder need not be there; its parent is made.
fn settle_path(dir: &Path) -> Result<PathBuf, GitError> {
    let io = |action, source| GitError::Io { action, path: dir.to_owned(), source };
    let absolute = std::path::absolute(dir).map_err(|source| io("find", source))?;
    let (Some(parent), Some(name)) = (absolute.parent(), absolute.file_name()) else {
        return Err(GitError::Occupied { path: dir.to_owned() });
    };
    std::fs::create_dir_all(parent).map_err(|source| io("make the folder above", source))?;
    Ok(parent.canonicalize().map_err(|source| io("find", source))?.join(name))
}
