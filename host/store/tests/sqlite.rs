//! The store on SQLite: everything that every store keeps, and what only a file can do.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use portcullis_store::sqlite::SqliteStore;
use portcullis_store::{Store, StoreError};
use proptest::prelude::*;
use std::sync::Arc;

fn fresh() -> Arc<dyn Store> {
    Arc::new(SqliteStore::open_in_memory().unwrap())
}

mod conformance {
    portcullis_store::store_conformance!(super::fresh);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 32, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_in_whatever_order_the_invariants_hold(
        // I1, QUE-1, QUE-2, QUE-3
        steps in proptest::collection::vec(any::<portcullis_store::conformance::Step>(), 1..80),
    ) {
        let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
        runtime.block_on(portcullis_store::conformance::live(fresh(), &steps));
    }
}

#[test]
fn a_second_daemon_on_the_same_file_is_refused_until_the_first_has_gone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let first = SqliteStore::open(&path).unwrap();
    match SqliteStore::open(&path) {
        Err(StoreError::InUse { pid, .. }) => assert_eq!(pid, std::process::id().to_string()),
        other => panic!("{other:?}"),
    }
    drop(first);
    SqliteStore::open(&path).unwrap();
}

#[test]
fn nobody_else_can_read_the_files() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    // One that was made carelessly is tightened.
    std::fs::write(&path, "").unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    let _open = SqliteStore::open(&path).unwrap();
    let mut files: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap()).collect();
    files.sort_by_key(std::fs::DirEntry::path);
    assert_eq!(files.len(), 4, "database, lock, log and its index: {files:?}");
    for file in files {
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file:?}");
    }
}

#[test]
fn what_cannot_be_opened_says_where_and_why() {
    let folder = tempfile::tempdir().unwrap();
    let nowhere = SqliteStore::open(&folder.path().join("no/such/folder.db")).unwrap_err().to_string();
    assert!(nowhere.contains("no/such/folder.db") && nowhere.contains("No such file"), "{nowhere}");
    let path = folder.path().join("not-a-database.db");
    std::fs::write(&path, "not a database at all, but long enough to be taken for one".repeat(100)).unwrap();
    let garbage = SqliteStore::open(&path).unwrap_err().to_string();
    assert!(garbage.contains("not a database"), "{garbage}");
}
