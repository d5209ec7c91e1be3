//! What a gate may look at: the host's half of `wit/read`, in the core's own types.
//!
//! The daemon implements [`Reads`] once per evaluation, bound to one subject. The runtime counts, limits and records the
//! calls; an implementation only answers. Methods run on the guests' threads: whatever blocks belongs on the
//! implementor's own pool. Nothing here can change anything (GAT-3); [`crate::Acts`] is another trait for that reason.

use async_trait::async_trait;
use portcullis_core::facts::{
    AdvisoryDatabase, AdvisoryError, Approval, Check, Commit, DocumentError, ForgeError, Image, ImageError, Piece,
    PullRequest, RepositoryError, TestRun, TreeChange,
};
use portcullis_core::ids::Revision;
use serde::{Deserialize, Serialize};

/// The store that would know did not answer; says how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("unavailable: {0}")]
pub struct Unavailable(pub String);

/// Objects' bytes, read in pieces.
#[async_trait]
pub trait BlobStream: Send {
    /// The next pieces, at most 1 MiB together; none ends it.
    ///
    /// # Errors
    /// [`RepositoryError::NotFound`] for an object that is not there, [`RepositoryError::Failed`] when git does.
    async fn next(&mut self) -> Result<Vec<Piece>, RepositoryError>;
}

/// One method per function of `wit/read`.
///
/// # Errors
/// Each method answers the error type of its interface; a gate sees it as it is, so it never carries a secret.
#[async_trait]
#[allow(clippy::missing_errors_doc, reason = "said once, for all methods, on the trait")]
pub trait Reads: Send + Sync {
    /// `repository.merge-base`.
    async fn merge_base(&self, a: &Revision, b: &Revision) -> Result<Revision, RepositoryError>;
    /// `repository.is-ancestor`.
    async fn is_ancestor(&self, ancestor: &Revision, descendant: &Revision) -> Result<bool, RepositoryError>;
    /// `repository.tree`: name of the tree of a commit.
    async fn tree(&self, revision: &Revision) -> Result<Revision, RepositoryError>;
    /// `repository.commits`: reachable from `head`, not from `base`, parents first.
    async fn commits(&self, base: &Revision, head: &Revision) -> Result<Vec<Commit>, RepositoryError>;
    /// `repository.changes`: of `after` against `before` (none: the empty tree).
    async fn changes(&self, before: Option<&Revision>, after: &Revision) -> Result<Vec<TreeChange>, RepositoryError>;
    /// `repository.read-file`: at most 16 MiB.
    async fn read_file(&self, revision: &Revision, path: &[u8]) -> Result<Vec<u8>, RepositoryError>;
    /// `repository.open-blobs`: at most 10,000.
    async fn open_blobs(&self, ids: Vec<Revision>) -> Result<Box<dyn BlobStream>, RepositoryError>;

    /// `forge.checks`: newest per context.
    async fn checks(&self, commit: &Revision) -> Result<Vec<Check>, ForgeError>;
    /// `forge.required-checks`.
    async fn required_checks(&self, branch: &str) -> Result<Vec<String>, ForgeError>;
    /// `forge.get-pull-request`.
    async fn pull_request(&self, number: u64) -> Result<PullRequest, ForgeError>;
    /// `forge.pushed-at`: seconds since 1970 UTC.
    async fn pushed_at(&self, revision: &Revision) -> Result<Option<i64>, ForgeError>;

    /// `documents.frontmatter`: JSON.
    async fn frontmatter(&self, name: &str) -> Result<String, DocumentError>;
    /// `documents.read`: at most 16 MiB.
    async fn read_document(&self, name: &str) -> Result<Vec<u8>, DocumentError>;
    /// `documents.folder`: the work item's folder, without a slash at its end.
    async fn document_folder(&self) -> String;

    /// `images.inspect`.
    async fn inspect_image(&self, reference: &str) -> Result<Image, ImageError>;

    /// `approvals.latest`: the newest decision on leaving the subject's stage.
    async fn latest_approval(&self) -> Result<Option<Approval>, Unavailable>;

    /// `test-runs.latest`: the newest recorded run of a named command on exactly this tree.
    async fn latest_test_run(&self, name: &str, tree: &str) -> Result<Option<TestRun>, Unavailable>;

    /// `advisories.about`: the host's database of advisories, if it has one.
    async fn advisory_database(&self) -> Result<Option<AdvisoryDatabase>, AdvisoryError>;
    /// `advisories.lookup`: JSON arrays of OSV records, for those of at most 1,000 packages that have any.
    async fn advisories(&self, ecosystem: &str, names: &[String]) -> Result<Vec<(String, Vec<u8>)>, AdvisoryError>;
}

/// Answers nothing: for calls that have no subject, such as asking a gate for its configuration schema.
pub(crate) struct NoReads;

const NO_SUBJECT: &str = "nothing is being judged";

#[async_trait]
impl Reads for NoReads {
    async fn merge_base(&self, _: &Revision, _: &Revision) -> Result<Revision, RepositoryError> {
        Err(RepositoryError::Failed(NO_SUBJECT.into()))
    }
    async fn is_ancestor(&self, _: &Revision, _: &Revision) -> Result<bool, RepositoryError> {
        Err(RepositoryError::Failed(NO_SUBJECT.into()))
    }
    async fn tree(&self, _: &Revision) -> Result<Revision, RepositoryError> {
        Err(RepositoryError::Failed(NO_SUBJECT.into()))
    }
    async fn commits(&self, _: &Revision, _: &Revision) -> Result<Vec<Commit>, RepositoryError> {
        Err(RepositoryError::Failed(NO_SUBJECT.into()))
    }
    async fn changes(&self, _: Option<&Revision>, _: &Revision) -> Result<Vec<TreeChange>, RepositoryError> {
        Err(RepositoryError::Failed(NO_SUBJECT.into()))
    }
    async fn read_file(&self, _: &Revision, _: &[u8]) -> Result<Vec<u8>, RepositoryError> {
        Err(RepositoryError::Failed(NO_SUBJECT.into()))
    }
    async fn open_blobs(&self, _: Vec<Revision>) -> Result<Box<dyn BlobStream>, RepositoryError> {
        Err(RepositoryError::Failed(NO_SUBJECT.into()))
    }
    async fn checks(&self, _: &Revision) -> Result<Vec<Check>, ForgeError> {
        Err(ForgeError::Unavailable(NO_SUBJECT.into()))
    }
    async fn required_checks(&self, _: &str) -> Result<Vec<String>, ForgeError> {
        Err(ForgeError::Unavailable(NO_SUBJECT.into()))
    }
    async fn pull_request(&self, _: u64) -> Result<PullRequest, ForgeError> {
        Err(ForgeError::Unavailable(NO_SUBJECT.into()))
    }
    async fn pushed_at(&self, _: &Revision) -> Result<Option<i64>, ForgeError> {
        Err(ForgeError::Unavailable(NO_SUBJECT.into()))
    }
    async fn frontmatter(&self, _: &str) -> Result<String, DocumentError> {
        Err(DocumentError::Failed(NO_SUBJECT.into()))
    }
    async fn read_document(&self, _: &str) -> Result<Vec<u8>, DocumentError> {
        Err(DocumentError::Failed(NO_SUBJECT.into()))
    }
    async fn document_folder(&self) -> String {
        String::new()
    }
    async fn inspect_image(&self, _: &str) -> Result<Image, ImageError> {
        Err(ImageError::Unavailable(NO_SUBJECT.into()))
    }
    async fn latest_approval(&self) -> Result<Option<Approval>, Unavailable> {
        Err(Unavailable(NO_SUBJECT.into()))
    }
    async fn latest_test_run(&self, _: &str, _: &str) -> Result<Option<TestRun>, Unavailable> {
        Err(Unavailable(NO_SUBJECT.into()))
    }
    async fn advisory_database(&self) -> Result<Option<AdvisoryDatabase>, AdvisoryError> {
        Err(AdvisoryError::Unavailable(NO_SUBJECT.into()))
    }
    async fn advisories(&self, _: &str, _: &[String]) -> Result<Vec<(String, Vec<u8>)>, AdvisoryError> {
        Err(AdvisoryError::Unavailable(NO_SUBJECT.into()))
    }
}
