//! Promises about tasks: made once, found, rung.

use super::Shared;
use super::fixtures::*;
use crate::model::*;
use portcullis_core::ids::{ProjectName, RoleName, TaskId, WorkItem};
use portcullis_core::job::{JobState, Lane};
use portcullis_core::step::Rest;
use portcullis_core::task::{Change, Created, NewTask};

pub(super) async fn a_new_task_is_due_and_has_its_first_job(store: &Shared) {
    let id = task(store, "A-1").await;
    let task = read(store, id).await;
    let asked = new_task("alpha", "A-1");
    assert_eq!((task.project, task.work_item, task.tracker_id), (asked.project, asked.work_item, asked.tracker_id));
    assert_eq!((task.title, task.description, task.branch), (asked.title, asked.description, asked.branch));
    assert_eq!((task.overlay, task.stage, task.visit, task.version), (asked.overlay, asked.stage, 1, 1));
    assert_eq!((task.stage_since, task.fresh_from, task.created_at, task.rings), (at(0), at(0), at(0), 0));
    assert_eq!((task.head, task.merging, task.held, task.feedback, task.rest), (None, None, None, None, None));
    assert_eq!(store.due_tasks(at(0), 10).await.unwrap(), [id]);
    let job = store.job_of_visit(id).await.unwrap().unwrap();
    assert_eq!(
        (job.role, job.stage, job.visit, job.lane),
        (RoleName::new("analyst"), stage("analysis"), 1, Lane::Role)
    );
    assert_eq!((job.state, job.attempt, job.not_before, job.project), (JobState::Queued, 0, at(0), alpha()));

    let idle = NewTask { role: None, ..new_task("alpha", "A-2") };
    let Created::New(idle) = store.create_task(idle, "tester", at(0)).await.unwrap() else { panic!("it is new") };
    assert_eq!(store.job_of_visit(idle).await.unwrap(), None);
}

pub(super) async fn rivals_making_one_task_make_one_task_and_one_job(store: &Shared) {
    // QUE-2
    let mut rivals = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let store = store.clone();
        rivals.spawn(async move { store.create_task(new_task("alpha", "A-1"), "rival", at(0)).await.unwrap() });
    }
    let answers = rivals.join_all().await;
    let ids: Vec<TaskId> = answers
        .iter()
        .map(|a| match a {
            Created::New(id) | Created::Exists(id) => *id,
        })
        .collect();
    assert_eq!(answers.iter().filter(|a| matches!(a, Created::New(_))).count(), 1);
    assert!(ids.iter().all(|id| *id == ids[0]), "everybody is told the same task: {ids:?}");
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!((snapshot.waiting.len(), snapshot.tasks_active), (1, 1));
    assert_eq!(store.audit(Filter::default()).await.unwrap().len(), 1);
}

pub(super) async fn a_work_item_known_by_its_tracker_id_is_the_same_task(store: &Shared) {
    // QUE-2
    let id = task(store, "A-1").await;
    let renamed = NewTask { work_item: WorkItem::new("A-99"), ..new_task("alpha", "A-1") };
    assert_eq!(store.create_task(renamed, "tester", at(5)).await.unwrap(), Created::Exists(id));
    assert_eq!(read(store, id).await.rings, 0, "nothing was written");
    // Without an id in the tracker, names alone tell them apart.
    for item in ["A-2", "A-3"] {
        let plain = NewTask { tracker_id: None, ..new_task("alpha", item) };
        assert!(matches!(store.create_task(plain, "tester", at(5)).await.unwrap(), Created::New(_)));
    }
}

pub(super) async fn tasks_are_found_by_every_name_in_their_own_project_only(store: &Shared) {
    let one = task(store, "A-1").await;
    let two = task(store, "A-2").await;
    let other = task_in(store, "beta", "A-1").await;
    change(store, one, Change::Head { head: revision(1) }, at(1)).await;
    change(store, other, Change::Head { head: revision(1) }, at(1)).await;
    let (alpha, beta) = (alpha(), ProjectName::new("beta"));
    let item = WorkItem::new("A-1");
    assert_eq!(store.task_of(&alpha, &item).await.unwrap().unwrap().id, one);
    assert_eq!(store.task_of(&beta, &item).await.unwrap().unwrap().id, other);
    assert_eq!(store.task_by_tracker_id(&alpha, "uuid-of-A-2").await.unwrap().unwrap().id, two);
    assert_eq!(store.task_by_tracker_id(&beta, "uuid-of-A-2").await.unwrap(), None);
    assert_eq!(store.task_with_branch(&beta, "feature/A-1").await.unwrap(), Some(other));
    assert_eq!(store.task_with_branch(&beta, "feature/A-2").await.unwrap(), None);
    assert_eq!(store.tasks_with_head(&alpha, &revision(1)).await.unwrap(), [one]);
    assert_eq!(store.tasks_with_head(&alpha, &revision(2)).await.unwrap(), []);
    assert_eq!(store.open_tasks(&alpha).await.unwrap(), [one, two]);
    let ids = |tasks: Vec<portcullis_core::task::Task>| tasks.into_iter().map(|t| t.id).collect::<Vec<_>>();
    assert_eq!(ids(store.tasks(Filter::default()).await.unwrap()), [other, two, one], "newest first");
    let of_alpha = Filter { project: Some(alpha.clone()), ..Filter::default() };
    assert_eq!(ids(store.tasks(of_alpha.clone()).await.unwrap()), [two, one]);
    assert_eq!(ids(store.tasks(Filter { limit: 1, ..of_alpha.clone() }).await.unwrap()), [two]);
    assert_eq!(ids(store.tasks(Filter { task: Some(one), ..of_alpha.clone() }).await.unwrap()), [one]);
    assert_eq!(ids(store.tasks(Filter { task: Some(other), ..of_alpha }).await.unwrap()), []);
    assert_eq!(store.task(TaskId(9_999)).await.unwrap(), None);
}

pub(super) async fn ringing_makes_a_task_due_and_leaves_its_version(store: &Shared) {
    let id = task(store, "A-1").await;
    let other = task(store, "A-2").await;
    for id in [id, other] {
        change(store, id, Change::Rest { rest: Rest::NoHead { role: None }, next_look_at: None }, at(1)).await;
    }
    assert_eq!(store.due_tasks(at(1_000), 10).await.unwrap(), []);
    store.ring(&[id, TaskId(9_999)], at(2_000)).await.unwrap();
    store.ring(&[], at(3_000)).await.unwrap();
    assert_eq!(store.due_tasks(at(2_000), 10).await.unwrap(), [id]);
    let rung = read(store, id).await;
    assert_eq!((rung.version, rung.rings, rung.next_look_at), (2, 1, Some(at(2_000))));
}

pub(super) async fn ringing_a_task_that_is_overdue_does_not_put_it_behind_others(store: &Shared) {
    let noisy = task(store, "A-1").await;
    let quiet = task(store, "A-2").await;
    store.ring(&[quiet], at(10)).await.unwrap();
    store.ring(&[noisy], at(20)).await.unwrap();
    assert_eq!(store.due_tasks(at(30), 1).await.unwrap(), [noisy]);
    assert_eq!(store.due_tasks(at(30), 2).await.unwrap(), [noisy, quiet]);
}

pub(super) async fn the_newest_decision_counts_whenever_it_arrives(store: &Shared) {
    // STG-5
    let id = task(store, "A-1").await;
    assert_eq!(store.decision(id, &stage("analysis")).await.unwrap(), None);
    store.decide(id, decision(true, at(10)), at(11)).await.unwrap();
    assert_eq!(store.decision(id, &stage("analysis")).await.unwrap(), Some(decision(true, at(10))));
    assert_eq!(store.decision(id, &stage("deploy")).await.unwrap(), None);
    assert_eq!(read(store, id).await.rings, 1);
    store.decide(id, decision(false, at(20)), at(21)).await.unwrap();
    // Redelivered late.
    store.decide(id, decision(true, at(10)), at(30)).await.unwrap();
    assert_eq!(store.decision(id, &stage("analysis")).await.unwrap(), Some(decision(false, at(20))));
    store.decide(TaskId(9_999), decision(true, at(1)), at(1)).await.unwrap_err();
    let who: Vec<String> = store
        .audit(Filter::default())
        .await
        .unwrap()
        .into_iter()
        .map(|row| format!("{} {}", row.actor, row.what))
        .collect();
    assert_eq!(who, ["ada approve", "ada reject", "ada approve", "tester create"]);
}

pub(super) async fn a_decision_of_an_earlier_visit_is_void(store: &Shared) {
    // STG-5: an approval is asked for again when the stage is entered again.
    let id = task(store, "A-1").await;
    store.decide(id, decision(true, at(10)), at(10)).await.unwrap();
    change(store, id, advance("development", None), at(20)).await;
    change(
        store,
        id,
        Change::Return { to: stage("analysis"), role: None, feedback: feedback(), forget_merge: false },
        at(30),
    )
    .await;
    assert_eq!(store.decision(id, &stage("analysis")).await.unwrap(), None);
    // By the visit and not by the clock, which may have been set back.
    store.decide(id, decision(false, at(5)), at(5)).await.unwrap();
    assert_eq!(store.decision(id, &stage("analysis")).await.unwrap(), Some(decision(false, at(5))));
    assert_eq!(store.decision(TaskId(9_999), &stage("analysis")).await.unwrap(), None);
}

pub(super) async fn next_due_is_the_earliest_of_all_that_time_alone_can_move(store: &Shared) {
    assert_eq!(store.next_due().await.unwrap(), None);
    let id = task(store, "A-1").await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(0)));
    // Its job is put back until 500.
    let job = claim(store, Lane::Role, FREE, at(1)).await.unwrap();
    assert_eq!(store.finish(&job, ended(JobEnd::Retry(at(500)), at(2))).await.unwrap(), Finished::Recorded);
    let resting = Change::Rest { rest: Rest::NoHead { role: None }, next_look_at: Some(at(900)) };
    change(store, id, resting, at(3)).await;
    assert_eq!(store.next_due().await.unwrap(), Some(at(500)));
    assert_eq!(store.next_due_after(at(500)).await.unwrap(), Some(at(900)));
    // An effect at 400, with another behind it that has to wait for it.
    let lease = drive(store, id, at(4)).await;
    let mut commit = decided(
        &read(store, id).await,
        Change::Rest { rest: Rest::NoHead { role: None }, next_look_at: Some(at(900)) },
        at(4),
    );
    commit.effects = vec![notify("first"), notify("second")];
    let _done = store.commit(&lease, commit).await.unwrap();
    let first = store.due_effects(at(4), 10).await.unwrap().remove(0);
    let later = Delivery::Retry { reason: String::new(), not_before: at(400) };
    assert!(store.delivered(first.id, later, at(5)).await.unwrap());
    assert_eq!(store.next_due().await.unwrap(), Some(at(400)));
    // An event at 300.
    let Received::Stored(event) = store.receive(event("d-1", None)).await.unwrap() else { panic!("it is new") };
    let later = Settlement::Retry { reason: String::new(), not_before: at(300) };
    assert!(store.settle(event, later, at(5)).await.unwrap());
    assert_eq!(store.next_due().await.unwrap(), Some(at(300)));
    assert_eq!(store.next_due_after(at(300)).await.unwrap(), Some(at(400)));
    store.release(lease, at(0)).await.unwrap();
    // A held task's job wakes nobody.
    let held = portcullis_core::task::Held { reason: "stop".to_owned(), since: at(6), by: "ada".to_owned() };
    change(store, id, Change::Hold { held, returns: 0 }, at(6)).await;
    assert_eq!(store.next_due_after(at(400)).await.unwrap(), None);
}
