//! A repository's objects, for one evaluation: a few git processes answer all its questions, on threads that may block.

use async_trait::async_trait;
use portcullis_core::facts::{Commit, DocumentError, Piece, RepositoryError, TreeChange};
use portcullis_core::ids::Revision;
use portcullis_git::{ObjectReader, Repository};
use portcullis_runtime::BlobStream;
use std::sync::{Arc, Mutex, PoisonError};
use tokio::task::JoinHandle;

/// What a repository answers.
pub type Answer<T> = Result<T, RepositoryError>;

/// Largest file that is read at once.
pub const FILE_BYTES: u64 = 16 << 20;

/// Opened at the first question.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    reader: Arc<Mutex<Option<ObjectReader>>>,
}

impl From<ObjectReader> for Objects {
    fn from(reader: ObjectReader) -> Self {
        Self { reader: Arc::new(Mutex::new(Some(reader))) }
    }
}

impl Objects {
    /// Puts a question to `repository`, the same one each time.
    async fn ask<T: Send + 'static>(
        &self,
        repository: Repository,
        question: impl FnOnce(&ObjectReader) -> Result<T, RepositoryError> + Send + 'static,
    ) -> Result<T, RepositoryError> {
        let reader = self.reader.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let mut reader = reader.lock().unwrap_or_else(PoisonError::into_inner);
            question(reader.get_or_insert_with(|| repository.reader()))
        });
        asked.await.map_err(|error| RepositoryError::Failed(error.to_string()))?
    }
}

/// The questions of [`portcullis_runtime::Reads`] about a repository.
#[allow(clippy::missing_errors_doc, reason = "each is what the repository answers")]
impl Objects {
    /// `repository.merge-base`.
    pub async fn merge_base(&self, of: Repository, a: &Revision, b: &Revision) -> Answer<Revision> {
        let (a, b) = (a.clone(), b.clone());
        self.ask(of, move |objects| objects.merge_base(&a, &b)).await
    }

    /// `repository.is-ancestor`.
    pub async fn is_ancestor(&self, of: Repository, ancestor: &Revision, descendant: &Revision) -> Answer<bool> {
        let (ancestor, descendant) = (ancestor.clone(), descendant.clone());
        self.ask(of, move |objects| objects.is_ancestor(&ancestor, &descendant)).await
    }

    /// `repository.tree`.
    pub async fn tree(&self, of: Repository, revision: &Revision) -> Answer<Revision> {
        let revision = revision.clone();
        self.ask(of, move |objects| objects.tree(&revision)).await
    }

    /// `repository.commits`.
    pub async fn commits(&self, of: Repository, base: &Revision, head: &Revision) -> Answer<Vec<Commit>> {
        let (base, head) = (base.clone(), head.clone());
        self.ask(of, move |objects| objects.commits(&base, &head)).await
    }

    /// `repository.changes`.
    pub async fn changes(
        &self,
        of: Repository,
        before: Option<&Revision>,
        after: &Revision,
    ) -> Answer<Vec<TreeChange>> {
        let (before, after) = (before.cloned(), after.clone());
        self.ask(of, move |objects| objects.changes(before.as_ref(), &after)).await
    }

    /// `repository.read-file`.
    pub async fn read_file(&self, of: Repository, revision: &Revision, path: &[u8]) -> Answer<Vec<u8>> {
        let (revision, path) = (revision.clone(), path.to_owned());
        self.ask(of, move |objects| objects.read_file(&revision, &path, FILE_BYTES)).await
    }

    /// `repository.open-blobs`.
    pub async fn open_blobs(&self, of: Repository, ids: Vec<Revision>) -> Answer<Blobs> {
        let stream = self.ask(of, move |objects| objects.open_blobs(ids)).await?;
        Ok(Blobs::Idle(Box::new(stream)))
    }
}

/// Objects' bytes as the runtime wants them. While the gate looks at one answer the next one is read.
pub enum Blobs {
    /// Nothing has been asked yet, or all has been read.
    Idle(Box<portcullis_git::BlobStream>),
    /// An answer is being read.
    Ahead(JoinHandle<(Box<portcullis_git::BlobStream>, Answer<Vec<Piece>>)>),
    /// Reading has failed, as was said: what follows would have a hole.
    Failed,
}

fn read_on(mut stream: Box<portcullis_git::BlobStream>) -> Blobs {
    Blobs::Ahead(tokio::task::spawn_blocking(move || {
        let pieces = stream.next_pieces();
        (stream, pieces)
    }))
}

#[async_trait]
impl BlobStream for Blobs {
    async fn next(&mut self) -> Answer<Vec<Piece>> {
        *self = match std::mem::replace(self, Self::Failed) {
            Self::Idle(stream) => read_on(stream),
            other => other,
        };
        let Self::Ahead(ahead) = self else {
            return Err(RepositoryError::Failed("reading these objects has failed before".to_owned()));
        };
        let read = ahead.await;
        *self = Self::Failed;
        let (stream, pieces) = read.map_err(|error| RepositoryError::Failed(error.to_string()))?;
        let pieces = pieces?;
        *self = if stream.is_at_its_end() { Self::Idle(stream) } else { read_on(stream) };
        Ok(pieces)
    }
}

/// Where a document stands. Its name is a file name, not a path: a gate's configuration cannot lead elsewhere.
///
/// # Errors
/// [`DocumentError::Failed`] names what is no file name.
pub fn document_path(folder: &str, name: &str) -> Result<String, DocumentError> {
    let plain = !name.is_empty() && !name.contains(['/', '\\', '\0']) && name != "." && name != "..";
    if !plain {
        return Err(DocumentError::Failed(format!("`{name}` is no file name")));
    }
    Ok(format!("{folder}/{name}"))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where its set-up fails")]
    use super::*;
    use portcullis_git::{Git, GitSettings};
    use portcullis_testkit::TempRepo;

    #[tokio::test]
    async fn a_stream_that_has_failed_never_says_that_all_was_read() {
        // SEC-2: what follows a hole is not handed over, and its absence is not the end.
        let origin = TempRepo::with_commit("a.txt", "one\n");
        let repository = Repository::open(&Git::new(GitSettings::default()), &origin.work().join(".git")).unwrap();
        let objects = Objects::default();
        let changes = objects.changes(repository.clone(), None, &origin.head()).await.unwrap();
        let id = changes[0].after.clone().unwrap();
        let absent = Revision::parse(&"d".repeat(40)).unwrap();
        let mut blobs = objects.open_blobs(repository.clone(), vec![id.clone(), absent, id.clone()]).await.unwrap();
        for _ in 0..3 {
            blobs.next().await.unwrap_err();
        }
        let mut whole = objects.open_blobs(repository, vec![id]).await.unwrap();
        assert_eq!(whole.next().await.unwrap()[0].bytes, b"one\n");
        assert!(whole.next().await.unwrap().is_empty() && whole.next().await.unwrap().is_empty());
    }

    #[test]
    fn a_documents_name_is_no_path() {
        // SEC-7
        assert_eq!(document_path("docs", "17-security-report.md"), Ok("docs/17-security-report.md".to_owned()));
        for name in ["", ".", "..", "a/b", "../a", "a\\b", "a\0"] {
            assert!(document_path("docs", name).is_err(), "{name:?}");
        }
    }
}
