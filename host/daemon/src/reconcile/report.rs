//! What has the reconciler found? (REC-7)

use crate::app::App;
use crate::clock::rfc3339;
use portcullis_core::time::UnixMillis;
use portcullis_store::StoreError;
use serde_json::{Value, json};
use std::sync::PoisonError;

/// Tasks whose ring was lost and that have truly moved since.
pub(super) const UNBLOCKED: &str = "reconcile_unblocked_total";
/// Times that a task or an item was left alone because it is over on the board.
pub(super) const SKIPPED_TERMINAL: &str = "reconcile_skipped_terminal_total";
/// Times that what was found on the board was known already.
pub(super) const DEDUPED: &str = "reconcile_deduped_total";

/// What has been counted in one tick.
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) unblocked: i64,
    pub(super) skipped_terminal: i64,
    pub(super) deduped: i64,
}

impl Counts {
    /// Adds them to those that outlive restarts. Writes nothing if there is nothing.
    pub(super) async fn keep(&self, app: &App) -> Result<(), StoreError> {
        let all = [(UNBLOCKED, self.unblocked), (SKIPPED_TERMINAL, self.skipped_terminal), (DEDUPED, self.deduped)];
        let counts: Vec<_> = all.into_iter().filter(|(_, n)| *n > 0).collect();
        if counts.is_empty() { Ok(()) } else { app.store.count(&counts).await }
    }
}

/// What this daemon's reconciler has done so far.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Report {
    /// Ticks so far.
    pub ticks: u64,
    /// When the last one ended.
    pub last_tick: Option<UnixMillis>,
    /// The last thing that went wrong, and when.
    pub last_error: Option<(UnixMillis, String)>,
    /// Tasks that were judged in the last tick.
    pub looked: usize,
    /// Tasks that were rung and have not moved yet.
    pub rung: usize,
}

/// The block `reconcile` of `GET /queue`.
///
/// # Errors
/// [`StoreError`] if the counters cannot be read.
pub async fn shown(app: &App) -> Result<Value, StoreError> {
    let counters = app.store.counters().await?;
    let counter = |name: &str| counters.get(name).copied().unwrap_or(0);
    let report = app.reconciler.report.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let settings = &app.settings.reconcile;
    Ok(json!({
        "enabled": settings.enabled,
        "tracker_enabled": settings.tracker_enabled,
        "interval_s": settings.interval_s,
        "unblocked_total": counter(UNBLOCKED),
        "skipped_terminal_total": counter(SKIPPED_TERMINAL),
        "deduped_total": counter(DEDUPED),
        "ticks": report.ticks,
        "last_tick": report.last_tick.map(rfc3339),
        "last_error": report.last_error.map(|(at, what)| json!({ "at": rfc3339(at), "what": what })),
        "looked": report.looked,
        "rung": report.rung,
    }))
}
