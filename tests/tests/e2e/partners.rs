//! One partner that takes requests and never answers, and everybody else, who must not wait for him.

use portcullis_core::event::Source;
use portcullis_e2e::plane::{FakePlane, TRACKER_PROJECT};
use portcullis_e2e::scene::{PROJECT, further_project, repository};
use portcullis_e2e::{Daemon, Scene, payload};
use portcullis_testkit::TempRepo;
use serde_json::{Value, json};

/// One stage with work in it.
const ONE_STAGE: &str = "
format = 1

[[stage]]
name = \"development\"
role = \"developer\"

[[stage]]
name = \"done\"
";

const WORK: &str = "echo text > work.txt\n";
const OTHER: &str = "other";
/// The other project's id in its own tracker.
const OTHER_PROJECT: &str = "9c2b7d10-4444-4b1c-8d7e-2f3a4b5c6d7e";

/// The other project, with more lines for its table.
fn other(repo: &TempRepo, more: &str) -> String {
    let roles = format!("[project.roles]\ndeveloper.command = [\"sh\", \"-c\", {}]\n", json!(WORK));
    further_project(OTHER, repo, &format!("{more}{roles}"))
}

fn send(daemon: &Daemon, delivery: &str, body: &[u8]) -> i64 {
    let answer = daemon.webhook(Source::Plane, "issue", delivery, body);
    assert_eq!(answer.status, 202, "{}", answer.body);
    answer.body["event"].as_i64().unwrap()
}

fn event(daemon: &Daemon, id: i64) -> (Value, Value) {
    let row = daemon.get(&format!("/inbox/{id}")).body;
    (row["state"].clone(), row["attempts"].clone())
}

#[test]
fn a_tracker_that_never_answers_keeps_its_own_projects_events_waiting_in_order_and_nobody_elses() {
    // WEB-4, REG-1
    let (silent, sound) = (FakePlane::start(), FakePlane::with_project(OTHER_PROJECT));
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", WORK).project(&silent.tracker());
    let repo = repository(ONE_STAGE);
    let scene = scene.settings(&other(&repo, &sound.tracker())).build();
    silent.set_silent(true);
    let daemon = scene.start();
    // It names its state by the id alone: only the tracker knows what that means.
    let asks = send(&daemon, "1", &payload::work_item_newer("item-1", 1, "To Analyse", "2026-01-05T09:00:00Z"));
    daemon.eventually("the tracker is asked", || silent.asked() > 0);
    let behind = send(&daemon, "2", &payload::work_item("item-2", 2, "To Analyse", "2026-01-05T09:01:00Z"));
    let of_other = payload::work_item("item-3", 3, "To Analyse", "2026-01-05T09:02:00Z");
    let of_other = String::from_utf8(of_other).unwrap().replace(TRACKER_PROJECT, OTHER_PROJECT);
    let elsewhere = send(&daemon, "3", of_other.as_bytes());
    assert_eq!(daemon.until_handled(elsewhere)["state"], "processed");
    for waiting in [asks, behind] {
        assert_eq!(event(&daemon, waiting), (json!("new"), json!(0)), "event {waiting}");
    }

    silent.set_silent(false);
    assert_eq!(daemon.until_handled(asks)["state"], "processed");
    assert_eq!(daemon.until_handled(behind)["state"], "processed");
    let made = daemon.get(&format!("/tasks?project={PROJECT}")).body;
    let items: Vec<&str> = made["tasks"].as_array().unwrap().iter().map(|t| t["work_item"].as_str().unwrap()).collect();
    assert_eq!(items, ["demo-2", "ORCH-1"], "newest first: they were handled in the order in which they came");
}

#[test]
fn a_tracker_that_never_answers_keeps_its_own_projects_effects_waiting_in_order_and_nobody_elses() {
    // I2, NOT-1, REG-1
    let silent = FakePlane::start();
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", WORK).project(&silent.tracker());
    let settings = "[queue]\nmax_concurrency = 2\n";
    let repo = repository(ONE_STAGE);
    let scene = scene.settings(settings).settings(&other(&repo, "")).build();
    silent.set_silent(true);
    let daemon = scene.start();
    let waits = daemon.new_task("DEMO-1");
    daemon.until_rests(waits, "finished");
    daemon.eventually("the tracker is asked", || silent.asked() > 0);
    let goes_on = daemon.new_task_in(OTHER, "OTHER-1", &json!({}));
    daemon.until_rests(goes_on, "finished");
    daemon.until(goes_on, "its board is up to date", |shown| shown["board"]["state"] == "done");
    let open = daemon.get("/queue").body["outbox"]["open"].clone();
    let of_waiting = |effect: &&Value| effect["task"] == waits && effect["attempts"] == 0;
    assert_eq!(open.as_array().unwrap().iter().filter(of_waiting).count(), 3, "{open:#}");

    silent.set_silent(false);
    daemon.eventually("everything is told", || daemon.get("/queue").body["outbox"]["counts"]["waiting"] == 0);
    assert_eq!(silent.shown("DEMO-1"), ["Done"]);
    let comments = silent.comments();
    assert_eq!(comments.len(), 2, "{comments:?}");
    assert!(comments[0].contains("has finished") && comments[1].contains("done"), "in order: {comments:?}");
}
