//! A pid that was written down may belong to somebody else by now. Nobody else is ever signalled.

use portcullis_e2e::chaos::processes::{roles, shims, signal};
use portcullis_e2e::daemon::PATIENCE;
use portcullis_e2e::invariants::edit::put_process;
use portcullis_e2e::{Latch, Scene};
use portcullis_testkit::{eventually, eventually_some};
use serde_json::json;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command};

const SHORT: &str = r#"
format = 1
[[stage]]
name = "development"
role = "developer"
[[stage]]
name = "done"
"#;

/// A process that has nothing to do with us, in a group of its own; it ends with this value.
struct Stranger(Child);

impl Stranger {
    fn new() -> Self {
        Self(Command::new("sleep").arg("1000").process_group(0).spawn().unwrap())
    }

    fn start_ticks(&self) -> u64 {
        let stat = std::fs::read_to_string(format!("/proc/{}/stat", self.0.id())).unwrap();
        stat[stat.rfind(')').unwrap() + 1..].split_ascii_whitespace().nth(19).unwrap().parse().unwrap()
    }

    fn lives(&mut self) -> bool {
        self.0.try_wait().unwrap().is_none()
    }
}

impl Drop for Stranger {
    fn drop(&mut self) {
        let _gone_already = self.0.kill();
        let _reaped = self.0.wait();
    }
}

/// A job that says `running` whose process is a stranger, as far as `who` (start time or not, machine boot or not) says;
/// then a daemon starts. With `cancel` a person cancels the task at once.
fn meets_a_stranger(with_start: bool, with_boot: bool, cancel: bool) {
    let latch = Latch::new();
    let work = format!("{}{}echo work > work.txt\n", latch.note("begun"), latch.wait("go"));
    let quick = "[queue]\nretry_first_s = 0\nretry_longest_s = 1\n\n";
    let scene = Scene::builder().manifest(SHORT).settings(quick).role("developer", &work).build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    daemon.eventually("the role works", || latch.notes().len() == 1 && !roles(scene.home()).is_empty());
    daemon.kill();
    // The run is over without a trace, and its pid goes to somebody else.
    let (runs, theirs) = (roles(scene.home()), shims(scene.home()));
    runs.iter().chain(&theirs).for_each(|pid| signal(*pid, "KILL"));
    eventually("the run is gone", PATIENCE, || shims(scene.home()).is_empty());
    let mut stranger = Stranger::new();
    let ticks = if with_start { stranger.start_ticks() } else { 1 };
    let machine = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").unwrap();
    let boot = if with_boot { machine.trim() } else { "another boot of this machine" };
    put_process(&scene.home().join("portcullis.db"), stranger.0.id(), ticks, boot);
    let daemon = scene.start();
    if cancel {
        let body = json!({ "by": "ann", "comment": "no longer needed" });
        assert_eq!(daemon.post(&format!("/tasks/{id}/cancel"), &body).status, 200);
        daemon.until_rests(id, "held");
        daemon.eventually("nothing runs", || daemon.get("/queue").body["jobs"]["running"] == 0);
    } else {
        latch.open("go");
        daemon.until_rests(id, "finished");
        let notes = eventually_some("the run that was lost ran again", PATIENCE, || {
            (latch.notes().len() == 2).then(|| latch.notes())
        });
        assert_eq!(notes, ["begun", "begun"]);
    }
    assert!(stranger.lives(), "a stranger was ended");
    assert_eq!(daemon.stop(), Some(0));
    assert!(stranger.lives(), "a stranger was ended at the daemon's end");
}

#[test]
fn a_process_with_the_pid_of_a_run_and_another_start_time_is_left_alone() {
    // REA-1, LAU-6
    meets_a_stranger(false, true, false);
}

#[test]
fn a_process_with_the_pid_of_a_run_before_the_machine_was_booted_anew_is_left_alone() {
    // REA-1, LAU-6
    meets_a_stranger(true, false, false);
}

#[test]
fn cancelling_a_run_whose_pid_belongs_to_somebody_else_leaves_that_one_alone() {
    // LAU-5, LAU-6
    meets_a_stranger(false, true, true);
    meets_a_stranger(true, false, true);
}
