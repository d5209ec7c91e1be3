//! Promises about the queue (QUE, REG-1).

use super::Shared;
use super::fixtures::*;
use crate::model::*;
use portcullis_core::ids::{JobId, TaskId};
use portcullis_core::job::{CancelAsked, Claim, ClaimedJob, JobState, Lane};
use portcullis_core::task::{Change, Held};
use std::collections::BTreeSet;

async fn done(store: &Shared, job: &ClaimedJob) {
    assert_eq!(store.finish(job, ended(JobEnd::Done, at(5))).await.unwrap(), Finished::Recorded);
}

pub(super) async fn rivals_for_jobs_win_each_job_once_within_the_caps(store: &Shared) {
    // QUE-1, QUE-3
    for number in 0..12 {
        task_in(store, ["alpha", "beta", "gamma"][number % 3], &format!("T-{number}")).await;
    }
    let caps = Caps { overall: 5, per_project: 2 };
    let mut won = Vec::new();
    while won.len() < 12 {
        let mut rivals = tokio::task::JoinSet::new();
        for number in 0..16 {
            let store = store.clone();
            let boot = format!("boot-{number}");
            rivals.spawn(async move { store.claim(Lane::Role, caps, &boot, at(1)).await.unwrap() });
        }
        let round: Vec<ClaimedJob> = rivals
            .join_all()
            .await
            .into_iter()
            .filter_map(|claim| match claim {
                Claim::Won(won) => Some(*won),
                Claim::Nothing => None,
            })
            .collect();
        assert!(!round.is_empty() && round.len() <= 5, "{} at once", round.len());
        for project in ["alpha", "beta", "gamma"] {
            let of_project = round.iter().filter(|job| job.project.as_str() == project).count();
            assert!(of_project <= 2, "{of_project} of {project} at once");
        }
        assert_eq!(store.running_jobs().await.unwrap().jobs.len(), round.len());
        for job in round {
            assert_eq!((job.state, job.attempt, job.lease), (JobState::Running, 1, 1));
            done(store, &job).await;
            won.push(job.id);
        }
    }
    assert_eq!(won.iter().collect::<BTreeSet<_>>().len(), 12, "{won:?}");
    assert_eq!(claim(store, Lane::Role, caps, at(9)).await, None);
}

pub(super) async fn caps_hold_overall_and_for_each_project(store: &Shared) {
    // QUE-1: what waits in one project does not block another.
    for item in ["A-1", "A-2", "A-3"] {
        task(store, item).await;
    }
    task_in(store, "beta", "B-1").await;
    let caps = Caps { overall: 2, per_project: 1 };
    let first = claim(store, Lane::Role, caps, at(1)).await.unwrap();
    assert_eq!(first.project, alpha());
    assert_eq!(claim(store, Lane::Role, caps, at(1)).await.unwrap().project.as_str(), "beta");
    assert_eq!(claim(store, Lane::Role, caps, at(1)).await, None);
    assert_eq!(claim(store, Lane::Role, Caps { overall: 3, ..caps }, at(1)).await, None, "alpha has its one");
    assert_eq!(claim(store, Lane::Role, Caps { overall: 0, per_project: 9 }, at(1)).await, None);
    done(store, &first).await;
    assert_eq!(claim(store, Lane::Role, caps, at(1)).await.unwrap().project, alpha());
}

pub(super) async fn each_lane_has_caps_of_its_own(store: &Shared) {
    let id = task(store, "A-1").await;
    store.enqueue_ci(NewCiJob { task: id, revision: revision(1), at: at(0) }).await.unwrap();
    let one = Caps { overall: 1, per_project: 1 };
    assert_eq!(claim(store, Lane::Role, one, at(1)).await.unwrap().lane, Lane::Role);
    let ci = claim(store, Lane::Ci, one, at(1)).await.unwrap();
    assert_eq!((ci.lane, ci.role.as_str(), ci.revision.clone()), (Lane::Ci, "ci", Some(revision(1))));
}

pub(super) async fn projects_are_served_by_turns(store: &Shared) {
    // REG-1: a project with many jobs, all older, does not starve the others.
    for number in 0..6 {
        task(store, &format!("A-{number}")).await;
    }
    for number in 0..2 {
        task_in(store, "beta", &format!("B-{number}")).await;
    }
    let one = Caps { overall: 1, per_project: 1 };
    let mut served = Vec::new();
    while let Some(job) = claim(store, Lane::Role, one, at(1)).await {
        served.push(job.project.to_string());
        done(store, &job).await;
    }
    assert_eq!(served, ["alpha", "beta", "alpha", "beta", "alpha", "alpha", "alpha", "alpha"]);
    // Within a project the oldest comes first, and a newcomer does not wait for its turn to come round.
    let old = task(store, "A-90").await;
    task(store, "A-91").await;
    let newcomer = task_in(store, "gamma", "G-1").await;
    assert_eq!(claim(store, Lane::Role, FREE, at(1)).await.unwrap().task, newcomer);
    assert_eq!(claim(store, Lane::Role, FREE, at(1)).await.unwrap().task, old);
}

pub(super) async fn jobs_that_mean_nothing_now_are_not_claimed(store: &Shared) {
    let id = task(store, "A-1").await;
    let ci = store.enqueue_ci(NewCiJob { task: id, revision: revision(1), at: at(0) }).await.unwrap().unwrap();
    let held = Held { reason: "stop".to_owned(), since: at(1), by: "ada".to_owned() };
    change(store, id, Change::Hold { held, returns: 0 }, at(1)).await;
    assert_eq!(claim(store, Lane::Role, FREE, at(2)).await, None);
    assert_eq!(claim(store, Lane::Ci, FREE, at(2)).await, None);
    change(store, id, Change::Release { again: true }, at(3)).await;
    assert_eq!(claim(store, Lane::Role, FREE, at(4)).await, None, "a job of an earlier visit");
    assert_eq!(claim(store, Lane::Ci, FREE, at(4)).await.unwrap().id, ci, "a revision is tested in any visit");
}

pub(super) async fn a_job_is_not_claimed_before_its_time(store: &Shared) {
    // QUE-5
    let id = task(store, "A-1").await;
    let first = claim(store, Lane::Role, FREE, at(1)).await.unwrap();
    let again = Finish { reason: Some("exit 1".to_owned()), ..ended(JobEnd::Retry(at(1_000)), at(2)) };
    assert_eq!(store.finish(&first, again).await.unwrap(), Finished::Recorded);
    let waiting = store.job_of_visit(id).await.unwrap().unwrap();
    assert_eq!((waiting.state, waiting.attempt, waiting.reason.as_deref()), (JobState::Queued, 1, Some("exit 1")));
    assert_eq!((waiting.not_before, waiting.ended_at), (at(1_000), None));
    assert_eq!(claim(store, Lane::Role, FREE, at(999)).await, None);
    let second = claim(store, Lane::Role, FREE, at(1_000)).await.unwrap();
    assert_eq!((second.id, second.attempt, second.lease), (first.id, 2, 2));
    let failed = Finish { reason: Some("exit 2".to_owned()), ..ended(JobEnd::Failed, at(1_001)) };
    assert_eq!(store.finish(&second, failed).await.unwrap(), Finished::Recorded);
    let failed = store.job(first.id).await.unwrap().unwrap();
    assert_eq!((failed.state, failed.reason.as_deref()), (JobState::Failed, Some("exit 2")));
    assert_eq!(failed.ended_at, Some(at(1_001)));
}

pub(super) async fn cancelling_ends_a_queued_job_at_once(store: &Shared) {
    // QUE-7
    let id = task(store, "A-1").await;
    let job = store.job_of_visit(id).await.unwrap().unwrap();
    assert_eq!(store.cancel_job(job.id, "ada", "typo", at(7)).await.unwrap(), CancelAsked::Cancelled);
    let cancelled = store.job(job.id).await.unwrap().unwrap();
    assert_eq!((cancelled.state, cancelled.ended_at), (JobState::Cancelled, Some(at(7))));
    assert_eq!(cancelled.reason.as_deref(), Some("cancelled by ada"));
    assert_eq!(read(store, id).await.rings, 1);
    let row = store.audit(Filter::default()).await.unwrap().remove(0);
    assert_eq!((row.actor.as_str(), row.what.as_str(), row.task), ("ada", "cancel-job", Some(id)));
    assert!(row.why.ends_with("analyst: typo"), "{}", row.why);
    for over in [job.id, JobId(9_999)] {
        assert_eq!(store.cancel_job(over, "ada", "", at(8)).await.unwrap(), CancelAsked::Over);
    }
    assert_eq!(store.audit(Filter::default()).await.unwrap().len(), 2, "nothing was done");
}

pub(super) async fn a_running_job_whose_end_was_asked_for_is_cancelled_unless_it_is_done(store: &Shared) {
    // QUE-7: of each end that a run can have.
    for (number, end, state) in [
        (1, JobEnd::Retry(at(99)), JobState::Cancelled),
        (2, JobEnd::Failed, JobState::Cancelled),
        (3, JobEnd::Cancelled, JobState::Cancelled),
        (4, JobEnd::Done, JobState::Done),
    ] {
        let id = task(store, &format!("A-{number}")).await;
        let running = claim(store, Lane::Role, FREE, at(9)).await.unwrap();
        assert_eq!(running.task, id);
        let trail = store.audit(Filter::default()).await.unwrap().len();
        for who in ["ada", "bob"] {
            assert_eq!(store.cancel_job(running.id, who, "stop", at(10)).await.unwrap(), CancelAsked::Running);
        }
        let asked = store.job(running.id).await.unwrap().unwrap();
        assert_eq!((asked.state, asked.cancel_asked_by.as_deref()), (JobState::Running, Some("ada")), "the first");
        let rows = store.audit(Filter::default()).await.unwrap();
        assert_eq!((rows.len(), rows[0].actor.as_str(), rows[0].to.as_str()), (trail + 1, "ada", "cancel-asked"));
        let finish = Finish { reason: Some("exit 143".to_owned()), ..ended(end, at(11)) };
        assert_eq!(store.finish(&running, finish).await.unwrap(), Finished::Recorded);
        let over = store.job(running.id).await.unwrap().unwrap();
        let reason = if end == JobEnd::Done { "exit 143" } else { "cancelled by ada" };
        assert_eq!((over.state, over.reason.as_deref(), over.ended_at), (state, Some(reason), Some(at(11))));
        assert_eq!(read(store, id).await.rings, 1);
        assert_eq!(store.cancel_job(running.id, "ada", "", at(12)).await.unwrap(), CancelAsked::Over);
    }
}

pub(super) async fn a_revision_is_tested_once_unless_its_job_failed(store: &Shared) {
    let id = task(store, "A-1").await;
    let new = |number| NewCiJob { task: id, revision: revision(number), at: at(1) };
    let first = store.enqueue_ci(new(1)).await.unwrap().unwrap();
    assert_eq!(store.enqueue_ci(new(1)).await.unwrap(), None, "queued");
    assert!(store.enqueue_ci(new(2)).await.unwrap().is_some(), "another revision");
    let job = claim(store, Lane::Ci, FREE, at(2)).await.unwrap();
    assert_eq!(job.id, first);
    assert_eq!(store.enqueue_ci(new(1)).await.unwrap(), None, "running");
    assert_eq!(store.finish(&job, ended(JobEnd::Failed, at(3))).await.unwrap(), Finished::Recorded);
    let second = store.enqueue_ci(new(1)).await.unwrap().unwrap();
    assert_ne!(first, second);
    let other = claim(store, Lane::Ci, FREE, at(4)).await.unwrap();
    let job = claim(store, Lane::Ci, FREE, at(4)).await.unwrap();
    assert_eq!((other.revision.clone(), job.id), (Some(revision(2)), second));
    done(store, &job).await;
    assert_eq!(store.enqueue_ci(new(1)).await.unwrap(), None, "done");
    assert_eq!(store.enqueue_ci(NewCiJob { task: TaskId(9_999), ..new(1) }).await.unwrap(), None);
}

pub(super) async fn the_order_shown_is_the_order_of_the_claims(store: &Shared) {
    // QUE-4
    let held = task(store, "A-held").await;
    for (project, count) in [("alpha", 4), ("beta", 1), ("gamma", 3)] {
        for number in 0..count {
            task_in(store, project, &format!("{project}-{number}")).await;
        }
    }
    let stop = Held { reason: "stop".to_owned(), since: at(0), by: "ada".to_owned() };
    change(store, held, Change::Hold { held: stop, returns: 0 }, at(0)).await;
    // One is put back for later: the first of alpha, which was served by that.
    let back = claim(store, Lane::Role, FREE, at(1)).await.unwrap();
    assert_eq!(store.finish(&back, ended(JobEnd::Retry(at(1_000)), at(1))).await.unwrap(), Finished::Recorded);
    let shown: Vec<JobId> = store.snapshot().await.unwrap().waiting.into_iter().map(|job| job.id).collect();
    assert_eq!(shown.len(), 9);
    let mut claimed = Vec::new();
    for now in [at(1), at(1_000)] {
        while let Some(job) = claim(store, Lane::Role, Caps { overall: 1, per_project: 1 }, now).await {
            claimed.push(job.id);
            done(store, &job).await;
        }
    }
    assert_eq!(claimed, shown[..8]);
    assert_eq!(store.job(shown[8]).await.unwrap().unwrap().task, held, "last what cannot be claimed");
}
