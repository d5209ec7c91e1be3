//! Facts about repositories, forges, documents and images, in the shape in which gates read them (`wit/read`).
//!
//! They stand here because `git` and `connect` produce them and `runtime` hands them to guests, and those three do not
//! know one another.

use crate::ids::Revision;
use serde::{Deserialize, Serialize};

/// A commit as gates see it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Commit {
    /// Its name.
    pub id: Revision,
    /// Its parents; several for a merge, none for a root.
    pub parents: Vec<Revision>,
    /// Its message; git promises no encoding.
    pub message: Vec<u8>,
    /// Committer time in seconds since 1970 UTC.
    pub committed_at_s: i64,
}

/// How a path changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum ChangeKind {
    Added,
    Modified,
    Deleted,
    TypeChanged,
}

/// What a tree entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum EntryKind {
    File,
    Executable,
    Symlink,
    Submodule,
}

/// One path's change between two trees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TreeChange {
    /// Bytes: git promises no encoding.
    pub path: Vec<u8>,
    /// How it changed.
    pub kind: ChangeKind,
    /// What it is now (before, if deleted).
    pub entry: EntryKind,
    /// Object before; for a submodule the commit it pointed to.
    pub before: Option<Revision>,
    /// Object after.
    pub after: Option<Revision>,
    /// Bytes of `after`; 0 where there is none.
    pub size: u64,
}

/// One stretch of an object's bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    /// The object's place in the question, counted from 0.
    pub index: u32,
    /// Bytes of the whole object.
    pub size: u64,
    /// The bytes.
    pub bytes: Vec<u8>,
}

/// What reading a repository may answer instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum RepositoryError {
    /// No such object or path; says which.
    #[error("{0} is not in the repository")]
    NotFound(String),
    /// Larger than a single answer may be; its size in bytes.
    #[error("an object of {0} bytes is too large to be read at once")]
    TooLarge(u64),
    /// Git failed.
    #[error("git failed: {0}")]
    Failed(String),
}

/// State of a check on a commit. What `Warning` and `Skipped` mean is the gate's configuration (CIG-3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum CheckState {
    Success,
    Failure,
    Error,
    Pending,
    Warning,
    Skipped,
}

/// One check (commit status or check run), the newest of its context.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Check {
    /// Name, e.g. `ci/test`.
    pub context: String,
    /// State.
    pub state: CheckState,
    /// One line for people.
    pub description: String,
    /// Where to read more; may be empty.
    pub target_url: String,
    /// When it was last reported, in seconds since 1970 UTC, if the forge says.
    pub reported_at_s: Option<i64>,
}

/// A pull request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PullRequest {
    /// Number in its repository.
    pub number: u64,
    /// Still open.
    pub open: bool,
    /// Already merged.
    pub merged: bool,
    /// Head revision.
    pub head: Revision,
    /// Branch it goes into.
    pub base: String,
    /// The commit that the merge made.
    pub merge_commit: Option<Revision>,
}

/// What a forge may answer instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum ForgeError {
    /// No such thing there.
    #[error("the forge has no such thing")]
    NotFound,
    /// Too many requests; seconds to wait.
    #[error("the forge asks to wait {0} s")]
    RateLimited(u32),
    /// It did not answer usefully.
    #[error("the forge is unavailable: {0}")]
    Unavailable(String),
}

/// A person's decision on a task (STG-5).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approval {
    /// True: approved; false: rejected.
    pub approved: bool,
    /// Who.
    pub by: String,
    /// When, in seconds since 1970 UTC.
    pub at_s: i64,
    /// The head that the person saw.
    pub revision: Revision,
    /// What they said; may be empty.
    pub comment: String,
}

/// What reading a work item's document may answer instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum DocumentError {
    /// No such document at the head.
    #[error("the document is not there")]
    NotFound,
    /// It has no usable frontmatter.
    #[error("the document is malformed: {0}")]
    Malformed(String),
    /// Reading failed.
    #[error("reading the document failed: {0}")]
    Failed(String),
}

/// A container image.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Image {
    /// Digest of its manifest.
    pub digest: String,
    /// Labels of its configuration.
    pub labels: Vec<(String, String)>,
    /// When it was made (RFC 3339), if it says.
    pub created: Option<String>,
}

/// What asking for an image may answer instead.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum ImageError {
    /// No such image.
    #[error("there is no such image")]
    NotFound,
    /// The registry refuses.
    #[error("the registry refuses access")]
    Denied,
    /// It did not answer usefully.
    #[error("the registry is unavailable: {0}")]
    Unavailable(String),
}

/// How a named command of the project ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CommandOutcome {
    /// Exit code; 128 + signal where a signal ended it.
    pub exit_code: i32,
    /// The end of its output, redacted.
    pub output_tail: String,
    /// How long it took.
    pub duration_ms: u64,
}

/// A recorded run of a named command on one tree.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TestRun {
    /// Exit code.
    pub exit_code: i32,
    /// The end of its output, redacted.
    pub output_tail: String,
    /// When it ended, in seconds since 1970 UTC.
    pub at_s: i64,
}

/// What bringing the target branch in came to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CaughtUp {
    /// Nothing to do.
    UpToDate,
    /// Merged locally; the new head.
    Merged(Revision),
    /// Not mergeable; the conflicting paths.
    Conflict(Vec<String>),
}

/// Why an acting host call did nothing, or not all.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum ActError {
    /// Not allowed here.
    #[error("denied: {0}")]
    Denied(String),
    /// Tried and failed.
    #[error("failed: {0}")]
    Failed(String),
}

/// The host's database of known vulnerabilities.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdvisoryDatabase {
    /// When it was imported, in seconds since 1970 UTC.
    pub imported_at_s: i64,
    /// Advisories in it.
    pub records: u64,
    /// Ecosystems that it knows, as OSV names them.
    pub ecosystems: Vec<String>,
}

/// Why the database of advisories has no answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum AdvisoryError {
    /// It cannot be read; says why.
    #[error("{0}")]
    Unavailable(String),
    /// The answer would be too large.
    #[error("too many packages were asked for at once")]
    TooLarge,
}
