//! What can go wrong with git, and what of it a gate may be told.
//!
//! Every text in here has gone through redaction: no variant can hold a credential.

use portcullis_core::facts::RepositoryError;
use portcullis_core::ids::Revision;
use std::path::PathBuf;

/// Why git gave no answer. Expected endings (lost a race, conflicts, nothing to do) are no errors but outcomes.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant and field is its documentation")]
pub enum GitError {
    #[error("failed to start `{program}`: install git, or name its path in the settings")]
    Program { program: PathBuf, source: std::io::Error },
    #[error("`{program}` is git {found}, which is too old: install git {wanted} or newer")]
    TooOld { program: PathBuf, found: String, wanted: String },
    #[error("git {operation} ran past its limit of {limit_ms} ms and was ended")]
    Timeout { operation: String, limit_ms: u64 },
    #[error("git {operation} printed more than {limit} bytes and was ended")]
    TooMuchOutput { operation: String, limit: usize },
    #[error("git {operation} failed with {status}: {detail}")]
    Failed { operation: String, status: String, detail: String },
    #[error("git {operation} printed what no git prints: {detail}")]
    Malformed { operation: String, detail: String },
    #[error("failed to {action} `{path}`")]
    Io { action: &'static str, path: PathBuf, source: std::io::Error },
    #[error("failed to talk to the process of git {operation}")]
    Pipe { operation: String, source: std::io::Error },
    #[error("there is no git repository at `{path}`: put it back, or correct the path in the settings")]
    NoRepository { path: PathBuf },
    #[error("the mirror `{path}` is damaged ({detail}): remove that folder and it will be cloned again")]
    DamagedMirror { path: PathBuf, detail: String },
    #[error(
        "the clone `{path}` was cut off, and what was asked for lies behind that: get the rest with `git fetch --unshallow`"
    )]
    CutOff { path: PathBuf },
    #[error("there is no worktree at `{path}`: it must be made again from its branch")]
    NoWorktree { path: PathBuf },
    #[error("`{path}` is in the way of a worktree: it holds something else; move it away or remove it")]
    Occupied { path: PathBuf },
    #[error("branch `{branch}` is already checked out at `{path}`: a branch has one worktree; remove that one first")]
    BranchInUse { branch: String, path: PathBuf },
    #[error(
        "the worktree `{path}` is on {found} instead of branch `{branch}`: what was done there is not on the branch"
    )]
    WrongBranch { path: PathBuf, branch: String, found: String },
    #[error("the worktree `{path}` is in the middle of a {operation}: it must be finished, or the worktree reset")]
    Unfinished { path: PathBuf, operation: String },
    #[error("the worktree `{path}` has uncommitted changes: commit them first, or reset the worktree")]
    Unclean { path: PathBuf },
    #[error("`{name}` cannot be a branch: {why}")]
    BadBranch { name: String, why: &'static str },
    #[error("`{url}` cannot be a remote: {why}")]
    BadRemote { url: String, why: &'static str },
    #[error("`{path}` cannot be a path in a repository: {why}")]
    BadPath { path: String, why: &'static str },
    #[error("failed to reach `{url}`: check the address, the token and the network; git says: {detail}")]
    Unreachable { url: String, detail: String },
    #[error("{what} is not in the repository")]
    NotFound { what: String },
    #[error("an object of {size} bytes is larger than the {limit} bytes that may be read at once")]
    TooLarge { size: u64, limit: u64 },
    #[error("the answer has more than {limit} {what}")]
    TooMany { what: &'static str, limit: usize },
    #[error("`{url}` refused the push of `{branch}`: {detail}")]
    Refused { url: String, branch: String, detail: String },
    #[error("the reference `{name}` could not be moved to {to}: {detail}")]
    RefStuck { name: String, to: Revision, detail: String },
}

impl From<GitError> for RepositoryError {
    fn from(error: GitError) -> Self {
        match error {
            GitError::NotFound { what } => Self::NotFound(what),
            GitError::BadPath { path, .. } => Self::NotFound(format!("`{path}`")),
            GitError::TooLarge { size, .. } => Self::TooLarge(size),
            other => Self::Failed(with_causes(&other)),
        }
    }
}

/// The whole chain in one line: a gate's transcript has no `source()`.
fn with_causes(error: &GitError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
