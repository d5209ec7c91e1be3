//! Promises about looking: the snapshot (QUE-4) and the audit trail (OBS-2).

use super::Shared;
use super::fixtures::*;
use crate::model::*;
use portcullis_core::effect::OutboxState;
use portcullis_core::event::InboxState;
use portcullis_core::gate::Verdict;
use portcullis_core::ids::{ProjectName, TaskId, WorkItem};
use portcullis_core::job::{JobState, Lane};
use portcullis_core::task::{Change, Held};

fn count<T: PartialEq + std::fmt::Debug>(counts: &[(T, i64)], state: &T) -> i64 {
    let (_, n) = counts.iter().find(|(s, _)| s == state).unwrap_or_else(|| panic!("{state:?} is missing"));
    *n
}

pub(super) async fn a_snapshot_shows_what_is_active(store: &Shared) {
    // QUE-4
    let empty = store.snapshot().await.unwrap();
    assert_eq!((count(&empty.job_counts, &JobState::Done), empty.tasks_active), (0, 0));

    let one = task(store, "A-1").await;
    let two = task(store, "A-2").await;
    let three = task_in(store, "beta", "B-1").await;
    let job = claim(store, Lane::Role, FREE, at(1)).await.unwrap();
    assert_eq!(job.task, one);
    let run = store.launch(&job, BOOT, "runs/1", at(2)).await.unwrap();
    let held = Held { reason: "stop".to_owned(), since: at(3), by: "ada".to_owned() };
    change(store, two, Change::Hold { held, returns: 0 }, at(3)).await;
    let lease = drive(store, three, at(4)).await;
    let mut commit = decided(&read(store, three).await, advance("architecture", Some("architect")), at(5));
    commit.evaluations = vec![evaluation(Verdict::Pass, at(5))];
    commit.effects = vec![comment("k", "moved")];
    let _done = store.commit(&lease, commit).await.unwrap();
    let Received::Stored(event) = store.receive(event("d-1", None)).await.unwrap() else { panic!("it is new") };
    assert!(store.settle(event, Settlement::Parked { reason: "8 tries".to_owned() }, at(6)).await.unwrap());

    let snapshot = store.snapshot().await.unwrap();
    let jobs = [(JobState::Queued, 2), (JobState::Running, 1), (JobState::Done, 0), (JobState::Cancelled, 1)];
    for (state, n) in jobs {
        assert_eq!(count(&snapshot.job_counts, &state), n, "{state:?}");
    }
    assert_eq!(snapshot.running.len(), 1);
    assert_eq!((snapshot.running[0].id, &snapshot.running[0].run), (job.id, &run));
    assert_eq!(snapshot.waiting.iter().map(|job| job.task).collect::<Vec<_>>(), [three, two], "the held one is last");
    let items = [
        (one, alpha(), WorkItem::new("A-1")),
        (two, alpha(), WorkItem::new("A-2")),
        (three, ProjectName::new("beta"), WorkItem::new("B-1")),
    ];
    assert_eq!(snapshot.work_items, items);
    assert_eq!(snapshot.leases.iter().map(|row| &row.name).collect::<Vec<_>>(), [lease.name()]);
    assert_eq!((snapshot.tasks_active, snapshot.tasks_held), (2, 1));
    assert_eq!(count(&snapshot.inbox, &InboxState::Parked), 1);
    assert_eq!(count(&snapshot.inbox, &InboxState::New), 0);
    assert_eq!(snapshot.inbox_parked.len(), 1);
    assert_eq!((snapshot.inbox_parked[0].id, snapshot.inbox_parked[0].body.len()), (event, 0));
    assert_eq!(count(&snapshot.outbox, &OutboxState::Waiting), 1);
    assert_eq!(snapshot.outbox_open.len(), 1);
    assert_eq!(count(&snapshot.evaluations, &"pass".to_owned()), 1);

    // What has ended is counted and shown no more.
    assert_eq!(store.finish(&job, ended(JobEnd::Done, at(7))).await.unwrap(), Finished::Recorded);
    assert!(store.delivered(snapshot.outbox_open[0].id, Delivery::Sent, at(8)).await.unwrap());
    assert!(store.replay(event, "ada", "", at(9)).await.unwrap());
    store.release(lease, at(0)).await.unwrap();
    let after = store.snapshot().await.unwrap();
    assert_eq!((after.running.len(), count(&after.job_counts, &JobState::Done)), (0, 1));
    assert_eq!((after.outbox_open.len(), count(&after.outbox, &OutboxState::Sent)), (0, 1));
    assert_eq!((after.inbox_parked.len(), count(&after.inbox, &InboxState::New)), (0, 1));
    assert_eq!(after.leases, []);
}

pub(super) async fn the_audit_trail_is_read_newest_first(store: &Shared) {
    // OBS-2
    let one = task(store, "A-1").await;
    let other = task_in(store, "beta", "B-1").await;
    let row = |task: Option<TaskId>, what: &str| AuditRow {
        id: 0,
        at: at(5),
        task,
        actor: "ada".to_owned(),
        what: what.to_owned(),
        from: "running".to_owned(),
        to: "paused".to_owned(),
        why: "lunch".to_owned(),
    };
    store.add_audit(row(None, "pause")).await.unwrap();
    store.add_audit(row(Some(one), "note")).await.unwrap();
    let what = async |filter: Filter| -> Vec<String> {
        store.audit(filter).await.unwrap().into_iter().map(|row| row.what).collect()
    };
    assert_eq!(what(Filter::default()).await, ["note", "pause", "create", "create"]);
    assert_eq!(what(Filter { limit: 2, ..Filter::default() }).await, ["note", "pause"]);
    assert_eq!(what(Filter { task: Some(one), ..Filter::default() }).await, ["note", "create"]);
    let of_alpha = Filter { project: Some(alpha()), ..Filter::default() };
    assert_eq!(what(of_alpha.clone()).await, ["note", "create"]);
    assert_eq!(what(Filter { task: Some(other), ..of_alpha }).await, Vec::<String>::new());
    let newest = store.audit(Filter { limit: 1, ..Filter::default() }).await.unwrap().remove(0);
    assert!(newest.id > 0);
    assert_eq!(AuditRow { id: 0, ..newest }, row(Some(one), "note"));
}
