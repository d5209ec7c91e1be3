//! Promises about events (WEB).

use super::Shared;
use super::fixtures::*;
use crate::model::*;
use portcullis_core::event::{InboxRow, InboxState, Source};
use portcullis_core::ids::{InboxId, TaskId, WorkItem};
use portcullis_core::time::UnixMillis;

async fn stored(store: &Shared, event: NewEvent) -> InboxId {
    match store.receive(event).await.unwrap() {
        Received::Stored(id) => id,
        Received::SeenBefore(id) => panic!("seen before as {id}"),
    }
}

async fn due(store: &Shared, now: UnixMillis) -> Vec<InboxId> {
    store.due_events(now, InboxId(0), 100).await.unwrap().into_iter().map(|row| row.id).collect()
}

pub(super) async fn an_event_is_stored_as_it_came(store: &Shared) {
    // WEB-2
    let id = stored(store, event("d-1", Some("push main"))).await;
    let row = store.event(id).await.unwrap().unwrap();
    assert_eq!(row.body, event("d-1", None).body, "not even text");
    assert_eq!((row.source, row.delivery.as_str(), row.event.as_str()), (Source::Gitea, "d-1", "push"));
    assert_eq!((row.state, row.attempts, row.reason), (InboxState::New, 0, None));
    assert_eq!((row.received_at, row.not_before), (at(0), at(0)));
    let hostile = NewEvent { event: "x'; --\u{0}\n".to_owned(), body: Vec::new(), ..event("\u{0}'\"", None) };
    let id = stored(store, hostile.clone()).await;
    let row = store.event(id).await.unwrap().unwrap();
    assert_eq!((row.delivery, row.event, row.body), (hostile.delivery, hostile.event, hostile.body));
    assert_eq!(store.event(InboxId(9_999)).await.unwrap(), None);
}

pub(super) async fn a_redelivery_under_the_same_id_is_the_same_event(store: &Shared) {
    // WEB-3
    let id = stored(store, event("d-1", None)).await;
    let again = NewEvent { body: b"other".to_vec(), at: at(5), ..event("d-1", Some("anything")) };
    assert_eq!(store.receive(again.clone()).await.unwrap(), Received::SeenBefore(id));
    assert_ne!(store.event(id).await.unwrap().unwrap().body, b"other", "the first one stays");
    // Nor once it was handled.
    assert!(store.settle(id, Settlement::Processed(Vec::new()), at(6)).await.unwrap());
    assert_eq!(store.receive(again).await.unwrap(), Received::SeenBefore(id));
    assert_eq!(due(store, at(10)).await, []);
}

pub(super) async fn the_same_meaning_under_a_new_id_is_the_same_event(store: &Shared) {
    // WEB-3
    let id = stored(store, event("d-1", Some("A-1 approved"))).await;
    assert_eq!(store.receive(event("d-2", Some("A-1 approved"))).await.unwrap(), Received::SeenBefore(id));
    stored(store, event("d-3", Some("A-1 rejected"))).await;
    // Without a meaning only the id counts.
    stored(store, event("d-4", None)).await;
    stored(store, event("d-5", None)).await;
    assert_eq!(store.events(None, 100).await.unwrap().len(), 4);
}

pub(super) async fn an_event_of_another_source_is_another_event(store: &Shared) {
    stored(store, event("d-1", Some("same"))).await;
    stored(store, NewEvent { source: Source::Plane, ..event("d-1", Some("same")) }).await;
}

pub(super) async fn rivals_with_one_delivery_store_it_once(store: &Shared) {
    // WEB-3
    let mut rivals = tokio::task::JoinSet::new();
    for number in 0..16 {
        let store = store.clone();
        // Half of them redeliver, half say the same under another id.
        let delivery = if number % 2 == 0 { "d-1".to_owned() } else { format!("d-{number}") };
        rivals.spawn(async move { store.receive(event(&delivery, Some("same"))).await.unwrap() });
    }
    let answers = rivals.join_all().await;
    assert_eq!(answers.iter().filter(|a| matches!(a, Received::Stored(_))).count(), 1);
    assert_eq!(store.events(None, 100).await.unwrap().len(), 1);
}

pub(super) async fn due_events_come_oldest_first_once_their_time_has_come(store: &Shared) {
    // WEB-4
    let first = stored(store, event("d-1", None)).await;
    let second = stored(store, event("d-2", None)).await;
    assert_eq!(due(store, at(0)).await, [first, second]);
    let page = |after: InboxId, limit| store.due_events(at(0), after, limit);
    let ids = |rows: Vec<InboxRow>| rows.into_iter().map(|row| row.id).collect::<Vec<_>>();
    assert_eq!(ids(page(InboxId(0), 1).await.unwrap()), [first]);
    assert_eq!(ids(page(first, 1).await.unwrap()), [second]);
    assert_eq!(ids(page(second, 1).await.unwrap()), []);
    let later = Settlement::Retry { reason: "no answer".to_owned(), not_before: at(1_000) };
    assert!(store.settle(first, later, at(1)).await.unwrap());
    assert_eq!(due(store, at(999)).await, [second]);
    assert_eq!(due(store, at(1_000)).await, [first, second]);
    let row = store.event(first).await.unwrap().unwrap();
    assert_eq!((row.state, row.attempts, row.reason.as_deref()), (InboxState::New, 1, Some("no answer")));
}

pub(super) async fn settling_writes_the_event_and_what_it_does_together(store: &Shared) {
    // I3
    let known = task(store, "A-1").await;
    let id = stored(store, event("d-1", None)).await;
    let actions = vec![
        Action::Create(Box::new(new_task("alpha", "A-1"))),
        Action::Create(Box::new(new_task("alpha", "A-2"))),
        Action::Decide { task: known, decision: decision(true, at(50)) },
    ];
    assert!(store.settle(id, Settlement::Processed(actions), at(50)).await.unwrap());
    let row = store.event(id).await.unwrap().unwrap();
    assert_eq!((row.state, row.attempts), (InboxState::Processed, 1));
    let known = read(store, known).await;
    assert_eq!((known.rings, known.version), (2, 1), "rung by both, not changed");
    assert!(store.decision(known.id, &stage("analysis")).await.unwrap().is_some());
    let new = store.task_of(&alpha(), &WorkItem::new("A-2")).await.unwrap().unwrap();
    assert!(store.job_of_visit(new.id).await.unwrap().is_some());

    let bell = stored(store, event("d-2", None)).await;
    assert!(store.settle(bell, Settlement::Processed(vec![Action::Ring { task: new.id }]), at(70)).await.unwrap());
    assert_eq!(read(store, new.id).await.rings, 1);
}

pub(super) async fn an_event_whose_action_fails_stays_new_and_does_nothing(store: &Shared) {
    // I3
    let id = stored(store, event("d-1", None)).await;
    let actions = vec![
        Action::Create(Box::new(new_task("alpha", "A-1"))),
        Action::Decide { task: TaskId(9_999), decision: decision(true, at(1)) },
    ];
    store.settle(id, Settlement::Processed(actions), at(1)).await.unwrap_err();
    assert_eq!(due(store, at(1)).await, [id]);
    assert_eq!(store.tasks(Filter::default()).await.unwrap(), []);
    assert_eq!(store.snapshot().await.unwrap().waiting, []);
}

pub(super) async fn a_settled_event_is_not_settled_again(store: &Shared) {
    let known = task(store, "A-1").await;
    let settlements = [
        (Settlement::Processed(Vec::new()), InboxState::Processed),
        (Settlement::Ignored { reason: "no project".to_owned() }, InboxState::Ignored),
        (Settlement::Parked { reason: "8 tries".to_owned() }, InboxState::Parked),
    ];
    for (number, (settlement, state)) in settlements.into_iter().enumerate() {
        let id = stored(store, event(&format!("d-{number}"), None)).await;
        assert!(store.settle(id, settlement, at(1)).await.unwrap());
        let late = Settlement::Processed(vec![Action::Ring { task: known }]);
        assert!(!store.settle(id, late, at(2)).await.unwrap());
        let row = store.event(id).await.unwrap().unwrap();
        assert_eq!((row.state, row.attempts), (state, 1));
        assert_eq!(read(store, known).await.rings, 0, "the action was not done");
        let of_state = store.events(Some(state), 10).await.unwrap();
        assert_eq!(of_state.iter().map(|row| row.id).collect::<Vec<_>>(), [id]);
    }
    let never = Settlement::Ignored { reason: String::new() };
    assert!(!store.settle(InboxId(9_999), never, at(2)).await.unwrap());
}

pub(super) async fn a_parked_event_can_be_replayed_and_the_trail_says_by_whom_and_why(store: &Shared) {
    // WEB-4, OBS-2
    let id = stored(store, event("d-1", None)).await;
    assert!(!store.replay(id, "ada", "", at(1)).await.unwrap(), "it is new");
    assert!(store.settle(id, Settlement::Parked { reason: "8 tries".to_owned() }, at(2)).await.unwrap());
    assert_eq!(due(store, at(9)).await, []);
    assert!(store.replay(id, "ada", "the manifest is mended", at(10)).await.unwrap());
    let row = store.event(id).await.unwrap().unwrap();
    assert_eq!((row.state, row.attempts, row.reason), (InboxState::New, 0, None));
    assert_eq!(due(store, at(10)).await, [id]);
    assert!(!store.replay(InboxId(9_999), "ada", "", at(11)).await.unwrap());
    // Whatever was asked in vain left no trace.
    let trail = store.audit(Filter::default()).await.unwrap();
    assert_eq!(trail.len(), 1);
    let AuditRow { at: when, task, actor, what, from, to, why, .. } = &trail[0];
    assert_eq!((*when, *task, actor.as_str(), what.as_str()), (at(10), None, "ada", "replay-event"));
    assert_eq!((from.as_str(), to.as_str()), ("parked", "new"));
    assert_eq!(*why, format!("event {id}: the manifest is mended"));
}
