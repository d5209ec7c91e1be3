//! What is done when the machine's clock is set back: every open task is looked at again.
//!
//! The times at which tasks want to be looked at are in the future then, by as much as the clock was ahead. Nothing else
//! depends on it: runs are timed by the machine's uptime, and leases are guarded by their numbers.

use crate::app::App;
use crate::clock::SystemClock;
use portcullis_store::StoreError;
use std::time::Duration;

/// How often the clock is asked whether it was set back.
pub const EVERY: Duration = Duration::from_secs(2);

/// Rings every open task if the clock was set back.
///
/// # Errors
/// [`StoreError`]; then it is tried again.
pub async fn tick(app: &App, clock: &SystemClock) -> Result<Option<Duration>, StoreError> {
    if clock.was_set_back() {
        tracing::warn!("the machine's clock was set back; every open task is looked at again");
        if let Err(error) = ring_all(app).await {
            clock.set_back_again();
            return Err(error);
        }
    }
    Ok(None)
}

async fn ring_all(app: &App) -> Result<(), StoreError> {
    for project in app.project_names() {
        let open = app.store.open_tasks(&project).await?;
        app.store.ring(&open, app.now()).await?;
    }
    app.bell.ring_all();
    Ok(())
}
