//! What leaves the house: effects on tracker, forge and people, written with the state change and sent by the outbox.

use crate::ids::{OutboxId, ProjectName, Revision, TaskId, WorkItem};
use crate::time::UnixMillis;
use serde::{Deserialize, Serialize};

/// A tracker's states by meaning (TRK-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[allow(missing_docs, reason = "the names are the tracker's own")]
pub enum TrackerState {
    ToAnalyse,
    Analysis,
    InProgress,
    CodeReview,
    NeedsInput,
    Blocked,
    Approved,
    Rejected,
    AwaitingDeploy,
    ConfirmDeploy,
    Deploying,
    Monitoring,
    Done,
    Cancelled,
}

impl TrackerState {
    /// Every state with its logical key.
    pub const ALL: [(Self, &'static str); 14] = [
        (Self::ToAnalyse, "to_analyse"),
        (Self::Analysis, "analysis"),
        (Self::InProgress, "in_progress"),
        (Self::CodeReview, "code_review"),
        (Self::NeedsInput, "needs_input"),
        (Self::Blocked, "blocked"),
        (Self::Approved, "approved"),
        (Self::Rejected, "rejected"),
        (Self::AwaitingDeploy, "awaiting_deploy"),
        (Self::ConfirmDeploy, "confirm_deploy"),
        (Self::Deploying, "deploying"),
        (Self::Monitoring, "monitoring"),
        (Self::Done, "done"),
        (Self::Cancelled, "cancelled"),
    ];

    /// The logical key, e.g. `to_analyse`.
    pub fn key(self) -> &'static str {
        Self::ALL.iter().find(|(state, _)| *state == self).map_or("", |(_, key)| key)
    }

    /// The state that people named `name` (`To Analyse`, `to-analyse` and `to_analyse` are the same).
    pub fn from_name(name: &str) -> Option<Self> {
        let key: String =
            name.trim().chars().map(|c| if c == ' ' || c == '-' { '_' } else { c.to_ascii_lowercase() }).collect();
        Self::ALL.iter().find(|(_, k)| *k == key).map(|(state, _)| *state)
    }
}

/// State of a commit status that Portcullis sets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum StatusState {
    Pending,
    Success,
    Failure,
}

/// One thing to be done outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Effect {
    /// Show the work item's state on the board.
    SetTrackerState { work_item: WorkItem, state: TrackerState },
    /// Say something at the work item (plain text, Markdown where the tracker has it).
    TrackerComment { work_item: WorkItem, text: String },
    /// Set a commit status.
    ForgeStatus { revision: Revision, context: String, state: StatusState, description: String },
    /// Say something at the pull request.
    PullRequestComment { number: u64, text: String },
    /// Tell the operator.
    Notify { text: String },
}

impl Effect {
    /// Effects with the same target leave in the order in which they were written.
    pub fn target(&self) -> &'static str {
        match self {
            Self::SetTrackerState { .. } | Self::TrackerComment { .. } => "tracker",
            Self::ForgeStatus { .. } | Self::PullRequestComment { .. } => "forge",
            Self::Notify { .. } => "messenger",
        }
    }
}

/// An effect to be written together with a state change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewEffect {
    /// Two effects of one key are the same effect: the second is not written (I2).
    pub key: String,
    /// What to do.
    pub effect: Effect,
}

/// Where an outgoing effect is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum OutboxState {
    /// Waits to be sent.
    Waiting,
    /// The other side has confirmed it.
    Sent,
    /// Given up after too many tries; an operator sees it.
    Parked,
}

/// An outgoing effect as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutboxRow {
    /// Number.
    pub id: OutboxId,
    /// The project it belongs to.
    pub project: ProjectName,
    /// The task it belongs to.
    pub task: TaskId,
    /// Idempotency key.
    pub key: String,
    /// What to do.
    pub effect: Effect,
    /// Where it is.
    pub state: OutboxState,
    /// Tries so far.
    pub attempts: u32,
    /// Not to be tried earlier.
    pub not_before: UnixMillis,
    /// What the last try said.
    pub reason: Option<String>,
    /// When it was written.
    pub created_at: UnixMillis,
}
