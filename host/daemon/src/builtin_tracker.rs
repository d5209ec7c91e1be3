//! The embedded tracker: a board in the daemon's own memory, for projects without another one.

use async_trait::async_trait;
use portcullis_connect::tracker::{Tracker, TrackerError, TrackerItem};
use portcullis_core::effect::TrackerState;
use portcullis_core::ids::{ProjectName, WorkItem};
use portcullis_core::time::Clock;
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

    async fn comment(&self, item: &TrackerItem, key: &str, text: &str) -> Result<(), TrackerError> {
        let now = self.clock.now();
        self.store
            .add_board_comment(&self.project, &WorkItem::new(&*item.id), key, text, now)
            .await
            .map_err(unavailable)
    }
}
