//! A work item on a Plane board: a person's moves there are commands, ours show the pipeline.

use portcullis_core::event::Source;
use portcullis_e2e::plane::FakePlane;
use portcullis_e2e::{Daemon, Latch, Scene, payload};
use serde_json::{Value, json};

const ITEM: &str = "f81d4fae-3333-4a6b-9c5d-00a0c91e6bf6";

const MANIFEST: &str = r#"
format = 1
[[stage]]
name = "analysis"
role = "analyst"
[[stage]]
name = "architecture"
role = "architect"
[[stage]]
name = "done"
[[edge]]
from = "analysis"
to = "architecture"
  [[edge.gate]]
  name = "approval"
  plugin = "portcullis/approval"
  version = "^0.1"
  deadline-s = 36000
  config = { retry-after-s = 3600 }
"#;

const WORK: &str =
    "mkdir -p \"$PORTCULLIS_DOCUMENTS\" && echo $PORTCULLIS_RUN_ID > \"$PORTCULLIS_DOCUMENTS/$PORTCULLIS_STAGE.md\"\n";

fn scene(plane: &FakePlane, latch: &Latch) -> Scene {
    let analyst = format!("{}{WORK}", latch.note("$PORTCULLIS_WORK_ITEM"));
    Scene::builder()
        .manifest(MANIFEST)
        .approved_stages("[\"analysis\"]")
        .project(&plane.tracker())
        .role("analyst", &analyst)
        .role("architect", WORK)
        .build()
}

fn send(daemon: &Daemon, delivery: &str, body: &[u8]) -> i64 {
    let answer = daemon.webhook(Source::Plane, "issue", delivery, body);
    assert!(matches!(answer.status, 200 | 202), "{answer:?}");
    answer.body["event"].as_i64().unwrap()
}

fn only_task(daemon: &Daemon) -> i64 {
    let body = daemon.get("/tasks").body;
    let tasks = body["tasks"].as_array().unwrap();
    assert_eq!(tasks.len(), 1, "{body}");
    tasks[0]["task"].as_i64().unwrap()
}

fn audit(daemon: &Daemon, id: i64, what: &str) -> Vec<Value> {
    let body = daemon.get(&format!("/audit?task={id}&limit=1000")).body;
    body["audit"].as_array().unwrap().iter().filter(|row| row["what"] == what).cloned().collect()
}

/// So many seconds from now, as Plane writes it.
fn at_s(seconds: i64) -> String {
    let at = jiff::Timestamp::now() + jiff::SignedDuration::from_secs(seconds);
    at.to_string()
}

#[test]
fn to_analyse_makes_one_task_however_often_and_however_many_times_at_once_it_is_told() {
    // QUE-2, WEB-3, TRK-1
    let (plane, latch) = (FakePlane::start(), Latch::new());
    let scene = scene(&plane, &latch);
    let daemon = scene.start();
    // Ten rivals: the same delivery, its meaning under other ids, and moves of other moments.
    std::thread::scope(|scope| {
        for n in 0..10 {
            let daemon = &daemon;
            scope.spawn(move || {
                let at = format!("2026-01-05T09:20:{:02}Z", n / 3);
                let body = payload::work_item(ITEM, 65, "To Analyse", &at);
                let delivery = if n % 3 == 0 { format!("d{at}") } else { format!("own-{n}") };
                daemon.until_handled(send(daemon, &delivery, &body))
            });
        }
    });
    let id = only_task(&daemon);
    let shown = daemon.until_rests(id, "gate-pending");
    assert_eq!(shown["task"]["work_item"], "demo-65");
    assert_eq!(shown["task"]["title"], "Heavier containers");
    assert_eq!(shown["task"]["description"], "Lift up to 40 t. Keep the old rope.");
    assert_eq!(latch.notes(), ["demo-65"], "one analyst has worked");
    let branches = scene.repo.run(&scene.repo.origin(), ["for-each-ref", "--format=%(refname:short)", "refs/heads/"]);
    assert_eq!(branches, "main\ntask/demo-65");
    assert_eq!(audit(&daemon, id, "create").len(), 1);
    // Told again once the task is under way: it is only looked at.
    let again = send(&daemon, "later", &payload::work_item(ITEM, 65, "To Analyse", "2026-01-05T10:00:00Z"));
    assert_eq!(daemon.until_handled(again)["state"], "processed");
    assert_eq!(only_task(&daemon), id);
    daemon.until_rests(id, "gate-pending");
    assert_eq!(latch.notes().len(), 1);
}

#[test]
fn an_approval_holds_for_the_revision_that_was_approved_and_is_asked_for_again_when_the_branch_moves_on() {
    // STG-5, GAT-8, TRK-1
    let (plane, latch) = (FakePlane::start(), Latch::new());
    let scene = scene(&plane, &latch);
    let daemon = scene.start();
    daemon.until_handled(send(&daemon, "1", &payload::work_item(ITEM, 65, "To Analyse", "2026-01-05T09:00:00Z")));
    let id = only_task(&daemon);
    let seen = daemon.until_rests(id, "gate-pending")["task"]["head"].as_str().unwrap().to_owned();
    let asked = |daemon: &Daemon, revision: &str| {
        let said = format!("task approve {id}");
        daemon.eventually("the approval is asked for on the board", || {
            plane.shown(ITEM).last().is_some_and(|state| state == "Needs Input")
                && plane.comments().iter().filter(|text| text.contains(&said)).count() > 0
        });
        let shown = daemon.task(id);
        assert_eq!(shown["task"]["head"], revision);
    };
    asked(&daemon, &seen);
    let questions = || plane.comments().iter().filter(|text| text.contains(&format!("task approve {id}"))).count();
    assert_eq!(questions(), 1);

    // The branch moves on before the approval arrives.
    let repo = &scene.repo;
    repo.git(["fetch", "--quiet", "origin"]);
    repo.git(["switch", "--quiet", "--force-create", "task/demo-65", "origin/task/demo-65"]);
    let moved = repo.commit_file("smuggled.txt", "nobody has seen this\n").to_string();
    let approve = |delivery: &str, at: &str| {
        daemon.until_handled(send(&daemon, delivery, &payload::work_item(ITEM, 65, "Approved", at)))
    };
    let (before, first) = (at_s(-60), at_s(0));
    assert_eq!(approve("2", &first)["state"], "processed");
    let shown = daemon.until(id, "it waits for an approval of the new head", |shown| {
        shown["task"]["head"] == moved && shown["task"]["rest"]["kind"] == "gate-pending"
    });
    assert_eq!(shown["task"]["stage"], "analysis");
    let approvals = audit(&daemon, id, "approve");
    assert_eq!((approvals.len(), &approvals[0]["to"]), (1, &json!(seen)), "pinned to what was known: {approvals:?}");
    assert!(approvals[0]["actor"].as_str().unwrap().starts_with("ann ("), "{approvals:?}");
    daemon.eventually("it is asked for again", || questions() == 2);
    // A redelivery of the old approval is no new one.
    assert_eq!(approve("2b", &first)["state"], "processed");
    // Nor is one that was given before the new head was there, and arrives only now.
    let late = approve("2c", &before);
    assert_eq!(late["state"], "ignored", "{late}");
    assert_eq!(audit(&daemon, id, "approve").len(), 1);
    assert_eq!(daemon.task(id)["task"]["stage"], "analysis");

    assert_eq!(approve("3", &at_s(1))["state"], "processed");
    daemon.until_rests(id, "finished");
    assert_eq!(audit(&daemon, id, "approve")[0]["to"], moved);
    daemon.eventually("the board shows the end", || plane.shown(ITEM).last().is_some_and(|state| state == "Done"));
}

#[test]
fn a_rejection_on_the_board_sends_the_task_back_to_its_analyst() {
    // STG-3, TRK-1
    let (plane, latch) = (FakePlane::start(), Latch::new());
    let scene = scene(&plane, &latch);
    let daemon = scene.start();
    daemon.until_handled(send(&daemon, "1", &payload::work_item(ITEM, 65, "To Analyse", "2026-01-05T09:00:00Z")));
    let id = only_task(&daemon);
    daemon.until_rests(id, "gate-pending");
    daemon.until_handled(send(&daemon, "2", &payload::work_item(ITEM, 65, "Rejected", &at_s(0))));
    daemon.eventually("the analyst works again", || latch.notes().len() == 2);
    let shown = daemon.until(id, "it waits for an approval again", |shown| {
        shown["task"]["returns"] == 1 && shown["task"]["rest"]["kind"] == "gate-pending"
    });
    assert_eq!(shown["task"]["stage"], "analysis");
}

#[test]
fn an_event_that_cannot_be_handled_yet_is_kept_and_tried_again() {
    // WEB-4
    let (plane, latch) = (FakePlane::start(), Latch::new());
    let scene = scene(&plane, &latch);
    // The newer shape names the state by its id alone, and the tracker, which knows its name, has never been up.
    plane.set_down(true);
    let daemon = scene.start();
    let event = send(&daemon, "1", &payload::work_item_newer(ITEM, 65, "To Analyse", "2026-01-05T09:00:00Z"));
    daemon.eventually("the first try has failed", || {
        let row = daemon.get(&format!("/inbox/{event}")).body;
        row["state"] == "new" && row["attempts"].as_i64() >= Some(1) && row["reason"].as_str().is_some()
    });
    assert!(daemon.get("/tasks").body["tasks"].as_array().unwrap().is_empty());
    plane.set_down(false);
    assert_eq!(daemon.until_handled(event)["state"], "processed");
    let id = only_task(&daemon);
    assert_eq!(daemon.until_rests(id, "gate-pending")["task"]["work_item"], "ORCH-65");
}
