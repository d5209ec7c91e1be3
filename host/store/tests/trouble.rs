//! A disk that fails for a while: the store says so, loses nothing, and works again without being opened again.
//!
//! The failing is real: a process of its own is not allowed to let its files grow (`RLIMIT_FSIZE`), then it is again.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]
#![expect(clippy::disallowed_methods, reason = "a limit on files is a whole process's: this test needs one of its own")]

use portcullis_core::event::Source;
use portcullis_core::time::UnixMillis;
use portcullis_store::sqlite::SqliteStore;
use portcullis_store::{NewEvent, Received, Store, Trouble};
use std::process::Command;

const INNER: &str = "PORTCULLIS_TEST_TROUBLE";

fn event(number: usize) -> NewEvent {
    NewEvent {
        source: Source::Plane,
        delivery: format!("d-{number}"),
        meaning: None,
        event: "issue".to_owned(),
        body: vec![b'x'; 20_000],
        at: UnixMillis(1),
    }
}

/// Sets the limit on this process's files, in bytes.
fn limit(bytes: &str) {
    let me = std::process::id().to_string();
    let set = Command::new("prlimit").args(["--pid", &me, &format!("--fsize={bytes}:")]).status();
    assert!(set.expect("`prlimit` (of util-linux) starts").success());
}

#[test]
fn a_disk_that_fails_and_recovers_loses_nothing() {
    // WEB-2, and what a full disk must not do.
    // The signal that comes with the limit would end the process; ignored, writing fails instead.
    let outcome = Command::new("sh")
        .args(["-c", "trap '' XFSZ; exec \"$0\" --exact inner --ignored --nocapture"])
        .arg(std::env::current_exe().unwrap())
        .env(INNER, "1")
        .output()
        .unwrap();
    let told = String::from_utf8_lossy(&outcome.stdout) + String::from_utf8_lossy(&outcome.stderr);
    assert!(outcome.status.success() && told.contains("1 passed"), "{told}");
}

#[tokio::test]
#[ignore = "run by the test above, in a process of its own"]
async fn inner() {
    assert!(std::env::var_os(INNER).is_some(), "it limits the whole process");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    let mut stored = Vec::new();
    let mut number = 0;
    for round in 0..3 {
        for _ in 0..5 {
            let Received::Stored(id) = store.receive(event(number)).await.unwrap() else { panic!("it is new") };
            stored.push((id, number));
            number += 1;
        }
        let mut log = path.as_os_str().to_owned();
        log.push("-wal");
        limit(&std::fs::metadata(log).unwrap().len().to_string());
        let failed = store.receive(event(number)).await.unwrap_err();
        assert_eq!(failed.trouble(), Some(Trouble::Io), "round {round}: {failed:?}");
        assert_eq!(store.probe().await.unwrap_err().trouble(), Some(Trouble::Io));
        assert_eq!(store.event(stored[0].0).await.unwrap().unwrap().body, event(0).body, "reading goes on");
        limit("unlimited");
        store.probe().await.unwrap();
    }
    drop(store);
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!(store.events(None, 100).await.unwrap().len(), stored.len(), "what failed left nothing behind");
    for (id, number) in stored {
        assert_eq!(store.event(id).await.unwrap().unwrap().delivery, format!("d-{number}"));
    }
}
