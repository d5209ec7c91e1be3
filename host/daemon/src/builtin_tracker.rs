//! The embedded tracker: a board in the daemon's own memory, for projects without another one.

use async_trait::async_trait;
use portcullis_connect::tracker::{Item, Tracker, TrackerError, TrackerItem};
use portcullis_core::effect::TrackerState;
use portcullis_core::ids::{ProjectName, WorkItem};
use portcullis_core::reconcile::ItemState;
use portcullis_core::time::{Clock, UnixMillis};
use portcullis_store::{Store, StoreError};
use std::sync::Arc;

/// The board of one project.
pub struct BuiltinTracker {
    /// Which project.
    pub project: ProjectName,
    /// Where the board is.
    pub store: Arc<dyn Store>,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

fn unavailable(error: StoreError) -> TrackerError {
    TrackerError::Unavailable(crate::gatehouse::chain(&error))
}

#[async_trait]
impl Tracker for BuiltinTracker {
    async fn set_state(&self, item: &TrackerItem, state: TrackerState) -> Result<(), TrackerError> {
        self.store.set_board_state(&self.project, &WorkItem::new(&*item.id), state.key()).await.map_err(unavailable)
    }

    /// None: nobody but Portcullis moves anything on this board. People say what they want to the daemon itself, whose
    /// answer tells them that it has heard, so no command of theirs can be found here.
    async fn items(&self, _: &str, _: &[TrackerState], _: Option<UnixMillis>) -> Result<Vec<Item>, TrackerError> {
        Ok(Vec::new())
    }

    async fn item(&self, item: &TrackerItem) -> Result<Option<Item>, TrackerError> {
        let shown = self.store.board_item(&self.project, &WorkItem::new(&*item.id)).await.map_err(unavailable)?;
        // What was never moved shows nothing yet, and that is known.
        let name = shown.map(|shown| shown.state).unwrap_or_default();
        Ok(Some(Item {
            at: item.clone(),
            name: Some(item.id.clone()),
            title: String::new(),
            description: String::new(),
            state_id: name.clone(),
            state: ItemState { state: TrackerState::from_name(&name), group: None, name },
            updated_at: None,
        }))
    }

    async fn comment(&self, item: &TrackerItem, key: &str, text: &str) -> Result<(), TrackerError> {
        let now = self.clock.now();
        self.store
            .add_board_comment(&self.project, &WorkItem::new(&*item.id), key, text, now)
            .await
            .map_err(unavailable)
    }
}
