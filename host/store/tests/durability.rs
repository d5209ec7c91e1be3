//! What is left after the daemon was killed, or the machine lost power: everything answered, and nothing half done.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use portcullis_core::effect::{Effect, NewEffect};
use portcullis_core::event::Source;
use portcullis_core::ids::{InboxId, ProjectName, RoleName, StageName, WorkItem};
use portcullis_core::job::{CancelAsked, Claim, Lane, TakeOver};
use portcullis_core::lease::{Acquire, Holder, LeaseName};
use portcullis_core::pause::{Pause, PauseScope};
use portcullis_core::task::{Change, Commit, Committed, NewTask};
use portcullis_core::time::UnixMillis;
use portcullis_store::sqlite::SqliteStore;
use portcullis_store::{
    Action, Caps, Cutoffs, Filter, Finish, Finished, JobEnd, NewEvent, Received, Settlement, Store,
};
use std::path::{Path, PathBuf};
use std::time::Duration;

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

/// The files as a killed process leaves them, the log cut off.
fn left_by_a_kill(path: &Path, log_bytes: Option<usize>) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    let copy = folder.path().join("copy.db");
    std::fs::copy(path, &copy).unwrap();
    let log = std::fs::read(log_of(path)).unwrap();
    std::fs::write(log_of(&copy), &log[..log_bytes.unwrap_or(log.len())]).unwrap();
    folder
}

/// The same, opened again.
fn after_a_kill(path: &Path, log_bytes: Option<usize>) -> (tempfile::TempDir, SqliteStore) {
    let folder = left_by_a_kill(path, log_bytes);
    let store = SqliteStore::open(&folder.path().join("copy.db")).unwrap();
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
        assert_eq!(survivor.due_events(UnixMillis(1), InboxId(0), 100).await.unwrap().len(), number + 1);
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

/// A life in which everything happens that is more than one row: made, claimed, launched, taken over, cancelled, paused,
/// moved, pruned.
async fn full_life(store: &SqliteStore) {
    let caps = Caps { overall: 9, per_project: 9 };
    let at = |ms| UnixMillis(ms);
    let claim = async |ms| match store.claim(Lane::Role, caps, "boot", at(ms)).await.unwrap() {
        Claim::Won(job) => *job,
        Claim::Nothing => panic!("nothing to claim"),
    };
    let ended = |end, ms| Finish {
        end,
        reason: None,
        head: None,
        ci: None,
        checks: Vec::new(),
        effects: Vec::new(),
        at: at(ms),
    };
    for number in 0..3 {
        let Received::Stored(id) = store.receive(event(number)).await.unwrap() else { panic!("it is new") };
        let made = Settlement::Processed(vec![Action::Create(Box::new(new_task(number)))]);
        assert!(store.settle(id, made, at(2)).await.unwrap());
    }
    // The first is taken over and done, the second cancelled while it runs, the third while it waits.
    let (first, second) = (claim(3).await, claim(3).await);
    let run = store.launch(&first, "boot", "runs/1", at(4)).await.unwrap().unwrap();
    let TakeOver::Won(heir) = store.take_over(first.id, first.lease, "boot-2").await.unwrap() else {
        panic!("it runs")
    };
    assert!(store.exited(&heir, run.id, 0, at(5)).await.unwrap());
    assert_eq!(store.finish(&heir, ended(JobEnd::Done, 6)).await.unwrap(), Finished::Recorded);
    assert_eq!(store.cancel_job(second.id, "ada", "stop", at(7)).await.unwrap(), CancelAsked::Running);
    assert_eq!(store.finish(&second, ended(JobEnd::Failed, 8)).await.unwrap(), Finished::Recorded);
    let third = store.snapshot().await.unwrap().waiting.remove(0);
    assert_eq!(store.cancel_job(third.id, "ada", "stop", at(9)).await.unwrap(), CancelAsked::Cancelled);
    // Paused and resumed; the first moves on; what is over is forgotten.
    let scope = PauseScope::Project(ProjectName::new("alpha"));
    let pause = Pause { scope: scope.clone(), by: "ada".to_owned(), why: "lunch".to_owned(), since: at(10) };
    assert!(store.pause(pause).await.unwrap());
    assert!(store.resume(&scope, "ada", at(11)).await.unwrap());
    let holder =
        Holder { boot: "boot-2".to_owned(), node: "node".to_owned(), pid: 1, start_ticks: 1, what: "test".to_owned() };
    let name = LeaseName::drive(heir.task);
    let Acquire::Won(lease) = store.acquire(&name, &holder, at(12), Duration::from_secs(60)).await.unwrap() else {
        panic!("it is free")
    };
    let commit = Commit {
        task: heir.task,
        version: store.task(heir.task).await.unwrap().unwrap().version,
        rings: 0,
        change: Change::Advance {
            to: StageName::new("architecture"),
            role: Some(RoleName::new("architect")),
            merge_commit: None,
        },
        evaluations: Vec::new(),
        effects: vec![NewEffect { key: "moved".to_owned(), effect: Effect::Notify { text: "moved".to_owned() } }],
        actor: "portcullis".to_owned(),
        why: "green".to_owned(),
        at: at(13),
    };
    assert!(matches!(store.commit(&lease, commit).await.unwrap(), Committed::Done { .. }));
    assert_eq!(store.reclaim_leases("boot-3", at(14)).await.unwrap().len(), 1);
    let pruned = store.prune(&Cutoffs { audit: at(0), ..Cutoffs::all(at(20)) }, 100).await.unwrap();
    assert_eq!((pruned.jobs, pruned.runs, pruned.inbox), (1, 1, 3));
}

/// What must hold after every cut, read with plain SQL: each row says what has to be true of the whole database. None of
/// them may count anything.
const NEVER: &[(&str, &str)] = &[
    ("a task without its audit row", "SELECT count(*) <> (SELECT count(*) FROM audit WHERE what = 'create') FROM task"),
    (
        "a move without its effect, its job or its audit row",
        "SELECT (SELECT count(*) FROM task WHERE visit > 1) <> (SELECT count(*) FROM outbox)
             OR (SELECT count(*) FROM task WHERE visit > 1) <> (SELECT count(*) FROM job WHERE visit > 1)
             OR (SELECT count(*) FROM task WHERE visit > 1) <> (SELECT count(*) FROM audit WHERE what = 'advance')",
    ),
    (
        "a job that has ended without its audit row",
        "SELECT (SELECT count(*) FROM audit WHERE what = 'end-job')
                + (SELECT count(*) FROM audit WHERE what = 'cancel-job' AND to_state = 'cancelled')
              < (SELECT count(*) FROM job WHERE state IN ('done', 'failed', 'cancelled'))",
    ),
    (
        "an end that was asked for and is in no trail",
        "SELECT count(*) <> (SELECT count(*) FROM audit WHERE to_state = 'cancel-asked')
           FROM job WHERE cancel_asked_by IS NOT NULL",
    ),
    (
        "an end that was asked for and became another",
        "SELECT count(*) FROM job WHERE cancel_asked_by IS NOT NULL AND state = 'failed'",
    ),
    (
        "a pause or its end without its audit row",
        "SELECT count(*) <> (SELECT count(*) FILTER (WHERE what = 'pause') - count(*) FILTER (WHERE what = 'resume')
                               FROM audit) FROM pause",
    ),
    ("a run without its job", "SELECT count(*) FROM run WHERE job NOT IN (SELECT id FROM job)"),
    ("a job whose run is gone", "SELECT count(*) FROM job WHERE run IS NOT NULL AND run NOT IN (SELECT id FROM run)"),
    (
        "a freed lease without its audit row",
        "SELECT (SELECT count(*) FROM lease WHERE boot IS NULL) <> (SELECT count(*) FROM audit WHERE what = 'reclaim-lease')",
    ),
    (
        "a tally that is wrong",
        "SELECT count(*) FROM tally
          WHERE n <> CASE kind WHEN 'inbox' THEN (SELECT count(*) FROM inbox WHERE inbox.state = tally.state)
                               WHEN 'job' THEN (SELECT count(*) FROM job WHERE job.state = tally.state)
                               WHEN 'outbox' THEN (SELECT count(*) FROM outbox WHERE outbox.state = tally.state)
                               ELSE (SELECT count(*) FROM evaluation WHERE ending = tally.state) END",
    ),
    ("a broken page", "SELECT integrity_check <> 'ok' FROM pragma_integrity_check"),
    ("a row that points nowhere", "SELECT count(*) FROM pragma_foreign_key_check"),
];

#[tokio::test]
async fn wherever_the_log_of_a_full_life_is_cut_off_nothing_is_half_done() {
    // I1, I2, I3, REA-5, QUE-7: every frame, and some bytes within.
    const HEADER: usize = 32;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("portcullis.db");
    drop(SqliteStore::open(&path).unwrap());
    let store = SqliteStore::open(&path).unwrap();
    full_life(&store).await;
    let log = std::fs::read(log_of(&path)).unwrap();
    let page = u32::from_be_bytes(log[8..12].try_into().unwrap()) as usize;
    let frames = (HEADER..=log.len()).step_by(page + 24);
    let within = frames.clone().step_by(7).flat_map(|frame| [frame + 1, frame + 23, frame + 24 + page / 2]);
    let mut seen = std::collections::BTreeSet::new();
    for cut in frames.chain(within.filter(|cut| *cut < log.len())) {
        let folder = left_by_a_kill(&path, Some(cut));
        let db = rusqlite::Connection::open(folder.path().join("copy.db")).unwrap();
        for (what, never) in NEVER {
            let broken: i64 = db.query_row(never, [], |row| row.get(0)).unwrap();
            assert_eq!(broken, 0, "{what}, cut at byte {cut} of {}", log.len());
        }
        let rows = "SELECT (SELECT count(*) FROM audit) * 1000 + (SELECT count(*) FROM job)";
        seen.insert(db.query_row(rows, [], |row| row.get::<_, i64>(0)).unwrap());
    }
    assert!(seen.len() > 10, "the cuts fell between {} states", seen.len());
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
