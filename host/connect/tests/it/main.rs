//! Payloads as senders make them, and REST clients against a real server on loopback that answers as partners do.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test stops where its preparation fails")]

mod gitea;
mod github;
mod guarded;
mod hostile;
mod images;
mod images_hostile;
mod images_promoted;
mod merges;
mod messengers;
mod payloads;
mod plane;
mod plane_items;
mod repetition;
mod server;
mod shapes;

use portcullis_core::ids::Revision;

/// A payload from `tests/fixtures`, made after the documented shapes.
fn fixture(name: &str) -> String {
    let path = format!("{}/tests/fixtures/{name}.json", env!("CARGO_MANIFEST_DIR"));
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A payload with the value at `place` (a JSON pointer) replaced.
fn altered(name: &str, changes: &[(&str, serde_json::Value)]) -> String {
    let mut json: serde_json::Value = serde_json::from_str(&fixture(name)).unwrap();
    for (place, value) in changes {
        *json.pointer_mut(place).unwrap_or_else(|| panic!("{name} has no {place}")) = value.clone();
    }
    json.to_string()
}

/// A payload without the value at `place`.
fn without(name: &str, place: &str) -> String {
    let mut json: serde_json::Value = serde_json::from_str(&fixture(name)).unwrap();
    let (parent, key) = place.rsplit_once('/').unwrap();
    json.pointer_mut(parent).unwrap().as_object_mut().unwrap().remove(key).expect("it is there");
    json.to_string()
}

fn revision(digit: char) -> Revision {
    Revision::parse(&digit.to_string().repeat(40)).unwrap()
}
