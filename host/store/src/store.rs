//! The trait: every question that the house asks of its memory.
//!
//! What always holds, whoever implements it: whatever was answered is durable; a guarded write that lost says so and
//! wrote nothing; time is an argument. Deliberately absent: a way to change a task's stage other than [`Store::commit`].

use crate::model::*;
use crate::retention::{Cutoffs, Pruned};
use async_trait::async_trait;
use portcullis_core::effect::{NewEffect, OutboxRow};
use portcullis_core::event::{InboxRow, InboxState};
use portcullis_core::facts::{Check, TestRun};
use portcullis_core::gate::Evaluation;
use portcullis_core::ids::{
    EvaluationId, InboxId, JobId, OutboxId, PluginName, ProjectName, Revision, RunId, StageName, TaskId, WorkItem,
};
use portcullis_core::job::{CancelAsked, Claim, ClaimedJob, Job, Lane, ProcessIdentity, Run, TakeOver};
use portcullis_core::lease::{Acquire, Fence, Holder, Lease, LeaseName, LeaseRow};
use portcullis_core::pause::{Pause, PauseScope, Pauses};
use portcullis_core::task::{Commit, Committed, Created, Decision, NewTask, Task};
use portcullis_core::time::UnixMillis;
use std::collections::BTreeMap;
use std::time::Duration;

/// The memory of the house.
#[async_trait]
pub trait Store: Send + Sync {
    // ---- inbox (WEB) ----

    /// Makes an event durable. Answers only after the fsync (WEB-2).
    async fn receive(&self, event: NewEvent) -> Result<Received, StoreError>;
    /// Events to be handled now, oldest first, of those that came after event `after` (0: of all).
    async fn due_events(&self, now: UnixMillis, after: InboxId, limit: u32) -> Result<Vec<InboxRow>, StoreError>;
    /// Writes what handling came to, together with what it does. A row that is no longer `new` is left alone (answers false).
    async fn settle(&self, id: InboxId, settlement: Settlement, now: UnixMillis) -> Result<bool, StoreError>;
    /// Events of a state (none: all), newest first.
    async fn events(&self, state: Option<InboxState>, limit: u32) -> Result<Vec<InboxRow>, StoreError>;
    /// One event.
    async fn event(&self, id: InboxId) -> Result<Option<InboxRow>, StoreError>;
    /// Makes a settled event `new` again; audited. False: there is none, or it is `new`.
    async fn replay(&self, id: InboxId, by: &str, why: &str, now: UnixMillis) -> Result<bool, StoreError>;

    // ---- tasks (STG, QUE-2) ----

    /// Makes a task with its first job, unless its work item has one.
    async fn create_task(&self, task: NewTask, actor: &str, now: UnixMillis) -> Result<Created, StoreError>;
    /// One task.
    async fn task(&self, id: TaskId) -> Result<Option<Task>, StoreError>;
    /// The task of a work item.
    async fn task_of(&self, project: &ProjectName, work_item: &WorkItem) -> Result<Option<Task>, StoreError>;
    /// The task whose work item has this id in the tracker.
    async fn task_by_tracker_id(&self, project: &ProjectName, tracker_id: &str) -> Result<Option<Task>, StoreError>;
    /// Tasks, newest first.
    async fn tasks(&self, filter: Filter) -> Result<Vec<Task>, StoreError>;
    /// The project's tasks that expect this head.
    async fn tasks_with_head(&self, project: &ProjectName, head: &Revision) -> Result<Vec<TaskId>, StoreError>;
    /// The project's unfinished tasks (`rest` is not `finished`).
    async fn open_tasks(&self, project: &ProjectName) -> Result<Vec<TaskId>, StoreError>;
    /// Those of them that are in `stage` (REC-6).
    async fn open_tasks_in_stage(&self, project: &ProjectName, stage: &StageName) -> Result<Vec<TaskId>, StoreError>;
    /// Active tasks (neither held nor finished) without a queued or running role job of the present visit, about which
    /// nothing has changed since `before` (stage, head, release), oldest first (REC-1). Damaged ones are left out.
    async fn tasks_at_rest(&self, before: UnixMillis, limit: u32) -> Result<Vec<Task>, StoreError>;
    /// The project's task with this branch.
    async fn task_with_branch(&self, project: &ProjectName, branch: &str) -> Result<Option<TaskId>, StoreError>;
    /// Tasks whose `next_look_at` has come.
    async fn due_tasks(&self, now: UnixMillis, limit: u32) -> Result<Vec<TaskId>, StoreError>;
    /// When the next task is due, or effect to be sent, or queued job or event to be tried. May lie in the past: a due
    /// job for which there is no free place stays due.
    async fn next_due(&self) -> Result<Option<UnixMillis>, StoreError> {
        self.next_due_after(UnixMillis(i64::MIN)).await
    }
    /// The same, but only what falls due later than `after`: until when a loop that has just looked at everything due
    /// by `after` may sleep.
    async fn next_due_after(&self, after: UnixMillis) -> Result<Option<UnixMillis>, StoreError>;
    /// Asks for a look at these tasks: counts one more of their `rings`, and sets `next_look_at` unless it is earlier. Does not
    /// change their versions. A look that is under way (the drive lease is held) does not silence it.
    async fn ring(&self, tasks: &[TaskId], now: UnixMillis) -> Result<(), StoreError>;
    /// The one way in which a task moves (STG-2, I1): everything in `commit` or nothing, if the task still has that
    /// version and `lease` (its drive lease) is still held under its number.
    async fn commit(&self, lease: &Lease, commit: Commit) -> Result<Committed, StoreError>;
    /// Records a person's decision and rings the task, in one transaction.
    async fn decide(&self, task: TaskId, decision: Decision, now: UnixMillis) -> Result<(), StoreError>;
    /// Holds a task whose row cannot be read, without reading it: audited, with one notification. False: there is none, or
    /// it is held already; if something has rung it since, that is silenced.
    async fn hold_damaged(&self, task: TaskId, reason: &str, now: UnixMillis) -> Result<bool, StoreError>;
    /// The newest decision on leaving `stage` of those made in the task's present visit (STG-5).
    async fn decision(&self, task: TaskId, stage: &StageName) -> Result<Option<Decision>, StoreError>;

    // ---- evaluations (GAT-6) ----

    /// Evaluations of the task's present visit since `fresh_from`, oldest first, with transcript and log left empty.
    async fn evaluations_of_visit(&self, task: TaskId) -> Result<Vec<Evaluation>, StoreError>;
    /// What a plugin said last of the task where it counted, in whichever visit, with transcript and log left empty.
    async fn last_enforced(&self, task: TaskId, plugin: &PluginName) -> Result<Option<Evaluation>, StoreError>;
    /// Evaluations, newest first, with transcript and log left empty.
    async fn evaluations(&self, filter: Filter) -> Result<Vec<Evaluation>, StoreError>;
    /// Records what a gate said to somebody who was only looking (GAT-6). It belongs to no visit, so that no decision
    /// ever rests on it.
    async fn record_observation(&self, task: TaskId, evaluation: &Evaluation) -> Result<(), StoreError>;
    /// One evaluation, whole.
    async fn evaluation(&self, id: EvaluationId) -> Result<Option<Evaluation>, StoreError>;

    // ---- leases (LSE) ----

    /// Takes a lease that is free or whose deadline has passed. The number grows with every grant.
    async fn acquire(
        &self,
        name: &LeaseName,
        holder: &Holder,
        now: UnixMillis,
        for_: Duration,
    ) -> Result<Acquire, StoreError>;
    /// Extends it. False: it is no longer ours; stop and discard the work.
    async fn renew(&self, lease: &mut Lease, now: UnixMillis, for_: Duration) -> Result<bool, StoreError>;
    /// Whether a claim, of a lease or of a job, still stands under its number: asked right before something is done under it
    /// that no transaction of the store can guard (I7).
    async fn stands(&self, under: &Fence) -> Result<bool, StoreError>;
    /// Gives it back; the oldest task that rests for it is due from `now` on, and one that comes to rest for it later is due
    /// at once. Releasing one that is no longer ours does nothing.
    async fn release(&self, lease: Lease, now: UnixMillis) -> Result<(), StoreError>;
    /// Frees every lease whose deadline has passed, and every one of another boot than this: their daemons are gone
    /// (LSE-2). Removes the holder and nothing else; audited. Answers what was freed, as it was held.
    async fn reclaim_leases(&self, boot: &str, now: UnixMillis) -> Result<Vec<LeaseRow>, StoreError>;

    // ---- jobs (QUE, LAU) ----

    /// Claims the next job of a lane: atomic; respects caps and `not_before`; fair between projects (REG-1: the project
    /// that was served longest ago comes first). Jobs of a task that is held, or of an earlier visit, are not claimed, nor
    /// are those that are covered by a pause (QUE-7).
    async fn claim(&self, lane: Lane, caps: Caps, boot: &str, now: UnixMillis) -> Result<Claim, StoreError>;
    /// Takes a running job over from whoever had it under `lease`: one guarded write that decides (REA-3, REA-5). Its
    /// run stays as it is.
    async fn take_over(&self, job: JobId, lease: i64, boot: &str) -> Result<TakeOver, StoreError>;
    /// Makes "launching" durable, before the fork. None: the claim is stale, or has launched already.
    async fn launch(
        &self,
        job: &ClaimedJob,
        boot: &str,
        folder: &str,
        now: UnixMillis,
    ) -> Result<Option<Run>, StoreError>;
    /// Stores which process it became (LAU-1). The first one stays. False: the claim is stale, nothing was written.
    async fn launched(&self, job: &ClaimedJob, run: RunId, process: ProcessIdentity) -> Result<bool, StoreError>;
    /// Records the exit code, FIRST (LAU-2). The first record stays. False: the claim is stale, nothing was written.
    async fn exited(&self, job: &ClaimedJob, run: RunId, exit_code: i32, at: UnixMillis) -> Result<bool, StoreError>;
    /// Ends the job (or puts it back), with everything that belongs to it, and rings its task. A job whose end was asked
    /// for is cancelled, unless it is done.
    async fn finish(&self, job: &ClaimedJob, finish: Finish) -> Result<Finished, StoreError>;
    /// Fails a running job whose row, or whose run's row, cannot be read; rings its task. False: it is not running.
    async fn fail_damaged_job(&self, job: JobId, reason: &str, now: UnixMillis) -> Result<bool, StoreError>;
    /// Asks for a job's end (QUE-7): a queued one is cancelled, and rings its task; on a running one it is made durable who
    /// asked first, and its process has to be told. One that has ended, or that there is none of, is over.
    async fn cancel_job(&self, job: JobId, by: &str, why: &str, now: UnixMillis) -> Result<CancelAsked, StoreError>;
    /// Makes a CI job, unless there is one for that task and revision that has not failed.
    async fn enqueue_ci(&self, job: NewCiJob) -> Result<Option<JobId>, StoreError>;
    /// One job.
    async fn job(&self, id: JobId) -> Result<Option<Job>, StoreError>;
    /// One run.
    async fn run(&self, id: RunId) -> Result<Option<Run>, StoreError>;
    /// The newest role job of the task's present visit.
    async fn job_of_visit(&self, task: TaskId) -> Result<Option<Job>, StoreError>;
    /// Every running job, and apart those that cannot be read.
    async fn running_jobs(&self) -> Result<RunningJobs, StoreError>;

    // ---- kill-switches (QUE-7) ----

    /// Pauses something; audited. False: it was paused already, by whoever did it then.
    async fn pause(&self, pause: Pause) -> Result<bool, StoreError>;
    /// Lets it go on, and rings every active task of its scope; audited. False: it was not paused.
    async fn resume(&self, scope: &PauseScope, by: &str, now: UnixMillis) -> Result<bool, StoreError>;
    /// Everything that is paused.
    async fn pauses(&self) -> Result<Pauses, StoreError>;

    // ---- outbox ----

    /// Effects to be sent now: for each (project, target) the oldest waiting one only, so that they stay in order.
    async fn due_effects(&self, now: UnixMillis, limit: u32) -> Result<Vec<OutboxRow>, StoreError>;
    /// Writes an effect about a task that belongs to no move of it (REC-5, REC-8). False: there is one of that key already,
    /// or no such task; nothing was written.
    async fn tell(&self, task: TaskId, effect: NewEffect, now: UnixMillis) -> Result<bool, StoreError>;
    /// Writes what a delivery came to. False: it was settled before.
    async fn delivered(&self, id: OutboxId, delivery: Delivery, now: UnixMillis) -> Result<bool, StoreError>;

    // ---- the embedded forge and tracker ----

    /// The open pull request of a branch, made if there is none.
    async fn open_pull_request(
        &self,
        project: &ProjectName,
        branch: &str,
        base: &str,
        title: &str,
    ) -> Result<LocalPullRequest, StoreError>;
    /// One pull request.
    async fn pull_request(&self, project: &ProjectName, number: u64) -> Result<Option<LocalPullRequest>, StoreError>;
    /// Marks it merged.
    async fn pull_request_merged(
        &self,
        project: &ProjectName,
        number: u64,
        merge_commit: &Revision,
    ) -> Result<(), StoreError>;
    /// Sets a check; the newest of a context replaces the others.
    async fn put_check(&self, project: &ProjectName, revision: &Revision, check: Check) -> Result<(), StoreError>;
    /// The checks of a revision.
    async fn checks(&self, project: &ProjectName, revision: &Revision) -> Result<Vec<Check>, StoreError>;
    /// Sets a work item's state on the board.
    async fn set_board_state(&self, project: &ProjectName, work_item: &WorkItem, state: &str)
    -> Result<(), StoreError>;
    /// Adds a comment once per `key`.
    async fn add_board_comment(
        &self,
        project: &ProjectName,
        work_item: &WorkItem,
        key: &str,
        text: &str,
        now: UnixMillis,
    ) -> Result<(), StoreError>;
    /// A work item on the board.
    async fn board_item(&self, project: &ProjectName, work_item: &WorkItem) -> Result<Option<BoardItem>, StoreError>;

    // ---- what the host itself found out ----

    /// Records a run of a named command on a tree.
    async fn record_test_run(
        &self,
        project: &ProjectName,
        name: &str,
        tree: &str,
        run: TestRun,
    ) -> Result<(), StoreError>;
    /// The newest recorded run of a named command on a tree.
    async fn test_run(&self, project: &ProjectName, name: &str, tree: &str) -> Result<Option<TestRun>, StoreError>;
    /// When a revision was first expected as a task's head.
    async fn pushed_at(&self, project: &ProjectName, revision: &Revision) -> Result<Option<UnixMillis>, StoreError>;
    /// The lock of a project's manifest, as text (PLG-3).
    async fn lock_of(&self, project: &ProjectName) -> Result<Option<String>, StoreError>;
    /// Replaces it.
    async fn put_lock(&self, project: &ProjectName, lock: &str) -> Result<(), StoreError>;

    // ---- looking ----

    /// The audit trail, newest first.
    async fn audit(&self, filter: Filter) -> Result<Vec<AuditRow>, StoreError>;
    /// Adds a row to it that belongs to no commit.
    async fn add_audit(&self, row: AuditRow) -> Result<(), StoreError>;
    /// One consistent look at what is active.
    async fn snapshot(&self) -> Result<Snapshot, StoreError>;
    /// Adds to counters that outlive restarts (REC-7).
    async fn count(&self, counts: &[(&'static str, i64)]) -> Result<(), StoreError>;
    /// Every counter that was ever added to.
    async fn counters(&self) -> Result<BTreeMap<String, i64>, StoreError>;
    /// Removes rows that ended at `cutoffs` or earlier, oldest first, at most `limit` of each kind (jobs go with all their
    /// runs), so that it never keeps others waiting for long: call it again while it removes something. What is active
    /// stays (QUE-6): jobs and evaluations of an unfinished task's present visit, CI jobs of its head, waiting effects, new
    /// events; tasks always.
    async fn prune(&self, cutoffs: &Cutoffs, limit: u32) -> Result<Pruned, StoreError>;
    /// One tiny durable write: whether the disk takes anything again after a [`Trouble`].
    async fn probe(&self) -> Result<(), StoreError>;
}
