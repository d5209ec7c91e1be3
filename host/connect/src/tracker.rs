//! What Portcullis asks of a tracker, whichever it is: show a work item's state, say something at it, and look where items
//! stand (REC-2, REC-3).
//!
//! Setting a state is an outgoing effect that the outbox retries (TRK-4), so errors here only say what the last try came
//! to. Deliberately absent: deciding states or what an item's state means for its task, and the built-in tracker (the
//! daemon's own tables).

mod board;
mod plane;

pub use board::{Board, BoardState};
pub use plane::{Plane, PlaneSettings};

use async_trait::async_trait;
use portcullis_core::effect::TrackerState;
use portcullis_core::reconcile::ItemState;
use portcullis_core::time::UnixMillis;

/// A work item, by the tracker's own ids.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TrackerItem {
    /// The tracker's project.
    pub project: String,
    /// The work item.
    pub id: String,
}

/// A work item as its tracker has it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Which.
    pub at: TrackerItem,
    /// Its name or number for people, where the tracker says.
    pub name: Option<String>,
    /// One line.
    pub title: String,
    /// What is to be done; empty in lists, which are read without it.
    pub description: String,
    /// The tracker's id of its state; empty where it has none.
    pub state_id: String,
    /// Where it stands.
    pub state: ItemState,
    /// When it was last changed in any way, if the tracker says.
    pub updated_at: Option<UnixMillis>,
}

/// How an item came into the state in which it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    /// When.
    pub at: UnixMillis,
    /// Who did it, by the tracker's id.
    pub by: String,
}

/// Why a tracker did not do as asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrackerError {
    /// No such project or work item there.
    #[error("the tracker has no {0}")]
    NotFound(String),
    /// The project has neither this state nor one that may stand for it (TRK-2).
    #[error("tracker project {project} has no state for `{key}`; add one with that name to its board")]
    NoState {
        /// The tracker's project.
        project: String,
        /// The state's logical key.
        key: &'static str,
    },
    /// Too many requests; seconds to wait.
    #[error("the tracker asks to wait {0} s")]
    RateLimited(u32),
    /// It did not answer usefully.
    #[error("the tracker is unavailable: {0}")]
    Unavailable(String),
}

/// A tracker.
#[async_trait]
pub trait Tracker: Send + Sync {
    /// Shows `item` in `state`, or in the base state that stands for it (TRK-2).
    async fn set_state(&self, item: &TrackerItem, state: TrackerState) -> Result<(), TrackerError>;

    /// Says `text` at `item`, once for each `key`.
    async fn comment(&self, item: &TrackerItem, key: &str, text: &str) -> Result<(), TrackerError>;

    /// The project's items that stand in one of `states`, without descriptions. With `since`, items that have not changed
    /// since then may be left out.
    async fn items(
        &self,
        project: &str,
        states: &[TrackerState],
        since: Option<UnixMillis>,
    ) -> Result<Vec<Item>, TrackerError>;

    /// One item as it is now; none if the tracker does not have it.
    async fn item(&self, item: &TrackerItem) -> Result<Option<Item>, TrackerError>;

    /// How an item came into its state; none where the tracker does not keep that.
    async fn last_move(&self, item: &TrackerItem) -> Result<Option<Move>, TrackerError> {
        let _ = item;
        Ok(None)
    }

    /// The name of a state, for events that carry only its id; none if the tracker has no such names.
    async fn state_name(&self, project: &str, state_id: &str) -> Result<Option<String>, TrackerError> {
        let _ = (project, state_id);
        Ok(None)
    }
}
