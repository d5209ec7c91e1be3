//! Promises about the one way in which a task moves (STG).

use super::Shared;
use super::fixtures::*;
use crate::model::*;
use portcullis_core::effect::OutboxState;
use portcullis_core::gate::{Evaluation, Verdict};
use portcullis_core::ids::{RoleName, TaskId};
use portcullis_core::job::{JobState, Lane};
use portcullis_core::lease::{Acquire, Lease, LeaseName};
use portcullis_core::step::Rest;
use portcullis_core::task::{Change, Commit, Committed, Held, MergeIntent};
use portcullis_core::time::UnixMillis;

fn rest(next_look_at: Option<UnixMillis>) -> Change {
    Change::Rest { rest: Rest::NoHead { role: None }, next_look_at }
}

fn held() -> Held {
    Held { reason: "sent back 3 times".to_owned(), since: at(70), by: "portcullis".to_owned() }
}

/// Everything that one commit can write, so that a lost one can be seen to have written nothing.
async fn written(store: &Shared, id: TaskId) -> String {
    let everything = (
        read(store, id).await,
        store.job_of_visit(id).await.unwrap(),
        store.evaluations(Filter::default()).await.unwrap(),
        store.due_effects(at(1_000_000), 100).await.unwrap(),
        store.audit(Filter::default()).await.unwrap(),
        store.snapshot().await.unwrap(),
    );
    format!("{everything:#?}")
}

fn full(task: &portcullis_core::task::Task, now: UnixMillis) -> Commit {
    Commit {
        evaluations: vec![evaluation(Verdict::Pass, now)],
        effects: vec![comment("moved", "It moved."), notify("moved-too")],
        ..decided(task, advance("architecture", Some("architect")), now)
    }
}

pub(super) async fn advancing_writes_the_stage_the_job_the_evaluations_and_the_effects_together(store: &Shared) {
    // STG-2
    let id = task(store, "A-1").await;
    let lease = drive(store, id, at(10)).await;
    let commit = full(&read(store, id).await, at(20));
    assert_eq!(store.commit(&lease, commit).await.unwrap(), Committed::Done { version: 2 });
    let task = read(store, id).await;
    assert_eq!((task.stage, task.visit, task.version), (stage("architecture"), 2, 2));
    assert_eq!((task.stage_since, task.fresh_from, task.next_look_at), (at(20), at(20), Some(at(20))));
    assert_eq!((task.rest, task.returns), (None, 0));
    let job = store.job_of_visit(id).await.unwrap().unwrap();
    assert_eq!((job.role, job.stage, job.visit), (RoleName::new("architect"), stage("architecture"), 2));
    assert_eq!((job.state, job.not_before), (JobState::Queued, at(20)));
    let keys = |rows: Vec<portcullis_core::effect::OutboxRow>| rows.into_iter().map(|r| r.key).collect::<Vec<_>>();
    assert_eq!(keys(store.due_effects(at(20), 10).await.unwrap()), ["moved", "moved-too"]);
    let evaluations = store.evaluations(Filter { task: Some(id), ..Filter::default() }).await.unwrap();
    assert_eq!(evaluations.len(), 1);
    assert_eq!(store.evaluations_of_visit(id).await.unwrap(), [], "it belongs to the visit that it ended");
    let row = store.audit(Filter::default()).await.unwrap().remove(0);
    assert_eq!((row.what.as_str(), row.from.as_str(), row.to.as_str()), ("advance", "analysis", "architecture"));
    assert_eq!((row.actor.as_str(), row.why.as_str(), row.at), ("portcullis", "because of the test", at(20)));
}

pub(super) async fn a_commit_on_an_old_version_writes_nothing(store: &Shared) {
    // STG-2
    let id = task(store, "A-1").await;
    let old = read(store, id).await;
    change(store, id, Change::Head { head: revision(1) }, at(5)).await;
    let lease = drive(store, id, at(10)).await;
    let before = written(store, id).await;
    assert_eq!(store.commit(&lease, full(&old, at(20))).await.unwrap(), Committed::Stale);
    let ahead = Commit { version: 99, ..full(&old, at(20)) };
    assert_eq!(store.commit(&lease, ahead).await.unwrap(), Committed::Stale);
    // Not even one that would write nothing may be told that all is as it thinks.
    assert_eq!(store.commit(&lease, decided(&old, rest(None), at(20))).await.unwrap(), Committed::Stale);
    assert_eq!(written(store, id).await, before);
}

pub(super) async fn a_commit_without_the_drive_lease_writes_nothing(store: &Shared) {
    // LSE-1, I7
    let id = task(store, "A-1").await;
    let other = task(store, "A-2").await;
    let commit = full(&read(store, id).await, at(20));

    let released = drive(store, id, at(1)).await;
    let copy = Lease::granted(released.name().clone(), released.number(), released.deadline());
    store.release(released, at(0)).await.unwrap();
    let of_another = drive(store, other, at(1)).await;
    let forged = Lease::granted(LeaseName::drive(id), 99, at(99_999));
    let before = written(store, id).await;
    for lease in [&copy, &of_another, &forged] {
        assert_eq!(store.commit(lease, commit.clone()).await.unwrap(), Committed::Stale, "{lease:?}");
        assert_eq!(written(store, id).await, before);
    }

    // The deadline passes, somebody else takes over: the late one is told so.
    let late = drive(store, id, at(2)).await;
    let taken = store.acquire(&LeaseName::drive(id), &holder("boot-2"), late.deadline(), MINUTE).await.unwrap();
    let Acquire::Won(taken) = taken else { panic!("{taken:?}") };
    assert_eq!(store.commit(&late, commit.clone()).await.unwrap(), Committed::Stale);
    assert_eq!(read(store, id).await.version, 1);
    assert_eq!(store.commit(&taken, commit).await.unwrap(), Committed::Done { version: 2 });
}

pub(super) async fn rivals_on_one_version_move_it_once(store: &Shared) {
    // I1: even under one lease, as a driver gone mad would.
    let id = task(store, "A-1").await;
    let lease = std::sync::Arc::new(drive(store, id, at(1)).await);
    let seen = read(store, id).await;
    let mut rivals = tokio::task::JoinSet::new();
    for number in 0..10 {
        let (store, lease) = (store.clone(), lease.clone());
        let mut commit = decided(&seen, advance("architecture", Some("architect")), at(2));
        commit.effects = vec![comment(&format!("by rival {number}"), "moved")];
        rivals.spawn(async move { store.commit(&lease, commit).await.unwrap() });
    }
    let answers = rivals.join_all().await;
    assert_eq!(answers.iter().filter(|a| matches!(a, Committed::Done { version: 2 })).count(), 1, "{answers:?}");
    assert_eq!(read(store, id).await.visit, 2);
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!((snapshot.waiting.len(), snapshot.outbox_open.len()), (1, 1), "the losers had no effect");
}

pub(super) async fn of_sixteen_drivers_of_thirty_two_tasks_one_moves_each_version(store: &Shared) {
    // I1, I7, LSE-1, STG-2: all go through all tasks, each from another one on. The clocks of their machines differ, so that
    // a later one finds the leases of an earlier one past their time and takes them in the middle of its work.
    let (tasks, drivers) = (32_usize, 16_usize);
    let mut ids = Vec::new();
    for number in 0..tasks {
        ids.push(task(store, &format!("A-{number}")).await);
    }
    let mut rivals = tokio::task::JoinSet::new();
    for driver in 0..drivers {
        let (store, ids) = (store.clone(), ids.clone());
        rivals.spawn(async move {
            let now = at(i64::try_from(driver / 4 * 61_000).unwrap());
            let mut moved = Vec::new();
            for turn in 0..tasks {
                let id = ids[(turn + driver * 2) % tasks];
                let asked = store.acquire(&LeaseName::drive(id), &holder(BOOT), now, MINUTE).await.unwrap();
                let Acquire::Won(lease) = asked else { continue };
                let seen = read(&store, id).await;
                let mut commit = decided(&seen, advance(&format!("stage-{}", seen.version), Some("developer")), now);
                commit.effects = vec![comment(&format!("task-{id}/v{}/{driver}", seen.version), "moved")];
                if let Committed::Done { version } = store.commit(&lease, commit).await.unwrap() {
                    moved.push((id, version, driver));
                }
                store.release(lease, at(0)).await.unwrap();
            }
            moved
        });
    }
    let mut moved: Vec<_> = rivals.join_all().await.into_iter().flatten().collect();
    moved.sort_unstable();
    for id in &ids {
        let of_task = moved.iter().filter(|(moved, ..)| moved == id);
        let versions: Vec<i64> = of_task.map(|(_, version, _)| *version).collect();
        let now = read(store, *id).await;
        assert_eq!(versions, (2..=now.version).collect::<Vec<_>>(), "task {id}: one winner for each version");
        assert!(now.version > 1, "nobody has moved task {id}");
        assert_eq!((now.stage, now.visit), (stage(&format!("stage-{}", now.version - 1)), now.version));
    }
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!(snapshot.waiting.len(), tasks, "the last move's job alone");
    let told = i64::try_from(moved.len()).unwrap();
    assert!(snapshot.outbox.contains(&(OutboxState::Waiting, told)), "the losers had no effect: {:?}", snapshot.outbox);
    let trail = store.audit(Filter { limit: 10_000, ..Filter::default() }).await.unwrap();
    assert_eq!(trail.iter().filter(|row| row.what == "advance").count(), moved.len());
}

pub(super) async fn a_return_keeps_the_feedback_word_for_word_until_it_is_mended(store: &Shared) {
    // STG-3, STG-4
    let id = task(store, "A-1").await;
    let task = change(store, id, send_back("development", Some("developer"), false), at(10)).await;
    assert_eq!(task.feedback, Some(feedback()));
    assert_eq!((task.stage.as_str(), task.visit, task.returns), ("development", 2, 1));
    assert_eq!((task.stage_since, task.fresh_from, task.next_look_at), (at(10), at(10), Some(at(10))));
    assert_eq!(store.job_of_visit(id).await.unwrap().unwrap().role, RoleName::new("developer"));
    // Whatever happens on the way, the words stay …
    change(store, id, rest(None), at(20)).await;
    change(store, id, Change::Head { head: revision(3) }, at(30)).await;
    change(store, id, Change::Hold { held: held(), returns: 1 }, at(40)).await;
    assert_eq!(change(store, id, Change::Release { again: true }, at(50)).await.feedback, Some(feedback()));
    // … until the stage is left forward.
    assert_eq!(change(store, id, advance("review", None), at(60)).await.feedback, None);
    let twice = change(store, id, send_back("development", None, false), at(70)).await;
    assert_eq!(twice.returns, 1, "counted since the release");
}

pub(super) async fn a_return_over_the_merge_forgets_it(store: &Shared) {
    let id = task(store, "A-1").await;
    let job = claim(store, Lane::Role, FREE, at(1)).await.unwrap();
    let head = Some(NewHead { head: revision(1), pull_request: Some(7) });
    let pushed = Finish { head, ..ended(JobEnd::Done, at(1)) };
    assert_eq!(store.finish(&job, pushed).await.unwrap(), Finished::Recorded);
    let merged = Change::Advance { to: stage("deploy"), role: None, merge_commit: Some(revision(9)) };
    assert_eq!(change(store, id, merged, at(2)).await.merge_commit, Some(revision(9)));
    let near = change(store, id, send_back("deploy-staging", None, false), at(3)).await;
    assert_eq!((near.merge_commit, near.pull_request), (Some(revision(9)), Some(7)));
    let far = change(store, id, send_back("development", None, true), at(4)).await;
    assert_eq!((far.merge_commit, far.merging, far.pull_request), (None, None, None));
    assert_eq!(far.head, Some(revision(1)), "the branch is still there");
}

pub(super) async fn entering_a_stage_calls_off_what_was_queued_for_the_last_visit(store: &Shared) {
    let id = task(store, "A-1").await;
    let ci = store.enqueue_ci(NewCiJob { task: id, revision: revision(1), at: at(1) }).await.unwrap().unwrap();
    let first = store.job_of_visit(id).await.unwrap().unwrap();
    change(store, id, advance("architecture", Some("architect")), at(2)).await;
    let cancelled = store.job(first.id).await.unwrap().unwrap();
    assert_eq!((cancelled.state, cancelled.ended_at), (JobState::Cancelled, Some(at(2))));
    assert!(cancelled.reason.is_some());
    assert_eq!(store.job(ci).await.unwrap().unwrap().state, JobState::Queued, "a revision is tested anyway");
    // One that runs is left to its end.
    let running = claim(store, Lane::Role, FREE, at(3)).await.unwrap();
    change(store, id, send_back("development", None, false), at(4)).await;
    assert_eq!(store.job(running.id).await.unwrap().unwrap().state, JobState::Running);
}

pub(super) async fn a_held_task_is_let_go_by_a_release_alone(store: &Shared) {
    // STG-4
    let id = task(store, "A-1").await;
    change(store, id, send_back("development", Some("developer"), false), at(60)).await;
    let stopped = change(store, id, Change::Hold { held: held(), returns: 3 }, at(70)).await;
    assert_eq!((stopped.held.as_ref(), stopped.returns), (Some(&held()), 3));
    let mirrored = Rest::Held { reason: held().reason, by: held().by, since: held().since };
    assert_eq!((stopped.rest.as_ref(), stopped.next_look_at), (Some(&mirrored), None));
    assert_eq!(store.due_tasks(at(1_000_000), 10).await.unwrap(), []);
    assert_eq!(claim(store, Lane::Role, FREE, at(1_000_000)).await, None);
    // A ring and a rest do not let it go.
    store.ring(&[id], at(80)).await.unwrap();
    change(store, id, Change::Rest { rest: mirrored, next_look_at: None }, at(81)).await;
    assert_eq!(claim(store, Lane::Role, FREE, at(1_000_000)).await, None);
    let snapshot = store.snapshot().await.unwrap();
    assert_eq!((snapshot.tasks_active, snapshot.tasks_held), (0, 1));

    let free = change(store, id, Change::Release { again: false }, at(90)).await;
    assert_eq!((free.held, free.returns, free.visit, free.rest), (None, 0, 2, None));
    assert_eq!((free.fresh_from, free.rings, free.next_look_at), (at(90), stopped.rings + 2, Some(at(90))));
    assert_eq!(free.stage_since, at(60), "it has been there all the time");
    assert!(claim(store, Lane::Role, FREE, at(91)).await.is_some(), "its job goes on");
}

pub(super) async fn a_release_with_another_run_is_a_new_visit(store: &Shared) {
    let id = task(store, "A-1").await;
    let first = store.job_of_visit(id).await.unwrap().unwrap();
    change(store, id, Change::Hold { held: held(), returns: 0 }, at(70)).await;
    let free = change(store, id, Change::Release { again: true }, at(90)).await;
    assert_eq!((free.visit, free.held, free.stage_since), (2, None, at(90)));
    assert_eq!(store.job(first.id).await.unwrap().unwrap().state, JobState::Cancelled);
    assert_eq!(store.job_of_visit(id).await.unwrap(), None, "the next look makes one");
    change(store, id, Change::Enqueue { role: RoleName::new("analyst") }, at(91)).await;
    let job = store.job_of_visit(id).await.unwrap().unwrap();
    assert_eq!((job.visit, job.stage, job.state), (2, stage("analysis"), JobState::Queued));
}

pub(super) async fn a_rest_that_says_nothing_new_writes_nothing(store: &Shared) {
    let id = task(store, "A-1").await;
    let resting = change(store, id, rest(Some(at(500))), at(10)).await;
    assert_eq!((resting.rest, resting.next_look_at), (Some(Rest::NoHead { role: None }), Some(at(500))));
    let before = written(store, id).await;
    let lease = drive(store, id, at(20)).await;
    let same = decided(&read(store, id).await, rest(Some(at(500))), at(20));
    assert_eq!(store.commit(&lease, same.clone()).await.unwrap(), Committed::Done { version: 2 });
    let later = Commit { change: rest(Some(at(600))), ..same };
    assert_eq!(store.commit(&lease, later).await.unwrap(), Committed::Done { version: 3 });
    assert_eq!(read(store, id).await.next_look_at, Some(at(600)));
    // Evaluations are kept even if nothing else is new.
    let mut heard = decided(&read(store, id).await, rest(Some(at(600))), at(30));
    heard.evaluations = vec![evaluation(Verdict::Pending, at(30))];
    assert_eq!(store.commit(&lease, heard).await.unwrap(), Committed::Done { version: 4 });
    assert_eq!(store.evaluations_of_visit(id).await.unwrap().len(), 1);
    store.release(lease, at(0)).await.unwrap();
    assert_eq!(store.audit(Filter::default()).await.unwrap().len(), 1, "resting is no change of state");
    assert!(before.contains("analyst"), "the comparison sees the job");
}

pub(super) async fn an_answer_keeps_how_many_rings_it_has_seen_whatever_the_clock_says(store: &Shared) {
    // GAT-4: whoever rings took his time before he wrote, and the clock may have been set back since the gate was asked: the
    // order of the writes tells whether the answer has seen the ring.
    let id = task(store, "A-1").await;
    for (looked, rung) in [(at(1_000), at(1_001)), (at(90_000), at(1_002))] {
        let lease = drive(store, id, looked).await;
        let seen = read(store, id).await;
        store.ring(&[id], rung).await.unwrap();
        let mut commit = decided(&seen, rest(Some(at(9_000_000))), looked);
        commit.evaluations = vec![Evaluation { rings: seen.rings, ..evaluation(Verdict::Pending, looked) }];
        let _done = store.commit(&lease, commit).await.unwrap();
        store.release(lease, at(0)).await.unwrap();
        let task = read(store, id).await;
        let answer = store.evaluations_of_visit(id).await.unwrap().pop().unwrap();
        assert_eq!((answer.rings, task.rings), (seen.rings, seen.rings + 1), "looked {looked:?}, rung {rung:?}");
        assert!(task.next_look_at <= Some(rung), "{task:?}");
    }
}

pub(super) async fn a_ring_during_a_look_is_not_silenced_by_its_rest(store: &Shared) {
    // The world was read, then something happened, then the decision from before is written. Staged with a clock that
    // stands still and with one that was set back: the order decides, not the times.
    let id = task(store, "A-1").await;
    for (looked, rung) in [(at(1_000), at(1_001)), (at(2_000), at(2_000)), (at(3_000), at(2_500))] {
        let lease = drive(store, id, looked).await;
        let seen = read(store, id).await;
        store.ring(&[id], rung).await.unwrap();
        let _done = store.commit(&lease, decided(&seen, rest(None), looked)).await.unwrap();
        store.release(lease, at(0)).await.unwrap();
        assert_eq!(store.due_tasks(at(3_000), 10).await.unwrap(), [id], "looked {looked:?}, rung {rung:?}");

        // The look that follows answers it.
        change(store, id, rest(None), looked).await;
        assert_eq!(store.due_tasks(at(1_000_000), 10).await.unwrap(), []);
    }
    // Or the same driver, if he goes on under the same lease.
    let lease = drive(store, id, at(3_000)).await;
    let seen = read(store, id).await;
    store.ring(&[id], at(3_000)).await.unwrap();
    let _done = store.commit(&lease, decided(&seen, rest(None), at(3_000))).await.unwrap();
    let seen = read(store, id).await;
    assert_eq!(seen.next_look_at, Some(at(3_000)));
    let _done = store.commit(&lease, decided(&seen, rest(None), at(3_000))).await.unwrap();
    assert_eq!(read(store, id).await.next_look_at, None);
    store.release(lease, at(0)).await.unwrap();
    // Also if the rest says what is stored already, and whoever rings.
    let lease = drive(store, id, at(4_000)).await;
    let seen = read(store, id).await;
    store.decide(id, decision(true, at(4_000)), at(4_000)).await.unwrap();
    let _done = store.commit(&lease, decided(&seen, rest(Some(at(9_000))), at(4_000))).await.unwrap();
    store.release(lease, at(0)).await.unwrap();
    assert_eq!(store.due_tasks(at(4_000), 10).await.unwrap(), [id]);
}

pub(super) async fn a_ring_before_a_look_is_answered_by_it(store: &Shared) {
    let id = task(store, "A-1").await;
    store.ring(&[id], at(1_000)).await.unwrap();
    // In the same millisecond.
    let rested = change(store, id, rest(None), at(1_000)).await;
    assert_eq!((rested.next_look_at, rested.rings), (None, 1));
    assert_eq!(store.due_tasks(at(1_000_000), 10).await.unwrap(), []);
}

pub(super) async fn a_finished_task_is_not_open_any_more(store: &Shared) {
    let id = task(store, "A-1").await;
    change(store, id, advance("done", None), at(10)).await;
    assert_eq!(store.open_tasks(&alpha()).await.unwrap(), [id], "the next look finds that it is finished");
    change(store, id, Change::Rest { rest: Rest::Finished, next_look_at: None }, at(11)).await;
    assert_eq!(store.open_tasks(&alpha()).await.unwrap(), []);
    assert_eq!(store.snapshot().await.unwrap().tasks_active, 0);
    assert_eq!(store.due_tasks(at(1_000_000), 10).await.unwrap(), []);
    assert_eq!(store.tasks(Filter::default()).await.unwrap().len(), 1, "but it is known");
    assert_eq!(store.audit(Filter::default()).await.unwrap()[0].what, "finish");
}

pub(super) async fn a_merge_is_decided_and_done_or_called_off(store: &Shared) {
    // MRG-3
    let id = task(store, "A-1").await;
    change(store, id, rest(Some(at(9_000))), at(1)).await;
    let intent = MergeIntent { head: revision(1), target_head: revision(2) };
    let begun = change(store, id, Change::Merging { intent: Some(intent.clone()) }, at(10)).await;
    assert_eq!((begun.merging, begun.next_look_at), (Some(intent.clone()), Some(at(10))));
    assert_eq!(change(store, id, Change::Merging { intent: None }, at(20)).await.merging, None);
    change(store, id, Change::Merging { intent: Some(intent.clone()) }, at(21)).await;
    let back = change(store, id, send_back("development", None, false), at(22)).await;
    assert_eq!(back.merging, None, "it would merge past the gates of the next visit");
    change(store, id, Change::Merging { intent: Some(intent) }, at(30)).await;
    let merged = Change::Advance { to: stage("deploy"), role: None, merge_commit: Some(revision(9)) };
    let done = change(store, id, merged, at(40)).await;
    assert_eq!((done.merging, done.merge_commit), (None, Some(revision(9))));
    assert_eq!(change(store, id, advance("done", None), at(50)).await.merge_commit, Some(revision(9)));
}

pub(super) async fn a_head_keeps_the_time_when_it_was_first_expected(store: &Shared) {
    // CIG-4
    let id = task(store, "A-1").await;
    assert_eq!(store.pushed_at(&alpha(), &revision(1)).await.unwrap(), None);
    let one = change(store, id, Change::Head { head: revision(1) }, at(10)).await;
    assert_eq!((one.head, one.head_since, one.next_look_at), (Some(revision(1)), Some(at(10)), Some(at(10))));
    change(store, id, Change::Head { head: revision(2) }, at(20)).await;
    let back = change(store, id, Change::Head { head: revision(1) }, at(30)).await;
    assert_eq!(back.head_since, Some(at(30)));
    assert_eq!(store.pushed_at(&alpha(), &revision(1)).await.unwrap(), Some(at(10)));
    assert_eq!(store.pushed_at(&alpha(), &revision(2)).await.unwrap(), Some(at(20)));
    assert_eq!(store.pushed_at(&"beta".into(), &revision(1)).await.unwrap(), None);
}

pub(super) async fn every_move_is_in_the_audit_trail(store: &Shared) {
    // OBS-2
    let id = task(store, "A-1").await;
    let intent = MergeIntent { head: revision(1), target_head: revision(2) };
    let moves = [
        Change::Head { head: revision(1) },
        advance("development", None),
        Change::Enqueue { role: RoleName::new("developer") },
        send_back("analysis", None, false),
        Change::Hold { held: held(), returns: 3 },
        Change::Release { again: false },
        Change::Merging { intent: Some(intent) },
    ];
    for (number, change_) in (1..).zip(moves) {
        change(store, id, change_, at(number)).await;
    }
    let trail = store.audit(Filter { task: Some(id), ..Filter::default() }).await.unwrap();
    let told: Vec<String> = trail.iter().rev().map(|row| format!("{} {} -> {}", row.what, row.from, row.to)).collect();
    let head = revision(1);
    assert_eq!(
        told,
        [
            "create  -> analysis".to_owned(),
            format!("head  -> {head}"),
            "advance analysis -> development".to_owned(),
            "enqueue development -> developer".to_owned(),
            "return development -> analysis".to_owned(),
            "hold analysis -> held".to_owned(),
            "release held -> analysis".to_owned(),
            format!("merging  -> {head}"),
        ]
    );
    assert!(trail.iter().all(|row| row.task == Some(id)));
}
