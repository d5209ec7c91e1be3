//! Dead, lost and hung runs as processes: what the reaper does about them, and what it leaves alone.

use crate::processes::{pids_in, runs, signal};
use portcullis_e2e::invariants::edit::{CLAIMED_AND_LOST, damage_run};
use portcullis_e2e::scene::PROJECT;
use portcullis_e2e::{Daemon, Scene};
use serde_json::{Value, json};
use std::path::Path;

/// One stage with work in it.
const ONE_STAGE: &str = "
format = 1

[[stage]]
name = \"development\"
role = \"developer\"

[[stage]]
name = \"done\"
";

/// Notes who it is; sleeps in its first attempt, writes a file in the others.
const SLEEPS_ONCE: &str = r#"
here=$(dirname "$0")
sleep 600 &
echo "$$ $!" > "$here/$PORTCULLIS_WORK_ITEM.$PORTCULLIS_ATTEMPT"
if [ $PORTCULLIS_ATTEMPT = 1 ]; then wait; sleep 600; fi
kill $!
echo "$PORTCULLIS_RUN_ID" > work.txt
"#;

const SOON: &str = "[queue]\nretry_first_s = 0\n\n[runs]\nkill_grace_s = 1\n\n[reaper]\ninterval_s = 1\n";

fn shim(daemon: &Daemon, id: i64) -> String {
    let shown = daemon.until(id, "its run has a process", |shown| shown["job"]["run"]["process"]["pid"].is_u64());
    shown["job"]["run"]["process"]["pid"].to_string()
}

fn reaper(daemon: &Daemon) -> Value {
    daemon.get("/queue").body["reaper"].clone()
}

#[test]
fn a_shim_that_was_killed_takes_its_role_along_and_the_next_attempt_works_alone() {
    // REA-1, LAU-6: the role outlives its shim; it must not go on beside the next attempt.
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", SLEEPS_ONCE).settings(SOON).build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let role = pids_in(&daemon, &scene.home().join("DEMO-1.1"));
    signal("KILL", &shim(&daemon, id));
    daemon.until_rests(id, "finished");
    for pid in &role {
        assert!(!runs(pid), "process {pid} of the lost run still runs");
    }
    assert!(daemon.log().contains("ended what a lost run had left running"), "{}", daemon.log());
}

#[test]
fn a_role_that_was_killed_leaves_running_at_once() {
    // LAU-2, I6: told by the kernel; the reaper's tick is far away.
    let settings = "[queue]\nretry_first_s = 0\n\n[reaper]\ninterval_s = 3600\n";
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", SLEEPS_ONCE).settings(settings).build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let role = pids_in(&daemon, &scene.home().join("DEMO-1.1"));
    signal("KILL", &role[0]);
    daemon.until_rests(id, "finished");
    assert!(!runs(&role[1]), "the rest of its group has ended with it");
    assert_eq!(reaper(&daemon)["finished_total"], 0, "nobody needed the reaper");
}

#[test]
fn a_run_that_nothing_ends_is_timed_out_by_the_reaper_though_its_shim_hangs() {
    // REA-4
    let settings = "[runs]\nkill_grace_s = 1\n\n[reaper]\ninterval_s = 1\nmax_running_s = 3\n";
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", SLEEPS_ONCE).settings(settings).build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let role = pids_in(&daemon, &scene.home().join("DEMO-1.1"));
    signal("STOP", &shim(&daemon, id));
    let shown = daemon.until_rests(id, "held");
    assert_eq!(shown["job"]["state"], "failed");
    let explained = daemon.explain(id);
    assert!(explained.contains("timed out: it ran longer than reaper.max_running_s, 3 s"), "{explained}");
    for pid in &role {
        daemon.eventually("its group has ended", || !runs(pid));
    }
    assert_eq!(reaper(&daemon)["timed_out_total"], 1);
}

#[test]
fn a_job_that_was_claimed_but_never_launched_is_lost_and_tried_again() {
    // REA-1, QUE-1: the daemon dies between the claim and the launch.
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", "echo text > work.txt\n").settings(SOON).build();
    let daemon = scene.start();
    let paused = daemon.post("/pause", &json!({ "by": "ada", "why": "to catch it waiting" }));
    assert_eq!(paused.status, 200, "{}", paused.body);
    let id = daemon.new_task("DEMO-1");
    daemon.kill();
    scene.database(CLAIMED_AND_LOST);
    let daemon = scene.start();
    daemon.until_rests(id, "finished");
    assert_eq!(reaper(&daemon)["lost_total"], 1);
}

#[test]
fn one_damaged_job_stops_neither_the_tick_nor_the_others() {
    // REA-6
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", SLEEPS_ONCE);
    let scene = scene
        .settings("[queue]\nmax_concurrency = 2\nmax_per_project = 2\nretry_first_s = 0\n\n[reaper]\ninterval_s = 1\n")
        .build();
    let daemon = scene.start();
    let (bad, good) = (daemon.new_task("BAD"), daemon.new_task("GOOD"));
    let left = pids_in(&daemon, &scene.home().join("BAD.1"));
    let role = pids_in(&daemon, &scene.home().join("GOOD.1"));
    shim(&daemon, bad);
    shim(&daemon, good);
    daemon.kill();
    scene.database(&damage_run(bad));
    signal("KILL", &role[0]);
    let daemon = scene.start();
    daemon.until_rests(good, "finished");
    let reason = daemon.until_rests(bad, "held")["task"]["held"]["reason"].to_string();
    assert!(reason.contains("damaged"), "{reason}");
    for pid in &left {
        daemon.eventually("nobody works for the damaged one any more", || !runs(pid));
    }
}

#[test]
fn a_reaper_that_is_switched_off_says_so_and_takes_over_at_the_start_all_the_same() {
    // REA-6, LAU-6
    let settings = "[queue]\nretry_first_s = 0\n\n[reaper]\nenabled = false\n";
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", SLEEPS_ONCE).settings(settings).build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let role = pids_in(&daemon, &scene.home().join("DEMO-1.1"));
    shim(&daemon, id);
    daemon.kill();
    let daemon = scene.start();
    assert_eq!(reaper(&daemon)["enabled"], false);
    assert_eq!(reaper(&daemon)["adopted_total"], 1, "{}", daemon.log());
    signal("KILL", &role[0]);
    daemon.until_rests(id, "finished");
}

#[test]
fn a_cancelled_run_is_ended_by_the_next_daemon_if_this_one_dies() {
    // QUE-7, LAU-5, LAU-6
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", SLEEPS_ONCE).settings(SOON).build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let role = pids_in(&daemon, &scene.home().join("DEMO-1.1"));
    let shim = shim(&daemon, id);
    // The shim is stopped, so that the daemon dies before the end that it asked for has come.
    signal("STOP", &shim);
    let job = daemon.task(id)["job"]["id"].clone();
    let answer = daemon.post(&format!("/jobs/{job}/cancel"), &json!({ "by": "ada", "why": "wrong branch" }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    daemon.kill();
    signal("CONT", &shim);
    let daemon = scene.start();
    let shown = daemon.until(id, "its job is cancelled", |shown| shown["job"]["state"] == "cancelled");
    assert!(shown["job"]["reason"].as_str().unwrap().contains("ada"), "{shown:#}");
    for pid in &role {
        daemon.eventually("its group has ended", || !runs(pid));
    }
    let explained = daemon.until_rests(id, "held")["task"]["held"]["reason"].to_string();
    assert!(explained.contains("was cancelled"), "{explained}");
    let audit = daemon.get(&format!("/audit?task={id}")).body.to_string();
    assert!(audit.contains("wrong branch") && audit.contains("ada"), "{audit}");
}

#[test]
fn an_exit_record_that_is_garbage_is_no_success() {
    // LAU-6, REA-1: nothing is guessed; the run counts as lost.
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", SLEEPS_ONCE).settings(SOON).build();
    for (item, garbage) in [("EMPTY", ""), ("BROKEN", "{\"exit_code\": 0"), ("OTHER", "[]")] {
        let daemon = scene.start();
        let id = daemon.new_task(item);
        pids_in(&daemon, &scene.home().join(format!("{item}.1")));
        let shim = shim(&daemon, id);
        let folder = daemon.task(id)["job"]["run"]["folder"].as_str().unwrap().to_owned();
        daemon.kill();
        signal("KILL", &shim);
        std::fs::write(Path::new(&folder).join("exit.json"), garbage).unwrap();
        let daemon = scene.start();
        daemon.until_rests(id, "finished");
        let branch = daemon.task(id)["task"]["branch"].as_str().unwrap().to_owned();
        let said = scene.repo.run(&scene.repo.origin(), ["log", "-1", "--format=%s", &branch]);
        assert!(said.starts_with(&format!("developer({PROJECT}): auto-commit")), "{said}");
    }
}
