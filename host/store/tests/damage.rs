//! A row that somebody or something has damaged: it is named, and does not take the others along.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use portcullis_core::effect::OutboxState;
use portcullis_core::event::{InboxState, Source};
use portcullis_core::ids::{InboxId, ProjectName, RoleName, StageName, TaskId, WorkItem};
use portcullis_core::job::{Claim, JobState, Lane};
use portcullis_core::lease::{Acquire, Holder, LeaseName};
use portcullis_core::step::Rest;
use portcullis_core::task::{Change, Commit, Committed, Created, NewTask};
use portcullis_core::time::UnixMillis;
use portcullis_store::sqlite::SqliteStore;
use portcullis_store::{Caps, Filter, NewCiJob, NewEvent, Received, Store, StoreError};
use std::path::PathBuf;
use std::time::Duration;

const NOW: UnixMillis = UnixMillis(1_000);

/// A store that is closed, hurt with SQL, and opened again.
struct Patient {
    _folder: tempfile::TempDir,
    path: PathBuf,
}

impl Patient {
    fn new() -> (Self, SqliteStore) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("portcullis.db");
        let store = SqliteStore::open(&path).unwrap();
        (Self { _folder: folder, path }, store)
    }

    fn hurt(&self, store: SqliteStore, sql: &str) -> SqliteStore {
        drop(store);
        let db = rusqlite::Connection::open(&self.path).unwrap();
        db.execute_batch(&format!("PRAGMA ignore_check_constraints = ON; {sql}")).unwrap();
        drop(db);
        SqliteStore::open(&self.path).unwrap()
    }
}

async fn task(store: &SqliteStore, item: &str) -> TaskId {
    let new = NewTask {
        project: ProjectName::new("alpha"),
        work_item: WorkItem::new(item),
        tracker_id: None,
        title: String::new(),
        description: String::new(),
        stage: StageName::new("analysis"),
        role: Some(RoleName::new("analyst")),
        branch: format!("feature/{item}"),
        overlay: serde_json::json!({}),
    };
    match store.create_task(new, "tester", NOW).await.unwrap() {
        Created::New(id) | Created::Exists(id) => id,
    }
}

#[tokio::test]
async fn a_damaged_task_is_named_and_does_not_hide_the_others() {
    let (patient, store) = Patient::new();
    let bad = task(&store, "A-1").await;
    let good = task(&store, "A-2").await;
    let store = patient.hurt(store, "UPDATE task SET rest = '{\"kind\":\"no-such-rest\"}' WHERE id = 1");
    match store.task(bad).await {
        Err(StoreError::Damaged { table: "task", row, reason }) => {
            assert_eq!(row, "1");
            assert!(reason.contains("column rest") && reason.contains("no-such-rest"), "{reason}");
        }
        other => panic!("{other:?}"),
    }
    assert_eq!(store.due_tasks(NOW, 10).await.unwrap(), [bad, good]);
    let listed: Vec<TaskId> = store.tasks(Filter::default()).await.unwrap().into_iter().map(|t| t.id).collect();
    assert_eq!(listed, [good]);
    store.ring(&[bad, good], NOW).await.unwrap();
    assert_eq!(store.snapshot().await.unwrap().waiting.len(), 2);
}

#[tokio::test]
async fn a_damaged_job_fails_instead_of_blocking_its_lane() {
    // QUE-1
    let (patient, store) = Patient::new();
    let id = task(&store, "A-1").await;
    let revision = |digit: &str| portcullis_core::ids::Revision::parse(&digit.repeat(40)).unwrap();
    for digit in ["a", "b"] {
        store.enqueue_ci(NewCiJob { task: id, revision: revision(digit), at: NOW }).await.unwrap();
    }
    let store = patient.hurt(store, "UPDATE job SET revision = 'HEAD~1' WHERE lane = 'ci' AND revision LIKE 'a%'");
    assert_eq!(store.snapshot().await.unwrap().waiting.len(), 2, "the analyst's and the other one");
    let caps = Caps { overall: 1, per_project: 1 };
    let Claim::Won(won) = store.claim(Lane::Ci, caps, "boot", NOW).await.unwrap() else { panic!("one is left") };
    assert_eq!(won.revision.as_ref(), Some(&revision("b")));
    let counts = store.snapshot().await.unwrap().job_counts;
    assert!(counts.contains(&(JobState::Failed, 1)), "{counts:?}");
}

#[tokio::test]
async fn a_job_left_over_from_an_earlier_visit_is_not_claimed() {
    // The other methods leave none; this is the last defence.
    let (patient, store) = Patient::new();
    task(&store, "A-1").await;
    let store = patient.hurt(store, "UPDATE job SET visit = 0");
    let caps = Caps { overall: 1, per_project: 1 };
    assert_eq!(store.claim(Lane::Role, caps, "boot", NOW).await.unwrap(), Claim::Nothing);
}

#[tokio::test]
async fn damaged_events_and_effects_are_parked_where_an_operator_sees_them() {
    // WEB-4
    let (patient, store) = Patient::new();
    let id = task(&store, "A-1").await;
    for delivery in ["d-1", "d-2"] {
        let event = NewEvent {
            source: Source::Gitea,
            delivery: delivery.to_owned(),
            meaning: None,
            event: "push".to_owned(),
            body: Vec::new(),
            at: NOW,
        };
        assert!(matches!(store.receive(event).await.unwrap(), Received::Stored(_)));
    }
    let holder =
        Holder { boot: "boot".to_owned(), node: "node".to_owned(), pid: 1, start_ticks: 1, what: "test".to_owned() };
    let taken = store.acquire(&LeaseName::drive(id), &holder, NOW, Duration::from_secs(60)).await.unwrap();
    let Acquire::Won(lease) = taken else { panic!("it is free") };
    let effect = |key: &str| portcullis_core::effect::NewEffect {
        key: key.to_owned(),
        effect: portcullis_core::effect::Effect::Notify { text: key.to_owned() },
    };
    let commit = Commit {
        task: id,
        version: 1,
        rings: 0,
        change: Change::Rest { rest: Rest::NoHead { role: None }, next_look_at: None },
        evaluations: Vec::new(),
        effects: vec![effect("first"), effect("second")],
        actor: "tester".to_owned(),
        why: String::new(),
        at: NOW,
    };
    assert_eq!(store.commit(&lease, commit).await.unwrap(), Committed::Done { version: 2 });

    let store = patient.hurt(
        store,
        "UPDATE outbox SET effect = 'no json' WHERE key = 'first';
         UPDATE inbox SET attempts = -1 WHERE delivery = 'd-1';",
    );
    let events = store.due_events(NOW, InboxId(0), 10).await.unwrap();
    let events: Vec<String> = events.into_iter().map(|row| row.delivery).collect();
    assert_eq!(events, ["d-2"]);
    assert_eq!(store.due_effects(NOW, 10).await.unwrap(), [], "it stands behind the damaged one");
    let effects: Vec<String> = store.due_effects(NOW, 10).await.unwrap().into_iter().map(|row| row.key).collect();
    assert_eq!(effects, ["second"]);
    let snapshot = store.snapshot().await.unwrap();
    assert!(snapshot.inbox.contains(&(InboxState::Parked, 1)), "{:?}", snapshot.inbox);
    assert!(snapshot.outbox.contains(&(OutboxState::Parked, 1)), "{:?}", snapshot.outbox);
}

#[tokio::test]
async fn a_task_that_cannot_be_read_is_held_and_the_others_go_on() {
    // REA-6
    let (patient, store) = Patient::new();
    let bad = task(&store, "A-1").await;
    let good = task(&store, "A-2").await;
    let store = patient.hurt(
        store,
        "UPDATE task SET rest = 'no json', feedback = 'nor this', returns = -1, head = 'HEAD' WHERE id = 1;
         DELETE FROM job;",
    );
    assert!(store.task(bad).await.is_err());
    let resting: Vec<TaskId> = store.tasks_at_rest(NOW, 10).await.unwrap().into_iter().map(|t| t.id).collect();
    assert_eq!(resting, [good], "it does not hide the others");
    assert!(store.hold_damaged(bad, "column rest: no JSON", NOW).await.unwrap());
    assert_eq!(store.due_tasks(NOW, 10).await.unwrap(), [good]);
    assert!(!store.hold_damaged(bad, "column rest: no JSON", NOW).await.unwrap());
    let told = store.due_effects(NOW, 10).await.unwrap();
    assert_eq!(told.len(), 1);
    assert_eq!(store.snapshot().await.unwrap().tasks_held, 1);
}

#[tokio::test]
async fn a_damaged_task_without_a_name_is_held_though_nobody_can_be_told() {
    // REA-6
    let (patient, store) = Patient::new();
    let bad = task(&store, "A-1").await;
    let store = patient.hurt(store, "UPDATE task SET project = CAST(x'ff' AS TEXT) WHERE id = 1");
    assert!(store.task(bad).await.is_err());
    assert!(store.hold_damaged(bad, "column project: not UTF-8", NOW).await.unwrap());
    assert_eq!(store.due_effects(NOW, 10).await.unwrap(), []);
    assert_eq!(store.due_tasks(NOW, 10).await.unwrap(), []);
}

#[tokio::test]
async fn a_running_job_that_cannot_be_read_does_not_stop_the_tick() {
    // REA-6
    let (patient, store) = Patient::new();
    let caps = Caps { overall: 9, per_project: 9 };
    for item in ["A-1", "A-2", "A-3", "A-4"] {
        task(&store, item).await;
        let Claim::Won(job) = store.claim(Lane::Role, caps, "boot", NOW).await.unwrap() else { panic!("{item}") };
        assert!(store.launch(&job, "boot", "runs", NOW).await.unwrap().is_some());
    }
    let store = patient.hurt(
        store,
        "UPDATE job SET attempt = -1 WHERE id = 1;
         UPDATE run SET pid = 7, start_ticks = -1, machine_boot = 'm' WHERE job = 2;
         UPDATE job SET run = 99 WHERE id = 3;",
    );
    let running = store.running_jobs().await.unwrap();
    assert_eq!(running.jobs.iter().map(|job| job.id.0).collect::<Vec<_>>(), [4]);
    let damaged: Vec<(i64, &str)> = running.damaged.iter().map(|job| (job.id.0, job.reason.as_str())).collect();
    assert_eq!(damaged.iter().map(|(id, _)| *id).collect::<Vec<_>>(), [1, 2, 3]);
    assert!(damaged[0].1.contains("column attempt"), "{damaged:?}");
    assert!(damaged[1].1.contains("table run") && damaged[1].1.contains("start_ticks"), "{damaged:?}");
    // Nobody knows which process is theirs: started once more, there might be two.
    for job in running.damaged {
        assert!(store.fail_damaged_job(job.id, &job.reason, NOW).await.unwrap());
        assert!(!store.fail_damaged_job(job.id, &job.reason, NOW).await.unwrap());
    }
    let running = store.running_jobs().await.unwrap();
    assert_eq!((running.jobs.len(), running.damaged.len()), (1, 0));
    let counts = store.snapshot().await.unwrap().job_counts;
    assert!(counts.contains(&(JobState::Failed, 3)), "{counts:?}");
}

#[tokio::test]
async fn taking_over_a_job_that_cannot_be_read_writes_nothing() {
    // REA-5
    let (patient, store) = Patient::new();
    task(&store, "A-1").await;
    let Claim::Won(job) = store.claim(Lane::Role, Caps { overall: 1, per_project: 1 }, "boot", NOW).await.unwrap()
    else {
        panic!("it waits")
    };
    let store = patient.hurt(store, "UPDATE job SET attempt = -1");
    assert!(matches!(store.take_over(job.id, job.lease, "boot-2").await, Err(StoreError::Damaged { .. })));
    let store = patient.hurt(store, "UPDATE job SET attempt = 1");
    assert_eq!(store.job(job.id).await.unwrap().unwrap().lease, job.lease);
}

#[tokio::test]
async fn a_damaged_lease_is_reclaimed_with_the_others() {
    // LSE-2
    let (patient, store) = Patient::new();
    let holder = |what: &str| Holder {
        boot: "boot".to_owned(),
        node: "node".to_owned(),
        pid: 1,
        start_ticks: 1,
        what: what.to_owned(),
    };
    for name in ["one", "two"] {
        let taken = store.acquire(&LeaseName::merge(name), &holder(name), NOW, Duration::from_secs(60)).await.unwrap();
        assert!(matches!(taken, Acquire::Won(_)));
    }
    let store = patient.hurt(store, "UPDATE lease SET pid = -1 WHERE name = 'merge/one'");
    assert_eq!(store.reclaim_leases("boot-2", NOW).await.unwrap().len(), 1);
    let again = store.acquire(&LeaseName::merge("one"), &holder("one"), NOW, Duration::from_secs(60)).await.unwrap();
    assert!(matches!(again, Acquire::Won(_)));
}
