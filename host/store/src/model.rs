//! What is asked of the store and what it answers, where `core` has no word for it.

use portcullis_core::effect::{NewEffect, OutboxRow, OutboxState};
use portcullis_core::event::{InboxRow, InboxState, Source};
use portcullis_core::facts::{Check, CheckState};
use portcullis_core::ids::{InboxId, JobId, ProjectName, Revision, RoleName, TaskId, WorkItem};
use portcullis_core::job::{Job, JobState};
use portcullis_core::lease::LeaseRow;
use portcullis_core::pause::Pauses;
use portcullis_core::task::{Decision, NewTask};
use portcullis_core::time::UnixMillis;
use serde::{Deserialize, Serialize};

/// Why a question has no answer. Whatever it is, nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The database could not be opened or brought up to date.
    #[error("failed to open the database {path}: {reason}")]
    Open {
        /// Where it is.
        path: String,
        /// What is wrong and what to do.
        reason: String,
    },
    /// Another daemon has it.
    #[error("the database {path} is in use by another portcullis (pid {pid}); stop that one first")]
    InUse {
        /// Where it is.
        path: String,
        /// Process id of the other, as it wrote it down.
        pid: String,
    },
    /// The database failed.
    #[error("the database failed to {doing}{}", .trouble.map_or("", Trouble::remedy))]
    Database {
        /// What was being done.
        doing: &'static str,
        /// What the disk has to do with it, if it has.
        trouble: Option<Trouble>,
        /// What it said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A row does not say what it should.
    #[error("row {row} of table {table} is damaged: {reason}")]
    Damaged {
        /// Which table.
        table: &'static str,
        /// Which row.
        row: String,
        /// What is wrong with it.
        reason: String,
    },
    /// The store's thread is gone, because the daemon is stopping.
    #[error("the database is closed")]
    Closed,
}

impl StoreError {
    /// What is wrong with the disk, if that is why. Once it is mended the next write works again, without a restart.
    pub fn trouble(&self) -> Option<Trouble> {
        match self {
            Self::Database { trouble, .. } => *trouble,
            Self::Open { .. } | Self::InUse { .. } | Self::Damaged { .. } | Self::Closed => None,
        }
    }
}

/// What can be wrong with the disk under the database.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trouble {
    /// There is no room left.
    Full,
    /// Nothing may be written there.
    ReadOnly,
    /// Reading or writing failed.
    Io,
}

impl Trouble {
    fn remedy(self) -> &'static str {
        match self {
            Self::Full => ": its disk is full; make room, and it goes on by itself",
            Self::ReadOnly => {
                ": it may not be written; make the file and its folder writable, and it goes on by itself"
            }
            Self::Io => ": reading or writing its files failed; mend the disk, and it goes on by itself",
        }
    }
}

/// An event to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEvent {
    /// Where it came from.
    pub source: Source,
    /// The sender's id of this delivery; unique per source.
    pub delivery: String,
    /// What it means, as a short text: the same meaning under another delivery id is the same event. None: only the
    /// delivery id counts.
    pub meaning: Option<String>,
    /// The event's name as the sender's header has it.
    pub event: String,
    /// The raw, verified body.
    pub body: Vec<u8>,
    /// When it came.
    pub at: UnixMillis,
}

/// How receiving ended. Either way it is durable now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Received {
    /// It is new.
    Stored(InboxId),
    /// It was here before.
    SeenBefore(InboxId),
}

/// What handling an event came to, written in one transaction with what it does (I3).
#[derive(Debug, Clone, PartialEq)]
pub enum Settlement {
    /// Handled: these things are done with it.
    Processed(Vec<Action>),
    /// Of no consequence.
    Ignored {
        /// Why.
        reason: String,
    },
    /// Failed; to be tried again.
    Retry {
        /// What went wrong.
        reason: String,
        /// When to try again.
        not_before: UnixMillis,
    },
    /// Failed too often.
    Parked {
        /// What went wrong.
        reason: String,
    },
}

/// What an event or a person does to tasks. None of these moves a task; `drive` does, when rung.
#[derive(Debug, Clone, PartialEq)]
pub enum Action {
    /// Make a task, unless there is one for this work item; rings it either way.
    Create(Box<NewTask>),
    /// Record a person's decision, and ring.
    Decide {
        /// On which task.
        task: TaskId,
        /// What.
        decision: Decision,
    },
    /// Something happened that concerns this task: look at it.
    Ring {
        /// Which.
        task: TaskId,
    },
}

/// Caps of the queue (QUE-1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// Jobs of the lane that may run at once, over all projects.
    pub overall: u32,
    /// Jobs of the lane that may run at once in one project.
    pub per_project: u32,
}

/// A CI job to be made for a pushed revision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewCiJob {
    /// Whose.
    pub task: TaskId,
    /// What to test.
    pub revision: Revision,
    /// Now.
    pub at: UnixMillis,
}

/// How a job's run ended, and everything that is written with it in one transaction (LAU-2: the last step).
#[derive(Debug, Clone, PartialEq)]
pub struct Finish {
    /// What becomes of it.
    pub end: JobEnd,
    /// Why, in words; kept with the job.
    pub reason: Option<String>,
    /// The task's new head, if the run left one, with the pull request that shows it.
    pub head: Option<NewHead>,
    /// A CI job for the new head.
    pub ci: Option<NewCiJob>,
    /// Checks to be set (the outcome of a CI job, or "pending" for one just made).
    pub checks: Vec<(Revision, Check)>,
    /// What has to be told outside.
    pub effects: Vec<NewEffect>,
    /// Now.
    pub at: UnixMillis,
}

/// A branch's new head.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHead {
    /// The revision.
    pub head: Revision,
    /// The pull request, if there is one now.
    pub pull_request: Option<u64>,
}

/// What becomes of a job whose run has ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobEnd {
    /// `done`.
    Done,
    /// Back to `queued`, not before this.
    Retry(UnixMillis),
    /// `failed`.
    Failed,
    /// `cancelled`.
    Cancelled,
}

/// How finishing a job ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Finished {
    /// Written; the task is rung.
    Recorded,
    /// The job is no longer running under that claim: nothing was written, drop the work.
    Stale,
}

/// Every job that says `running` (REA-6).
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct RunningJobs {
    /// Those that can be read, oldest first.
    pub jobs: Vec<Job>,
    /// Those that cannot, or whose run cannot: nobody knows which process is theirs.
    pub damaged: Vec<DamagedJob>,
}

/// A job whose row, or whose run's row, does not say what it should.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DamagedJob {
    /// Which.
    pub id: JobId,
    /// What is wrong with it.
    pub reason: String,
}

/// What an outgoing effect's delivery came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Confirmed.
    Sent,
    /// To be tried again.
    Retry {
        /// What went wrong.
        reason: String,
        /// When to try again.
        not_before: UnixMillis,
    },
    /// Given up.
    Parked {
        /// What went wrong.
        reason: String,
    },
}

/// A pull request of the embedded forge.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalPullRequest {
    /// Number within its project.
    pub number: u64,
    /// Its project.
    pub project: ProjectName,
    /// Branch that it brings.
    pub branch: String,
    /// Branch that it goes into.
    pub base: String,
    /// Title.
    pub title: String,
    /// Still open.
    pub open: bool,
    /// The commit that its merge made.
    pub merge_commit: Option<Revision>,
}

/// A work item of the embedded tracker, as its board shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardItem {
    /// Its project.
    pub project: ProjectName,
    /// Its name.
    pub work_item: WorkItem,
    /// Logical key of its state.
    pub state: String,
    /// What was said at it, oldest first.
    pub comments: Vec<BoardComment>,
}

/// A comment on the embedded tracker.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BoardComment {
    /// When.
    pub at: UnixMillis,
    /// What.
    pub text: String,
}

/// A row of the audit trail (OBS-2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditRow {
    /// Number; grows.
    pub id: i64,
    /// When.
    pub at: UnixMillis,
    /// Which task, where it was about one.
    pub task: Option<TaskId>,
    /// Who or what.
    pub actor: String,
    /// What was done, e.g. `advance`.
    pub what: String,
    /// From where (stage, state).
    pub from: String,
    /// To where.
    pub to: String,
    /// Why.
    pub why: String,
}

/// Which rows of a list are wanted.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// Only this project's.
    pub project: Option<ProjectName>,
    /// Only this task's.
    pub task: Option<TaskId>,
    /// At most so many, newest first. 0: 100.
    pub limit: u32,
}

impl Filter {
    /// Rows wanted, at most.
    pub fn rows(&self) -> u32 {
        if self.limit == 0 { 100 } else { self.limit }
    }
}

/// One consistent look at everything that is active (QUE-4). Its cost does not depend on history.
#[derive(Debug, Clone, PartialEq)]
pub struct Snapshot {
    /// Jobs by state; ended ones are counted as far as they are kept.
    pub job_counts: Vec<(JobState, i64)>,
    /// Running jobs.
    pub running: Vec<Job>,
    /// Waiting jobs, in the order in which they will be claimed if nothing changes.
    pub waiting: Vec<Job>,
    /// Work items of the tasks of both.
    pub work_items: Vec<(TaskId, ProjectName, WorkItem)>,
    /// Leases held.
    pub leases: Vec<LeaseRow>,
    /// What is paused.
    pub pauses: Pauses,
    /// Tasks that are neither finished nor held, and held ones.
    pub tasks_active: i64,
    /// See above.
    pub tasks_held: i64,
    /// Inbox rows by state.
    pub inbox: Vec<(InboxState, i64)>,
    /// Parked inbox rows, newest first, at most 20, with their bodies left empty.
    pub inbox_parked: Vec<InboxRow>,
    /// Outbox rows by state.
    pub outbox: Vec<(OutboxState, i64)>,
    /// Waiting and parked effects, oldest first, at most 20.
    pub outbox_open: Vec<OutboxRow>,
    /// Evaluations kept, by how they ended (`pass`, `fail`, `pending`, `actionable`, `fault`).
    pub evaluations: Vec<(String, i64)>,
}

/// Marks a check as reported at this time.
pub fn check(context: &str, state: CheckState, description: &str, at: UnixMillis) -> Check {
    Check {
        context: context.to_owned(),
        state,
        description: description.to_owned(),
        target_url: String::new(),
        reported_at_s: Some(at.0.div_euclid(1000)),
    }
}

/// The role that a CI job is filed under.
pub fn ci_role() -> RoleName {
    RoleName::new("ci")
}
