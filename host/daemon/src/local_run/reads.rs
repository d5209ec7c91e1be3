//! What a gate reads in a local run, and how much of it.

use crate::document;
use crate::images::Images;
use crate::known::Advisories;
use crate::objects::{Blobs, Objects, document_path};
use async_trait::async_trait;
use portcullis_core::facts::{
    AdvisoryDatabase, AdvisoryError, Approval, Check, Commit, DocumentError, ForgeError, Image, ImageError, Piece,
    PullRequest, RepositoryError, TestRun, TreeChange,
};
use portcullis_core::ids::Revision;
use portcullis_git::Repository;
use portcullis_runtime::{BlobStream, Reads, Unavailable};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

const NO_FORGE: &str = "a local run asks no forge";
const NO_DAEMON: &str = "a local run has no daemon that would remember it";

/// How far a run has got.
#[derive(Debug, Default)]
pub struct Looked {
    /// Commits listed.
    pub commits: AtomicU64,
    /// Commits whose changes were asked for.
    pub changes: AtomicU64,
    /// Objects read.
    pub objects: AtomicU64,
    /// Bytes read of them.
    pub bytes: AtomicU64,
}

/// Reads for one local run.
pub(super) struct LocalReads {
    pub(super) repository: Repository,
    pub(super) head: Revision,
    /// The work item's folder.
    pub(super) folder: String,
    pub(super) images: Images,
    pub(super) looked: Arc<Looked>,
    pub(super) objects: Objects,
    pub(super) advisories: Advisories,
}

#[async_trait]
impl Reads for LocalReads {
    async fn merge_base(&self, a: &Revision, b: &Revision) -> Result<Revision, RepositoryError> {
        self.objects.merge_base(self.repository.clone(), a, b).await
    }

    async fn is_ancestor(&self, ancestor: &Revision, descendant: &Revision) -> Result<bool, RepositoryError> {
        self.objects.is_ancestor(self.repository.clone(), ancestor, descendant).await
    }

    async fn tree(&self, revision: &Revision) -> Result<Revision, RepositoryError> {
        self.objects.tree(self.repository.clone(), revision).await
    }

    async fn commits(&self, base: &Revision, head: &Revision) -> Result<Vec<Commit>, RepositoryError> {
        let commits = self.objects.commits(self.repository.clone(), base, head).await?;
        self.looked.commits.store(commits.len() as u64, Ordering::Relaxed);
        Ok(commits)
    }

    async fn changes(&self, before: Option<&Revision>, after: &Revision) -> Result<Vec<TreeChange>, RepositoryError> {
        let changes = self.objects.changes(self.repository.clone(), before, after).await?;
        self.looked.changes.fetch_add(1, Ordering::Relaxed);
        Ok(changes)
    }

    async fn read_file(&self, revision: &Revision, path: &[u8]) -> Result<Vec<u8>, RepositoryError> {
        self.objects.read_file(self.repository.clone(), revision, path).await
    }

    async fn open_blobs(&self, ids: Vec<Revision>) -> Result<Box<dyn BlobStream>, RepositoryError> {
        let blobs = self.objects.open_blobs(self.repository.clone(), ids).await?;
        Ok(Box::new(Counted { blobs, last: None, looked: self.looked.clone() }))
    }

    async fn checks(&self, _: &Revision) -> Result<Vec<Check>, ForgeError> {
        Err(ForgeError::Unavailable(NO_FORGE.to_owned()))
    }

    async fn required_checks(&self, _: &str) -> Result<Vec<String>, ForgeError> {
        Err(ForgeError::Unavailable(NO_FORGE.to_owned()))
    }

    async fn pull_request(&self, _: u64) -> Result<PullRequest, ForgeError> {
        Err(ForgeError::Unavailable(NO_FORGE.to_owned()))
    }

    async fn pushed_at(&self, _: &Revision) -> Result<Option<i64>, ForgeError> {
        Err(ForgeError::Unavailable(NO_DAEMON.to_owned()))
    }

    async fn frontmatter(&self, name: &str) -> Result<String, DocumentError> {
        document::frontmatter(&self.read_document(name).await?)
    }

    async fn read_document(&self, name: &str) -> Result<Vec<u8>, DocumentError> {
        let path = document_path(&self.folder, name)?;
        match self.read_file(&self.head, path.as_bytes()).await {
            Ok(bytes) => Ok(bytes),
            Err(RepositoryError::NotFound(_)) => Err(DocumentError::NotFound),
            Err(error) => Err(DocumentError::Failed(error.to_string())),
        }
    }

    async fn document_folder(&self) -> String {
        self.folder.clone()
    }

    async fn inspect_image(&self, reference: &str) -> Result<Image, ImageError> {
        if matches!(self.images, Images::Nowhere) {
            return Err(ImageError::Unavailable("name an OCI image layout with --images".to_owned()));
        }
        self.images.inspect(reference).await
    }

    async fn latest_approval(&self) -> Result<Option<Approval>, Unavailable> {
        Err(Unavailable(NO_DAEMON.to_owned()))
    }

    async fn latest_test_run(&self, _: &str, _: &str) -> Result<Option<TestRun>, Unavailable> {
        Err(Unavailable(NO_DAEMON.to_owned()))
    }

    async fn advisory_database(&self) -> Result<Option<AdvisoryDatabase>, AdvisoryError> {
        self.advisories.about().await
    }

    async fn advisories(&self, ecosystem: &str, names: &[String]) -> Result<Vec<(String, Vec<u8>)>, AdvisoryError> {
        self.advisories.lookup(ecosystem, names).await
    }
}

struct Counted {
    blobs: Blobs,
    /// The object that was read last.
    last: Option<u32>,
    looked: Arc<Looked>,
}

#[async_trait]
impl BlobStream for Counted {
    async fn next(&mut self) -> Result<Vec<Piece>, RepositoryError> {
        let pieces = self.blobs.next().await?;
        for piece in &pieces {
            let begun = self.last.replace(piece.index) != Some(piece.index);
            self.looked.objects.fetch_add(u64::from(begun), Ordering::Relaxed);
            self.looked.bytes.fetch_add(piece.bytes.len() as u64, Ordering::Relaxed);
        }
        Ok(pieces)
    }
}
