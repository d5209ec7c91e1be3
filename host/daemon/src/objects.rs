//! A repository's objects, for one evaluation: one git process answers all its questions, on threads that may block.

use async_trait::async_trait;
use portcullis_core::facts::{DocumentError, RepositoryError};
use portcullis_git::{ObjectReader, Repository};
use portcullis_runtime::BlobReader;
use std::sync::{Arc, Mutex, PoisonError};

/// Largest file that is read at once.
pub const FILE_BYTES: u64 = 16 << 20;

/// Opened at the first question.
#[derive(Debug, Clone, Default)]
pub struct Objects {
    reader: Arc<Mutex<Option<ObjectReader>>>,
}

impl Objects {
    /// Puts a question to `repository`, the same one each time.
    ///
    /// # Errors
    /// What the question comes to.
    pub async fn ask<T: Send + 'static>(
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

/// One object as the runtime wants it.
pub struct Blob {
    size: u64,
    inner: Arc<Mutex<portcullis_git::BlobReader>>,
}

impl From<portcullis_git::BlobReader> for Blob {
    fn from(blob: portcullis_git::BlobReader) -> Self {
        Self { size: blob.size(), inner: Arc::new(Mutex::new(blob)) }
    }
}

#[async_trait]
impl BlobReader for Blob {
    fn size(&self) -> u64 {
        self.size
    }

    async fn next(&mut self) -> Result<Vec<u8>, RepositoryError> {
        let inner = self.inner.clone();
        let read =
            tokio::task::spawn_blocking(move || inner.lock().unwrap_or_else(PoisonError::into_inner).next_piece());
        read.await.map_err(|error| RepositoryError::Failed(error.to_string()))?
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
    use super::*;

    #[test]
    fn a_documents_name_is_no_path() {
        // SEC-7
        assert_eq!(document_path("docs", "17-security-report.md"), Ok("docs/17-security-report.md".to_owned()));
        for name in ["", ".", "..", "a/b", "../a", "a\\b", "a\0"] {
            assert!(document_path("docs", name).is_err(), "{name:?}");
        }
    }
}
