//! What people have said on the board, and whose event was lost: found there, and done once.

use crate::reconcile::{Operator, reconcile, rounds};
use portcullis_core::event::Source;
use portcullis_e2e::plane::{FakePlane, PERSON};
use portcullis_e2e::{Daemon, Scene, payload};
use serde_json::{Value, json};

const ITEM: &str = "f81d4fae-3333-4a6b-9c5d-00a0c91e6bf6";

/// A person approves, then somebody works, then a gate that stays pending guards the deploy's end.
const MANIFEST: &str = r#"
format = 1
[[stage]]
name = "analysis"
role = "analyst"
[[stage]]
name = "deploy"
role = "deployer"
acts = true
[[stage]]
name = "done"
[[edge]]
from = "analysis"
to = "deploy"
  [[edge.gate]]
  name = "approval"
  plugin = "portcullis/approval"
  version = "^0.1"
  deadline-s = 360000
  config = { retry-after-s = 36000 }
[[edge]]
from = "deploy"
to = "done"
on-fail = "analysis"
  [[edge.gate]]
  name = "go"
  plugin = "portcullis/approval"
  version = "^0.1"
  deadline-s = 360000
  config = { retry-after-s = 36000 }
"#;

const WORK: &str =
    "mkdir -p \"$PORTCULLIS_DOCUMENTS\" && echo $PORTCULLIS_RUN_ID > \"$PORTCULLIS_DOCUMENTS/$PORTCULLIS_STAGE.md\"\n";

fn scene(plane: &FakePlane, operator: &Operator) -> Scene {
    Scene::builder()
        .manifest(MANIFEST)
        .approved_stages("[\"analysis\"]")
        .project(&plane.tracker())
        .settings(&operator.settings())
        .role("analyst", WORK)
        .role("deployer", "true\n")
        .build()
}

fn tasks(daemon: &Daemon) -> Vec<i64> {
    let body = daemon.get("/tasks").body;
    body["tasks"].as_array().unwrap().iter().map(|task| task["task"].as_i64().unwrap()).collect()
}

/// Waits until the item's task is there and waits for its approval; the task.
fn until_it_waits(daemon: &Daemon, plane: &FakePlane) -> i64 {
    daemon.eventually("the task is made", || !tasks(daemon).is_empty());
    let id = tasks(daemon)[0];
    daemon.until_rests(id, "gate-pending");
    daemon.eventually("the board asks", || plane.shown(ITEM).last().is_some_and(|state| state == "Needs Input"));
    id
}

fn audit(daemon: &Daemon, id: i64, what: &str) -> Vec<Value> {
    let body = daemon.get(&format!("/audit?task={id}&limit=1000")).body;
    body["audit"].as_array().unwrap().iter().filter(|row| row["what"] == what).cloned().collect()
}

fn events(daemon: &Daemon) -> usize {
    daemon.get("/inbox?limit=1000").body["events"].as_array().unwrap().len()
}

#[test]
fn a_missed_to_analyse_makes_one_task_also_when_its_event_comes_later() {
    // REC-3, QUE-2, WEB-3, WEB-6
    let (plane, operator) = (FakePlane::start(), Operator::new());
    let scene = scene(&plane, &operator);
    // On the last page of several, as if it had happened while the daemon was down.
    let at = plane.put(ITEM, 65, "To Analyse");
    for n in 0..5 {
        plane.put(&format!("other-{n}"), n, "Todo");
    }
    let daemon = scene.start();
    let id = until_it_waits(&daemon, &plane);
    let shown = daemon.task(id);
    assert_eq!((&shown["task"]["work_item"], &shown["task"]["tracker_id"]), (&json!("demo-65"), &json!(ITEM)));
    assert_eq!(shown["task"]["description"], "Lift up to 40 t.");
    for (delivery, body) in [
        ("late", payload::work_item(ITEM, 65, "To Analyse", &at)),
        ("newer", payload::work_item_newer(ITEM, 65, "To Analyse", &at)),
    ] {
        let answer = daemon.webhook(Source::Plane, "issue", delivery, &body);
        assert_eq!((answer.status, &answer.body["seen_before"]), (200, &json!(true)), "{delivery}");
    }
    let known = events(&daemon);
    rounds(&daemon, 3);
    assert_eq!((tasks(&daemon), events(&daemon)), (vec![id], known), "what we show ourselves comes back as nothing");
    assert_eq!(audit(&daemon, id, "create").len(), 1);
    assert!(operator.told().is_empty(), "{:?}", operator.told());
}

#[test]
fn an_event_that_came_is_not_replayed_by_the_poll() {
    // REC-3, REC-7, WEB-3
    let (plane, operator) = (FakePlane::start(), Operator::new());
    let scene = scene(&plane, &operator);
    scene.edit_settings("interval_s = 1", "interval_s = 1\ntracker_enabled = false");
    let daemon = scene.start();
    let at = plane.put(ITEM, 65, "To Analyse");
    rounds(&daemon, 2);
    assert!(tasks(&daemon).is_empty(), "boards are not polled");
    assert_eq!(
        daemon.webhook(Source::Plane, "issue", "1", &payload::work_item(ITEM, 65, "To Analyse", &at)).status,
        202
    );
    let id = until_it_waits(&daemon, &plane);
    let at = plane.put(ITEM, 65, "Approved");
    assert_eq!(daemon.webhook(Source::Plane, "issue", "2", &payload::work_item(ITEM, 65, "Approved", &at)).status, 202);
    daemon.until_stage(id, "deploy");
    daemon.until_rests(id, "gate-pending");
    let before = events(&daemon);
    daemon.stop();
    scene.edit_settings("tracker_enabled = false", "tracker_enabled = true");
    let daemon = scene.start();
    rounds(&daemon, 3);
    assert_eq!((events(&daemon), audit(&daemon, id, "approve").len()), (before, 1));
}

#[test]
fn a_missed_approval_is_recorded_once_for_the_head_that_was_seen() {
    // REC-3, REC-5, STG-5
    let (plane, operator) = (FakePlane::start(), Operator::new());
    let scene = scene(&plane, &operator);
    let daemon = scene.start();
    plane.put(ITEM, 65, "To Analyse");
    let id = until_it_waits(&daemon, &plane);
    let head = daemon.task(id)["task"]["head"].clone();
    rounds(&daemon, 2);
    assert_eq!(daemon.task(id)["task"]["stage"], "analysis", "nothing automatic replaces a person's approval");
    let at = plane.put(ITEM, 65, "Approved");
    daemon.until_stage(id, "deploy");
    let approvals = audit(&daemon, id, "approve");
    assert_eq!(approvals.len(), 1, "{approvals:?}");
    assert_eq!((&approvals[0]["actor"], &approvals[0]["to"]), (&json!(PERSON), &head), "who, and of what");
    let answer = daemon.webhook(Source::Plane, "issue", "late", &payload::work_item(ITEM, 65, "Approved", &at));
    assert_eq!((answer.status, &answer.body["seen_before"]), (200, &json!(true)));
    rounds(&daemon, 2);
    assert_eq!((audit(&daemon, id, "approve").len(), operator.told().len()), (1, 0));
}

#[test]
fn a_missed_rejection_sends_the_task_back_once() {
    // REC-3, STG-3
    let (plane, operator) = (FakePlane::start(), Operator::new());
    let scene = scene(&plane, &operator);
    let daemon = scene.start();
    plane.put(ITEM, 65, "To Analyse");
    let id = until_it_waits(&daemon, &plane);
    plane.put(ITEM, 65, "Rejected");
    daemon.until(id, "it waits for an approval again", |shown| {
        shown["task"]["returns"] == 1 && shown["task"]["rest"]["kind"] == "gate-pending"
    });
    rounds(&daemon, 3);
    assert_eq!(daemon.task(id)["task"]["returns"], 1);
    assert_eq!(audit(&daemon, id, "reject").len(), 1);
}

#[test]
fn moving_a_held_task_to_to_analyse_lets_it_go_on_by_event_and_by_poll() {
    // REC-3, TRK-1, STG-4
    let (plane, operator) = (FakePlane::start(), Operator::new());
    let scene = scene(&plane, &operator);
    let daemon = scene.start();
    let first = plane.put(ITEM, 65, "To Analyse");
    let id = until_it_waits(&daemon, &plane);
    let hold = || {
        assert_eq!(daemon.post(&format!("/tasks/{id}/hold"), &json!({ "by": "ben" })).status, 200);
        daemon.until_rests(id, "held");
    };
    hold();
    // An event of before it was held, late: not its repetition, but no word about its being held either.
    let early = payload::work_item(ITEM, 65, "To Analyse", &first.replace("Z", "1Z").replace("20", "19"));
    let answer = daemon.webhook(Source::Plane, "issue", "early", &early);
    assert_eq!(daemon.until_handled(answer.body["event"].as_i64().unwrap())["state"], "ignored");
    rounds(&daemon, 2);
    assert_eq!(daemon.task(id)["task"]["rest"]["kind"], "held");
    plane.put(ITEM, 65, "To Analyse");
    daemon.until_rests(id, "gate-pending");
    let releases = audit(&daemon, id, "release");
    assert_eq!((releases.len(), &releases[0]["actor"]), (1, &json!(PERSON)), "{releases:?}");
    // Where it stands since before it is held again, it stays held, whatever else is changed about it.
    hold();
    plane.touch(ITEM);
    rounds(&daemon, 3);
    assert_eq!(daemon.task(id)["task"]["rest"]["kind"], "held");
    assert_eq!(audit(&daemon, id, "release").len(), 1);
}

#[test]
fn items_that_are_over_are_recognised_by_their_state_s_group() {
    // REC-4, REC-7
    let (plane, operator) = (FakePlane::start(), Operator::new());
    let scene = scene(&plane, &operator);
    let daemon = scene.start();
    // Both mean a command by their name; both are over by their group.
    plane.put("old-1", 1, "to-analyse");
    plane.put(ITEM, 65, "To Analyse");
    let id = until_it_waits(&daemon, &plane);
    plane.put(ITEM, 65, "approved");
    rounds(&daemon, 3);
    assert_eq!(tasks(&daemon), [id], "nothing was made of the old one");
    assert_eq!(daemon.task(id)["task"]["stage"], "analysis");
    assert!(audit(&daemon, id, "approve").is_empty());
    assert!(reconcile(&daemon)["skipped_terminal_total"].as_i64() >= Some(2));
}

#[test]
fn a_missed_confirm_deploy_is_announced_once_and_nothing_follows_from_it() {
    // REC-3, REC-8, NOT-1
    let (plane, operator) = (FakePlane::start(), Operator::new());
    let scene = scene(&plane, &operator);
    let daemon = scene.start();
    plane.put(ITEM, 65, "To Analyse");
    let id = until_it_waits(&daemon, &plane);
    plane.put(ITEM, 65, "Approved");
    daemon.until_stage(id, "deploy");
    let before = daemon.until_rests(id, "gate-pending");
    daemon.eventually("the board asks again", || plane.shown(ITEM).last().is_some_and(|state| state == "Needs Input"));
    plane.put(ITEM, 65, "Confirm Deploy");
    daemon.eventually("it is announced", || !operator.told().is_empty());
    rounds(&daemon, 3);
    // Changed in something else, and after a restart, it is the same.
    plane.touch(ITEM);
    rounds(&daemon, 2);
    daemon.stop();
    let daemon = scene.start();
    rounds(&daemon, 3);
    let told = operator.told();
    assert_eq!(told.len(), 1, "{told:?}");
    assert!(told[0].contains("demo-65") && told[0].contains("Confirm Deploy"), "{told:?}");
    let shown = daemon.task(id);
    for key in ["stage", "visit", "head", "returns", "held"] {
        assert_eq!(shown["task"][key], before["task"][key], "{key}");
    }
}
