//! The end of a role is noticed because the kernel says so, not because somebody comes by and looks.
//!
//! Every loop that comes by is switched off here: the reaper, the reconciler, and the sleep after which a loop looks though
//! nobody has rung. If one were needed, nothing would ever happen.

use portcullis_e2e::chaos::processes::{roles, signal};
use portcullis_e2e::{Daemon, Latch, Scene};
use std::ffi::OsStr;

const SHORT: &str = r#"
format = 1
[[stage]]
name = "development"
role = "developer"
[[stage]]
name = "done"
"#;

const NOBODY_COMES_BY: &str = "[queue]\nmax_attempts = 1\n\n[reaper]\nenabled = false\n\n[reconcile]\nenabled = false\n\n[retention]\nenabled = false\n\n";

fn start(scene: &Scene) -> Daemon {
    scene.try_start(&[("PORTCULLIS_NO_BACKSTOP", OsStr::new("1"))]).expect("the daemon starts")
}

fn kill_the_role(daemon: &Daemon, scene: &Scene, id: i64) {
    let [role] = roles(scene.home())[..] else { panic!("one role runs") };
    signal(role, "KILL");
    let held = daemon.until_rests(id, "held")["task"]["held"]["reason"].to_string();
    assert!(held.contains("137"), "{held}");
    assert_eq!(daemon.get("/queue").body["jobs"]["running"], 0);
}

#[test]
fn a_killed_role_is_noticed_by_its_daemon_and_by_the_next_one_though_nobody_ever_comes_by() {
    // LAU-2, LAU-6
    let latch = Latch::new();
    let role = format!("{}{}", latch.note("begun"), latch.wait("go"));
    let scene = Scene::builder().manifest(SHORT).settings(NOBODY_COMES_BY).role("developer", &role).build();
    let daemon = start(&scene);
    let id = daemon.new_task("DEMO-1");
    daemon.eventually("the role works", || latch.notes().len() == 1);
    kill_the_role(&daemon, &scene, id);
    // The same for a run that an earlier daemon has started.
    let id = daemon.new_task("DEMO-2");
    daemon.until(id, "its run has a process", |shown| shown["job"]["run"]["process"]["pid"].is_u64());
    daemon.eventually("the role works", || latch.notes().len() == 2);
    daemon.kill();
    let daemon = start(&scene);
    assert_eq!(daemon.get("/queue").body["reaper"]["adopted_total"], 1);
    kill_the_role(&daemon, &scene, id);
}
