//! How a repeated delivery is recognised (WEB-3): by the sender's id of it, and by what it means.
//!
//! The id alone is not enough: a redelivery by hand has a new one at Gitea, and Plane makes a new one for every attempt.
//! So a delivery has a meaning as well: a short text that two deliveries share if and only if the second can teach
//! nothing new. It names the moment of the report, so the same status reported again later is another event.

use super::plane;
use http::HeaderMap;
use portcullis_core::event::{Event, Source};
use portcullis_core::time::UnixMillis;
use serde_json::Value;
use sha2::{Digest, Sha256};

/// Longer ids and meanings are replaced by their digest: they are keys in a database.
const MAX_CHARS: usize = 300;

/// The event's name as the sender's header has it; empty if it names none. Some versions of Gitea send an empty event
/// header and say it in the type header.
pub fn event_name(source: Source, headers: &HeaderMap) -> String {
    let names: &[&str] = match source {
        Source::Gitea => &["x-gitea-event", "x-forgejo-event", "x-gitea-event-type", "x-forgejo-event-type"],
        Source::Github => &["x-github-event"],
        Source::Plane => &["x-plane-event"],
    };
    first(headers, names).map(|name| name.chars().take(100).collect()).unwrap_or_default()
}

/// The sender's id of this delivery; a digest of the body where it gives none.
pub fn delivery_id(source: Source, headers: &HeaderMap, body: &[u8]) -> String {
    let names: &[&str] = match source {
        Source::Gitea => &["x-gitea-delivery", "x-forgejo-delivery"],
        Source::Github => &["x-github-delivery"],
        Source::Plane => &["x-plane-delivery"],
    };
    first(headers, names).map_or_else(|| digest(body), |id| bounded(id.to_owned()))
}

/// What a delivery means, for recognising its repetition under another id; none for what is ignored anyway.
pub fn meaning(source: Source, event: &Event, body: &[u8]) -> Option<String> {
    let moment = Moment { body };
    let text = match event {
        Event::Ignored { .. } => return None,
        Event::WorkItem { tracker_project, item_id, state_name, .. } => {
            let payload: Option<plane::Payload> = serde_json::from_slice(body).ok();
            let item = payload.as_ref().and_then(|payload| payload.data.as_ref());
            let when = item
                .and_then(|item| item.updated_at.as_deref())
                .map(same_moment)
                .or_else(|| payload.as_ref().and_then(|payload| payload.event_id.clone()))
                .unwrap_or_else(|| moment.digest());
            // The id, which every shape has, so that one move means the same in all of them and when it is polled.
            let state = item.and_then(|item| item.state_id()).unwrap_or(state_name);
            format!("work-item {tracker_project} {item_id} {state} {when}")
        }
        Event::Push { repository, branch, after } => {
            let after = after.as_ref().map_or("deleted", |after| after.as_str());
            // Nothing in it says when: a branch may go from one commit to another, back, and there again.
            format!("push {repository} {branch} {after} {}", moment.digest())
        }
        Event::PullRequest { repository, number, head, merged, .. } => {
            let json = moment.json();
            let action = find(&json, &["/action"]).unwrap_or_default();
            let review = find(&json, &["/review/id", "/review/type"]).unwrap_or_default();
            let when = find(&json, &["/pull_request/updated_at"]).unwrap_or_else(|| moment.digest());
            format!("pull-request {repository} {number} {head} {merged} {action} {review} {when}")
        }
        Event::Check { repository, revision, context } => {
            let json = moment.json();
            let report = ["/workflow_job", "/workflow_run", "/check_run", "/check_suite"]
                .iter()
                .find_map(|place| json.pointer(place))
                .unwrap_or(&json);
            let id = find(report, &["/id"]).unwrap_or_default();
            let state = find(report, &["/state", "/conclusion", "/status"]).unwrap_or_default();
            let when =
                find(report, &["/updated_at", "/completed_at", "/created_at"]).unwrap_or_else(|| moment.digest());
            format!("check {repository} {revision} {context} {id} {state} {when}")
        }
    };
    Some(bounded(format!("{} {text}", source.as_str())))
}

/// When the work item that a delivery is about was last changed by then, where the delivery says.
pub fn changed_at(source: Source, body: &[u8]) -> Option<UnixMillis> {
    match source {
        Source::Plane => {
            let payload: plane::Payload = serde_json::from_slice(body).ok()?;
            millis(&payload.data?.updated_at?)
        }
        Source::Gitea | Source::Github => None,
    }
}

/// An RFC 3339 time in whole milliseconds.
pub(crate) fn millis(text: &str) -> Option<UnixMillis> {
    text.trim().parse::<jiff::Timestamp>().ok().map(|at| UnixMillis(at.as_millisecond()))
}

/// The same text for the same moment: Plane writes it in the reader's time zone, and not everywhere with microseconds.
fn same_moment(text: &str) -> String {
    millis(text).map_or_else(|| text.to_owned(), |at| at.0.to_string())
}

/// When something was reported, or what stands in for it where the payload does not say: the bytes themselves, which
/// a redelivery repeats.
struct Moment<'a> {
    body: &'a [u8],
}

impl Moment<'_> {
    fn json(&self) -> Value {
        serde_json::from_slice(self.body).unwrap_or_default()
    }

    fn digest(&self) -> String {
        digest(self.body)[..23].to_owned()
    }
}

/// The first of these places that holds a text or a number.
fn find(json: &Value, places: &[&str]) -> Option<String> {
    places.iter().find_map(|place| match json.pointer(place)? {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    })
}

fn first<'h>(headers: &'h HeaderMap, names: &[&str]) -> Option<&'h str> {
    names.iter().filter_map(|name| headers.get(*name)?.to_str().ok()).map(str::trim).find(|value| !value.is_empty())
}

fn bounded(text: String) -> String {
    if text.chars().count() <= MAX_CHARS { text } else { digest(text.as_bytes()) }
}

pub(super) fn digest(bytes: &[u8]) -> String {
    portcullis_core::digest::Digest::from_sha256(Sha256::digest(bytes).into()).as_str().to_owned()
}
