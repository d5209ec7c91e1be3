//! What comes in, after signature and parsing: the few things that a webhook can mean here.

use crate::effect::TrackerState;
use crate::ids::{InboxId, Revision};
use crate::time::UnixMillis;
use serde::{Deserialize, Serialize};

/// Where an event came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Source {
    Gitea,
    Github,
    Plane,
}

impl Source {
    /// As in the webhook's path.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Gitea => "gitea",
            Self::Github => "github",
            Self::Plane => "plane",
        }
    }
}

/// What an event means.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[allow(missing_docs, reason = "the names say it")]
pub enum Event {
    /// A branch moved. `after` is none when it was deleted.
    Push { repository: String, branch: String, after: Option<Revision> },
    /// Something happened to a pull request.
    PullRequest { repository: String, number: u64, branch: String, head: Revision, merged: bool },
    /// Something was reported on a revision: a status, a check, a finished CI job.
    Check { repository: String, revision: Revision, context: String },
    /// A work item was moved on the tracker's board. The state's name is the project's own.
    WorkItem {
        /// The tracker's project, by its id there.
        tracker_project: String,
        /// The work item, by its id there.
        item_id: String,
        /// Its name for people, e.g. `ORCH-65`, where the payload has it.
        work_item: Option<String>,
        title: String,
        description: String,
        /// The state it was moved to; none if the name means nothing here.
        state: Option<TrackerState>,
        /// The state's name as the tracker has it.
        state_name: String,
        /// Who moved it.
        actor: String,
    },
    /// Nothing that Portcullis acts on; says why (WEB-5, REG-3).
    Ignored { reason: String },
}

/// Where a received event is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InboxState {
    /// Stored, not yet handled.
    New,
    /// Handled.
    Processed,
    /// Understood and of no consequence; the reason says why.
    Ignored,
    /// Handling failed too often; an operator sees and can replay it.
    Parked,
}

/// A received event as it is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct InboxRow {
    /// Number.
    pub id: InboxId,
    /// Where it came from.
    pub source: Source,
    /// The sender's id of this delivery.
    pub delivery: String,
    /// The event's name as the sender's header has it.
    pub event: String,
    /// The raw body, verified.
    pub body: Vec<u8>,
    /// Where it is.
    pub state: InboxState,
    /// Tries so far.
    pub attempts: u32,
    /// Not to be handled earlier.
    pub not_before: UnixMillis,
    /// Why it was ignored or parked, or what the last try said.
    pub reason: Option<String>,
    /// When it came.
    pub received_at: UnixMillis,
}
