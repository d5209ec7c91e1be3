//! What is done when the machine's clock is set back: every open task is looked at again.
//!
//! The times at which tasks want to be looked at are in the future then, by as much as the clock was ahead. Nothing else
//! depends on it: runs are timed by the machine's uptime, and leases are guarded by their numbers.

use crate::app::App;
use crate::gatehouse::chain;
use portcullis_core::time::UnixMillis;
use portcullis_store::StoreError;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;
use tokio::time::Instant;

/// How often the clocks are compared.
const COMPARE_EVERY: Duration = Duration::from_secs(5);
/// A step back of less is not worth a look.
const NOT_WORTH_IT: Duration = Duration::from_secs(5);

/// Compares the machine's clock with time as it passes, until `stopping` says so.
pub async fn keep(app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    let mut last = (app.now(), Instant::now());
    loop {
        tokio::select! {
            () = tokio::time::sleep(COMPARE_EVERY) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        let now = app.now();
        let back = set_back_by(last.0, last.1.elapsed(), now);
        if back >= NOT_WORTH_IT {
            tracing::warn!(
                seconds = back.as_secs(),
                "the machine's clock was set back; every open task is looked at again"
            );
            if let Err(error) = ring_all(&app, now).await {
                tracing::error!(error = %chain(&error), "the open tasks could not be rung; trying again");
                continue;
            }
        }
        last = (now, Instant::now());
    }
}

/// How far the clock is behind what it said last and what has passed since.
fn set_back_by(last: UnixMillis, passed: Duration, now: UnixMillis) -> Duration {
    last.plus(passed).since(now)
}

async fn ring_all(app: &App, now: UnixMillis) -> Result<(), StoreError> {
    for project in app.project_names() {
        let open = app.store.open_tasks(&project).await?;
        app.store.ring(&open, now).await?;
    }
    app.bell.ring_all();
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_on_or_is_set_forward_was_not_set_back() {
        let (last, passed) = (UnixMillis(100_000), Duration::from_secs(5));
        assert_eq!(set_back_by(last, passed, UnixMillis(105_000)), Duration::ZERO);
        assert_eq!(set_back_by(last, passed, UnixMillis(500_000)), Duration::ZERO);
        assert_eq!(set_back_by(last, passed, UnixMillis(45_000)), Duration::from_secs(60));
    }
}
