//! The rarer turns that a random life takes: jobs change hands, are called off, things are paused, held, forgotten.

use super::Shared;
use super::fixtures::*;
use super::random::Life;
use crate::model::*;
use crate::retention::Cutoffs;
use portcullis_core::gate::Verdict;
use portcullis_core::ids::{ProjectName, RoleName};
use portcullis_core::job::{CancelAsked, JobState, TakeOver};
use portcullis_core::pause::{Pause, PauseScope};
use portcullis_core::task::Task;
use std::collections::BTreeSet;

pub(super) fn pause(scope: &PauseScope) -> Pause {
    Pause { scope: scope.clone(), by: "ada".to_owned(), why: "a release is on".to_owned(), since: at(0) }
}

impl Life {
    /// Whoever had it is stale from now on, and somebody else goes on.
    pub(super) async fn take_over(&mut self, store: &Shared, which: u8) {
        if let Some(over) = self.over.get(usize::from(which) % self.over.len().max(1)) {
            assert_eq!(store.take_over(over.id, over.lease, BOOT).await.unwrap(), TakeOver::Lost);
        }
        if self.running.is_empty() {
            return;
        }
        let late = self.running.remove(usize::from(which) % self.running.len());
        let TakeOver::Won(heir) = store.take_over(late.id, late.lease, BOOT).await.unwrap() else {
            panic!("job {} runs under that number", late.id)
        };
        assert!(heir.lease > late.lease && heir.attempt == late.attempt);
        self.running.push(*heir);
        self.over.push(late);
    }

    pub(super) async fn cancel(&mut self, store: &Shared, which: u8) {
        let snapshot = store.snapshot().await.unwrap();
        let jobs: Vec<_> = snapshot.running.iter().chain(&snapshot.waiting).collect();
        let Some(job) = jobs.get(usize::from(which) % jobs.len().max(1)) else { return };
        let (answer, state) = match job.state {
            JobState::Running => (CancelAsked::Running, JobState::Running),
            _ => (CancelAsked::Cancelled, JobState::Cancelled),
        };
        assert_eq!(store.cancel_job(job.id, "ada", "stop", self.now()).await.unwrap(), answer);
        assert_eq!(store.job(job.id).await.unwrap().unwrap().state, state);
        if answer == CancelAsked::Running {
            self.asked.insert(job.id);
        } else {
            assert_eq!(store.cancel_job(job.id, "ada", "", self.now()).await.unwrap(), CancelAsked::Over);
        }
    }

    pub(super) async fn pause_or_resume(&mut self, store: &Shared, which: u8) {
        let scope = match which % 4 {
            0 => PauseScope::Daemon,
            1 => PauseScope::Project(ProjectName::new("alpha")),
            2 => PauseScope::Role(RoleName::new("developer")),
            _ => PauseScope::Gate("ci".to_owned()),
        };
        if self.paused.remove(&scope) {
            assert!(!store.pause(pause(&scope)).await.unwrap());
            assert!(store.resume(&scope, "ada", self.now()).await.unwrap());
        } else {
            assert!(!store.resume(&scope, "ada", self.now()).await.unwrap());
            assert!(store.pause(pause(&scope)).await.unwrap());
            self.paused.insert(scope);
        }
    }

    pub(super) async fn hold_damaged(&mut self, store: &Shared, which: u8) {
        let Some(id) = self.some_task(which) else { return };
        let is_new = self.held.insert(id);
        assert_eq!(store.hold_damaged(id, "column rest", self.now()).await.unwrap(), is_new);
        if let Some((version, _)) = self.tasks.get_mut(&id).filter(|_| is_new) {
            *version += 1;
            assert!(self.moved.insert((id, *version)), "task {id} was moved to version {version} twice");
            self.told += 1;
        }
    }

    /// Sends some effects, observes something, forgets whatever may be forgotten, and compares what is active.
    pub(super) async fn prune(&mut self, store: &Shared, how: u8) {
        for row in store.due_effects(self.now(), u32::from(how % 3)).await.unwrap() {
            assert!(store.delivered(row.id, Delivery::Sent, self.now()).await.unwrap());
        }
        if let Some(id) = self.some_task(how) {
            store.record_observation(id, &evaluation(Verdict::Pass, self.now())).await.unwrap();
        }
        let before = self.active(store).await;
        let cutoffs = Cutoffs::all(self.now());
        loop {
            let pruned = store.prune(&cutoffs, 1 + u32::from(how % 5)).await.unwrap();
            self.forgotten += pruned.outbox;
            if pruned.rows() == 0 {
                break;
            }
        }
        assert_eq!(self.active(store).await, before, "nothing that is active is ever pruned");
    }

    /// Everything that some decision may rest on.
    async fn active(&self, store: &Shared) -> String {
        let Snapshot { running, waiting, outbox_open, pauses, .. } = store.snapshot().await.unwrap();
        let mut seen = format!("{running:?} {waiting:?} {outbox_open:?} {pauses:?}");
        for id in self.tasks.keys() {
            let (job, said) = (store.job_of_visit(*id).await.unwrap(), store.evaluations_of_visit(*id).await.unwrap());
            seen += &format!("{:?} {job:?} {said:?}", read(store, *id).await);
        }
        seen
    }

    /// Which tasks rest, by a second way of telling.
    pub(super) async fn check_rest(&self, store: &Shared, snapshot: &Snapshot) {
        let jobs: BTreeSet<_> =
            snapshot.running.iter().chain(&snapshot.waiting).map(|job| (job.task, job.visit)).collect();
        let is_resting = |id, visit| !self.held.contains(&id) && !jobs.contains(&(id, visit));
        let expected: BTreeSet<_> =
            self.tasks.iter().filter(|(id, (_, visit))| is_resting(**id, *visit)).map(|(id, _)| *id).collect();
        let resting = store.tasks_at_rest(self.now(), 100).await.unwrap();
        assert_eq!(resting.iter().map(|task| task.id).collect::<BTreeSet<_>>(), expected);
        let since = |task: &Task| task.stage_since.max(task.fresh_from).max(task.head_since.unwrap_or(at(0)));
        assert!(resting.is_sorted_by_key(since), "oldest first");
    }
}
