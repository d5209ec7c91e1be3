//! Promises about running jobs that change hands (REA).

use super::Shared;
use super::fixtures::*;
use crate::model::*;
use portcullis_core::ids::{JobId, TaskId};
use portcullis_core::job::{ClaimedJob, JobState, Lane, ProcessIdentity, Run, TakeOver};

const HEIR: &str = "boot-2";

fn process(pid: u32) -> ProcessIdentity {
    ProcessIdentity { pid, start_ticks: 7, machine_boot: "machine-boot".to_owned() }
}

/// A claimed job of a task of its own, with its run.
async fn running(store: &Shared, item: &str) -> (TaskId, ClaimedJob, Run) {
    let id = task(store, item).await;
    let job = claim(store, Lane::Role, FREE, at(1)).await.unwrap();
    assert_eq!(job.task, id);
    let run = store.launch(&job, BOOT, "runs/1", at(2)).await.unwrap().unwrap();
    (id, job, run)
}

fn won(answer: TakeOver) -> ClaimedJob {
    match answer {
        TakeOver::Won(job) => *job,
        TakeOver::Lost => panic!("it was lost"),
    }
}

pub(super) async fn a_take_over_makes_the_last_owner_stale(store: &Shared) {
    // REA-3, REA-5
    let (id, late, run) = running(store, "A-1").await;
    let heir = won(store.take_over(late.id, late.lease, HEIR).await.unwrap());
    assert_eq!((heir.id, heir.state, heir.attempt), (late.id, JobState::Running, late.attempt));
    assert_eq!((heir.lease, heir.run.as_ref()), (late.lease + 1, Some(&run)), "the run stays: it may be alive");

    let before = (store.job(late.id).await.unwrap(), read(store, id).await);
    assert!(!store.launched(&late, run.id, process(1)).await.unwrap());
    assert!(!store.exited(&late, run.id, 0, at(3)).await.unwrap());
    assert_eq!(store.launch(&late, BOOT, "runs/2", at(3)).await.unwrap(), None);
    let finish = Finish {
        head: Some(NewHead { head: revision(5), pull_request: Some(1) }),
        ci: Some(NewCiJob { task: id, revision: revision(5), at: at(3) }),
        effects: vec![comment("late", "late")],
        ..ended(JobEnd::Done, at(3))
    };
    assert_eq!(store.finish(&late, finish).await.unwrap(), Finished::Stale);
    assert_eq!((store.job(late.id).await.unwrap(), read(store, id).await), before, "nothing was written");
    assert_eq!(store.due_effects(at(9), 10).await.unwrap(), []);
    assert_eq!(claim(store, Lane::Ci, FREE, at(9)).await, None);

    assert!(store.exited(&heir, run.id, 3, at(4)).await.unwrap());
    assert_eq!(store.finish(&heir, ended(JobEnd::Failed, at(5))).await.unwrap(), Finished::Recorded);
    let over = store.job(heir.id).await.unwrap().unwrap();
    assert_eq!((over.state, over.run.and_then(|run| run.exit_code)), (JobState::Failed, Some(3)));
}

pub(super) async fn what_its_last_owner_recorded_stays_for_the_heir(store: &Shared) {
    // REA-2, LAU-2
    let (_, first, run) = running(store, "A-1").await;
    assert!(store.launched(&first, run.id, process(77)).await.unwrap());
    assert!(store.exited(&first, run.id, 0, at(3)).await.unwrap());
    let heir = won(store.take_over(first.id, first.lease, HEIR).await.unwrap());
    assert_eq!(heir.run.as_ref().and_then(|run| run.exit_code), Some(0));
    assert!(store.launched(&heir, run.id, process(88)).await.unwrap());
    assert!(store.exited(&heir, run.id, 137, at(9)).await.unwrap(), "a guess of the reaper's");
    let run = store.run(run.id).await.unwrap().unwrap();
    assert_eq!((run.exit_code, run.exited_at, run.process), (Some(0), Some(at(3)), Some(process(77))));
}

pub(super) async fn only_a_running_job_under_that_number_is_taken_over(store: &Shared) {
    // REA-5
    let id = task(store, "A-1").await;
    let queued = store.job_of_visit(id).await.unwrap().unwrap();
    let lost = async |job: JobId, lease: i64| store.take_over(job, lease, HEIR).await.unwrap() == TakeOver::Lost;
    assert!(lost(queued.id, queued.lease).await, "it waits");
    let job = claim(store, Lane::Role, FREE, at(1)).await.unwrap();
    assert!(lost(job.id, job.lease - 1).await && lost(job.id, job.lease + 1).await, "another number");
    assert!(lost(JobId(9_999), job.lease).await, "there is none");
    let heir = won(store.take_over(job.id, job.lease, HEIR).await.unwrap());
    assert!(lost(job.id, job.lease).await, "somebody was quicker");
    assert_eq!(store.finish(&heir, ended(JobEnd::Done, at(2))).await.unwrap(), Finished::Recorded);
    assert!(lost(heir.id, heir.lease).await, "it is over");
}

pub(super) async fn of_rivals_taking_over_one_job_one_wins(store: &Shared) {
    // REA-5: overlapping ticks.
    let (_, job, _) = running(store, "A-1").await;
    let mut lease = job.lease;
    for _ in 0..5 {
        let mut rivals = tokio::task::JoinSet::new();
        for number in 0..16 {
            let (store, id) = (store.clone(), job.id);
            rivals.spawn(async move { store.take_over(id, lease, &format!("boot-{number}")).await.unwrap() });
        }
        let answers = rivals.join_all().await;
        let mut winners: Vec<ClaimedJob> =
            answers.into_iter().filter(|answer| *answer != TakeOver::Lost).map(won).collect();
        assert_eq!(winners.len(), 1);
        let winner = winners.remove(0);
        assert!(winner.lease > lease, "every number is given once");
        lease = winner.lease;
    }
}

pub(super) async fn a_take_over_or_a_finish_wins_never_both(store: &Shared) {
    // REA-2, REA-3: the finishing run that tier 2 must not reap twice.
    let mut finished = 0;
    for round in 0..24 {
        let (id, job, _) = running(store, &format!("A-{round}")).await;
        let (reaper, thief) = (store.clone(), copy(&job));
        let finish = Finish { effects: vec![comment(&format!("end-{round}"), "end")], ..ended(JobEnd::Done, at(3)) };
        // In both orders: whoever is asked first is mostly the first.
        let take = async move { reaper.take_over(thief.id, thief.lease, HEIR).await.unwrap() };
        let end = async { store.finish(&job, finish).await.unwrap() };
        let (taken, ended_as) = if round % 2 == 0 {
            tokio::join!(take, end)
        } else {
            let (end, take) = tokio::join!(end, take);
            (take, end)
        };
        match (taken, ended_as) {
            (TakeOver::Won(heir), Finished::Stale) => {
                assert_eq!(store.job(heir.id).await.unwrap().unwrap().state, JobState::Running);
                assert_eq!(store.finish(&heir, ended(JobEnd::Done, at(4))).await.unwrap(), Finished::Recorded);
            }
            (TakeOver::Lost, Finished::Recorded) => {
                finished += 1;
                assert_eq!(store.job(job.id).await.unwrap().unwrap().state, JobState::Done);
            }
            both => panic!("task {id}: {both:?}"),
        }
    }
    let told: i64 = store.snapshot().await.unwrap().outbox.iter().map(|(_, n)| n).sum();
    assert_eq!(told, finished, "a finish that lost told nobody");
}

pub(super) async fn a_damaged_job_is_failed_once_and_only_while_it_runs(store: &Shared) {
    // REA-6
    let id = task(store, "A-1").await;
    let queued = store.job_of_visit(id).await.unwrap().unwrap();
    assert!(!store.fail_damaged_job(queued.id, "column role", at(1)).await.unwrap());
    let job = claim(store, Lane::Role, FREE, at(1)).await.unwrap();
    assert!(store.fail_damaged_job(job.id, "column role", at(2)).await.unwrap());
    let failed = store.job(job.id).await.unwrap().unwrap();
    assert_eq!((failed.state, failed.ended_at), (JobState::Failed, Some(at(2))));
    assert!(failed.reason.unwrap().contains("column role"));
    assert_eq!(read(store, id).await.rings, 1);
    assert_eq!(store.audit(Filter::default()).await.unwrap()[0].what, "end-job");
    assert!(!store.fail_damaged_job(job.id, "column role", at(3)).await.unwrap());
    assert!(!store.fail_damaged_job(JobId(9_999), "column role", at(3)).await.unwrap());
    assert_eq!(store.finish(&job, ended(JobEnd::Done, at(4))).await.unwrap(), Finished::Stale);
}
