//! Where work items stand on a board, and what one that a poll found there means (F-2).

use super::ReconcileRules;
use crate::effect::TrackerState;
use crate::step::Rest;
use crate::task::{Decision, Task};
use crate::time::UnixMillis;
use std::time::Duration;

/// A person's move counts as made after a head was pushed if it is dated at most so much earlier: two machines' clocks differ.
const CLOCKS_DIFFER: Duration = Duration::from_secs(10);

/// The stage in which Confirm Deploy means something (DEP-2).
const DEPLOY: &str = "deploy";

/// A tracker's states by what they come to, as the tracker itself files them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the names are the tracker's own")]
pub enum StateGroup {
    Backlog,
    Unstarted,
    Started,
    Completed,
    Cancelled,
}

impl StateGroup {
    /// The group that a tracker calls so; none if it means nothing here.
    pub fn from_name(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "backlog" => Self::Backlog,
            "unstarted" => Self::Unstarted,
            "started" => Self::Started,
            "completed" => Self::Completed,
            "cancelled" | "canceled" => Self::Cancelled,
            _ => return None,
        })
    }
}

/// Where a work item stands on its board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ItemState {
    /// The state's name there; empty where nothing has been shown yet.
    pub name: String,
    /// What it means here, if anything.
    pub state: Option<TrackerState>,
    /// The group that the tracker files it under, if it says.
    pub group: Option<StateGroup>,
}

impl ItemState {
    /// Whether the item is over: by the state's group, because names may be aliases; by what it means only where the
    /// group is unknown (REC-4).
    pub fn is_terminal(&self) -> bool {
        match self.group {
            Some(group) => matches!(group, StateGroup::Completed | StateGroup::Cancelled),
            None => matches!(self.state, Some(TrackerState::Done | TrackerState::Cancelled)),
        }
    }
}

/// A work item as a poll of the board found it, beside what is known of it here.
#[derive(Debug, Clone, Copy)]
pub struct Polled<'a> {
    /// Where it stands.
    pub item: &'a ItemState,
    /// When it was put there; when it was last changed, if nothing better is known. Never earlier than the truth.
    pub moved_at: UnixMillis,
    /// The task that it is.
    pub task: Option<&'a Task>,
    /// The newest decision of the task's present visit.
    pub decision: Option<&'a Decision>,
    /// What Portcullis itself shows for the task's stage: its own echo (WEB-6).
    pub shown_by_us: Option<TrackerState>,
}

/// What a polled item means (F-2).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Finding {
    /// A command whose event was lost, or has not been handled yet: replay it through the inbox.
    Replay,
    /// A Confirm Deploy whose event was lost: the operator is told, once; nothing else ever follows (REC-8).
    Announce,
    /// Nothing.
    Nothing(Known),
}

/// Why a polled item means nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Known {
    /// It is over (REC-4).
    Terminal,
    /// Its state is no command, or none for where its task is.
    NoCommand,
    /// It has no task here.
    NotOurs,
    /// It shows what we put there ourselves (WEB-6).
    Echo,
    /// What it asks for is done, or recorded, already.
    Done,
    /// It was put there before what it would be about: before the task was held, or before the head that it would approve.
    Stale,
    /// Its event may still be on its way.
    Fresh,
}

/// The states by which F-2 asks.
pub const POLLED: [TrackerState; 5] = [
    TrackerState::ToAnalyse,
    TrackerState::InProgress,
    TrackerState::Approved,
    TrackerState::Rejected,
    TrackerState::ConfirmDeploy,
];

/// What a polled item means. A later `moved_at` never makes less of it, so whoever knows only when an item was last
/// changed may ask with that first, and only where something would follow look up when it was moved.
pub fn found_on_board(polled: &Polled<'_>, rules: &ReconcileRules, now: UnixMillis) -> Finding {
    let nothing = Finding::Nothing;
    if polled.item.is_terminal() {
        return nothing(Known::Terminal);
    }
    let finished = |task: &Task| task.rest == Some(Rest::Finished);
    match (polled.item.state, polled.task) {
        (Some(TrackerState::ToAnalyse), None) => Finding::Replay,
        (Some(TrackerState::ToAnalyse), Some(task)) => match &task.held {
            // A person lets a held task go on by moving it there; where it stood before is no such move (STG-4).
            Some(held) if polled.moved_at > held.since => Finding::Replay,
            Some(_) => nothing(Known::Stale),
            None => nothing(Known::Done),
        },
        (Some(TrackerState::InProgress), Some(task)) => {
            if polled.shown_by_us == Some(TrackerState::InProgress) {
                return nothing(Known::Echo);
            }
            if finished(task) || task.held.is_some() { nothing(Known::NoCommand) } else { Finding::Replay }
        }
        (Some(state @ (TrackerState::Approved | TrackerState::Rejected)), Some(task)) => {
            decided(polled, task, state == TrackerState::Approved)
        }
        (Some(TrackerState::ConfirmDeploy), Some(task)) => {
            if task.stage.as_str() != DEPLOY || finished(task) {
                return nothing(Known::NoCommand);
            }
            if now.since(polled.moved_at) < rules.grace { nothing(Known::Fresh) } else { Finding::Announce }
        }
        (
            Some(
                TrackerState::InProgress
                | TrackerState::Approved
                | TrackerState::Rejected
                | TrackerState::ConfirmDeploy,
            ),
            None,
        ) => nothing(Known::NotOurs),
        (
            Some(
                TrackerState::Analysis
                | TrackerState::CodeReview
                | TrackerState::NeedsInput
                | TrackerState::Blocked
                | TrackerState::AwaitingDeploy
                | TrackerState::Deploying
                | TrackerState::Monitoring
                | TrackerState::Done
                | TrackerState::Cancelled,
            )
            | None,
            _,
        ) => nothing(Known::NoCommand),
    }
}

/// Approved and Rejected: recorded once per visit and head, and only if the person can have seen that head (STG-5).
fn decided(polled: &Polled<'_>, task: &Task, approved: bool) -> Finding {
    let Some(head) = task.head.as_ref().filter(|_| task.rest != Some(Rest::Finished)) else {
        return Finding::Nothing(Known::NoCommand);
    };
    let known = polled.decision.is_some_and(|decision| {
        let same = decision.approval.approved == approved && decision.approval.revision == *head;
        same || decision.at >= polled.moved_at
    });
    if known {
        return Finding::Nothing(Known::Done);
    }
    if decided_on_what_stands_here(task, polled.moved_at) { Finding::Replay } else { Finding::Nothing(Known::Stale) }
}

/// Whether somebody who decided at `moved_at` can have meant the task as it stands: its stage, its visit, its head (STG-5).
/// However late the decision arrives, it is none on a head that was pushed after it was made.
pub fn decided_on_what_stands_here(task: &Task, moved_at: UnixMillis) -> bool {
    // Work lies between entering a stage and deciding on it, so that needs no tolerance; a head may have been approved right
    // after it was pushed.
    let unseen = task.head_since.is_some_and(|since| moved_at.plus(CLOCKS_DIFFER) < since);
    moved_at >= task.stage_since && !unseen
}
