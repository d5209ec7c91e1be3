//! The database of known vulnerabilities, for one evaluation: opened at the first question, so that an import meanwhile does not
//! change an evaluation under way.

use crate::gatehouse::chain;
use portcullis_connect::advisories::{Database, OpenError};
use portcullis_core::facts::{AdvisoryDatabase, AdvisoryError};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

/// Most bytes of advisories in one answer.
const ANSWER_BYTES: usize = 8 << 20;

/// A database that may not be there.
#[derive(Clone, Default)]
pub struct Advisories {
    path: PathBuf,
    database: Arc<Mutex<Option<Arc<Database>>>>,
}

impl Advisories {
    /// The one at `path`.
    pub fn at(path: PathBuf) -> Self {
        Self { path, database: Arc::default() }
    }

    /// What it is; none: there is none.
    ///
    /// # Errors
    /// [`AdvisoryError`] if it is there and cannot be read.
    pub async fn about(&self) -> Result<Option<AdvisoryDatabase>, AdvisoryError> {
        self.ask(None, |database| Ok(Some(database.about()))).await
    }

    /// Every advisory on each of these packages, as OSV's JSON.
    ///
    /// # Errors
    /// [`AdvisoryError`].
    pub async fn lookup(&self, ecosystem: &str, names: &[String]) -> Result<Vec<(String, Vec<u8>)>, AdvisoryError> {
        let (ecosystem, names) = (ecosystem.to_owned(), names.to_owned());
        self.ask(Vec::new(), move |database| database.lookup(&ecosystem, &names, ANSWER_BYTES)).await
    }

    /// Puts a question; `none` is the answer where there is no database.
    async fn ask<T: Send + 'static>(
        &self,
        none: T,
        question: impl FnOnce(&Database) -> Result<T, AdvisoryError> + Send + 'static,
    ) -> Result<T, AdvisoryError> {
        let Self { path, database } = self.clone();
        let asked = tokio::task::spawn_blocking(move || {
            let mut kept = database.lock().unwrap_or_else(PoisonError::into_inner);
            if kept.is_none() {
                let failed =
                    |error: OpenError| AdvisoryError::Unavailable(format!("{}: {}", path.display(), chain(&error)));
                *kept = Database::open(&path).map_err(failed)?.map(Arc::new);
            }
            let opened = kept.clone();
            drop(kept);
            opened.map_or(Ok(none), |database| question(&database))
        });
        asked.await.map_err(|error| AdvisoryError::Unavailable(error.to_string()))?
    }
}
