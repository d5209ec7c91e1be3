//! Tasks, and the one kind of change that moves them.

use crate::effect::NewEffect;
use crate::facts::Approval;
use crate::gate::{Evaluation, Finding};
use crate::ids::{GateName, ProjectName, Revision, RoleName, StageName, TaskId, WorkItem};
use crate::step::Rest;
use crate::time::UnixMillis;
use serde::{Deserialize, Serialize};

/// One work item on its way through the stages.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// Number.
    pub id: TaskId,
    /// Its project.
    pub project: ProjectName,
    /// Its name in the tracker; unique within the project (QUE-2).
    pub work_item: WorkItem,
    /// The tracker's own id of the work item, where it has another one.
    pub tracker_id: Option<String>,
    /// One line.
    pub title: String,
    /// What is to be done, as the tracker has it.
    pub description: String,
    /// Where it is.
    pub stage: StageName,
    /// Grows each time it enters a stage: jobs, evaluations and approvals of an earlier visit mean nothing any more.
    pub visit: i64,
    /// Grows with every change: the guard of [`Commit`] (I1).
    pub version: i64,
    /// Its branch.
    pub branch: String,
    /// The head that is expected there: what was pushed or seen last. None before the first push.
    pub head: Option<Revision>,
    /// When that head was first expected.
    pub head_since: Option<UnixMillis>,
    /// Its pull request.
    pub pull_request: Option<u64>,
    /// A merge that was decided and may have happened: ask the forge before anything else.
    pub merging: Option<MergeIntent>,
    /// The commit that its merge made.
    pub merge_commit: Option<Revision>,
    /// How often a failed gate sent it back since a person last released it (STG-4).
    pub returns: u32,
    /// Set: nothing drives it until a person does.
    pub held: Option<Held>,
    /// What the next run is told, word for word (STG-3).
    pub feedback: Option<Feedback>,
    /// Configuration laid over the manifest's for single gates of this task: gate name → table (STV-3).
    pub overlay: serde_json::Value,
    /// When it entered its stage.
    pub stage_since: UnixMillis,
    /// Evaluations made earlier than this are void: a person released the task, or it entered the stage, then.
    pub fresh_from: UnixMillis,
    /// When it was made.
    pub created_at: UnixMillis,
    /// How often something has asked for a look at it. Whoever answered "not yet" having seen fewer rings is asked again;
    /// a count and no time, because clocks are set back and whoever rings may wait for his turn to write.
    pub rings: i64,
    /// When to look at it next, if nothing happens before. None: only when rung.
    pub next_look_at: Option<UnixMillis>,
    /// Why it rests, as the last look found (STG-6).
    pub rest: Option<Rest>,
}

/// A merge that has been decided.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MergeIntent {
    /// The head that the gates judged.
    pub head: Revision,
    /// The target's head that they judged it against.
    pub target_head: Revision,
}

impl MergeIntent {
    /// Whether what was judged is still what would be merged. If not, and the forge has not merged it already, the merge
    /// is off and the gates judge again (GAT-8, MRG-3).
    pub fn stands(&self, head: Option<&Revision>, target_head: &Revision) -> bool {
        head == Some(&self.head) && *target_head == self.target_head
    }
}

/// Why and since when nothing drives a task.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// In words.
    pub reason: String,
    /// Since when.
    pub since: UnixMillis,
    /// Who: `portcullis` or a person.
    pub by: String,
}

/// What a failed gate said, kept for the next run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Feedback {
    /// Which gate.
    pub gate: GateName,
    /// On leaving which stage.
    pub from: StageName,
    /// Its one line.
    pub summary: String,
    /// Its findings.
    pub findings: Vec<Finding>,
}

/// A task to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewTask {
    /// Its project.
    pub project: ProjectName,
    /// Its name in the tracker.
    pub work_item: WorkItem,
    /// The tracker's own id of it.
    pub tracker_id: Option<String>,
    /// One line.
    pub title: String,
    /// What is to be done.
    pub description: String,
    /// Where it begins.
    pub stage: StageName,
    /// Who works there; none: no first job.
    pub role: Option<RoleName>,
    /// Its branch.
    pub branch: String,
    /// See [`Task::overlay`].
    pub overlay: serde_json::Value,
}

/// How making a task ended (QUE-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Created {
    /// It is new, with its first job.
    New(TaskId),
    /// There was one for this work item already; nothing was written.
    Exists(TaskId),
}

/// What a [`Commit`] does to the task. The only way in which a task changes its stage, is held or finished (STG-2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[allow(missing_docs, reason = "fields named as in Task")]
pub enum Change {
    /// Enters the next stage; its job is made with it.
    Advance { to: StageName, role: Option<RoleName>, merge_commit: Option<Revision> },
    /// Goes back after a failed gate; the job that mends it is made with it. A merge that was decided is off: its intent
    /// would merge past the gates of the next visit.
    Return { to: StageName, role: Option<RoleName>, feedback: Feedback, forget_merge: bool },
    /// Stays; a new job for its stage is made.
    Enqueue { role: RoleName },
    /// Stays, and why.
    Rest { rest: Rest, next_look_at: Option<UnixMillis> },
    /// Stays, and nothing drives it until a person does. `returns` counts the return that led here, if one did.
    Hold { held: Held, returns: u32 },
    /// A person lets it go on: no longer held, returns counted from nought, judged afresh. With `again` its stage's role
    /// runs once more (a new visit).
    Release { again: bool },
    /// A merge was decided (or, with none, is off).
    Merging { intent: Option<MergeIntent> },
    /// The branch has another head than was expected: published by a gate's `act`, or pushed by somebody.
    Head { head: Revision },
}

/// Everything that one decision writes, in one transaction guarded by the task's version and the drive lease (STG-2).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Commit {
    /// Which task.
    pub task: TaskId,
    /// The version that the decision was made on.
    pub version: i64,
    /// The rings that the decision has seen ([`Task::rings`]): one that came since is not silenced by a rest.
    pub rings: i64,
    /// What becomes of the task.
    pub change: Change,
    /// Evaluations made on the way, in order.
    pub evaluations: Vec<Evaluation>,
    /// What has to be told outside.
    pub effects: Vec<NewEffect>,
    /// Who moved it: `portcullis`, or a person's name.
    pub actor: String,
    /// One line for the audit trail: why.
    pub why: String,
    /// Now.
    pub at: UnixMillis,
}

/// How a commit ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum Committed {
    /// Written; the task's version is now this.
    Done {
        /// The new version.
        version: i64,
    },
    /// Somebody else changed the task, or the lease is no longer ours: nothing was written, drop the work.
    Stale,
}

/// A person's decision on a task, with the stage it was about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decision {
    /// The stage that it lets the task leave, or not.
    pub stage: StageName,
    /// The decision.
    pub approval: Approval,
    /// When, exactly.
    pub at: UnixMillis,
}
