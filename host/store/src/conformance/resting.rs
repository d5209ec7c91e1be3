//! Promises about what nobody drives: tasks at rest (REC), observations, tasks that cannot be read, and counters.

use super::Shared;
use super::fixtures::*;
use crate::model::*;
use portcullis_core::effect::Effect;
use portcullis_core::gate::{Evaluation, Verdict};
use portcullis_core::ids::{ProjectName, RoleName, TaskId};
use portcullis_core::job::Lane;
use portcullis_core::step::Rest;
use portcullis_core::task::{Change, Committed, Created, Held, NewTask};
use portcullis_core::time::UnixMillis;

/// A task of a stage where nobody works.
async fn idle(store: &Shared, project: &str, item: &str, now: UnixMillis) -> TaskId {
    let new = NewTask { role: None, ..new_task(project, item) };
    let Created::New(id) = store.create_task(new, "tester", now).await.unwrap() else { panic!("it is new") };
    id
}

async fn at_rest(store: &Shared, before: UnixMillis) -> Vec<TaskId> {
    store.tasks_at_rest(before, 100).await.unwrap().into_iter().map(|task| task.id).collect()
}

fn held() -> Held {
    Held { reason: "stop".to_owned(), since: at(1), by: "ada".to_owned() }
}

pub(super) async fn a_task_is_at_rest_once_nothing_has_changed_for_long_enough(store: &Shared) {
    // REC-1
    let id = idle(store, "alpha", "A-1", at(100)).await;
    let later = idle(store, "beta", "B-1", at(200)).await;
    assert_eq!(at_rest(store, at(99)).await, []);
    assert_eq!(at_rest(store, at(100)).await, [id]);
    assert_eq!(at_rest(store, at(200)).await, [id, later], "of every project, oldest first");
    // A look is no change, nor is a ring.
    let rest = Change::Rest { rest: Rest::NoHead { role: None }, next_look_at: None };
    change(store, id, rest, at(150)).await;
    store.ring(&[id], at(160)).await.unwrap();
    assert_eq!(at_rest(store, at(100)).await, [id]);
    // A new head is one, so is a release, so is another stage.
    change(store, id, Change::Head { head: revision(1) }, at(300)).await;
    assert_eq!(at_rest(store, at(299)).await, [later]);
    assert_eq!(at_rest(store, at(300)).await, [later, id]);
    assert_eq!(store.tasks_at_rest(at(300), 1).await.unwrap()[0].id, later);
    change(store, later, Change::Hold { held: held(), returns: 0 }, at(400)).await;
    assert_eq!(at_rest(store, at(999)).await, [id], "a held one waits for a person");
    change(store, later, Change::Release { again: false }, at(500)).await;
    assert_eq!(at_rest(store, at(499)).await, [id]);
    assert_eq!(at_rest(store, at(500)).await, [id, later]);
    change(store, id, advance("review", None), at(600)).await;
    assert_eq!(at_rest(store, at(599)).await, [later]);
    change(store, later, Change::Rest { rest: Rest::Finished, next_look_at: None }, at(700)).await;
    assert_eq!(at_rest(store, at(999)).await, [id]);
}

pub(super) async fn a_task_whose_role_is_at_work_is_not_at_rest(store: &Shared) {
    // REC-1
    let id = task(store, "A-1").await;
    assert_eq!(at_rest(store, at(999)).await, [], "its job waits");
    let job = claim(store, Lane::Role, FREE, at(1)).await.unwrap();
    assert_eq!(at_rest(store, at(999)).await, [], "its job runs");
    assert_eq!(store.finish(&job, ended(JobEnd::Failed, at(2))).await.unwrap(), Finished::Recorded);
    store.enqueue_ci(NewCiJob { task: id, revision: revision(1), at: at(3) }).await.unwrap();
    assert_eq!(at_rest(store, at(999)).await, [id], "a CI job is no work of the stage");
    change(store, id, Change::Enqueue { role: RoleName::new("analyst") }, at(4)).await;
    let past = claim(store, Lane::Role, FREE, at(5)).await.unwrap();
    change(store, id, advance("review", None), at(6)).await;
    assert_eq!(at_rest(store, at(999)).await, [id], "nor is what still runs for an earlier visit");
    assert_eq!(past.task, id);
}

pub(super) async fn a_stage_s_open_tasks_are_found(store: &Shared) {
    // REC-6
    let one = idle(store, "alpha", "A-1", at(0)).await;
    let two = idle(store, "alpha", "A-2", at(0)).await;
    let done = idle(store, "alpha", "A-3", at(0)).await;
    idle(store, "beta", "B-1", at(0)).await;
    change(store, two, Change::Hold { held: held(), returns: 0 }, at(1)).await;
    change(store, done, Change::Rest { rest: Rest::Finished, next_look_at: None }, at(1)).await;
    assert_eq!(store.open_tasks_in_stage(&alpha(), &stage("analysis")).await.unwrap(), [one, two]);
    change(store, one, advance("development", None), at(2)).await;
    assert_eq!(store.open_tasks_in_stage(&alpha(), &stage("analysis")).await.unwrap(), [two]);
    assert_eq!(store.open_tasks_in_stage(&alpha(), &stage("development")).await.unwrap(), [one]);
    assert_eq!(store.open_tasks_in_stage(&ProjectName::new("gamma"), &stage("analysis")).await.unwrap(), []);
}

pub(super) async fn an_observation_is_kept_and_decides_nothing(store: &Shared) {
    // GAT-6, I8
    let id = task(store, "A-1").await;
    let before = read(store, id).await;
    let seen = evaluation(Verdict::Pass, at(10));
    store.record_observation(id, &seen).await.unwrap();
    assert_eq!(store.evaluations_of_visit(id).await.unwrap(), []);
    assert_eq!(read(store, id).await, before);
    let listed = store.evaluations(Filter { task: Some(id), ..Filter::default() }).await.unwrap().remove(0);
    let kept = store.evaluation(listed.id.unwrap()).await.unwrap().unwrap();
    assert_eq!(kept, Evaluation { id: listed.id, ..seen.clone() });
    change(store, id, advance("review", None), at(11)).await;
    assert_eq!(store.evaluations_of_visit(id).await.unwrap(), [], "in no later visit either");
    store.record_observation(TaskId(9_999), &seen).await.unwrap_err();
    let counted = store.snapshot().await.unwrap().evaluations;
    assert!(counted.contains(&("pass".to_owned(), 1)), "{counted:?}");
}

pub(super) async fn a_task_that_cannot_be_read_is_held_once_and_told(store: &Shared) {
    // REA-6, STG-4
    let id = task(store, "A-1").await;
    let lease = drive(store, id, at(1)).await;
    let seen = read(store, id).await;
    assert!(store.hold_damaged(id, "column rest: expected value", at(2)).await.unwrap());
    let stale = decided(&seen, advance("review", None), at(3));
    assert_eq!(store.commit(&lease, stale).await.unwrap(), Committed::Stale, "whoever had read it before");
    store.release(lease, at(0)).await.unwrap();

    let task = read(store, id).await;
    let reason = "its row in the database is damaged: column rest: expected value";
    assert_eq!(task.held, Some(Held { reason: reason.to_owned(), since: at(2), by: "portcullis".to_owned() }));
    assert_eq!((task.next_look_at, task.version, task.stage), (None, 2, seen.stage));
    assert_eq!(claim(store, Lane::Role, FREE, at(9)).await, None);
    let told = store.due_effects(at(9), 10).await.unwrap();
    assert_eq!(told.len(), 1);
    assert!(matches!(&told[0].effect, Effect::Notify { text } if text.contains("A-1") && text.contains(reason)));
    let row = store.audit(Filter::default()).await.unwrap().remove(0);
    assert_eq!((row.what.as_str(), row.to.as_str(), row.task), ("hold", "held", Some(id)));

    // Something rings it; looking would find it damaged again.
    store.ring(&[id], at(10)).await.unwrap();
    assert!(!store.hold_damaged(id, "column rest", at(11)).await.unwrap());
    assert_eq!(store.due_tasks(at(999), 10).await.unwrap(), []);
    assert!(!store.hold_damaged(TaskId(9_999), "column rest", at(11)).await.unwrap());
    assert_eq!(store.due_effects(at(99), 10).await.unwrap().len(), 1, "one notification");
    // Mended and released, it goes on; damaged once more, it is told once more.
    change(store, id, Change::Release { again: false }, at(12)).await;
    assert!(store.hold_damaged(id, "column rest", at(13)).await.unwrap());
    let told: i64 = store.snapshot().await.unwrap().outbox.iter().map(|(_, n)| n).sum();
    assert_eq!(told, 2);
}

pub(super) async fn counters_add_up(store: &Shared) {
    // REC-7
    assert!(store.counters().await.unwrap().is_empty());
    store.count(&[("unblocked_total", 2), ("deduped_total", 1), ("unblocked_total", 3)]).await.unwrap();
    store.count(&[]).await.unwrap();
    let mut rivals = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let store = store.clone();
        rivals.spawn(async move { store.count(&[("deduped_total", 1)]).await.unwrap() });
    }
    rivals.join_all().await;
    let counters: Vec<(String, i64)> = store.counters().await.unwrap().into_iter().collect();
    assert_eq!(counters, [("deduped_total".to_owned(), 17), ("unblocked_total".to_owned(), 5)]);
}

pub(super) async fn a_probe_changes_nothing_that_is_shown(store: &Shared) {
    task(store, "A-1").await;
    let before = store.snapshot().await.unwrap();
    store.probe().await.unwrap();
    store.probe().await.unwrap();
    assert_eq!(store.snapshot().await.unwrap(), before);
}
