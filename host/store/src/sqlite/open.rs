//! Opening the database file: who may, with which settings, and in which order it is closed.

use super::lock::{self, FileLock};
use super::readers::Readers;
use super::row::Fail;
use super::schema;
use super::writer::Writer;
use crate::model::StoreError;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags};
use std::fs::{OpenOptions, Permissions};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;
use std::time::Duration;
use tempfile::TempDir;

/// Threads that answer questions beside the writer.
const READERS: usize = 2;
/// Statements kept prepared on each connection: more than there are in this crate.
const STATEMENTS: usize = 192;

/// The store on one SQLite file.
///
/// Dropping it writes what is queued, closes the file and gives its lock back. A request whose future is dropped before
/// it was answered may still be carried out.
#[derive(Debug)]
pub struct SqliteStore {
    // Dropped in this order: the writer's connection is the last on the file, so its closing folds the log (WAL) in.
    readers: Readers,
    writer: Writer,
    _lock: FileLock,
    _folder: Option<TempDir>,
}

#[derive(Clone, Copy)]
enum Durability {
    /// Every commit is fsynced.
    Full,
    /// For files that nobody will open again.
    None,
}

impl SqliteStore {
    /// Opens the database at `path`, makes it if there is none, and brings its tables up to date.
    ///
    /// # Errors
    /// [`StoreError::InUse`]: another daemon has it. [`StoreError::Open`]: what is wrong and what to do.
    pub fn open(path: &Path) -> Result<Self, StoreError> {
        Self::start(path, Durability::Full, None)
    }

    /// A database for one test: in every way like a real one (the same tables, log and threads), in a folder of its own
    /// that goes with it, and not fsynced.
    ///
    /// # Errors
    /// [`StoreError::Open`] if the folder for temporary files is not usable.
    pub fn open_in_memory() -> Result<Self, StoreError> {
        let failed =
            |source: std::io::Error| StoreError::Open { path: "(temporary)".to_owned(), reason: source.to_string() };
        let folder = tempfile::Builder::new().prefix("portcullis-store-").tempdir().map_err(failed)?;
        let path = folder.path().join("portcullis.db");
        Self::start(&path, Durability::None, Some(folder))
    }

    fn start(path: &Path, durability: Durability, folder: Option<TempDir>) -> Result<Self, StoreError> {
        let failed = |reason: String| StoreError::Open { path: path.display().to_string(), reason };
        let lock = lock::take(path)?;
        private(path).map_err(|source| failed(source.to_string()))?;
        let mut db = writing(path, durability).map_err(|source| failed(source.to_string()))?;
        schema::migrate(&mut db).map_err(|e| failed(e.to_string()))?;
        let readers: Result<Vec<Connection>, _> = (0..READERS).map(|_| reading(path)).collect();
        let readers = Readers::start(readers.map_err(|source| failed(source.to_string()))?)
            .map_err(|source| failed(format!("cannot start a thread: {source}")))?;
        let writer = Writer::start(db).map_err(|source| failed(format!("cannot start a thread: {source}")))?;
        Ok(Self { readers, writer, _lock: lock, _folder: folder })
    }

    pub(super) async fn read<T: Send + 'static>(
        &self,
        doing: &'static str,
        ask: impl FnOnce(&Connection) -> Result<T, Fail> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.readers.read(doing, ask).await
    }

    pub(super) async fn write<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Fail> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.write(doing, work).await
    }

    /// For `work` that writes by one statement.
    pub(super) async fn write_once<T: Send + 'static>(
        &self,
        doing: &'static str,
        work: impl FnOnce(&Connection) -> Result<T, Fail> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.writer.write_once(doing, work).await
    }
}

/// Makes the file readable by its owner alone, before anything is in it. SQLite gives its log the same mode.
fn private(path: &Path) -> std::io::Result<()> {
    let file = OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)?;
    if file.metadata()?.permissions().mode() & 0o077 != 0 {
        file.set_permissions(Permissions::from_mode(0o600))?;
    }
    Ok(())
}

/// Statements stay prepared. Without the stability guarantee SQLite looks at what is bound to parameters that a partial
/// index may ask about (`lane = :lane`), and prepares the statement anew for every execution.
fn keep_plans(db: &Connection) -> rusqlite::Result<()> {
    db.set_prepared_statement_cache_capacity(STATEMENTS);
    db.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true).map(drop)
}

fn writing(path: &Path, durability: Durability) -> rusqlite::Result<Connection> {
    // No URI flag: a path is a path, whatever characters it has. No mutex: a connection stays with its thread.
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(Duration::from_secs(10))?;
    keep_plans(&db)?;
    db.execute_batch(match durability {
        Durability::Full => "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;",
        Durability::None => "PRAGMA journal_mode = WAL; PRAGMA synchronous = OFF;",
    })?;
    // The log is cut back to this (64 MiB) after a burst. `trusted_schema`: a file from elsewhere runs no functions.
    db.execute_batch(
        "PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY;
         PRAGMA journal_size_limit = 67108864; PRAGMA cache_size = -16384;",
    )?;
    Ok(db)
}

fn reading(path: &Path) -> rusqlite::Result<Connection> {
    let db = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    db.busy_timeout(Duration::from_secs(10))?;
    keep_plans(&db)?;
    db.execute_batch(
        "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8192;",
    )?;
    Ok(db)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]
    use super::*;
    use rusqlite::StatementStatus;

    #[test]
    fn a_statement_is_prepared_once_whatever_is_bound_to_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portcullis.db");
        drop(SqliteStore::open(&path).unwrap());
        for db in [writing(&path, Durability::None).unwrap(), reading(&path).unwrap()] {
            // The lane is what a partial index asks about.
            let asked = "SELECT id FROM job WHERE task = ?1 AND lane = ?2 AND state IN ('queued', 'running')";
            let mut statement = db.prepare(asked).unwrap();
            for (task, lane) in [(1, "role"), (2, "ci"), (3, "role")] {
                assert!(!statement.exists((task, lane)).unwrap());
            }
            assert_eq!(statement.get_status(StatementStatus::RePrepare), 0);
        }
    }
}
