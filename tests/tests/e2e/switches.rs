//! Kill-switches at run time: what a pause keeps from happening, who did it, and that nothing is lost by it.

use portcullis_e2e::{Daemon, Latch, Scene, portcullis_with};
use serde_json::{Value, json};

const TWO_STAGES: &str = r#"
format = 1
[[stage]]
name = "development"
role = "developer"
[[stage]]
name = "review"
role = "reviewer"
[[stage]]
name = "done"
[[edge]]
from = "development"
to = "review"
on-fail = "development"
  [[edge.gate]]
  name = "self-verdict"
  plugin = "portcullis/document-verdict"
  version = "^0.1"
  config = { document = "verdict.md" }
"#;

const WORK: &str = "mkdir -p \"$PORTCULLIS_DOCUMENTS\" && printf -- '---\\nverdict: approved\\n---\\n' > \"$PORTCULLIS_DOCUMENTS/verdict.md\"\n";

fn switch(daemon: &Daemon, path: &str, body: &Value) -> Value {
    let answer = daemon.post(path, body);
    assert_eq!(answer.status, 200, "{}", answer.body);
    answer.body
}

fn paused(daemon: &Daemon) -> Value {
    daemon.get("/queue").body["paused"].clone()
}

#[test]
fn a_paused_daemon_starts_nothing_lets_runs_end_survives_a_restart_and_goes_on_when_resumed() {
    // QUE-7, QUE-1
    let latch = Latch::new();
    let slow = format!("echo begun\n{}{WORK}", latch.wait("go"));
    let scene = Scene::builder().manifest(TWO_STAGES).role("developer", &slow).role("reviewer", WORK).build();
    let daemon = scene.start();
    let first = daemon.new_task("FIRST");
    daemon.until(first, "its run has a process", |shown| shown["job"]["run"]["process"]["pid"].is_u64());
    switch(&daemon, "/pause", &json!({ "by": "ada", "why": "a release is on" }));
    let second = daemon.new_task("SECOND");
    latch.open("go");
    let shown = daemon.until(first, "its run has ended and it rests", |shown| {
        shown["job"]["state"] == "done" && shown["task"]["rest"]["kind"] == "paused"
    });
    assert_eq!(shown["task"]["stage"], "development", "{shown:#}");
    let explained = daemon.explain(first);
    assert!(explained.contains("the whole daemon was paused by ada: a release is on"), "{explained}");
    let daemon = {
        daemon.kill();
        scene.start()
    };
    assert_eq!(paused(&daemon)[0]["by"], "ada");
    let waiting = daemon.get("/queue").body["waiting"].clone();
    assert!(waiting[0]["waits_for"].as_str().unwrap().contains("paused by ada"), "{waiting:#}");
    switch(&daemon, "/resume", &json!({ "by": "bob" }));
    daemon.until_rests(first, "finished");
    daemon.until_rests(second, "finished");
    let audit = daemon.get("/audit?limit=1000").body.to_string();
    for part in ["\"pause\"", "\"resume\"", "ada", "bob", "a release is on"] {
        assert!(audit.contains(part), "{part} is not in {audit}");
    }
    assert_eq!(daemon.post("/resume", &json!({})).status, 409, "it is not paused any more");
}

#[test]
fn a_paused_role_waits_and_the_other_goes_on() {
    // QUE-7
    let scene = Scene::builder().manifest(TWO_STAGES).role("developer", WORK).role("reviewer", WORK).build();
    let daemon = scene.start();
    switch(&daemon, "/pause", &json!({ "role": "reviewer", "by": "ada", "why": "on leave" }));
    let id = daemon.new_task("ITEM");
    let shown = daemon.until_rests(id, "paused");
    assert_eq!(shown["task"]["stage"], "review");
    assert!(daemon.explain(id).contains("role reviewer was paused by ada: on leave"));
    switch(&daemon, "/resume", &json!({ "role": "reviewer" }));
    daemon.until_rests(id, "finished");
}

#[test]
fn a_paused_gate_keeps_its_edge_closed_and_a_paused_project_stands_still() {
    // QUE-7, I8
    let scene = Scene::builder().manifest(TWO_STAGES).role("developer", WORK).role("reviewer", WORK).build();
    let daemon = scene.start();
    switch(&daemon, "/pause", &json!({ "gate": "portcullis/document-verdict", "by": "ada", "why": "it is wrong" }));
    let id = daemon.new_task("ITEM");
    let shown = daemon.until_rests(id, "paused");
    assert_eq!(shown["task"]["stage"], "development");
    assert_eq!(shown["evaluations"], json!([]), "it was not asked");
    switch(&daemon, "/pause", &json!({ "project": "demo", "by": "ada" }));
    switch(&daemon, "/resume", &json!({ "gate": "portcullis/document-verdict" }));
    daemon.until(id, "it rests for the project's pause", |shown| shown["task"]["rest"]["what"] == "project demo");
    switch(&daemon, "/resume", &json!({ "project": "demo" }));
    daemon.until_rests(id, "finished");
}

#[test]
fn the_commands_pause_and_resume_and_refuse_what_is_not_there() {
    // QUE-7
    let scene = Scene::builder().manifest(TWO_STAGES).role("developer", WORK).role("reviewer", WORK).build();
    let daemon = scene.start();
    let run = |args: &[&str]| portcullis_with(&daemon, args);
    let said = run(&["pause", "--role", "reviewer", "--by", "ada", "-m", "on leave"]);
    assert!(
        said.status.success() && String::from_utf8_lossy(&said.stdout).contains("role reviewer is paused"),
        "{said:?}"
    );
    let queue = run(&["queue"]);
    let text = String::from_utf8_lossy(&queue.stdout).into_owned();
    assert!(text.contains("PAUSED: role reviewer by ada") && text.contains("on leave"), "{text}");
    let twice = run(&["pause", "--role", "reviewer"]);
    assert!(String::from_utf8_lossy(&twice.stdout).contains("it was before"), "{twice:?}");
    let both = run(&["pause", "--role", "reviewer", "--project", "demo"]);
    assert_eq!(both.status.code(), Some(2), "{both:?}");
    let nobody = run(&["pause", "--project", "nobody"]);
    assert!(String::from_utf8_lossy(&nobody.stderr).contains("there is no project `nobody`"), "{nobody:?}");
    assert!(run(&["resume", "--role", "reviewer"]).status.success());
    assert_eq!(run(&["resume", "--role", "reviewer"]).status.code(), Some(2));
}
