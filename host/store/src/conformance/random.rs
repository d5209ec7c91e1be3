//! A life made of random steps, after each of which everything that must always hold is checked.
//!
//! The steps come from outside (a property test that can shrink them); nothing here is random.

use super::Shared;
use super::fixtures::*;
use super::turns::pause;
use crate::model::*;
use portcullis_core::ids::{JobId, ProjectName, RoleName, TaskId};
use portcullis_core::job::{ClaimedJob, JobState, Lane};
use portcullis_core::lease::{Lease, LeaseName};
use portcullis_core::pause::{PauseScope, Pauses};
use portcullis_core::step::Rest;
use portcullis_core::task::{Change, Commit, Committed, Created, Held, MergeIntent};
use portcullis_core::time::UnixMillis;
use std::collections::{BTreeMap, BTreeSet};

/// One step: what is done, to which of the things there are, and how. Every value means something.
pub type Step = (u8, u8, u8);

const CAPS: Caps = Caps { overall: 3, per_project: 2 };
const PROJECTS: [&str; 3] = ["alpha", "beta", "gamma"];

/// What the store should know, kept beside it.
#[derive(Default)]
pub(super) struct Life {
    now: i64,
    /// Version and visit of each task.
    pub(super) tasks: BTreeMap<TaskId, (i64, i64)>,
    pub(super) held: BTreeSet<TaskId>,
    pub(super) running: Vec<ClaimedJob>,
    /// Claims that were finished, by job and number.
    pub(super) over: Vec<ClaimedJob>,
    /// Running jobs whose end was asked for.
    pub(super) asked: BTreeSet<JobId>,
    pub(super) paused: BTreeSet<PauseScope>,
    /// Effects written, and those of them that were pruned after they had been sent.
    pub(super) told: usize,
    pub(super) forgotten: usize,
    /// Moves made: each (task, version) at most once.
    pub(super) moved: BTreeSet<(TaskId, i64)>,
}

/// Lives through `steps` on an empty store and panics where something that must always hold does not.
pub async fn live(store: Shared, steps: &[Step]) {
    let mut life = Life::default();
    for step in steps {
        life.now += i64::from(step.2 % 7);
        life.take(&store, *step).await;
        life.check(&store).await;
    }
}

impl Life {
    pub(super) fn now(&self) -> UnixMillis {
        at(self.now)
    }

    pub(super) fn some_task(&self, which: u8) -> Option<TaskId> {
        self.tasks.keys().nth(usize::from(which) % self.tasks.len().max(1)).copied()
    }

    async fn take(&mut self, store: &Shared, (what, which, how): Step) {
        match what % 16 {
            0 | 1 => self.create(store, which).await,
            2..=4 => self.claim(store).await,
            5 | 6 => self.finish(store, which, how).await,
            7..=9 => self.change(store, which, how).await,
            10 => self.lose(store, which, how).await,
            11 => self.take_over(store, which).await,
            12 => self.cancel(store, which).await,
            13 => self.pause_or_resume(store, which).await,
            14 if how.is_multiple_of(4) => self.hold_damaged(store, which).await,
            14 => self.prune(store, how).await,
            _ => {
                if let Some(id) = self.some_task(which) {
                    store.ring(&[id], self.now()).await.unwrap();
                }
            }
        }
    }

    async fn create(&mut self, store: &Shared, which: u8) {
        let project = PROJECTS[usize::from(which) % PROJECTS.len()];
        let new = new_task(project, &format!("T-{}", which % 9));
        match store.create_task(new, "tester", self.now()).await.unwrap() {
            Created::New(id) => assert_eq!(self.tasks.insert(id, (1, 1)), None, "{id} was there before"),
            Created::Exists(id) => assert!(self.tasks.contains_key(&id), "{id} was never made"),
        }
    }

    async fn claim(&mut self, store: &Shared) {
        let Some(job) = claim(store, Lane::Role, CAPS, self.now()).await else { return };
        assert!(!self.held.contains(&job.task), "its task is held");
        assert_eq!(self.tasks[&job.task].1, job.visit, "of an earlier visit");
        assert!(self.running.iter().all(|other| other.id != job.id), "it runs already");
        let pauses = Pauses(self.paused.iter().map(pause).collect());
        assert!(pauses.of_project(&job.project).is_none() && pauses.of_role(&job.role).is_none(), "it is paused");
        self.running.push(job);
    }

    async fn finish(&mut self, store: &Shared, which: u8, how: u8) {
        let end = match how % 3 {
            0 => JobEnd::Done,
            1 => JobEnd::Retry(at(self.now + i64::from(how))),
            _ => JobEnd::Failed,
        };
        // The late owner of a claim that is over tries first.
        if let Some(late) = self.over.get(usize::from(which) % self.over.len().max(1)) {
            assert_eq!(store.finish(late, ended(end, self.now())).await.unwrap(), Finished::Stale);
        }
        if self.running.is_empty() {
            return;
        }
        let job = self.running.remove(usize::from(which) % self.running.len());
        assert_eq!(store.finish(&job, ended(end, self.now())).await.unwrap(), Finished::Recorded);
        if self.asked.remove(&job.id) && end != JobEnd::Done {
            assert_eq!(store.job(job.id).await.unwrap().unwrap().state, JobState::Cancelled, "its end was asked for");
        }
        self.over.push(job);
    }

    async fn change(&mut self, store: &Shared, which: u8, how: u8) {
        let Some(id) = self.some_task(which) else { return };
        let is_held = self.held.contains(&id);
        let held = Held { reason: "stop".to_owned(), since: self.now(), by: "ada".to_owned() };
        let (change, enters) = match (how % 8, is_held) {
            (0 | 1, false) => (advance("development", Some("developer")), true),
            (2, false) => (send_back("analysis", Some("analyst"), how > 100), true),
            (3, false) => (Change::Hold { held, returns: 3 }, false),
            (4, false) => (Change::Head { head: revision(u32::from(how)) }, false),
            (5, false) => {
                (Change::Merging { intent: Some(MergeIntent { head: revision(1), target_head: revision(2) }) }, false)
            }
            (0..4, true) => (Change::Release { again: how.is_multiple_of(2) }, how.is_multiple_of(2)),
            _ => {
                let rest = Rest::NoHead { role: Some(RoleName::new(format!("at {}", self.moved.len()))) };
                (Change::Rest { rest, next_look_at: None }, false)
            }
        };
        match &change {
            Change::Hold { .. } => drop(self.held.insert(id)),
            Change::Release { .. } => drop(self.held.remove(&id)),
            _ => {}
        }
        let lease = drive(store, id, self.now()).await;
        let commit = self.commit(store, id, change).await;
        let version = commit.version + 1;
        assert_eq!(store.commit(&lease, commit.clone()).await.unwrap(), Committed::Done { version });
        // The same decision once more, under the same lease: it was made on another version.
        assert_eq!(store.commit(&lease, commit).await.unwrap(), Committed::Stale);
        store.release(lease, at(0)).await.unwrap();
        assert!(self.moved.insert((id, version)), "task {id} was moved to version {version} twice");
        self.told += 1;
        if let Some((known, visit)) = self.tasks.get_mut(&id) {
            *known = version;
            *visit += i64::from(enters);
        }
    }

    async fn commit(&self, store: &Shared, id: TaskId, change: Change) -> Commit {
        let mut commit = decided(&read(store, id).await, change, self.now());
        commit.effects = vec![comment(&format!("{id}/{}", commit.version), "moved")];
        commit
    }

    /// Commits that have to lose: without the lease, on another version, under another task's lease.
    async fn lose(&self, store: &Shared, which: u8, how: u8) {
        let Some(id) = self.some_task(which) else { return };
        let commit = self.commit(store, id, advance("done", None)).await;
        let lease = drive(store, id, self.now()).await;
        let copy = Lease::granted(lease.name().clone(), lease.number(), lease.deadline());
        let lost = match how % 4 {
            0 => store.commit(&lease, Commit { version: commit.version - 1, ..commit }).await,
            1 => store.commit(&lease, Commit { version: commit.version + 1, ..commit }).await,
            2 => {
                let other = Lease::granted(LeaseName::drive(TaskId(9_999)), lease.number(), lease.deadline());
                store.commit(&other, commit).await
            }
            _ => {
                store.release(lease, at(0)).await.unwrap();
                assert_eq!(store.commit(&copy, commit).await.unwrap(), Committed::Stale);
                return;
            }
        };
        assert_eq!(lost.unwrap(), Committed::Stale);
        store.release(lease, at(0)).await.unwrap();
    }

    async fn check(&self, store: &Shared) {
        for (id, (version, visit)) in &self.tasks {
            let task = read(store, *id).await;
            assert_eq!((task.version, task.visit), (*version, *visit), "task {id}");
            assert_eq!(task.held.is_some(), self.held.contains(id), "task {id}");
        }
        let snapshot = store.snapshot().await.unwrap();
        let running: BTreeSet<_> = snapshot.running.iter().map(|job| job.id).collect();
        assert_eq!(running, self.running.iter().map(|job| job.id).collect(), "who was given what runs");
        assert!(running.len() <= CAPS.overall as usize, "{} at once", running.len());
        for project in PROJECTS.map(ProjectName::new) {
            let of_project = snapshot.running.iter().filter(|job| job.project == project).count();
            assert!(of_project <= CAPS.per_project as usize, "{of_project} of {project} at once");
        }
        let mut visits = BTreeSet::new();
        for job in snapshot.running.iter().chain(&snapshot.waiting) {
            assert!(visits.insert((job.task, job.visit)), "two jobs for visit {} of task {}", job.visit, job.task);
        }
        for job in &snapshot.waiting {
            assert_eq!(job.visit, self.tasks[&job.task].1, "job {} waits for ever", job.id);
        }
        let counted: BTreeMap<String, i64> =
            snapshot.job_counts.iter().map(|(state, n)| (format!("{state:?}"), *n)).collect();
        let counted = |state: JobState| counted.get(&format!("{state:?}")).copied();
        assert_eq!(counted(JobState::Running), i64::try_from(running.len()).ok());
        assert_eq!(counted(JobState::Queued), i64::try_from(snapshot.waiting.len()).ok());
        assert_eq!(usize::try_from(snapshot.tasks_held), Ok(self.held.len()));
        let told: i64 = snapshot.outbox.iter().map(|(_, n)| n).sum();
        assert_eq!(usize::try_from(told), Ok(self.told - self.forgotten), "each move told its effect once");
        assert_eq!(snapshot.pauses.0.iter().map(|p| p.scope.clone()).collect::<BTreeSet<_>>(), self.paused);
        self.check_rest(store, &snapshot).await;
        assert_eq!(snapshot.leases, [], "every lease was given back");
    }
}
