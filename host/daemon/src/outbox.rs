//! What leaves the house: each committed effect is sent at least once, in order per target, until the other side has
//! confirmed it (I2). Every receiver is given the effect's key, so that a second sending changes nothing there. Targets
//! are served side by side: one that does not answer keeps nobody else waiting.

use crate::app::App;
use crate::crash;
use crate::gatehouse::chain;
use crate::lanes::Lanes;
use crate::project::Project;
use portcullis_connect::messenger::MessengerError;
use portcullis_connect::tracker::{TrackerError, TrackerItem};
use portcullis_core::effect::{Effect, OutboxRow, StatusState};
use portcullis_core::facts::{CheckState, ForgeError};
use portcullis_core::ids::{ProjectName, WorkItem};
use portcullis_core::retry::Backoff;
use portcullis_store::{Delivery, StoreError};
use std::sync::Arc;
use std::time::Duration;

/// Tries before an effect is parked for an operator.
const MAX_ATTEMPTS: u32 = 12;
/// Wait between them.
const BACKOFF: Backoff = Backoff { first: Duration::from_secs(2), longest: Duration::from_secs(900) };

/// Why an effect was not confirmed.
struct Failure {
    reason: String,
    /// The other side asked to wait so long.
    wait: Option<Duration>,
}

impl Failure {
    fn new(error: &dyn std::fmt::Display) -> Self {
        Self { reason: error.to_string(), wait: None }
    }
}

/// The lines in which effects leave: one for each target of each project.
pub type Lines = Lanes<(ProjectName, &'static str)>;

/// Begins to send what is due: of each line the first, unless the one before it is still under way.
///
/// # Errors
/// [`StoreError`]; nothing was begun.
pub async fn tick(app: &Arc<App>, lines: &Arc<Lines>) -> Result<(), StoreError> {
    let busy = lines.busy();
    // There is one for each line at most, and of lines there are as many as the settings have projects and targets.
    for row in app.store.due_effects(app.now(), u32::MAX).await? {
        let line = (row.project.clone(), row.effect.target());
        if busy.contains(&line) {
            continue;
        }
        let (id, sending) = (row.id, deliver(app.clone(), row));
        let app = app.clone();
        let after = move |delivered: Result<(), StoreError>| match delivered {
            // What stands behind it may go now.
            Ok(()) => app.bell.outbox.notify_one(),
            Err(error) if app.room.hears(&error, app.now()) => {}
            Err(error) => {
                tracing::error!(effect.id = id.0, error = %chain(&error), "what sending an effect came to could not be recorded; it is sent again");
            }
        };
        lines.begin(line, sending, after).await;
    }
    Ok(())
}

/// Sends one effect and records what that came to. One that was sent but not marked is sent again, under the same key.
async fn deliver(app: Arc<App>, row: OutboxRow) -> Result<(), StoreError> {
    crash::effect(&row.effect, "before");
    let sent = send(&app, &row).await;
    crash::effect(&row.effect, "after");
    let delivery = match sent {
        Ok(()) => Delivery::Sent,
        Err(failure) if row.attempts + 1 >= MAX_ATTEMPTS => {
            tracing::error!(effect.id = row.id.0, reason = %failure.reason, "an effect was given up; see `portcullis queue`");
            Delivery::Parked { reason: failure.reason }
        }
        Err(failure) => {
            let backoff = BACKOFF.wait(row.attempts + 1, row.id.0.unsigned_abs());
            let wait = failure.wait.map_or(backoff, |asked| asked.max(backoff));
            tracing::warn!(effect.id = row.id.0, reason = %failure.reason, "an effect was not delivered; trying again");
            Delivery::Retry { reason: failure.reason, not_before: app.now().plus(wait) }
        }
    };
    app.store.delivered(row.id, delivery, app.now()).await?;
    Ok(())
}

async fn send(app: &App, row: &OutboxRow) -> Result<(), Failure> {
    let Some(project) = app.project(&row.project) else {
        return Err(Failure::new(&format!("project {} is no longer in the settings", row.project)));
    };
    match &row.effect {
        Effect::SetTrackerState { work_item, state } => {
            let item = tracker_item(app, &project, row, work_item).await?;
            project.tracker.set_state(&item, *state).await.map_err(tracker_failure)
        }
        Effect::TrackerComment { work_item, text } => {
            let item = tracker_item(app, &project, row, work_item).await?;
            project.tracker.comment(&item, &row.key, text).await.map_err(tracker_failure)
        }
        Effect::ForgeStatus { revision, context, state, description } => {
            project.forge.set_status(revision, context, *state, description).await.map_err(forge_failure)
        }
        Effect::PullRequestComment { number, text } => {
            project.forge.comment(*number, &row.key, text).await.map_err(forge_failure)
        }
        Effect::Notify { text } => app.messenger.send(&row.key, text).await.map_err(messenger_failure),
    }
}

/// The work item by the tracker's own ids.
async fn tracker_item(
    app: &App,
    project: &Project,
    row: &OutboxRow,
    work_item: &WorkItem,
) -> Result<TrackerItem, Failure> {
    let task = app.store.task(row.task).await.map_err(|error| Failure::new(&error))?;
    let id = task.and_then(|task| task.tracker_id).unwrap_or_else(|| work_item.to_string());
    Ok(TrackerItem { project: project.tracker_project(), id })
}

fn tracker_failure(error: TrackerError) -> Failure {
    let wait = match &error {
        TrackerError::RateLimited(seconds) => Some(Duration::from_secs(u64::from(*seconds))),
        TrackerError::NotFound(_) | TrackerError::NoState { .. } | TrackerError::Unavailable(_) => None,
    };
    Failure { reason: error.to_string(), wait }
}

fn messenger_failure(error: MessengerError) -> Failure {
    let wait = match &error {
        MessengerError::RateLimited(seconds) => Some(Duration::from_secs(u64::from(*seconds))),
        MessengerError::Refused(_) | MessengerError::Unavailable(_) => None,
    };
    Failure { reason: error.to_string(), wait }
}

fn forge_failure(error: ForgeError) -> Failure {
    let wait = match &error {
        ForgeError::RateLimited(seconds) => Some(Duration::from_secs(u64::from(*seconds))),
        ForgeError::NotFound | ForgeError::Unavailable(_) => None,
    };
    Failure { reason: error.to_string(), wait }
}

/// A status's state as the forge's check state.
pub fn check_state(state: StatusState) -> CheckState {
    match state {
        StatusState::Pending => CheckState::Pending,
        StatusState::Success => CheckState::Success,
        StatusState::Failure => CheckState::Failure,
    }
}
