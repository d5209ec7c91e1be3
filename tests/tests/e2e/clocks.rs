//! A machine's clock that is set forward and back while the daemon runs.

use crate::processes::{pids_in, runs};
use portcullis_e2e::{Daemon, Scene};
use serde_json::{Value, json};

const DAY_MS: i64 = 24 * 3600 * 1000;

/// One stage with work in it.
const ONE_STAGE: &str = "
format = 1

[[stage]]
name = \"development\"
role = \"developer\"

[[stage]]
name = \"done\"
";

/// The same, with gates on the way out.
fn gated(gate: &str) -> String {
    format!("{ONE_STAGE}\n[[edge]]\nfrom = \"development\"\nto = \"done\"\n\n{gate}")
}

const APPROVAL: &str = "
  [[edge.gate]]
  name = \"approval\"
  plugin = \"portcullis/approval\"
  version = \"^0.1\"
  deadline-s = 2592000
";

/// Works until it is told to end.
const WAITS: &str = r#"
here=$(dirname "$0")
echo "$$" > "$here/begun"
until [ -e "$here/go" ] || [ ! -d "$here" ]; do sleep 0.05; done
echo text > work.txt
"#;

/// Waits until the reaper has ticked twice by the clock that `scene` was just set to.
fn ticks(daemon: &Daemon, is_after: impl Fn(&str) -> bool) {
    let mut last = String::new();
    let mut seen = 0;
    daemon.eventually("the reaper ticks by the new clock", || {
        let tick = daemon.get("/queue").body["reaper"]["last_tick"].as_str().unwrap_or_default().to_owned();
        if tick != last && is_after(&tick) {
            seen += 1;
        }
        last = tick;
        seen >= 2
    });
}

fn now(daemon: &Daemon) -> String {
    daemon.get("/queue").body["at"].as_str().expect("it says when").to_owned()
}

#[test]
fn a_clock_that_is_set_forward_and_back_ends_no_live_run_and_nothing_is_done_twice() {
    // REA-4, LSE-2, QUE-1
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", WAITS);
    let scene = scene.settings("[reaper]\ninterval_s = 1\n").build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let role = pids_in(&daemon, &scene.home().join("begun"));
    daemon.until_rests(id, "job-running");
    let began = now(&daemon);
    scene.set_clock(DAY_MS);
    let tomorrow = now(&daemon);
    assert!(tomorrow > began, "the daemon sees the new time");
    ticks(&daemon, |tick| tick >= tomorrow.as_str());
    assert!(runs(&role[0]), "{}", daemon.log());
    scene.set_clock(-DAY_MS);
    ticks(&daemon, |tick| tick < began.as_str());
    assert!(runs(&role[0]), "{}", daemon.log());
    std::fs::write(scene.home().join("go"), "").unwrap();
    daemon.until_rests(id, "finished");
    let log = daemon.log();
    assert_eq!(log.lines().filter(|line| line.contains("a run has begun")).count(), 1, "{log}");
    assert!(!log.contains("the reaper looked at a job"), "nobody had to do anything about it: {log}");
}

#[test]
fn a_gate_that_waits_is_asked_again_after_the_clock_was_set_forward_and_back() {
    // STG-6, GAT-8: an answer of tomorrow does not keep today's from being asked for.
    let scene = Scene::builder().manifest(&gated(APPROVAL)).role("developer", "echo text > work.txt\n").build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let asked = daemon.until_rests(id, "gate-pending")["evaluations"].as_array().unwrap().len();
    scene.set_clock(DAY_MS);
    let shown = daemon.until(id, "asked by the new clock", |shown| {
        shown["evaluations"].as_array().is_some_and(|all| all.len() > asked)
    });
    let asked = shown["evaluations"].as_array().unwrap().len();
    scene.set_clock(0);
    let shown = daemon.until(id, "asked by the right clock, though nothing has happened", |shown| {
        shown["evaluations"].as_array().is_some_and(|all| all.len() > asked)
    });
    let approval = json!({ "by": "ada", "revision": shown["task"]["head"] });
    let answer = daemon.post(&format!("/tasks/{id}/approve"), &approval);
    assert_eq!(answer.status, 200, "{}", answer.body);
    daemon.until_rests(id, "finished");
}

#[test]
fn a_task_that_was_moved_by_a_clock_ahead_says_what_it_waits_for_and_goes_on_when_time_is_right() {
    // STG-6
    let scene = Scene::builder().manifest(&gated(APPROVAL)).role("developer", WAITS).build();
    scene.set_clock(DAY_MS);
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    pids_in(&daemon, &scene.home().join("begun"));
    scene.set_clock(0);
    std::fs::write(scene.home().join("go"), "").unwrap();
    daemon.until_rests(id, "clock-behind");
    let explained = daemon.explain(id);
    assert!(explained.contains("clock is behind"), "{explained}");
    scene.set_clock(DAY_MS + 60_000);
    let shown = daemon.until_rests(id, "gate-pending");
    let approval = json!({ "by": "ada", "revision": shown["task"]["head"] });
    let answer = daemon.post(&format!("/tasks/{id}/approve"), &approval);
    assert_eq!(answer.status, 200, "{}", answer.body);
    daemon.until_rests(id, "finished");
}

const GREEN_TOO_SOON: &str = "
  [[edge.gate]]
  name = \"ci-green\"
  plugin = \"portcullis/ci-green\"
  version = \"^0.1\"
  deadline-s = 2592000
  config = { required = [\"ci\"], min-age-s = 3600, retry-after-s = 1 }
";

#[test]
fn a_check_that_is_green_sooner_than_its_age_is_pending_and_passes_when_it_has_been_green_for_as_long() {
    // CIG-2, CIG-4, GAT-4
    let scene = Scene::builder().manifest(&gated(GREEN_TOO_SOON)).role("developer", "echo text > work.txt\n");
    let scene = scene.command("ci", "true\n").build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let too_soon = "green sooner than 3600 s after the push; it has to stay so for 3600 s";
    let is_too_soon = |shown: &Value| {
        let last = shown["evaluations"].as_array().and_then(|all| all.last());
        last.is_some_and(|e| e["verdict"] == "pending" && e["summary"].as_str().is_some_and(|s| s.contains(too_soon)))
    };
    let shown = daemon.until(id, "CI is green, and too soon", is_too_soon);
    let (head, asked) = (&shown["task"]["head"], shown["evaluations"].as_array().unwrap().len());
    assert!(daemon.explain(id).contains(too_soon), "{}", daemon.explain(id));

    scene.set_clock(50 * 60 * 1000);
    let shown = daemon.until(id, "asked again fifty minutes later", |shown| {
        shown["evaluations"].as_array().is_some_and(|all| all.len() > asked)
    });
    assert!(is_too_soon(&shown), "{shown:#}");
    scene.set_clock(61 * 60 * 1000);
    let shown = daemon.until_rests(id, "finished");
    let last = shown["evaluations"].as_array().unwrap().last().unwrap();
    assert_eq!((&last["verdict"], &last["head"]), (&json!("pass"), head), "the same head, whose CI ran once: {last:#}");
    assert_eq!(shown["task"]["returns"], 0);
}
