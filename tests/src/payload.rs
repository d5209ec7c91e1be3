//! Webhook payloads in the senders' real shapes: the fixtures of `connect`, with a test's own values put in.

use crate::daemon::workspace;
use crate::gitea::REPOSITORY;
use crate::plane::{TRACKER_PROJECT, state_id};
use serde_json::{Value, json};

/// A fixture, e.g. `gitea/push`.
pub fn fixture(name: &str) -> Value {
    let path = workspace().join("host/connect/tests/fixtures").join(format!("{name}.json"));
    let text = std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("a fixture is JSON")
}

/// A fixture of Gitea's with these values put in, from the tests' repository.
pub fn gitea(name: &str, values: &[(&str, Value)]) -> Vec<u8> {
    let mut payload = fixture(&format!("gitea/{name}"));
    for (place, value) in [("/repository/full_name", json!(REPOSITORY))].iter().chain(values) {
        let at = payload.pointer_mut(place).unwrap_or_else(|| panic!("{name} has no {place}"));
        *at = value.clone();
    }
    payload.to_string().into_bytes()
}

/// A branch was pushed.
pub fn push(branch: &str, after: &str) -> Vec<u8> {
    gitea("push", &[("/ref", json!(format!("refs/heads/{branch}"))), ("/after", json!(after))])
}

/// Something happened to a pull request; `action` is `opened`, `synchronized`, `closed`, …
pub fn pull_request(action: &str, number: u64, branch: &str, head: &str, merged: bool) -> Vec<u8> {
    gitea(
        "pull_request",
        &[
            ("/action", json!(action)),
            ("/number", json!(number)),
            ("/pull_request/number", json!(number)),
            ("/pull_request/merged", json!(merged)),
            ("/pull_request/head/ref", json!(branch)),
            ("/pull_request/head/sha", json!(head)),
            ("/pull_request/head/repo/full_name", json!(REPOSITORY)),
            ("/pull_request/updated_at", json!(jiff::Timestamp::now().to_string())),
        ],
    )
}

/// A commit status was reported.
pub fn status(revision: &str, context: &str, state: &str) -> Vec<u8> {
    gitea(
        "status",
        &[
            ("/sha", json!(revision)),
            ("/context", json!(context)),
            ("/state", json!(state)),
            ("/updated_at", json!(jiff::Timestamp::now().to_string())),
        ],
    )
}

/// A job of a workflow has ended.
pub fn workflow_job(revision: &str, name: &str) -> Vec<u8> {
    gitea("workflow_job", &[("/workflow_job/head_sha", json!(revision)), ("/workflow_job/name", json!(name))])
}

/// A work item was put into a state, on Plane's page.
pub fn work_item(item: &str, number: u64, state: &str, at: &str) -> Vec<u8> {
    let mut payload = fixture("plane/state_by_page");
    payload["data"]["id"] = json!(item);
    payload["data"]["sequence_id"] = json!(number);
    payload["data"]["project"] = json!(TRACKER_PROJECT);
    payload["data"]["updated_at"] = json!(at);
    payload["data"]["state"] = json!({ "id": state_id(state), "name": state, "color": "#3f76ff", "group": "started" });
    payload["activity"]["new_value"] = json!(state_id(state));
    payload.to_string().into_bytes()
}

/// The same in the newer shape, which names the state by its id alone.
pub fn work_item_newer(item: &str, number: u64, state: &str, at: &str) -> Vec<u8> {
    let mut payload = fixture("plane/state_newer");
    payload["data"]["id"] = json!(item);
    payload["entity_id"] = json!(item);
    payload["data"]["identifier"] = json!(format!("ORCH-{number}"));
    payload["data"]["sequence_id"] = json!(number);
    payload["data"]["project_id"] = json!(TRACKER_PROJECT);
    payload["data"]["state_id"] = json!(state_id(state));
    payload["data"]["updated_at"] = json!(at);
    payload.to_string().into_bytes()
}
