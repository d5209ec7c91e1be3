//! The daemon's own copy of a project's repository, and what its remote says.
//!
//! The remote's branches are kept under `refs/remotes/origin/`, apart from the tasks' branches under `refs/heads/`: a
//! fetch never touches what a worktree has checked out.

use crate::branch::Branch;
use crate::call::Call;
use crate::error::GitError;
use crate::git::Git;
use crate::remote::Remote;
use crate::repository::{ObjectFormat, Repository, init};
use portcullis_core::ids::Revision;
use std::path::Path;

/// A bare clone of one remote. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Mirror {
    repository: Repository,
    remote: Remote,
}

impl Mirror {
    /// Opens the mirror at `dir`, making and filling it if it is not there. A mirror half made by a daemon that died is
    /// never seen: it is made aside and moved into place.
    ///
    /// # Errors
    /// [`GitError::Unreachable`] or [`GitError::NoRepository`] if a new mirror could not be filled;
    /// [`GitError::DamagedMirror`] if `dir` holds something else.
    pub fn ensure(git: &Git, remote: &Remote, dir: &Path) -> Result<Self, GitError> {
        if !dir.exists() {
            make(git, remote, dir)?;
        }
        let repository = Repository::open(git, dir).map_err(|error| damaged(dir, &error))?;
        match repository.call("rev-parse").arg("--is-bare-repository").text() {
            Ok(answer) if answer == "true" => Ok(Self { repository, remote: remote.clone() }),
            Ok(_) => Err(damaged(dir, &"it has a worktree of its own")),
            Err(error @ GitError::Failed { .. }) => Err(damaged(dir, &error)),
            Err(error) => Err(error),
        }
    }

    /// The mirror as a repository: for worktrees, references and reading.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// Where it is fetched from.
    pub fn remote(&self) -> &Remote {
        &self.remote
    }

    /// Brings every branch of the remote up to date here, and forgets those that are gone there.
    ///
    /// # Errors
    /// [`GitError::Unreachable`], or [`GitError::NoRepository`] if the remote is a folder that has gone.
    pub fn fetch(&self) -> Result<(), GitError> {
        let _turn = self.repository.lock("fetch")?;
        fetch(&self.repository, &self.remote)
    }

    /// The head of a branch as the last fetch saw it.
    ///
    /// # Errors
    /// [`GitError`] if git cannot tell; that there was no such branch is `None`.
    pub fn fetched_head(&self, branch: &Branch) -> Result<Option<Revision>, GitError> {
        self.repository.resolve_full(&branch.tracking())
    }

    /// The head of a branch on the remote, now.
    ///
    /// # Errors
    /// As [`Mirror::fetch`]; that there is no such branch is `None`.
    pub fn remote_head(&self, branch: &Branch) -> Result<Option<Revision>, GitError> {
        let wanted = branch.full();
        let found = list(self.repository.git(), &self.remote, Some(&wanted))?;
        // Git matches the end of a name: `x/refs/heads/main` would be listed too.
        Ok(found.into_iter().find(|(_, name)| *name == wanted).map(|(head, _)| head))
    }
}

/// Fills a new mirror next to `dir` and moves it there.
fn make(git: &Git, remote: &Remote, dir: &Path) -> Result<(), GitError> {
    let io = |action, path: &Path, source| GitError::Io { action, path: path.to_owned(), source };
    let parent = dir.parent().unwrap_or(Path::new("/"));
    std::fs::create_dir_all(parent).map_err(|source| io("make the folder", parent, source))?;
    let aside = tempfile::Builder::new()
        .prefix(".new-mirror-")
        .tempdir_in(parent)
        .map_err(|source| io("make a folder in", parent, source))?;
    let path = aside.path().join("mirror.git");
    // A repository has one way of naming objects for good, so the remote's is asked for first.
    let wide = list(git, remote, None)?.first().is_some_and(|(head, _)| head.as_str().len() == 64);
    let format = if wide { ObjectFormat::Sha256 } else { ObjectFormat::Sha1 };
    // The mirror has no branch of its own that git would take for checked out.
    init(git, &path, &Branch::parse("portcullis/none")?, format)?;
    fetch(&Repository::open(git, &path)?, remote)?;
    match std::fs::rename(&path, dir) {
        // A rival was faster; his is as good.
        Err(_) if dir.join("HEAD").is_file() => Ok(()),
        renamed => renamed.map_err(|source| io("move the new mirror to", dir, source)),
    }
}

fn fetch(repository: &Repository, remote: &Remote) -> Result<(), GitError> {
    let how = ["--quiet", "--prune", "--no-tags", "--no-write-fetch-head", "--no-recurse-submodules", "--force"];
    let call = repository.call("fetch").args(how).arg("--upload-pack=git-upload-pack");
    let call = call.args(["--end-of-options", remote.url(), "+refs/heads/*:refs/remotes/origin/*"]);
    talk(call, remote).map(drop)
}

/// Names and heads of the remote's branches, or of the one reference `only`.
fn list(git: &Git, remote: &Remote, only: Option<&str>) -> Result<Vec<(Revision, String)>, GitError> {
    let call = git.call("ls-remote").arg("--quiet").arg("--upload-pack=git-upload-pack");
    let call = if only.is_none() { call.arg("--heads") } else { call };
    let printed = talk(call.args(["--end-of-options", remote.url()]).args(only), remote)?;
    let mut found = Vec::new();
    for line in printed.split(|&byte| byte == b'\n') {
        // A name that is not UTF-8 is no branch that anybody can ask for.
        let Some((head, name)) = std::str::from_utf8(line).ok().and_then(|line| line.split_once('\t')) else {
            continue;
        };
        let head = Revision::parse(head)
            .map_err(|error| GitError::Malformed { operation: "ls-remote".to_owned(), detail: error.to_string() })?;
        found.push((head, name.to_owned()));
    }
    Ok(found)
}

/// Runs a call that needs the remote's credential and the network.
pub(crate) fn talk(call: Call<'_>, remote: &Remote) -> Result<Vec<u8>, GitError> {
    let call = call.config(remote.config()).network(remote.secrets());
    let output = call.output()?;
    if output.status.success() { Ok(output.stdout) } else { Err(unreachable(remote, &call, &output)) }
}

fn unreachable(remote: &Remote, call: &Call<'_>, output: &crate::process::Output) -> GitError {
    match (call.failure(output), remote.folder()) {
        (GitError::Failed { .. }, Some(folder)) if !folder.exists() => {
            GitError::NoRepository { path: folder.to_owned() }
        }
        (GitError::Failed { detail, .. }, _) => GitError::Unreachable { url: remote.url().to_owned(), detail },
        (other, _) => other,
    }
}

fn damaged(dir: &Path, why: &dyn std::fmt::Display) -> GitError {
    GitError::DamagedMirror { path: dir.to_owned(), detail: why.to_string() }
}
