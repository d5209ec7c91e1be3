//! The trait, each question handed to the file that answers it.
//!
//! Writes go to the writing thread and are answered once they are durable; questions go to the readers.

use super::{
    SqliteStore, audit, board, cancel, claim, commit, counters, damage, decisions, due, evaluations, finish, forge,
    inbox, jobs, known, leases, outbox, pauses, prune, runs, settle, snapshot, tasks,
};
use crate::model::*;
use crate::retention::{Cutoffs, Pruned};
use crate::store::Store;
use async_trait::async_trait;
use portcullis_core::effect::{NewEffect, OutboxRow};
use portcullis_core::event::{InboxRow, InboxState};
use portcullis_core::facts::{Check, TestRun};
use portcullis_core::gate::Evaluation;
use portcullis_core::ids::{
    EvaluationId, InboxId, JobId, OutboxId, PluginName, ProjectName, Revision, RunId, StageName, TaskId, WorkItem,
};
use portcullis_core::job::{CancelAsked, Claim, ClaimedJob, Job, Lane, ProcessIdentity, Run, TakeOver};
use portcullis_core::lease::{Acquire, Claimed, Fence, Holder, Lease, LeaseName, LeaseRow};
use portcullis_core::pause::{Pause, PauseScope, Pauses};
use portcullis_core::task::{Commit, Committed, Created, Decision, NewTask, Task};
use portcullis_core::time::UnixMillis;
use std::collections::BTreeMap;
use std::time::Duration;

#[async_trait]
impl Store for SqliteStore {
    async fn receive(&self, event: NewEvent) -> Result<Received, StoreError> {
        self.write_once("store an event", move |db| inbox::receive(db, &event)).await
    }

    async fn due_events(&self, now: UnixMillis, after: InboxId, limit: u32) -> Result<Vec<InboxRow>, StoreError> {
        let (rows, damaged) = self.read("find due events", move |db| inbox::due(db, now, after, limit)).await?;
        if !damaged.is_empty() {
            self.write("park damaged events", move |db| inbox::park(db, &damaged, now)).await?;
        }
        Ok(rows)
    }

    async fn settle(&self, id: InboxId, settlement: Settlement, now: UnixMillis) -> Result<bool, StoreError> {
        self.write("settle an event", move |db| settle::settle(db, id, &settlement, now)).await
    }

    async fn events(&self, state: Option<InboxState>, limit: u32) -> Result<Vec<InboxRow>, StoreError> {
        self.read("list events", move |db| inbox::events(db, state, limit)).await
    }

    async fn event(&self, id: InboxId) -> Result<Option<InboxRow>, StoreError> {
        self.read("read an event", move |db| inbox::event(db, id)).await
    }

    async fn replay(&self, id: InboxId, by: &str, why: &str, now: UnixMillis) -> Result<bool, StoreError> {
        let (by, why) = (by.to_owned(), why.to_owned());
        self.write_once("replay an event", move |db| inbox::replay(db, id, (&by, &why), now)).await
    }

    async fn create_task(&self, task: NewTask, actor: &str, now: UnixMillis) -> Result<Created, StoreError> {
        let actor = actor.to_owned();
        self.write("make a task", move |db| tasks::create(db, &task, &actor, now)).await
    }

    async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError> {
        self.read("read a task", move |db| tasks::task(db, id)).await
    }

    async fn task_of(&self, project: &ProjectName, work_item: &WorkItem) -> Result<Option<Task>, StoreError> {
        let (project, item) = (project.clone(), work_item.clone());
        self.read("find a work item's task", move |db| tasks::task_of(db, &project, &item)).await
    }

    async fn task_by_tracker_id(&self, project: &ProjectName, tracker_id: &str) -> Result<Option<Task>, StoreError> {
        let (project, id) = (project.clone(), tracker_id.to_owned());
        self.read("find a task by its tracker's id", move |db| tasks::by_tracker_id(db, &project, &id)).await
    }

    async fn tasks(&self, filter: Filter) -> Result<Vec<Task>, StoreError> {
        self.read("list tasks", move |db| tasks::list(db, &filter)).await
    }

    async fn tasks_with_head(&self, project: &ProjectName, head: &Revision) -> Result<Vec<TaskId>, StoreError> {
        let (project, head) = (project.clone(), head.clone());
        self.read("find tasks by head", move |db| tasks::with_head(db, &project, &head)).await
    }

    async fn open_tasks(&self, project: &ProjectName) -> Result<Vec<TaskId>, StoreError> {
        let project = project.clone();
        self.read("list open tasks", move |db| tasks::open(db, &project)).await
    }

    async fn open_tasks_in_stage(&self, project: &ProjectName, stage: &StageName) -> Result<Vec<TaskId>, StoreError> {
        let (project, stage) = (project.clone(), stage.clone());
        self.read("list open tasks of a stage", move |db| tasks::open_in_stage(db, &project, &stage)).await
    }

    async fn tasks_at_rest(&self, before: UnixMillis, limit: u32) -> Result<Vec<Task>, StoreError> {
        self.read("list tasks at rest", move |db| tasks::at_rest(db, before, limit)).await
    }

    async fn task_with_branch(&self, project: &ProjectName, branch: &str) -> Result<Option<TaskId>, StoreError> {
        let (project, branch) = (project.clone(), branch.to_owned());
        self.read("find a task by branch", move |db| tasks::with_branch(db, &project, &branch)).await
    }

    async fn due_tasks(&self, now: UnixMillis, limit: u32) -> Result<Vec<TaskId>, StoreError> {
        self.read("find due tasks", move |db| tasks::due(db, now, limit)).await
    }

    async fn next_due_after(&self, after: UnixMillis) -> Result<Option<UnixMillis>, StoreError> {
        self.read("find when something is due", move |db| due::next_after(db, after)).await
    }

    async fn ring(&self, tasks: &[TaskId], now: UnixMillis) -> Result<(), StoreError> {
        if tasks.is_empty() {
            return Ok(());
        }
        let tasks = tasks.to_vec();
        self.write("ring tasks", move |db| tasks.iter().try_for_each(|task| tasks::ring(db, *task, now))).await
    }

    async fn commit(&self, lease: &Lease, commit: Commit) -> Result<Committed, StoreError> {
        let (name, number) = (lease.name().clone(), lease.number());
        self.write("move a task", move |db| commit::commit(db, &name, number, &commit)).await
    }

    async fn decide(&self, task: TaskId, decision: Decision, now: UnixMillis) -> Result<(), StoreError> {
        self.write("record a decision", move |db| decisions::decide(db, task, &decision, now)).await
    }

    async fn hold_damaged(&self, task: TaskId, reason: &str, now: UnixMillis) -> Result<bool, StoreError> {
        let reason = reason.to_owned();
        self.write("hold a damaged task", move |db| damage::hold_task(db, task, &reason, now)).await
    }

    async fn decision(&self, task: TaskId, stage: &StageName) -> Result<Option<Decision>, StoreError> {
        let stage = stage.clone();
        self.read("read a decision", move |db| decisions::newest(db, task, &stage)).await
    }

    async fn evaluations_of_visit(&self, task: TaskId) -> Result<Vec<Evaluation>, StoreError> {
        self.read("read a visit's evaluations", move |db| evaluations::of_visit(db, task)).await
    }

    async fn last_enforced(&self, task: TaskId, plugin: &PluginName) -> Result<Option<Evaluation>, StoreError> {
        let plugin = plugin.clone();
        self.read("read a plugin's last evaluation", move |db| evaluations::last_enforced(db, task, &plugin)).await
    }

    async fn evaluations(&self, filter: Filter) -> Result<Vec<Evaluation>, StoreError> {
        self.read("list evaluations", move |db| evaluations::list(db, &filter)).await
    }

    async fn record_observation(&self, task: TaskId, evaluation: &Evaluation) -> Result<(), StoreError> {
        let evaluation = evaluation.clone();
        self.write("record an observation", move |db| evaluations::observe(db, task, &evaluation)).await
    }

    async fn evaluation(&self, id: EvaluationId) -> Result<Option<Evaluation>, StoreError> {
        self.read("read an evaluation", move |db| evaluations::whole(db, id)).await
    }

    async fn acquire(
        &self,
        name: &LeaseName,
        holder: &Holder,
        now: UnixMillis,
        for_: Duration,
    ) -> Result<Acquire, StoreError> {
        let (name, holder) = (name.clone(), holder.clone());
        self.write_once("take a lease", move |db| leases::acquire(db, &name, &holder, now, for_)).await
    }

    async fn renew(&self, lease: &mut Lease, now: UnixMillis, for_: Duration) -> Result<bool, StoreError> {
        let (name, number, deadline) = (lease.name().clone(), lease.number(), now.plus(for_));
        let until = self.write_once("renew a lease", move |db| leases::renew(db, &name, number, deadline)).await?;
        let Some(until) = until else { return Ok(false) };
        *lease = Lease::granted(lease.name().clone(), number, until);
        Ok(true)
    }

    async fn stands(&self, under: &Fence) -> Result<bool, StoreError> {
        let (claim, number) = (under.claim().clone(), under.number());
        self.read("ask whether a claim stands", move |db| match &claim {
            Claimed::Lease(name) => leases::is_held(db, name, number),
            Claimed::Job(job) => jobs::is_claimed(db, *job, number),
        })
        .await
    }

    async fn release(&self, lease: Lease, now: UnixMillis) -> Result<(), StoreError> {
        let (name, number) = (lease.name().clone(), lease.number());
        self.write_once("release a lease", move |db| leases::release(db, &name, number, now)).await
    }

    async fn reclaim_leases(&self, boot: &str, now: UnixMillis) -> Result<Vec<LeaseRow>, StoreError> {
        let boot = boot.to_owned();
        self.write("reclaim leases", move |db| leases::reclaim(db, &boot, now)).await
    }

    async fn claim(&self, lane: Lane, caps: Caps, boot: &str, now: UnixMillis) -> Result<Claim, StoreError> {
        let boot = boot.to_owned();
        self.write("claim a job", move |db| claim::claim(db, lane, caps, &boot, now)).await
    }

    async fn take_over(&self, job: JobId, lease: i64, boot: &str) -> Result<TakeOver, StoreError> {
        let boot = boot.to_owned();
        self.write("take over a job", move |db| claim::take_over(db, job, lease, &boot)).await
    }

    async fn launch(
        &self,
        job: &ClaimedJob,
        boot: &str,
        folder: &str,
        now: UnixMillis,
    ) -> Result<Option<Run>, StoreError> {
        let (claim, boot, folder) = (runs::Claimed::of(job), boot.to_owned(), folder.to_owned());
        self.write("record a launch", move |db| runs::launch(db, claim, &boot, &folder, now)).await
    }

    async fn launched(&self, job: &ClaimedJob, run: RunId, process: ProcessIdentity) -> Result<bool, StoreError> {
        let claim = runs::Claimed::of(job);
        self.write_once("record a process", move |db| runs::launched(db, claim, run, &process)).await
    }

    async fn exited(&self, job: &ClaimedJob, run: RunId, exit_code: i32, at: UnixMillis) -> Result<bool, StoreError> {
        let claim = runs::Claimed::of(job);
        self.write_once("record an exit code", move |db| runs::exited(db, claim, run, exit_code, at)).await
    }

    async fn finish(&self, job: &ClaimedJob, finish: Finish) -> Result<Finished, StoreError> {
        let claim = runs::Claimed::of(job);
        self.write("finish a job", move |db| finish::finish(db, claim, &finish)).await
    }

    async fn fail_damaged_job(&self, job: JobId, reason: &str, now: UnixMillis) -> Result<bool, StoreError> {
        let reason = reason.to_owned();
        self.write("fail a damaged job", move |db| damage::fail_running(db, job, &reason, now)).await
    }

    async fn cancel_job(&self, job: JobId, by: &str, why: &str, now: UnixMillis) -> Result<CancelAsked, StoreError> {
        let (by, why) = (by.to_owned(), why.to_owned());
        self.write("cancel a job", move |db| cancel::cancel(db, job, &by, &why, now)).await
    }

    async fn enqueue_ci(&self, job: NewCiJob) -> Result<Option<JobId>, StoreError> {
        self.write("make a CI job", move |db| jobs::enqueue_ci(db, &job)).await
    }

    async fn job(&self, id: JobId) -> Result<Option<Job>, StoreError> {
        self.read("read a job", move |db| jobs::job(db, id)).await
    }

    async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError> {
        self.read("read a run", move |db| runs::run(db, id)).await
    }

    async fn job_of_visit(&self, task: TaskId) -> Result<Option<Job>, StoreError> {
        self.read("read a visit's job", move |db| jobs::of_visit(db, task)).await
    }

    async fn running_jobs(&self) -> Result<RunningJobs, StoreError> {
        self.read("list running jobs", jobs::running_or_damaged).await
    }

    async fn pause(&self, pause: Pause) -> Result<bool, StoreError> {
        self.write("pause", move |db| pauses::pause(db, &pause)).await
    }

    async fn resume(&self, scope: &PauseScope, by: &str, now: UnixMillis) -> Result<bool, StoreError> {
        let (scope, by) = (scope.clone(), by.to_owned());
        self.write("resume", move |db| pauses::resume(db, &scope, &by, now)).await
    }

    async fn pauses(&self) -> Result<Pauses, StoreError> {
        self.read("list pauses", pauses::all).await
    }

    async fn due_effects(&self, now: UnixMillis, limit: u32) -> Result<Vec<OutboxRow>, StoreError> {
        let (rows, damaged) = self.read("find due effects", move |db| outbox::due(db, now, limit)).await?;
        if !damaged.is_empty() {
            self.write("park damaged effects", move |db| outbox::park(db, &damaged, now)).await?;
        }
        Ok(rows)
    }

    async fn tell(&self, task: TaskId, effect: NewEffect, now: UnixMillis) -> Result<bool, StoreError> {
        self.write("write an effect", move |db| outbox::add_one(db, task, &effect, now)).await
    }

    async fn delivered(&self, id: OutboxId, delivery: Delivery, now: UnixMillis) -> Result<bool, StoreError> {
        self.write_once("record a delivery", move |db| outbox::delivered(db, id, &delivery, now)).await
    }

    async fn open_pull_request(
        &self,
        project: &ProjectName,
        branch: &str,
        base: &str,
        title: &str,
    ) -> Result<LocalPullRequest, StoreError> {
        let (project, branch, base, title) = (project.clone(), branch.to_owned(), base.to_owned(), title.to_owned());
        self.write("open a pull request", move |db| forge::open_pull_request(db, &project, &branch, &base, &title))
            .await
    }

    async fn pull_request(&self, project: &ProjectName, number: u64) -> Result<Option<LocalPullRequest>, StoreError> {
        let project = project.clone();
        self.read("read a pull request", move |db| forge::pull_request(db, &project, number)).await
    }

    async fn pull_request_merged(
        &self,
        project: &ProjectName,
        number: u64,
        merge_commit: &Revision,
    ) -> Result<(), StoreError> {
        let (project, commit) = (project.clone(), merge_commit.clone());
        self.write("record a merge", move |db| forge::merged(db, &project, number, &commit)).await
    }

    async fn put_check(&self, project: &ProjectName, revision: &Revision, check: Check) -> Result<(), StoreError> {
        let (project, revision) = (project.clone(), revision.clone());
        self.write("set a check", move |db| forge::put_check(db, &project, &revision, &check)).await
    }

    async fn checks(&self, project: &ProjectName, revision: &Revision) -> Result<Vec<Check>, StoreError> {
        let (project, revision) = (project.clone(), revision.clone());
        self.read("read checks", move |db| forge::checks(db, &project, &revision)).await
    }

    async fn set_board_state(
        &self,
        project: &ProjectName,
        work_item: &WorkItem,
        state: &str,
    ) -> Result<(), StoreError> {
        let (project, item, state) = (project.clone(), work_item.clone(), state.to_owned());
        self.write("move a card", move |db| board::set_state(db, &project, &item, &state)).await
    }

    async fn add_board_comment(
        &self,
        project: &ProjectName,
        work_item: &WorkItem,
        key: &str,
        text: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError> {
        let (project, item, key, text) = (project.clone(), work_item.clone(), key.to_owned(), text.to_owned());
        self.write("add a comment", move |db| board::add_comment(db, &project, &item, &key, &text, now)).await
    }

    async fn board_item(&self, project: &ProjectName, work_item: &WorkItem) -> Result<Option<BoardItem>, StoreError> {
        let (project, item) = (project.clone(), work_item.clone());
        self.read("read a card", move |db| board::item(db, &project, &item)).await
    }

    async fn record_test_run(
        &self,
        project: &ProjectName,
        name: &str,
        tree: &str,
        run: TestRun,
    ) -> Result<(), StoreError> {
        let (project, name, tree) = (project.clone(), name.to_owned(), tree.to_owned());
        self.write_once("record a test run", move |db| known::record_test_run(db, &project, &name, &tree, &run)).await
    }

    async fn test_run(&self, project: &ProjectName, name: &str, tree: &str) -> Result<Option<TestRun>, StoreError> {
        let (project, name, tree) = (project.clone(), name.to_owned(), tree.to_owned());
        self.read("read a test run", move |db| known::test_run(db, &project, &name, &tree)).await
    }

    async fn pushed_at(&self, project: &ProjectName, revision: &Revision) -> Result<Option<UnixMillis>, StoreError> {
        let (project, revision) = (project.clone(), revision.clone());
        self.read("read when a revision was pushed", move |db| known::pushed_at(db, &project, &revision)).await
    }

    async fn lock_of(&self, project: &ProjectName) -> Result<Option<String>, StoreError> {
        let project = project.clone();
        self.read("read a lock", move |db| known::lock_of(db, &project)).await
    }

    async fn put_lock(&self, project: &ProjectName, lock: &str) -> Result<(), StoreError> {
        let (project, lock) = (project.clone(), lock.to_owned());
        self.write_once("write a lock", move |db| known::put_lock(db, &project, &lock)).await
    }

    async fn audit(&self, filter: Filter) -> Result<Vec<AuditRow>, StoreError> {
        self.read("read the audit trail", move |db| audit::list(db, &filter)).await
    }

    async fn add_audit(&self, row: AuditRow) -> Result<(), StoreError> {
        self.write("write the audit trail", move |db| audit::add(db, &row)).await
    }

    async fn snapshot(&self) -> Result<Snapshot, StoreError> {
        self.read("take a snapshot", snapshot::snapshot).await
    }

    async fn count(&self, counts: &[(&'static str, i64)]) -> Result<(), StoreError> {
        if counts.is_empty() {
            return Ok(());
        }
        let counts = counts.to_vec();
        self.write("count", move |db| counters::add(db, &counts)).await
    }

    async fn counters(&self) -> Result<BTreeMap<String, i64>, StoreError> {
        self.read("read the counters", counters::all).await
    }

    async fn prune(&self, cutoffs: &Cutoffs, limit: u32) -> Result<Pruned, StoreError> {
        let cutoffs = *cutoffs;
        self.write("prune", move |db| prune::prune(db, &cutoffs, limit)).await
    }

    async fn probe(&self) -> Result<(), StoreError> {
        self.write_once("write a probe", counters::probe).await
    }
}
