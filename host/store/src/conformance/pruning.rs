//! Promises about forgetting (QUE-6).

use super::Shared;
use super::fixtures::*;
use crate::model::*;
use crate::retention::{Cutoffs, Pruned};
use portcullis_core::gate::Verdict;
use portcullis_core::ids::{InboxId, JobId, TaskId};
use portcullis_core::job::{JobState, Lane};
use portcullis_core::step::Rest;
use portcullis_core::task::{Change, Held};
use portcullis_core::time::UnixMillis;

const MANY: u32 = 1_000;

async fn prune(store: &Shared, until: UnixMillis, limit: u32) -> Pruned {
    store.prune(&Cutoffs::all(until), limit).await.unwrap()
}

/// Claims the next job, launches it and lets it end.
async fn worked(store: &Shared, lane: Lane, now: UnixMillis) -> JobId {
    let job = claim(store, lane, FREE, now).await.unwrap();
    store.launch(&job, BOOT, &format!("runs/{}", job.id), now).await.unwrap().unwrap();
    assert_eq!(store.finish(&job, ended(JobEnd::Done, now)).await.unwrap(), Finished::Recorded);
    job.id
}

/// Commits `change` with an evaluation and an effect, all at `now`.
async fn moved(store: &Shared, id: TaskId, change: Change, now: UnixMillis) {
    let lease = drive(store, id, now).await;
    let mut commit = decided(&read(store, id).await, change, now);
    commit.evaluations = vec![evaluation(Verdict::Pass, now)];
    commit.effects = vec![comment(&format!("{id}/{}", commit.version), "moved")];
    let _done = store.commit(&lease, commit).await.unwrap();
    store.release(lease, at(0)).await.unwrap();
}

fn finished() -> Change {
    Change::Rest { rest: Rest::Finished, next_look_at: None }
}

async fn received(store: &Shared, delivery: &str, settlement: Settlement, now: UnixMillis) -> InboxId {
    let Received::Stored(id) = store.receive(event(delivery, None)).await.unwrap() else { panic!("it is new") };
    assert!(store.settle(id, settlement, now).await.unwrap());
    id
}

async fn sent(store: &Shared, delivery: Delivery, now: UnixMillis) {
    let row = store.due_effects(at(1_000_000), 1).await.unwrap().remove(0);
    assert!(store.delivered(row.id, delivery, now).await.unwrap());
}

/// Every count of the snapshot against the rows there are.
async fn tally_is_right(store: &Shared) {
    let snapshot = store.snapshot().await.unwrap();
    let all = Filter { limit: 100_000, ..Filter::default() };
    let events: i64 = snapshot.inbox.iter().map(|(_, n)| n).sum();
    assert_eq!(usize::try_from(events), Ok(store.events(None, 100_000).await.unwrap().len()));
    let evaluations: i64 = snapshot.evaluations.iter().map(|(_, n)| n).sum();
    assert_eq!(usize::try_from(evaluations), Ok(store.evaluations(all).await.unwrap().len()));
}

pub(super) async fn what_belongs_to_an_earlier_visit_goes_with_its_runs_and_records(store: &Shared) {
    // QUE-6
    let id = task(store, "A-1").await;
    let past = worked(store, Lane::Role, at(10)).await;
    moved(store, id, advance("architecture", Some("architect")), at(11)).await;
    let present = worked(store, Lane::Role, at(12)).await;
    let rested = Change::Rest { rest: Rest::NoHead { role: None }, next_look_at: None };
    moved(store, id, rested, at(13)).await;
    store.record_observation(id, &evaluation(Verdict::Fail, at(13))).await.unwrap();
    assert_eq!(prune(store, at(9), MANY).await, Pruned { audit: 1, ..Pruned::default() }, "all too young but `create`");

    let pruned = prune(store, at(20), MANY).await;
    assert_eq!((pruned.jobs, pruned.runs, &pruned.folders), (1, 1, &vec![format!("runs/{}", past)]));
    assert_eq!((pruned.evaluations, pruned.outbox), (2, 0), "waiting effects stay");
    assert_eq!(store.job(past).await.unwrap(), None);
    let kept = store.job_of_visit(id).await.unwrap().unwrap();
    assert_eq!((kept.id, kept.state, kept.run.is_some()), (present, JobState::Done, true));
    let visit = store.evaluations_of_visit(id).await.unwrap();
    assert_eq!(visit.iter().map(|e| e.at).collect::<Vec<_>>(), [at(13)]);
    assert!(store.evaluation(visit[0].id.unwrap()).await.unwrap().is_some(), "with its record");
    tally_is_right(store).await;
    assert_eq!(prune(store, at(20), MANY).await, Pruned::default());

    moved(store, id, finished(), at(30)).await;
    let pruned = prune(store, at(30), MANY).await;
    assert_eq!((pruned.jobs, pruned.runs, pruned.evaluations), (1, 1, 2), "nobody looks at a finished task again");
    assert!(store.task(id).await.unwrap().is_some(), "the task itself stays");
    assert!(matches!(
        store.create_task(new_task("alpha", "A-1"), "tester", at(40)).await.unwrap(),
        portcullis_core::task::Created::Exists(_)
    ));
    tally_is_right(store).await;
}

pub(super) async fn what_is_active_is_kept_whatever_its_age(store: &Shared) {
    // QUE-6
    let id = task(store, "A-1").await;
    let waiting = task(store, "A-2").await;
    change(store, id, Change::Head { head: revision(1) }, at(1)).await;
    let tested = store.enqueue_ci(NewCiJob { task: id, revision: revision(1), at: at(1) }).await.unwrap().unwrap();
    let old = store.enqueue_ci(NewCiJob { task: id, revision: revision(2), at: at(1) }).await.unwrap().unwrap();
    for _ in 0..2 {
        worked(store, Lane::Ci, at(2)).await;
    }
    let running = claim(store, Lane::Role, FREE, at(2)).await.unwrap();
    moved(store, id, advance("review", None), at(3)).await;
    let held = Held { reason: "stop".to_owned(), since: at(4), by: "ada".to_owned() };
    moved(store, id, Change::Hold { held, returns: 0 }, at(4)).await;
    let Received::Stored(new) = store.receive(event("d-new", None)).await.unwrap() else { panic!("it is new") };
    let lease = drive(store, waiting, at(5)).await;
    let before = store.snapshot().await.unwrap();

    let pruned = prune(store, at(1_000_000), MANY).await;
    assert_eq!((pruned.jobs, pruned.inbox, pruned.outbox), (1, 0, 0), "{pruned:?}");
    assert_eq!(store.job(old).await.unwrap(), None, "of an earlier visit, and no head any more");
    assert!(store.job(tested).await.unwrap().is_some(), "its head would be tested once more");
    assert!(store.job(running.id).await.unwrap().is_some());
    assert!(store.event(new).await.unwrap().is_some());
    let after = store.snapshot().await.unwrap();
    assert_eq!((after.running, after.waiting, after.leases), (before.running, before.waiting, before.leases));
    assert_eq!((after.outbox_open, after.tasks_held), (before.outbox_open, before.tasks_held));
    assert_eq!(store.finish(&running, ended(JobEnd::Done, at(6))).await.unwrap(), Finished::Recorded);
    store.release(lease, at(0)).await.unwrap();
    tally_is_right(store).await;
}

pub(super) async fn parked_rows_have_a_time_of_their_own(store: &Shared) {
    // QUE-6, WEB-4
    let id = task(store, "A-1").await;
    let settled = [
        received(store, "d-1", Settlement::Processed(Vec::new()), at(10)).await,
        received(store, "d-2", Settlement::Ignored { reason: "an echo".to_owned() }, at(11)).await,
    ];
    let parked = received(store, "d-3", Settlement::Parked { reason: "8 tries".to_owned() }, at(10)).await;
    for _ in 0..3 {
        moved(store, id, Change::Rest { rest: Rest::NoHead { role: None }, next_look_at: None }, at(10)).await;
    }
    sent(store, Delivery::Sent, at(10)).await;
    sent(store, Delivery::Parked { reason: "404".to_owned() }, at(10)).await;
    let cutoffs = Cutoffs { inbox_parked: at(9), outbox_parked: at(9), ..Cutoffs::all(at(50)) };
    let pruned = store.prune(&cutoffs, MANY).await.unwrap();
    assert_eq!((pruned.inbox, pruned.outbox), (2, 1));
    for id in settled {
        assert_eq!(store.event(id).await.unwrap(), None);
    }
    assert!(store.replay(parked, "ada", "", at(60)).await.unwrap(), "it can still be replayed");
    assert!(store.settle(parked, Settlement::Parked { reason: "again".to_owned() }, at(60)).await.unwrap());
    let pruned = prune(store, at(60), MANY).await;
    assert_eq!((pruned.inbox, pruned.outbox), (1, 1));
    assert_eq!(store.snapshot().await.unwrap().outbox_open.len(), 1, "the waiting one");
    tally_is_right(store).await;
}

pub(super) async fn pruning_takes_the_oldest_first_and_few_at_a_time(store: &Shared) {
    // QUE-6: nobody else waits for long.
    for number in 0..6 {
        // Settled in another order than received.
        let when = at(100 - number);
        received(store, &format!("d-{number}"), Settlement::Processed(Vec::new()), when).await;
        let id = task(store, &format!("A-{number}")).await;
        worked(store, Lane::Role, when).await;
        moved(store, id, finished(), when).await;
    }
    for _ in 0..6 {
        sent(store, Delivery::Sent, at(90)).await;
    }
    let first = prune(store, at(200), 4).await;
    assert_eq!((first.jobs, first.evaluations, first.inbox, first.outbox, first.audit), (4, 4, 4, 4, 4));
    let left: Vec<String> = store.events(None, 10).await.unwrap().into_iter().map(|row| row.delivery).collect();
    assert_eq!(left, ["d-1", "d-0"], "the last to be settled");
    let second = prune(store, at(200), 4).await;
    assert_eq!((second.jobs, second.evaluations, second.inbox, second.outbox), (2, 2, 2, 2));
    while prune(store, at(200), 4).await.rows() > 0 {}
    assert_eq!(store.audit(Filter::default()).await.unwrap(), []);
    assert_eq!(store.evaluations(Filter::default()).await.unwrap(), []);
    assert_eq!(prune(store, at(200), 0).await, Pruned::default());
    tally_is_right(store).await;
}

pub(super) async fn a_number_is_never_given_twice(store: &Shared) {
    // Folders and leases are named by numbers.
    let id = task(store, "A-1").await;
    let job = worked(store, Lane::Role, at(1)).await;
    moved(store, id, finished(), at(2)).await;
    let event = received(store, "d-1", Settlement::Processed(Vec::new()), at(2)).await;
    assert_eq!((prune(store, at(9), MANY).await.jobs, store.job(job).await.unwrap()), (1, None));
    task(store, "A-2").await;
    assert!(claim(store, Lane::Role, FREE, at(10)).await.unwrap().id > job);
    let again = received(store, "d-2", Settlement::Processed(Vec::new()), at(11)).await;
    assert!(again > event);
}
