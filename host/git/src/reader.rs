//! What gates read: history, trees and files, straight from the object store.
//!
//! Nothing here looks at attributes, filters, diff drivers, hooks, replacement objects or grafts: what a branch brings
//! along cannot change what is seen of it. Objects are named by full revisions only. One reader serves one evaluation
//! and keeps one git process for its many small questions and one that compares trees.

use crate::blobs::Streams;
use crate::changes::Differ;
use crate::error::GitError;
use crate::kept::Kept;
use crate::repository::{Repository, revision};
use crate::session::Session;
use crate::wire::{self, Header};
use portcullis_core::facts::{Commit, RepositoryError};
use portcullis_core::ids::Revision;
use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

/// Most commits of one answer.
const COMMIT_LIMIT: usize = 50_000;
/// Largest commit object; its message is the only part that can be large.
const COMMIT_BYTES_LIMIT: u64 = 16 * 1024 * 1024;
/// Bytes of all commits of one answer.
const HISTORY_BYTES_LIMIT: u64 = 64 * 1024 * 1024;
/// Commits that are asked for at once.
const COMMITS_AT_ONCE: usize = 1_000;

/// Reads one repository for one evaluation. Clones share its processes; calls take turns.
#[derive(Debug, Clone)]
pub struct ObjectReader {
    pub(crate) repository: Repository,
    pub(crate) sessions: Kept<Session>,
    pub(crate) differs: Kept<Differ>,
    /// Trees of commits that were listed: what a commit changed is asked of each of them.
    pub(crate) trees: Arc<Mutex<HashMap<Revision, Revision>>>,
    pub(crate) streams: Arc<Streams>,
}

impl ObjectReader {
    pub(crate) fn new(repository: Repository) -> Self {
        let (sessions, differs) = (Kept::default(), Kept::default());
        Self { repository, sessions, differs, trees: Arc::default(), streams: Arc::default() }
    }

    /// What it reads.
    pub fn repository(&self) -> &Repository {
        &self.repository
    }

    /// The best common ancestor of two commits.
    ///
    /// # Errors
    /// [`RepositoryError::NotFound`] if one is not there or they have nothing in common.
    pub fn merge_base(&self, a: &Revision, b: &Revision) -> Result<Revision, RepositoryError> {
        self.require(&[a, b])?;
        let call = self.repository.reading("merge-base").args([a.as_str(), b.as_str()]);
        match call.run_expecting(&[0, 1]).map_err(|error| self.cause(error))? {
            (0, printed) => Ok(revision("merge-base", &printed)?),
            _ => Err(RepositoryError::NotFound(format!("a common ancestor of {a} and {b}"))),
        }
    }

    /// Whether `ancestor` is `descendant` or one of its ancestors.
    ///
    /// # Errors
    /// [`RepositoryError::NotFound`] if one of them is not there.
    pub fn is_ancestor(&self, ancestor: &Revision, descendant: &Revision) -> Result<bool, RepositoryError> {
        self.require(&[ancestor, descendant])?;
        Ok(self.repository.is_ancestor(ancestor, descendant).map_err(|error| self.cause(error))?)
    }

    /// The tree of a commit: equal trees hold equal content.
    ///
    /// # Errors
    /// [`RepositoryError::NotFound`] if there is no such commit.
    pub fn tree(&self, commit: &Revision) -> Result<Revision, RepositoryError> {
        self.require(&[commit])?;
        self.tree_of(commit)
    }

    /// Every commit reachable from `head` and not from `base`, merges included, parents before children.
    ///
    /// # Errors
    /// [`RepositoryError::NotFound`] if one of them is not there; [`RepositoryError::Failed`] past 50 000 commits.
    pub fn commits(&self, base: &Revision, head: &Revision) -> Result<Vec<Commit>, RepositoryError> {
        self.require(&[base, head])?;
        // Whoever lists commits asks what they changed: that process starts while this one works.
        let differ = self.differs.check_out(|| Differ::start(&self.repository))?;
        self.differs.put_back(differ);
        let most = format!("--max-count={}", COMMIT_LIMIT + 1);
        let range = format!("^{base}");
        let call = self.repository.reading("rev-list").args(["--topo-order", &most, head.as_str(), &range]);
        let mut names = Vec::new();
        let listed = call.run().map_err(|error| self.cause(error))?;
        for line in listed.split(|&byte| byte == b'\n').filter(|line| !line.is_empty()) {
            names.push(revision("rev-list", line)?);
        }
        if names.len() > COMMIT_LIMIT {
            return Err(GitError::TooMany { what: "commits", limit: COMMIT_LIMIT }.into());
        }
        // Git cuts at a maximum before it reverses, and the cut must show.
        names.reverse();
        self.read_commits(names)
    }

    /// All are asked for at once, in pieces of the list that bound how far git works ahead.
    fn read_commits(&self, names: Vec<Revision>) -> Result<Vec<Commit>, RepositoryError> {
        let mut left = HISTORY_BYTES_LIMIT;
        let mut commits = Vec::with_capacity(names.len());
        for part in names.chunks(COMMITS_AT_ONCE) {
            self.ask(|session| {
                session.start_clock();
                part.iter().for_each(|name| session.ask_contents(name.as_str().as_bytes()));
                for name in part {
                    let raw = session.contents_answer(name.as_str().as_bytes(), COMMIT_BYTES_LIMIT)?;
                    let (_, raw) = raw.ok_or_else(|| GitError::NotFound { what: format!("commit {name}") })?;
                    // Counted as they come: what is over the limit is not held.
                    let over = GitError::TooLarge { size: HISTORY_BYTES_LIMIT, limit: HISTORY_BYTES_LIMIT };
                    left = left.checked_sub(raw.len() as u64).ok_or(over)?;
                    commits.push(wire::commit(name.clone(), &raw)?);
                    if let Some(tree) = wire::tree_of(&raw) {
                        self.trees.lock().unwrap_or_else(PoisonError::into_inner).insert(name.clone(), tree);
                    }
                }
                Ok(())
            })?;
        }
        Ok(commits)
    }

    /// A file's content at a revision, if it has at most `cap` bytes. A symbolic link's content is where it points.
    ///
    /// # Errors
    /// [`RepositoryError::NotFound`] if the revision has no file at `path`, [`RepositoryError::TooLarge`] past `cap`.
    pub fn read_file(&self, revision: &Revision, path: &[u8], cap: u64) -> Result<Vec<u8>, RepositoryError> {
        check_path(path)?;
        self.require(&[revision])?;
        let name = [revision.as_str().as_bytes(), b":", path].concat();
        let missing = || RepositoryError::NotFound(format!("`{}` at {revision}", String::from_utf8_lossy(path)));
        let found = self.info(&name)?.filter(|found| found.kind == "blob").ok_or_else(missing)?;
        if found.size > cap {
            return Err(RepositoryError::TooLarge(found.size));
        }
        let (_, content) = self.contents(found.id.as_str().as_bytes(), cap)?.ok_or_else(missing)?;
        Ok(content)
    }

    /// Each must be a commit that is there: a mirror may not have fetched it yet.
    pub(crate) fn require(&self, commits: &[&Revision]) -> Result<(), RepositoryError> {
        for commit in commits {
            match self.info(commit.as_str().as_bytes())? {
                Some(found) if found.kind == "commit" => {}
                _ => return Err(RepositoryError::NotFound(format!("commit {commit}"))),
            }
        }
        Ok(())
    }

    pub(crate) fn info(&self, name: &[u8]) -> Result<Option<Header>, GitError> {
        let found = self.ask(|session| session.info(name))?;
        self.still_there(found.is_some())?;
        Ok(found)
    }

    pub(crate) fn infos(&self, names: &[&[u8]]) -> Result<Vec<Option<Header>>, GitError> {
        let found = self.ask(|session| session.infos(names))?;
        self.still_there(found.iter().all(Option::is_some))?;
        Ok(found)
    }

    /// A process that is left over from before says "missing" of everything in a repository that has vanished.
    fn still_there(&self, found: bool) -> Result<(), GitError> {
        if !found {
            Repository::open(self.repository.git(), self.repository.path())?;
        }
        Ok(())
    }

    pub(crate) fn contents(&self, name: &[u8], limit: u64) -> Result<Option<(Header, Vec<u8>)>, GitError> {
        self.ask(|session| session.contents(name, limit))
    }

    /// Asks the session, starting it where needed.
    pub(crate) fn ask<T>(&self, question: impl FnOnce(&mut Session) -> Result<T, GitError>) -> Result<T, GitError> {
        self.sessions.ask(|| Session::start(&self.repository), question).map_err(|error| self.cause(error))
    }

    /// What git does not say: that its repository has gone, or holds a part of the history only.
    pub(crate) fn cause(&self, error: GitError) -> GitError {
        let path = self.repository.path();
        match Repository::open(self.repository.git(), path) {
            Err(gone) => gone,
            Ok(_) if path.join("shallow").exists() => GitError::CutOff { path: path.to_owned() },
            Ok(_) => error,
        }
    }
}

/// A path that means one entry of a tree, and nothing relative to anywhere.
fn check_path(path: &[u8]) -> Result<(), GitError> {
    let why = if path.is_empty() {
        "it is empty"
    } else if path.len() > 4_096 {
        "it is longer than 4096 bytes"
    } else if path.contains(&0) {
        "it has a NUL byte"
    } else if path.split(|&byte| byte == b'/').any(|part| matches!(part, b"" | b"." | b"..")) {
        "it has an empty, `.` or `..` part"
    } else {
        return Ok(());
    };
    let path = String::from_utf8_lossy(path).chars().take(200).collect();
    Err(GitError::BadPath { path, why })
}
