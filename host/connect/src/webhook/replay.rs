//! A work item that was found on the board, told as the webhook that should have told it (REC-3).
//!
//! The body has the shape that Plane sends, so it is parsed and handled like every other, and means the same: if the
//! webhook came, or comes later, the two are one event (WEB-3).

use super::identity::{digest, meaning};
use super::parse::{PayloadError, parse};
use crate::tracker::{Item, Move};
use portcullis_core::event::Source;
use portcullis_core::reconcile::StateGroup;
use portcullis_core::time::UnixMillis;
use serde_json::json;

/// Delivery ids of ours begin so; Plane's own are UUIDs.
const PREFIX: &str = "polled-";

/// An event to be received as if its webhook had come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Replay {
    /// The event's name, as the sender's header would have it.
    pub event: &'static str,
    /// Its delivery id.
    pub delivery: String,
    /// Its meaning: the webhook's.
    pub meaning: Option<String>,
    /// Its body.
    pub body: Vec<u8>,
}

/// The event that put `item` where it stands.
///
/// # Errors
/// [`PayloadError`] if the tracker did not say enough of the item.
pub fn replay(item: &Item, moved: Option<&Move>) -> Result<Replay, PayloadError> {
    let group = item.state.group.map(|group| match group {
        StateGroup::Backlog => "backlog",
        StateGroup::Unstarted => "unstarted",
        StateGroup::Started => "started",
        StateGroup::Completed => "completed",
        StateGroup::Cancelled => "cancelled",
    });
    // A bare number is one; anything else is the item's whole name.
    let number = item.name.as_ref().and_then(|name| name.parse::<u64>().ok());
    let name = item.name.as_ref().filter(|_| number.is_none());
    let body = json!({
        "event": "issue",
        "action": "updated",
        "data": {
            "id": item.at.id,
            "name": item.title,
            "description_stripped": item.description,
            "sequence_id": number,
            "identifier": name,
            "project": item.at.project,
            "state": { "id": item.state_id, "name": item.state.name, "group": group },
            "updated_at": item.updated_at.and_then(rfc3339),
        },
        "activity": { "field": "state", "new_value": item.state.name, "actor": moved.map(|moved| &moved.by) },
    });
    let body = body.to_string().into_bytes();
    let event = parse(Source::Plane, "issue", &body)?;
    let meaning = meaning(Source::Plane, &event, &body);
    let known = meaning.as_ref().map_or(body.as_slice(), String::as_bytes);
    Ok(Replay { event: "issue", delivery: format!("{PREFIX}{}", digest(known)), meaning, body })
}

/// Whether a delivery is a replay and not the tracker's own: then it was found on the board, by nobody's word.
pub fn is_replay(source: Source, delivery: &str) -> bool {
    source == Source::Plane && delivery.starts_with(PREFIX)
}

fn rfc3339(at: UnixMillis) -> Option<String> {
    jiff::Timestamp::from_millisecond(at.0).ok().map(|at| at.to_string())
}
