//! Stuck tasks and lost events (REC): which tasks may be judged without anybody having rung, what a dry look at one came
//! to, what a work item found on the board means, and whose a CI event of an unknown revision is.
//!
//! All of it is pure. Nothing here moves a task: what the reconciler finds ends in a ring or in the inbox, and `drive`
//! does the rest, so there is one way in which a task moves, whoever noticed. Deliberately absent: anything that could
//! start or touch a deploy (REC-8).

mod board;

pub use board::{Finding, ItemState, Known, POLLED, Polled, StateGroup, decided_on_what_stands_here, found_on_board};

use crate::effect::TrackerState;
use crate::ids::{GateName, StageName, TaskId};
use crate::job::{Job, JobState};
use crate::pause::Pauses;
use crate::step::{Rest, Step};
use crate::task::Task;
use crate::time::UnixMillis;
use std::collections::BTreeMap;
use std::time::Duration;

/// The reconciler's numbers and switches.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconcileRules {
    /// Whether a task's state on the board is asked for before it is judged (REC-2).
    pub skip_blocked: bool,
    /// How long a task must have been unchanged before it is judged.
    pub grace: Duration,
    /// The same for single stages.
    pub stage_grace: BTreeMap<StageName, Duration>,
    /// Stages that only a person's approval opens: never touched (STG-5).
    pub approved_stages: Vec<StageName>,
}

impl ReconcileRules {
    /// The grace of one stage.
    pub fn grace_of(&self, stage: &StageName) -> Duration {
        self.stage_grace.get(stage).copied().unwrap_or(self.grace)
    }

    /// The smallest grace there is: what changed later than that is no candidate.
    pub fn smallest_grace(&self) -> Duration {
        self.stage_grace.values().copied().fold(self.grace, Duration::min)
    }
}

/// What is known of a task's state on the board.
#[derive(Debug, Clone, Copy)]
pub enum OnBoard<'a> {
    /// Nobody has asked yet.
    NotAsked,
    /// It was asked for and could not be learnt.
    Unknown,
    /// This.
    Shows(&'a ItemState),
}

/// Why a task is not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "Display says each")]
pub enum Skip {
    Held,
    Finished,
    NeedsApproval,
    Paused,
    AtWork,
    Due,
    Fresh { until: UnixMillis },
    StateUnknown,
    Terminal,
    Waits(TrackerState),
}

impl std::fmt::Display for Skip {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Held => f.write_str("it is held for a person"),
            Self::Finished => f.write_str("it is finished"),
            Self::NeedsApproval => f.write_str("only a person's approval lets it leave its stage"),
            Self::Paused => f.write_str("it is paused"),
            Self::AtWork => f.write_str("it has a job under way"),
            Self::Due => f.write_str("it is about to be looked at"),
            Self::Fresh { .. } => f.write_str("it has changed within its stage's grace"),
            Self::StateUnknown => f.write_str("its state on the board could not be learnt"),
            Self::Terminal => f.write_str("it is over on the board"),
            Self::Waits(state) => write!(f, "it is in {} on the board", state.key()),
        }
    }
}

/// Whether a task may be judged now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Guard {
    /// No.
    Skip(Skip),
    /// Not known before the tracker was asked.
    AskTracker,
    /// Yes, read-only.
    Judge,
}

/// The guards of F-1, in their order: whatever needs no network comes first (REC-2).
pub fn guard(
    task: &Task,
    job: Option<&Job>,
    pauses: &Pauses,
    board: OnBoard<'_>,
    rules: &ReconcileRules,
    now: UnixMillis,
) -> Guard {
    if task.held.is_some() {
        return Guard::Skip(Skip::Held);
    }
    if task.rest == Some(Rest::Finished) {
        return Guard::Skip(Skip::Finished);
    }
    if rules.approved_stages.contains(&task.stage) {
        return Guard::Skip(Skip::NeedsApproval);
    }
    if pauses.of_project(&task.project).is_some() {
        return Guard::Skip(Skip::Paused);
    }
    if job.is_some_and(|job| matches!(job.state, JobState::Queued | JobState::Running)) {
        return Guard::Skip(Skip::AtWork);
    }
    // Somebody has rung it, or its time has come: nothing was lost.
    if task.next_look_at.is_some_and(|at| at <= now) {
        return Guard::Skip(Skip::Due);
    }
    let (changed, grace) = (last_change(task, job), rules.grace_of(&task.stage));
    if now.since(changed) < grace {
        return Guard::Skip(Skip::Fresh { until: changed.plus(grace) });
    }
    if !rules.skip_blocked {
        return Guard::Judge;
    }
    match board {
        OnBoard::NotAsked => Guard::AskTracker,
        OnBoard::Unknown => Guard::Skip(Skip::StateUnknown),
        OnBoard::Shows(shown) if shown.is_terminal() => Guard::Skip(Skip::Terminal),
        OnBoard::Shows(shown) => match shown.state {
            Some(
                state @ (TrackerState::Blocked
                | TrackerState::NeedsInput
                | TrackerState::AwaitingDeploy
                | TrackerState::ConfirmDeploy
                | TrackerState::Deploying
                | TrackerState::Monitoring),
            ) => Guard::Skip(Skip::Waits(state)),
            Some(
                TrackerState::ToAnalyse
                | TrackerState::Analysis
                | TrackerState::InProgress
                | TrackerState::CodeReview
                | TrackerState::Approved
                | TrackerState::Rejected
                | TrackerState::Done
                | TrackerState::Cancelled,
            )
            | None => Guard::Judge,
        },
    }
}

/// When something about a task changed last: its stage, its head, its release, the end of its job.
fn last_change(task: &Task, job: Option<&Job>) -> UnixMillis {
    let ended = job.and_then(|job| job.ended_at);
    [Some(task.stage_since), task.head_since, Some(task.fresh_from), ended]
        .into_iter()
        .flatten()
        .fold(UnixMillis(i64::MIN), UnixMillis::max)
}

/// What the step that `next_step` names comes to in a dry look, in which nothing may be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DryLook<'a> {
    /// Ask this gate in observe mode, and look again.
    Judge(&'a GateName),
    /// There is something to do, be it that a gate may mend what it judges: ring, so that it is done where everything is done.
    /// The event that was lost would have rung, too.
    Ring,
    /// Red: silence (REC-1).
    Red,
    /// It waits, and rightly.
    Rests,
}

impl<'a> DryLook<'a> {
    /// What `step` comes to.
    pub fn of(step: &'a Step) -> Self {
        match step {
            Step::Judge { gate } => Self::Judge(gate),
            Step::Advance { .. }
            | Step::BeginMerge { .. }
            | Step::Merge { .. }
            | Step::Enqueue { .. }
            | Step::Act { .. } => Self::Ring,
            Step::Return { .. } | Step::Hold { .. } => Self::Red,
            Step::Rest { .. } => Self::Rests,
        }
    }
}

/// Where a task was when the reconciler rang it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Mark {
    /// Its stage.
    pub stage: StageName,
    /// Its visit to that stage.
    pub visit: i64,
}

impl Mark {
    /// Where `task` is.
    pub fn of(task: &Task) -> Self {
        Self { stage: task.stage.clone(), visit: task.visit }
    }

    /// Whether the ring has unblocked it: only if it is truly elsewhere now (REC-5).
    pub fn is_left_by(&self, task: &Task) -> bool {
        *self != Self::of(task)
    }
}

/// Whose a CI event is whose revision is no known head (F-3, REC-6).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stray {
    /// The repository's only task in development.
    Of(TaskId),
    /// Nobody's: there is no task in development.
    Nobodys,
    /// Nobody's: any of so many could have pushed it.
    OneOf(usize),
}

/// Whose a CI event of an unknown revision is, among the repository's open tasks in development.
pub fn stray_check(in_development: &[TaskId]) -> Stray {
    match in_development {
        [] => Stray::Nobodys,
        [only] => Stray::Of(*only),
        several => Stray::OneOf(several.len()),
    }
}
