//! Events that were lost: the reconciler finds the task that waits for one, and is silent about everything else.

use portcullis_core::event::Source;
use portcullis_e2e::fake::{Fake, Reply};
use portcullis_e2e::gitea::FakeGitea;
use portcullis_e2e::plane::FakePlane;
use portcullis_e2e::{Daemon, Latch, Scene, SceneBuilder, payload};
use serde_json::{Value, json};

const ITEM: &str = "f81d4fae-3333-4a6b-9c5d-00a0c91e6bf6";

/// CI is asked again in ten hours: whatever happens sooner was an event's doing, or the reconciler's.
const CI: &str = r#"
format = 1
[[stage]]
name = "development"
role = "developer"
[[stage]]
name = "review"
role = "reviewer"
acts = true
[[stage]]
name = "done"
[[edge]]
from = "development"
to = "review"
  [[edge.gate]]
  name = "ci"
  plugin = "portcullis/ci-green"
  version = "^0.1"
  deadline-s = 360000
  config = { retry-after-s = 36000 }
[[edge]]
from = "review"
to = "done"
"#;

/// One stage whose role pushes nothing.
const PUSHED: &str = r#"
format = 1
[[stage]]
name = "development"
role = "developer"
[[stage]]
name = "done"
[[edge]]
from = "development"
to = "done"
"#;

const WORK: &str =
    "mkdir -p \"$PORTCULLIS_DOCUMENTS\" && echo $PORTCULLIS_RUN_ID > \"$PORTCULLIS_DOCUMENTS/$PORTCULLIS_STAGE.md\"\n";

/// Ticks every second, about everything that rests.
const EAGER: &str = "[reconcile]\ninterval_s = 1\ngrace_s = 0\n";

/// An operator who is told by webhook.
pub(crate) struct Operator {
    server: Fake,
    secret: Latch,
}

impl Operator {
    pub(crate) fn new() -> Self {
        let secret = Latch::new();
        std::fs::write(secret.path("secret"), "notify-secret").unwrap();
        Self { server: Fake::start(|_| Reply::Json(200, json!({}))), secret }
    }

    /// The settings that lead to him, beside those of an eager reconciler.
    pub(crate) fn settings(&self) -> String {
        let secret = self.secret.path("secret");
        let (url, secret) = (self.server.url(), secret.display());
        format!("{EAGER}[notify]\nwebhook_url = \"{url}/ring\"\nwebhook_secret = {{ file = \"{secret}\" }}\n")
    }

    pub(crate) fn told(&self) -> Vec<String> {
        let text = |body: Value| body["text"].as_str().unwrap_or_default().to_owned();
        self.server.asked().into_iter().map(|asked| text(asked.json())).collect()
    }
}

pub(crate) fn reconcile(daemon: &Daemon) -> Value {
    daemon.get("/queue").body["reconcile"].clone()
}

/// Waits until the reconciler has come round so often since now: whatever it would do, it has done.
pub(crate) fn rounds(daemon: &Daemon, n: u64) {
    // The round under way may have begun before.
    let until = reconcile(daemon)["ticks"].as_u64().unwrap() + n + 1;
    daemon.eventually("the reconciler comes round", || reconcile(daemon)["ticks"].as_u64() >= Some(until));
}

fn scene(builder: SceneBuilder, operator: &Operator) -> Scene {
    builder.settings(&operator.settings()).role("developer", WORK).role("reviewer", "true\n").build()
}

/// A task on a Gitea whose CI has not reported yet, and which nothing rings.
fn waiting_for_ci(gitea: &FakeGitea, operator: &Operator) -> (Scene, Daemon, i64, String) {
    let scene = scene(Scene::builder().manifest(CI).forge(&gitea.forge()), operator);
    gitea.serve(&scene.repo.origin());
    gitea.require(&["ci/test"]);
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let shown = daemon.until_rests(id, "gate-pending");
    let head = shown["task"]["head"].as_str().unwrap().to_owned();
    (scene, daemon, id, head)
}

/// Pushes the first commit of a task's branch from outside, and tells nobody.
fn push_silently(scene: &Scene, branch: &str) -> String {
    let repo = &scene.repo;
    repo.git(["switch", "--quiet", "--force-create", branch, "origin/main"]);
    repo.commit_file("outside.txt", "by hand\n").to_string()
}

fn audit(daemon: &Daemon, id: i64) -> Vec<Value> {
    let body = daemon.get(&format!("/audit?task={id}&limit=1000")).body;
    body["audit"].as_array().unwrap().clone()
}

#[test]
fn a_task_whose_ci_event_was_lost_is_moved_on_and_that_is_announced_once() {
    // REC-1, REC-5, REC-7, GAT-6
    let (gitea, operator) = (FakeGitea::start(), Operator::new());
    let (scene, daemon, id, head) = waiting_for_ci(&gitea, &operator);
    rounds(&daemon, 2);
    assert_eq!(daemon.task(id)["task"]["stage"], "development", "CI has not reported, so it waits");
    gitea.report(&head, "ci/test", "success", "");
    daemon.until_rests(id, "finished");
    daemon.eventually("it is announced", || operator.told().len() == 1);
    let said = operator.told();
    assert!(said[0].contains("DEMO-1") && said[0].contains("stuck in development"), "{said:?}");
    daemon.eventually("it is counted", || reconcile(&daemon)["unblocked_total"] == 1);
    let advances: Vec<Value> = audit(&daemon, id).into_iter().filter(|row| row["what"] == "advance").collect();
    assert_eq!(advances.len(), 2, "each stage once: {advances:?}");
    // What it counted outlives it; the same unblocking is never announced again.
    assert_eq!(daemon.stop(), Some(0));
    let daemon = scene.start();
    rounds(&daemon, 2);
    assert_eq!((reconcile(&daemon)["unblocked_total"].as_i64(), operator.told().len()), (Some(1), 1));
}

#[test]
fn a_red_gate_is_met_with_silence_until_its_own_event_comes() {
    // REC-1, GAT-3, GAT-6
    let (gitea, operator) = (FakeGitea::start(), Operator::new());
    let (_scene, daemon, id, head) = waiting_for_ci(&gitea, &operator);
    let before = daemon.task(id);
    let rows = audit(&daemon, id).len();
    gitea.report(&head, "ci/test", "failure", "3 tests failed");
    let reds = |shown: &Value| {
        shown["evaluations"].as_array().unwrap().iter().filter(|seen| seen["verdict"] == "fail").count()
    };
    daemon.until(id, "it was seen to be red", |shown| reds(shown) == 1);
    rounds(&daemon, 3);
    let shown = daemon.task(id);
    assert_eq!(reds(&shown), 1, "what was seen is kept once");
    for key in ["stage", "visit", "version", "returns", "rest", "next_look_at"] {
        assert_eq!(shown["task"][key], before["task"][key], "{key}");
    }
    assert_eq!(shown["board"], before["board"]);
    assert_eq!((audit(&daemon, id).len(), operator.told().len()), (rows, 0), "nothing was written or said");
    assert!(gitea.comments(1).is_empty() && reconcile(&daemon)["unblocked_total"] == 0);
    // The event itself sends it back, as it always would.
    let answer = daemon.webhook(Source::Gitea, "status", "late", &payload::status(&head, "ci/test", "failure"));
    daemon.until_handled(answer.body["event"].as_i64().unwrap());
    daemon.until(id, "it is sent back", |shown| shown["task"]["returns"] == 1);
}

#[test]
fn a_push_whose_event_was_lost_is_found() {
    // REC-1
    let operator = Operator::new();
    let scene = Scene::builder().manifest(PUSHED).role("developer", "true\n").settings(&operator.settings()).build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let shown = daemon.until_rests(id, "no-head");
    rounds(&daemon, 2);
    let head = push_silently(&scene, shown["task"]["branch"].as_str().unwrap());
    let shown = daemon.until_rests(id, "finished");
    assert_eq!(shown["task"]["head"], head);
}

#[test]
fn a_quiet_night_stays_quiet() {
    // NOT-1, REC-1, REC-5
    let (gitea, operator) = (FakeGitea::start(), Operator::new());
    let (_scene, daemon, id, _) = waiting_for_ci(&gitea, &operator);
    daemon.new_task("DEMO-2");
    daemon
        .eventually("both rest", || (id..=id + 1).all(|id| daemon.task(id)["task"]["rest"]["kind"] == "gate-pending"));
    let look = || {
        let audits: Vec<usize> = (id..=id + 1).map(|id| audit(&daemon, id).len()).collect();
        let evaluations: Vec<Value> = (id..=id + 1).map(|id| daemon.task(id)["evaluations"].clone()).collect();
        (audits, evaluations, daemon.get("/queue").body["outbox"]["counts"].clone())
    };
    daemon.eventually("all is sent", || daemon.get("/queue").body["outbox"]["counts"]["waiting"] == 0);
    let before = look();
    rounds(&daemon, 5);
    assert_eq!(look(), before);
    assert!(operator.told().is_empty(), "{:?}", operator.told());
    let block = reconcile(&daemon);
    assert_eq!(
        (&block["unblocked_total"], &block["last_error"], &block["looked"]),
        (&json!(0), &Value::Null, &json!(2))
    );
}

#[test]
fn switched_off_it_does_nothing_at_all() {
    // REC-7
    let (gitea, operator) = (FakeGitea::start(), Operator::new());
    let (scene, daemon, id, head) = waiting_for_ci(&gitea, &operator);
    daemon.stop();
    scene.edit_settings("[reconcile]\n", "[reconcile]\nenabled = false\n");
    gitea.report(&head, "ci/test", "success", "");
    let daemon = scene.start();
    assert_eq!(reconcile(&daemon)["enabled"], false);
    // A whole other task goes its way meanwhile, with an event for it.
    let other = daemon.new_task("DEMO-2");
    let shown = daemon.until_rests(other, "gate-pending");
    let head = shown["task"]["head"].as_str().unwrap();
    gitea.report(head, "ci/test", "success", "");
    daemon.webhook(Source::Gitea, "status", "1", &payload::status(head, "ci/test", "success"));
    daemon.until_rests(other, "finished");
    assert_eq!(daemon.task(id)["task"]["stage"], "development");
    assert_eq!((&reconcile(&daemon)["ticks"], &reconcile(&daemon)["last_tick"]), (&json!(0), &Value::Null));
}

/// A task of Plane's that waits for a push, in a repository where nobody tells of pushes.
fn waiting_on_plane(plane: &FakePlane, operator: &Operator) -> (Scene, Daemon, i64) {
    let builder = Scene::builder().manifest(PUSHED).project(&plane.tracker());
    let scene = builder.role("developer", "true\n").settings(&operator.settings()).build();
    let daemon = scene.start();
    plane.put(ITEM, 65, "To Analyse");
    daemon.eventually("the task is made", || !daemon.get("/tasks").body["tasks"].as_array().unwrap().is_empty());
    let id = daemon.get("/tasks").body["tasks"][0]["task"].as_i64().unwrap();
    daemon.until_rests(id, "no-head");
    (scene, daemon, id)
}

#[test]
fn a_task_that_is_blocked_on_the_board_or_whose_board_does_not_answer_is_left_alone() {
    // REC-2
    let (plane, operator) = (FakePlane::start(), Operator::new());
    let (scene, daemon, id) = waiting_on_plane(&plane, &operator);
    for state in ["Blocked", "Needs Input", "Deploying", "Done"] {
        plane.put(ITEM, 65, state);
        rounds(&daemon, 1);
        if state == "Blocked" {
            push_silently(&scene, "task/demo-65");
        }
        rounds(&daemon, 2);
        assert_eq!(daemon.task(id)["task"]["rest"]["kind"], "no-head", "{state}");
    }
    assert!(reconcile(&daemon)["skipped_terminal_total"].as_i64() >= Some(1), "it was over on the board for a while");
    plane.set_down(true);
    plane.put(ITEM, 65, "Analysis");
    rounds(&daemon, 2);
    assert_eq!(daemon.task(id)["task"]["rest"]["kind"], "no-head", "nobody knows where it stands");
    assert!(reconcile(&daemon)["last_error"]["what"].as_str().unwrap().contains("503"), "{}", reconcile(&daemon));
    plane.set_down(false);
    daemon.until_rests(id, "finished");
}

#[test]
fn a_held_task_is_not_touched_and_its_board_is_not_asked() {
    // REC-2
    let (plane, operator) = (FakePlane::start(), Operator::new());
    let (scene, daemon, id) = waiting_on_plane(&plane, &operator);
    plane.put(ITEM, 65, "Analysis");
    let rest = plane.asked_for(ITEM);
    daemon.eventually("its board is asked while it rests", || plane.asked_for(ITEM) > rest);
    assert_eq!(daemon.post(&format!("/tasks/{id}/hold"), &json!({ "by": "ann" })).status, 200);
    daemon.until_rests(id, "held");
    rounds(&daemon, 1);
    push_silently(&scene, "task/demo-65");
    let (asked, rows) = (plane.asked_for(ITEM), audit(&daemon, id).len());
    rounds(&daemon, 3);
    assert_eq!((plane.asked_for(ITEM), audit(&daemon, id).len()), (asked, rows));
    assert_eq!(daemon.task(id)["task"]["rest"]["kind"], "held");
    assert_eq!(daemon.post(&format!("/tasks/{id}/release"), &json!({})).status, 200);
    daemon.until_rests(id, "finished");
}

#[test]
fn a_check_of_an_unknown_revision_goes_to_the_only_task_in_development_or_to_none() {
    // REC-6
    let gitea = FakeGitea::start();
    let scene = Scene::builder().manifest(CI).forge(&gitea.forge()).role("developer", WORK).build();
    gitea.serve(&scene.repo.origin());
    gitea.require(&["ci/test"]);
    let daemon = scene.start();
    let stranger = "9b8e7d6c5b4a39281706f5e4d3c2b1a0ffeeddcc";
    let tell = |delivery: &str, context: &str| {
        let answer = daemon.webhook(Source::Gitea, "status", delivery, &payload::status(stranger, context, "success"));
        daemon.until_handled(answer.body["event"].as_i64().unwrap())
    };
    let ignored = tell("1", "ci/a");
    assert_eq!(ignored["state"], "ignored");
    let id = daemon.new_task("DEMO-1");
    let shown = daemon.until_rests(id, "gate-pending");
    let looks = shown["evaluations"].as_array().unwrap().len();
    assert_eq!(tell("2", "ci/b")["state"], "processed");
    daemon.until(id, "it is looked at", |shown| shown["evaluations"].as_array().unwrap().len() > looks);
    // There are two now, and nobody knows which.
    let other = daemon.new_task("DEMO-2");
    daemon.until_rests(other, "gate-pending");
    let ignored = tell("3", "ci/c");
    assert_eq!(ignored["state"], "ignored");
    assert!(ignored["reason"].as_str().unwrap().contains("2 tasks are in development"), "{ignored}");
    assert!(daemon.log().contains("a check is given to no task"), "it is logged");
}
