//! The daemon dies where it puts aside what it cannot read; the next one does it, and the rest goes on.

use portcullis_core::event::Source;
use portcullis_e2e::invariants::edit::{DAMAGED_EFFECT, DAMAGED_EVENT, LOOK_AT_ALL, damage_run, damages};
use portcullis_e2e::invariants::{History, history};
use portcullis_e2e::{Latch, Scene, payload};
use serde_json::json;
use std::ffi::OsStr;

const APPROVED: &str = r#"
format = 1
[[stage]]
name = "development"
role = "developer"
[[stage]]
name = "done"
[[edge]]
from = "development"
to = "done"
  [[edge.gate]]
  name = "approval"
  plugin = "portcullis/approval"
  version = "^0.1"
"#;

#[test]
fn a_daemon_that_dies_where_it_puts_aside_what_is_damaged_leaves_it_to_the_next_one() {
    // REA-6, WEB-4, I1, I6
    let latch = Latch::new();
    let waits = format!("if [ $PORTCULLIS_WORK_ITEM = LOST ]; then\n{}{}fi\n", latch.note("begun"), latch.wait("go"));
    let scene = Scene::builder()
        .manifest(APPROVED)
        .settings("[queue]\nmax_concurrency = 3\nmax_per_project = 3\n\n[runs]\nkill_grace_s = 1\n\n")
        .role("developer", &format!("{waits}echo \"$PORTCULLIS_WORK_ITEM\" > work.txt\n"))
        .build();
    let daemon = scene.start();
    let [bad, good, lost] = ["BAD", "GOOD", "LOST"].map(|item| daemon.new_task(item));
    let event = daemon.webhook(Source::Gitea, "push", "d1", &payload::push("main", &"1".repeat(40)));
    daemon.until_handled(event.body["event"].as_i64().unwrap());
    daemon.until_rests(bad, "gate-pending");
    daemon.until_rests(good, "gate-pending");
    daemon.until(lost, "its run has a process", |shown| shown["job"]["run"]["process"]["pid"].is_u64());
    daemon.eventually("the board was told", || daemon.get("/queue").body["outbox"]["counts"]["waiting"] == 0);
    daemon.kill();

    let database = scene.home().join("portcullis.db");
    let holds =
        |history: &History| history.audit.iter().filter(|entry| entry.task == bad && entry.from == "damaged").count();
    let overlay = format!("{};{LOOK_AT_ALL}", damages()[0].1.replace(":id", &bad.to_string()));
    type IsDone<'a> = &'a dyn Fn(&History) -> bool;
    let places: [(&str, String, IsDone<'_>); 4] = [
        ("hold-a-damaged-task", overlay, &|history| holds(history) == 1),
        ("fail-a-damaged-job", damage_run(lost), &|history| {
            history.jobs.iter().any(|job| job.task == lost && job.state == "failed")
        }),
        ("park-damaged-events", DAMAGED_EVENT.to_owned(), &|history| history.events[0].state == "parked"),
        ("park-damaged-effects", DAMAGED_EFFECT.to_owned(), &|history| {
            history.effects.iter().any(|effect| effect.state == "parked")
        }),
    ];
    for (place, damage, is_done) in &places {
        scene.database(damage);
        for (side, done) in [("before", false), ("after", true)] {
            let at = format!("store/{place}/{side}");
            // It may die before it listens.
            if let Ok(mut daemon) = scene.try_start(&[("PORTCULLIS_CRASH_AT", OsStr::new(&at))]) {
                portcullis_testkit::eventually(&at, portcullis_e2e::daemon::PATIENCE, || daemon.has_ended());
            }
            assert_eq!(is_done(&history(&database)), done, "{at}");
        }
    }
    let daemon = scene.start();
    let head = daemon.task(good)["task"]["head"].clone();
    let answer = daemon.post(&format!("/tasks/{good}/approve"), &json!({ "by": "ada", "revision": head }));
    assert_eq!(answer.status, 200, "{}", answer.body);
    daemon.until_rests(good, "finished");
    daemon.until_rests(lost, "held");
    daemon.eventually("nothing waits", || {
        let queue = daemon.get("/queue").body;
        queue["inbox"]["counts"]["new"] == 0 && queue["outbox"]["counts"]["waiting"] == 0
    });
    assert_eq!(daemon.stop(), Some(0));
    let history = history(&database);
    assert!(places.iter().all(|(_, _, is_done)| is_done(&history)));
    assert_eq!(holds(&history), 1, "held once");
    let is_about_it = |key: &str| key.starts_with(&format!("task-{bad}/")) && key.ends_with("/damaged");
    let told = history.effects.iter().filter(|effect| is_about_it(&effect.key)).count();
    assert_eq!(told, 1, "told once");
    assert!(history.jobs.iter().all(|job| job.state != "running"));
    assert_eq!(latch.notes(), ["begun"]);
}
