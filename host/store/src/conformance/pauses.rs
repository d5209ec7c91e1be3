//! Promises about kill-switches (QUE-7).

use super::Shared;
use super::fixtures::*;
use crate::model::*;
use portcullis_core::ids::{ProjectName, RoleName};
use portcullis_core::job::Lane;
use portcullis_core::pause::{Pause, PauseScope, Pauses};
use portcullis_core::step::Rest;
use portcullis_core::task::{Change, Held};

fn pause(scope: &PauseScope) -> Pause {
    Pause { scope: scope.clone(), by: "ada".to_owned(), why: "a release is on".to_owned(), since: at(5) }
}

fn project(name: &str) -> PauseScope {
    PauseScope::Project(ProjectName::new(name))
}

fn role(name: &str) -> PauseScope {
    PauseScope::Role(RoleName::new(name))
}

fn rested() -> Change {
    Change::Rest { rest: Rest::NoHead { role: None }, next_look_at: None }
}

pub(super) async fn a_paused_job_is_claimed_by_nobody(store: &Shared) {
    let id = task(store, "A-1").await;
    store.enqueue_ci(NewCiJob { task: id, revision: revision(1), at: at(0) }).await.unwrap();
    for (scope, keeps_role, keeps_ci) in [
        (PauseScope::Daemon, true, true),
        (project("alpha"), true, true),
        (project("beta"), false, false),
        (role("analyst"), true, false),
        (role("ci"), false, true),
        (role("architect"), false, false),
        // No gate keeps a job from starting, whatever its name.
        (PauseScope::Gate("analyst".to_owned()), false, false),
        (PauseScope::Gate("alpha".to_owned()), false, false),
    ] {
        assert!(store.pause(pause(&scope)).await.unwrap());
        for (lane, keeps) in [(Lane::Role, keeps_role), (Lane::Ci, keeps_ci)] {
            let claimed = claim(store, lane, FREE, at(6)).await;
            assert_eq!(claimed.is_none(), keeps, "{scope}: {lane:?}");
            if let Some(job) = claimed {
                let back = store.finish(&job, ended(JobEnd::Retry(at(0)), at(6))).await.unwrap();
                assert_eq!(back, Finished::Recorded);
            }
        }
        assert!(store.resume(&scope, "ada", at(7)).await.unwrap());
    }
    assert!(claim(store, Lane::Role, FREE, at(8)).await.is_some(), "nothing is left of them");
}

pub(super) async fn what_is_paused_is_passed_over_and_wakes_nobody(store: &Shared) {
    // QUE-4, REG-1: the others go on.
    let paused = task(store, "A-1").await;
    let free = task_in(store, "beta", "B-1").await;
    for id in [paused, free] {
        change(store, id, rested(), at(1)).await;
    }
    assert!(store.pause(pause(&project("alpha"))).await.unwrap());
    let order: Vec<_> = store.snapshot().await.unwrap().waiting.into_iter().map(|job| job.task).collect();
    assert_eq!(order, [free, paused], "last what cannot be claimed");
    assert_eq!(store.next_due_after(at(-1)).await.unwrap(), Some(at(0)));
    assert_eq!(claim(store, Lane::Role, FREE, at(2)).await.unwrap().task, free);
    assert_eq!(store.next_due_after(at(-1)).await.unwrap(), None);
    assert_eq!(claim(store, Lane::Role, FREE, at(3)).await, None);
}

pub(super) async fn a_pause_is_kept_once_with_who_when_and_why(store: &Shared) {
    // QUE-7, OBS-2
    let scopes = [PauseScope::Daemon, project("alpha"), role("analyst"), PauseScope::Gate("ci; DROP".to_owned())];
    for scope in &scopes {
        assert!(store.pause(pause(scope)).await.unwrap());
        let again = Pause { by: "bob".to_owned(), why: "lunch".to_owned(), since: at(9), scope: scope.clone() };
        assert!(!store.pause(again).await.unwrap(), "{scope}");
    }
    let mut kept = store.pauses().await.unwrap();
    assert_eq!(store.snapshot().await.unwrap().pauses, kept);
    kept.0.sort_by(|a, b| a.scope.cmp(&b.scope));
    assert_eq!(kept, Pauses(scopes.iter().map(pause).collect()), "the first one stays");
    for scope in &scopes {
        assert!(store.resume(scope, "bob", at(10)).await.unwrap());
        assert!(!store.resume(scope, "bob", at(11)).await.unwrap(), "{scope}");
    }
    assert_eq!(store.pauses().await.unwrap(), Pauses::default());
    let trail = store.audit(Filter::default()).await.unwrap();
    assert_eq!(trail.len(), 8, "one row for each change: {trail:?}");
    let first = trail.last().unwrap();
    assert_eq!((first.actor.as_str(), first.what.as_str(), first.at), ("ada", "pause", at(5)));
    assert_eq!(first.why, "the whole daemon: a release is on");
    assert_eq!((trail[0].actor.as_str(), trail[0].what.as_str(), trail[0].at), ("bob", "resume", at(10)));
    let of_alpha = Filter { project: Some(alpha()), ..Filter::default() };
    assert_eq!(store.audit(of_alpha).await.unwrap().len(), 2, "the project's trail has its own");
}

pub(super) async fn rivals_pausing_one_thing_pause_it_once(store: &Shared) {
    let mut rivals = tokio::task::JoinSet::new();
    for _ in 0..16 {
        let store = store.clone();
        rivals.spawn(async move { store.pause(pause(&PauseScope::Daemon)).await.unwrap() });
    }
    assert_eq!(rivals.join_all().await.into_iter().filter(|new| *new).count(), 1);
    assert_eq!(store.audit(Filter::default()).await.unwrap().len(), 1);
}

pub(super) async fn resuming_rings_the_active_tasks_of_its_scope(store: &Shared) {
    // STG-6: they rest because of the pause, and nothing else would make them due.
    let held = task(store, "A-held").await;
    let finished = task(store, "A-finished").await;
    let mine = task(store, "A-1").await;
    let other = task_in(store, "beta", "B-1").await;
    let stop = Held { reason: "stop".to_owned(), since: at(1), by: "ada".to_owned() };
    change(store, held, Change::Hold { held: stop, returns: 0 }, at(1)).await;
    change(store, finished, Change::Rest { rest: Rest::Finished, next_look_at: None }, at(1)).await;
    let mut due = vec![mine, other];
    for (scope, rings) in [
        (project("alpha"), vec![mine]),
        (PauseScope::Daemon, vec![mine, other]),
        (role("analyst"), vec![mine, other]),
        (PauseScope::Gate("ci".to_owned()), vec![mine, other]),
    ] {
        for id in [mine, other].into_iter().filter(|id| due.contains(id)) {
            change(store, id, rested(), at(2)).await;
        }
        assert!(store.pause(pause(&scope)).await.unwrap());
        assert_eq!(store.due_tasks(at(999), 10).await.unwrap(), []);
        assert!(store.resume(&scope, "ada", at(20)).await.unwrap());
        assert_eq!(store.due_tasks(at(20), 10).await.unwrap(), rings, "{scope}");
        assert!(!store.resume(&scope, "ada", at(21)).await.unwrap());
        due = rings;
    }
    // A look that is under way meanwhile does not silence it.
    assert!(store.pause(pause(&PauseScope::Daemon)).await.unwrap());
    let lease = drive(store, mine, at(30)).await;
    let seen = read(store, mine).await;
    assert!(store.resume(&PauseScope::Daemon, "ada", at(30)).await.unwrap());
    let _done = store.commit(&lease, decided(&seen, rested(), at(30))).await.unwrap();
    store.release(lease, at(0)).await.unwrap();
    assert!(store.due_tasks(at(30), 10).await.unwrap().contains(&mine));
}
