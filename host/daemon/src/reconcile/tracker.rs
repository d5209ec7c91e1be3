//! F-2: events of the tracker that were lost. Each board is polled, and what somebody has put there into a state that is a
//! command goes into the inbox as its webhook would have (REC-3).
//!
//! The inbox tells whether the webhook came, or comes later: both mean the same (WEB-3). So nothing is asked of an item's
//! history unless it would lead to something.

use super::report::Counts;
use crate::app::App;
use crate::effects;
use crate::gatehouse::chain;
use crate::project::Project;
use portcullis_connect::tracker::{Item, Move};
use portcullis_connect::webhook::replay;
use portcullis_core::effect::TrackerState;
use portcullis_core::event::Source;
use portcullis_core::ids::ProjectName;
use portcullis_core::reconcile::{Finding, Known, POLLED, Polled, ReconcileRules, found_on_board};
use portcullis_core::time::UnixMillis;
use portcullis_store::{NewEvent, Received, StoreError};
use std::collections::HashMap;
use std::time::Duration;

/// A board is read whole so often; in between only what has changed since the last time.
const WHOLE_EVERY: Duration = Duration::from_secs(3600);
/// What has changed so long before the last poll is read again: clocks differ, and pages shift while they are read.
const OVERLAP: Duration = Duration::from_secs(600);

/// What F-2 remembers from one round to the next.
#[derive(Debug, Default)]
pub(super) struct Boards(HashMap<ProjectName, Board>);

#[derive(Debug, Default)]
struct Board {
    /// When the last poll that ended well began, and the last that read the whole board.
    polled: Option<UnixMillis>,
    whole: Option<UnixMillis>,
    /// Items that the inbox knows as they stand, with state and time of their last change.
    known: HashMap<String, (String, Option<UnixMillis>)>,
}

/// Polls one project's board.
///
/// # Errors
/// In words; what had been received stays, the rest comes again.
pub(super) async fn poll(app: &App, project: &Project, boards: &mut Boards, counts: &mut Counts) -> Result<(), String> {
    let rules = app.settings.reconcile.rules(&app.settings.gates.approved_stages);
    let board = boards.0.entry(project.settings.name.clone()).or_default();
    let began = app.now();
    let is_whole = board.whole.is_none_or(|at| began.since(at) >= WHOLE_EVERY || began < at);
    let margin = i64::try_from((OVERLAP + rules.grace).as_millis()).unwrap_or(i64::MAX);
    let since = board.polled.filter(|_| !is_whole).map(|at| UnixMillis(at.0.saturating_sub(margin)));
    let place = project.tracker_project();
    let items = project.tracker.items(&place, &POLLED, since).await.map_err(|error| error.to_string())?;
    let mut failed = None;
    for item in &items {
        let stands = (item.state_id.clone(), item.updated_at);
        if board.known.get(&item.at.id) == Some(&stands) {
            counts.deduped += 1;
            continue;
        }
        match found(app, project, item, &rules, counts).await {
            Ok(true) => {
                board.known.insert(item.at.id.clone(), stands);
            }
            Ok(false) => {}
            // The others are not kept waiting for this one.
            Err(reason) => failed = Some(format!("work item {}: {reason}", item.at.id)),
        }
    }
    if let Some(reason) = failed {
        return Err(reason);
    }
    board.polled = Some(began);
    if is_whole {
        board.whole = Some(began);
        let present: std::collections::HashSet<&str> = items.iter().map(|item| item.at.id.as_str()).collect();
        board.known.retain(|id, _| present.contains(id.as_str()));
    }
    Ok(())
}

/// Receives what one item means, if it means anything. Answers whether the inbox knows the item as it stands.
async fn found(
    app: &App,
    project: &Project,
    item: &Item,
    rules: &ReconcileRules,
    counts: &mut Counts,
) -> Result<bool, String> {
    match meaning(app, project, item, None, rules).await.map_err(|error| chain(&error))? {
        Finding::Replay | Finding::Announce => {}
        Finding::Nothing(known) => {
            counts.skipped_terminal += i64::from(known == Known::Terminal);
            return Ok(false);
        }
    }
    let Some(whole) = project.tracker.item(&item.at).await.map_err(|error| error.to_string())? else {
        return Ok(false);
    };
    if (&whole.state_id, whole.updated_at) != (&item.state_id, item.updated_at) {
        // It is being changed just now; the next round sees where it comes to rest.
        return Ok(false);
    }
    let moved = project.tracker.last_move(&item.at).await.map_err(|error| error.to_string())?;
    if let Some(moved) = &moved {
        let exact = meaning(app, project, &whole, Some(moved), rules).await.map_err(|error| chain(&error))?;
        if let Finding::Nothing(_) = exact {
            return Ok(false);
        }
    }
    let event = replay(&whole, moved.as_ref()).map_err(|error| error.to_string())?;
    let new = NewEvent {
        source: Source::Plane,
        delivery: event.delivery,
        meaning: event.meaning,
        event: event.event.to_owned(),
        body: event.body,
        at: app.now(),
    };
    match app.store.receive(new).await.map_err(|error| chain(&error))? {
        Received::Stored(id) => {
            tracing::info!(event.id = id.0, item = %item.at.id, state = %whole.state.name, "an event that was lost was found on the board");
            app.bell.inbox.notify_one();
        }
        Received::SeenBefore(_) => counts.deduped += 1,
    }
    Ok(true)
}

async fn meaning(
    app: &App,
    project: &Project,
    item: &Item,
    moved: Option<&Move>,
    rules: &ReconcileRules,
) -> Result<Finding, StoreError> {
    let task = app.store.task_by_tracker_id(&project.settings.name, &item.at.id).await?;
    let decides = matches!(item.state.state, Some(TrackerState::Approved | TrackerState::Rejected));
    let decision = match task.as_ref().filter(|_| decides) {
        Some(task) => app.store.decision(task.id, &task.stage).await?,
        None => None,
    };
    let polled = Polled {
        item: &item.state,
        moved_at: moved.map(|moved| moved.at).or(item.updated_at).unwrap_or(UnixMillis(i64::MIN)),
        task: task.as_ref(),
        decision: decision.as_ref(),
        shown_by_us: task.as_ref().map(|task| effects::tracker_state(&task.stage, false)),
    };
    Ok(found_on_board(&polled, rules, app.now()))
}
