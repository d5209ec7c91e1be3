//! Promises about runs and their ends (LAU, REA-5).

use super::Shared;
use super::fixtures::*;
use crate::model::*;
use portcullis_core::facts::CheckState;
use portcullis_core::ids::{RoleName, RunId};
use portcullis_core::job::{ClaimedJob, JobState, Lane, ProcessIdentity};
use portcullis_core::step::Rest;
use portcullis_core::task::Change;

fn process(pid: u32) -> ProcessIdentity {
    ProcessIdentity { pid, start_ticks: u64::from(u32::MAX) + 1, machine_boot: "machine-boot".to_owned() }
}

pub(super) async fn one_claim_launches_one_process(store: &Shared) {
    // LAU-1
    let id = task(store, "A-1").await;
    let queued = ClaimedJob::granted(store.job_of_visit(id).await.unwrap().unwrap());
    assert_eq!(store.launch(&queued, BOOT, "runs/0", at(1)).await.unwrap(), None, "not claimed");
    let job = claim(store, Lane::Role, FREE, at(1)).await.unwrap();
    assert_eq!(job.run, None);
    assert_eq!(store.launch(&queued, BOOT, "runs/0", at(2)).await.unwrap(), None, "another claim");
    let run = store.launch(&job, BOOT, "runs/1", at(2)).await.unwrap().unwrap();
    assert_eq!((run.job, run.attempt, run.boot.as_str(), run.launched_at), (job.id, 1, BOOT, at(2)));
    assert_eq!((run.folder.as_str(), &run.process, run.exit_code), ("runs/1", &None, None));
    assert_eq!(store.launch(&job, BOOT, "runs/2", at(3)).await.unwrap(), None, "launched already");
    assert!(!store.launched(&queued, run.id, process(66)).await.unwrap(), "another claim");
    assert!(store.launched(&job, run.id, process(77)).await.unwrap());
    assert!(store.launched(&job, run.id, process(88)).await.unwrap(), "but the first one stays");
    let running = store.running_jobs().await.unwrap().jobs.remove(0);
    assert_eq!(running.run.as_ref().and_then(|run| run.process.clone()), Some(process(77)));
    assert_eq!(store.run(run.id).await.unwrap(), running.run);
    assert!(!store.launched(&job, RunId(9_999), process(1)).await.unwrap());
    assert_eq!(store.run(RunId(9_999)).await.unwrap(), None);
}

pub(super) async fn the_first_exit_code_stays(store: &Shared) {
    // LAU-2
    task(store, "A-1").await;
    let job = claim(store, Lane::Role, FREE, at(1)).await.unwrap();
    let run = store.launch(&job, BOOT, "runs/1", at(2)).await.unwrap().unwrap();
    assert!(store.exited(&job, run.id, 0, at(3)).await.unwrap());
    assert!(store.exited(&job, run.id, 137, at(4)).await.unwrap(), "he may write, but the first record stays");
    let run = store.run(run.id).await.unwrap().unwrap();
    assert_eq!((run.exit_code, run.exited_at), (Some(0), Some(at(3))));
    let kept = store.job(job.id).await.unwrap().unwrap();
    assert_eq!((kept.state, kept.run), (JobState::Running, Some(run)), "an exit code ends no job");
    assert!(!store.exited(&job, RunId(9_999), 0, at(5)).await.unwrap());
}

pub(super) async fn finishing_writes_everything_that_belongs_to_it(store: &Shared) {
    // LAU-2
    let id = task(store, "A-1").await;
    change(store, id, Change::Rest { rest: Rest::NoHead { role: None }, next_look_at: None }, at(1)).await;
    let claimed = claim(store, Lane::Role, FREE, at(2)).await.unwrap();
    let pending = check("ci/test", CheckState::Pending, "queued", at(10));
    let finish = Finish {
        reason: Some("exit 0".to_owned()),
        head: Some(NewHead { head: revision(5), pull_request: Some(3) }),
        ci: Some(NewCiJob { task: id, revision: revision(5), at: at(10) }),
        checks: vec![(revision(5), pending.clone())],
        effects: vec![comment("pushed", "Pushed.")],
        ..ended(JobEnd::Done, at(10))
    };
    assert_eq!(store.finish(&claimed, finish.clone()).await.unwrap(), Finished::Recorded);
    let job = store.job(claimed.id).await.unwrap().unwrap();
    assert_eq!((job.state, job.ended_at, job.reason.as_deref()), (JobState::Done, Some(at(10)), Some("exit 0")));
    let task = read(store, id).await;
    assert_eq!((task.head, task.head_since, task.pull_request), (Some(revision(5)), Some(at(10)), Some(3)));
    assert_eq!((task.version, task.visit), (3, 1), "whatever was decided about the old head is void");
    assert_eq!((task.rings, task.next_look_at), (1, Some(at(10))));
    assert_eq!(store.pushed_at(&alpha(), &revision(5)).await.unwrap(), Some(at(10)));
    assert_eq!(store.checks(&alpha(), &revision(5)).await.unwrap(), [pending]);
    assert_eq!(store.due_effects(at(10), 10).await.unwrap()[0].key, "pushed");
    let ci = claim(store, Lane::Ci, FREE, at(11)).await.unwrap();
    assert_eq!(ci.revision.as_ref(), Some(&revision(5)));
    // Once more: it is over.
    assert_eq!(store.finish(&claimed, finish).await.unwrap(), Finished::Stale);
    let what: Vec<String> = store.audit(Filter::default()).await.unwrap().into_iter().map(|row| row.what).collect();
    assert_eq!(what, ["head", "end-job", "create"]);
}

pub(super) async fn a_job_claimed_anew_is_not_finished_by_its_last_owner(store: &Shared) {
    // REA-5: running again is not running for us.
    let id = task(store, "A-1").await;
    let late = claim(store, Lane::Role, FREE, at(1)).await.unwrap();
    assert_eq!(store.finish(&late, ended(JobEnd::Retry(at(2)), at(2))).await.unwrap(), Finished::Recorded);
    let heir = claim(store, Lane::Role, FREE, at(3)).await.unwrap();
    let before = (read(store, id).await, store.job(heir.id).await.unwrap());
    let finish = Finish {
        head: Some(NewHead { head: revision(5), pull_request: None }),
        effects: vec![comment("late", "late")],
        ..ended(JobEnd::Failed, at(4))
    };
    assert_eq!(store.finish(&late, finish).await.unwrap(), Finished::Stale);
    assert_eq!((read(store, id).await, store.job(heir.id).await.unwrap()), before);
    assert_eq!(store.due_effects(at(9), 10).await.unwrap(), []);
    assert_eq!(store.pushed_at(&alpha(), &revision(5)).await.unwrap(), None);
    assert_eq!(store.finish(&heir, ended(JobEnd::Done, at(5))).await.unwrap(), Finished::Recorded);
}

pub(super) async fn a_job_of_an_earlier_visit_leaves_the_task_alone(store: &Shared) {
    let id = task(store, "A-1").await;
    let past = claim(store, Lane::Role, FREE, at(1)).await.unwrap();
    let moved = change(store, id, advance("architecture", Some("architect")), at(2)).await;
    let finish = Finish {
        head: Some(NewHead { head: revision(5), pull_request: Some(3) }),
        ..ended(JobEnd::Retry(at(3)), at(3))
    };
    assert_eq!(store.finish(&past, finish).await.unwrap(), Finished::Recorded);
    let after = read(store, id).await;
    assert_eq!((&after.head, after.pull_request, after.version), (&None, None, moved.version));
    assert_eq!(after.rings, 1, "but it is looked at");
    let past = store.job(past.id).await.unwrap().unwrap();
    assert_eq!(past.state, JobState::Cancelled, "it would wait for ever: no claim takes it");
    assert_eq!(claim(store, Lane::Role, FREE, at(9)).await.unwrap().role.as_str(), "architect");
}

pub(super) async fn a_run_that_pushed_nothing_new_voids_nothing(store: &Shared) {
    // LAU-4
    let id = task(store, "A-1").await;
    change(store, id, Change::Head { head: revision(5) }, at(1)).await;
    let job = claim(store, Lane::Role, FREE, at(2)).await.unwrap();
    let same = Some(NewHead { head: revision(5), pull_request: None });
    let finish = Finish { head: same, ..ended(JobEnd::Done, at(3)) };
    assert_eq!(store.finish(&job, finish).await.unwrap(), Finished::Recorded);
    let task = read(store, id).await;
    assert_eq!((task.version, task.head_since), (2, Some(at(1))));
    // A pull request for it is news, but no new head.
    change(store, id, Change::Enqueue { role: RoleName::new("analyst") }, at(4)).await;
    let job = claim(store, Lane::Role, FREE, at(5)).await.unwrap();
    let shown = Some(NewHead { head: revision(5), pull_request: Some(3) });
    let finish = Finish { head: shown, ..ended(JobEnd::Done, at(6)) };
    assert_eq!(store.finish(&job, finish).await.unwrap(), Finished::Recorded);
    let task = read(store, id).await;
    assert_eq!((task.version, task.head_since, task.pull_request), (4, Some(at(1)), Some(3)));
}
