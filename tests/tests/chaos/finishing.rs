//! A run that has ended and is still being finished is nobody's to reap.

use portcullis_e2e::invariants::history;
use portcullis_e2e::{Latch, Scene};
use std::collections::BTreeSet;
use std::os::unix::fs::PermissionsExt;

const SHORT: &str = r#"
format = 1
[[stage]]
name = "development"
role = "developer"
[[stage]]
name = "done"
"#;

/// A scene whose forge takes a push only once the latch `go` is open.
fn slow_forge(latch: &Latch, settings: &str) -> Scene {
    let scene = Scene::builder()
        .manifest(SHORT)
        .settings(settings)
        .role("developer", &format!("{}echo work > work.txt\n", latch.note("run")))
        .build();
    let hook = scene.repo.origin().join("hooks/pre-receive");
    std::fs::create_dir_all(hook.parent().unwrap()).unwrap();
    std::fs::write(&hook, format!("#!/bin/sh\n{}{}", latch.note("push"), latch.wait("go"))).unwrap();
    std::fs::set_permissions(&hook, std::fs::Permissions::from_mode(0o755)).unwrap();
    scene
}

#[test]
fn a_daemon_that_is_told_to_stop_while_a_push_hangs_ends_and_the_next_one_finishes_the_run() {
    // LAU-2, LAU-6
    let latch = Latch::new();
    let scene = slow_forge(&latch, "");
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    daemon.eventually("the work is being pushed", || latch.notes() == ["run", "push"]);
    assert_eq!(daemon.stop(), Some(0), "though the push still hangs");
    latch.open("go");
    let daemon = scene.start();
    daemon.until_rests(id, "finished");
    assert_eq!(latch.notes().iter().filter(|note| *note == "run").count(), 1, "the role has worked once");
    assert_eq!(daemon.stop(), Some(0));
    let history = history(&scene.home().join("portcullis.db"));
    assert_eq!((history.jobs.len(), history.runs.len()), (1, 1));
}

#[test]
fn a_run_whose_push_takes_longer_than_the_grace_is_not_reaped() {
    // REA-2, LAU-2
    let latch = Latch::new();
    let scene = slow_forge(&latch, "[reaper]\ninterval_s = 1\nfinalize_grace_s = 10\n\n");
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    daemon.eventually("the work is being pushed", || latch.notes() == ["run", "push"]);
    // Its exit code is recorded, and the reaper comes by for longer than the grace lasts.
    let mut ticks = BTreeSet::new();
    daemon.eventually("the reaper has ticked", || {
        let queue = daemon.get("/queue").body;
        assert_eq!(queue["running"][0]["exit_code"], 0, "{queue:#}");
        ticks.extend(queue["reaper"]["last_tick"].as_str().map(str::to_owned));
        ticks.len() >= 12
    });
    let reaper = daemon.get("/queue").body["reaper"].clone();
    for counter in ["lost_total", "finished_total", "timed_out_total", "outrun_total"] {
        assert_eq!(reaper[counter], 0, "{counter}: {reaper:#}");
    }
    latch.open("go");
    daemon.until_rests(id, "finished");
    assert_eq!(latch.notes(), ["run", "push"], "one run, one push");
    assert_eq!(daemon.stop(), Some(0));
    let history = history(&scene.home().join("portcullis.db"));
    assert_eq!((history.jobs.len(), history.runs.len()), (1, 1));
}
