//! What is left after the daemon was killed, or the machine lost power: everything answered, and nothing half done.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use portcullis_core::event::Source;
use portcullis_core::ids::{ProjectName, RoleName, StageName, WorkItem};
use portcullis_core::task::NewTask;
use portcullis_core::time::UnixMillis;
use portcullis_store::sqlite::SqliteStore;
use portcullis_store::{Action, Filter, NewEvent, Received, Settlement, Store};
use std::path::{Path, PathBuf};

fn event(number: usize) -> NewEvent {
    NewEvent {
        source: Source::Plane,
        delivery: format!("d-{number}"),
        meaning: None,
        event: "issue".to_owned(),
        body: vec![b'x'; 3_000],
        at: UnixMillis(1),
    }
}

fn new_task(number: usize) -> NewTask {
    NewTask {
        project: ProjectName::new("alpha"),
        work_item: WorkItem::new(format!("A-{number}")),
        tracker_id: None,
        title: String::new(),
        description: String::new(),
        stage: StageName::new("analysis"),
        role: Some(RoleName::new("analyst")),
        branch: format!("feature/A-{number}"),
        overlay: serde_json::json!({}),
    }
}

fn log_of(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push("-wal");
    PathBuf::from(name)
}

/// The files as a killed process leaves them, opened again.
fn after_a_kill(path: &Path, log_bytes: Option<usize>) -> (tempfile::TempDir, SqliteStore) {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    std::fs::copy(path, &copy).unwrap();
    let log = std::fs::read(log_of(path)).unwrap();
    std::fs::write(log_of(&copy), &log[..log_bytes.unwrap_or(log.len())]).unwrap();
    let store = SqliteStore::open(&copy).unwrap();
    (folder, store)
}

#[tokio::test]
async fn an_acknowledged_event_survives_a_kill_right_after() {
    // WEB-2
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    for number in 0..5 {
        let Received::Stored(id) = store.receive(event(number)).await.unwrap() else { panic!("it is new") };
        let (_folder, survivor) = after_a_kill(&path, None);
        assert_eq!(survivor.event(id).await.unwrap().unwrap().body, event(number).body);
        assert_eq!(survivor.due_events(UnixMillis(1), 100).await.unwrap().len(), number + 1);
        assert_eq!(survivor.receive(event(number)).await.unwrap(), Received::SeenBefore(id));
    }
}

#[tokio::test]
async fn wherever_the_log_is_cut_off_nothing_is_half_done() {
    // STG-2, I3: an event, the task it makes, that task's job and the audit row are there together or not at all.
    const HEADER: usize = 32;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    drop(SqliteStore::open(&path).unwrap()); // Tables are in the file; the log begins empty.
    let store = SqliteStore::open(&path).unwrap();
    for number in 0..4 {
        let Received::Stored(id) = store.receive(event(number)).await.unwrap() else { panic!("it is new") };
        let made = Settlement::Processed(vec![Action::Create(Box::new(new_task(number)))]);
        assert!(store.settle(id, made, UnixMillis(2)).await.unwrap());
    }
    let log = std::fs::read(log_of(&path)).unwrap();
    // A frame is a page and 24 bytes before it.
    let page = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
    let mut seen = std::collections::BTreeSet::new();
    for cut in (HEADER..=log.len()).step_by(page + 24).chain([0, 17, HEADER + page / 2]) {
        let (_folder, survivor) = after_a_kill(&path, Some(cut));
        let handled = survivor.events(Some(portcullis_core::event::InboxState::Processed), 100).await.unwrap().len();
        let tasks = survivor.tasks(Filter::default()).await.unwrap().len();
        let snapshot = survivor.snapshot().await.unwrap();
        let trail = survivor.audit(Filter::default()).await.unwrap().len();
        assert_eq!((tasks, snapshot.waiting.len(), trail), (handled, handled, handled), "cut at byte {cut}");
        assert_eq!(snapshot.inbox.iter().map(|(_, n)| n).sum::<i64>() as usize, {
            survivor.events(None, 100).await.unwrap().len()
        });
        seen.insert(handled);
    }
    assert_eq!(seen.into_iter().collect::<Vec<_>>(), [0, 1, 2, 3, 4], "the cuts fell before, between and after");
}

#[tokio::test]
async fn rows_and_numbers_survive_closing_and_opening() {
    // QUE-1
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    let store = SqliteStore::open(&path).unwrap();
    let created = store.create_task(new_task(1), "tester", UnixMillis(1)).await.unwrap();
    let before = (store.snapshot().await.unwrap(), store.tasks(Filter::default()).await.unwrap());
    drop(store);
    assert!(!log_of(&path).exists(), "closing folds the log in");
    let store = SqliteStore::open(&path).unwrap();
    assert_eq!((store.snapshot().await.unwrap(), store.tasks(Filter::default()).await.unwrap()), before);
    let again = store.create_task(new_task(1), "tester", UnixMillis(2)).await.unwrap();
    let portcullis_core::task::Created::New(id) = created else { panic!("it was new") };
    assert_eq!(again, portcullis_core::task::Created::Exists(id));
}
