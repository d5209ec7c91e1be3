//! Rivals for one thing, all at once: exactly one gets it, and the others do nothing.

use portcullis_core::event::Source;
use portcullis_e2e::chaos::processes::signal;
use portcullis_e2e::daemon::PATIENCE;
use portcullis_e2e::gitea::FakeGitea;
use portcullis_e2e::invariants::edit::{expire_lease, take_lease};
use portcullis_e2e::invariants::{Course, Outside, history, merges, note, notes, violations};
use portcullis_e2e::plane::FakePlane;
use portcullis_e2e::{Daemon, Latch, Scene, payload};
use portcullis_testkit::eventually;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

const WORK: &str =
    "mkdir -p \"$PORTCULLIS_DOCUMENTS\"\necho $PORTCULLIS_RUN_ID > \"$PORTCULLIS_DOCUMENTS/$PORTCULLIS_STAGE.md\"\n";

const MERGING: &str = r#"
format = 1
[[stage]]
name = "development"
role = "developer"
[[stage]]
name = "done"
[[edge]]
from = "development"
to = "done"
on-fail = "development"
merge = true
"#;

/// An act that takes as long as the project's `test` command.
const SLOW_ACT: &str = r#"
format = 1
[[stage]]
name = "development"
role = "developer"
[[stage]]
name = "done"
[[edge]]
from = "development"
to = "done"
on-fail = "development"
  [[edge.gate]]
  name = "tested"
  plugin = "portcullis/merge-gate"
  version = "^0.1"
  config = { test = "test" }
"#;

const TASKS: usize = 32;
const RIVALS: usize = 16;

fn standings(daemon: &Daemon) -> Vec<Value> {
    let tasks = daemon.get("/tasks?limit=1000").body["tasks"].as_array().unwrap().clone();
    tasks.into_iter().map(|task| daemon.task(task["task"].as_i64().unwrap())["task"]["rest"].clone()).collect()
}

#[test]
fn of_sixteen_drivers_that_are_rung_all_the_time_one_moves_each_of_thirty_two_tasks() {
    // I1, QUE-3, MRG-2, STG-2
    let (gitea, latch) = (FakeGitea::start(), Latch::new());
    let file = latch.path("runs");
    let scene = Scene::builder()
        .manifest(MERGING)
        .settings("[queue]\nmax_concurrency = 4\nmax_per_project = 4\n\n")
        .forge(&gitea.forge())
        .role("developer", &format!("{}{WORK}{}", note("start", &file), note("end", &file)))
        .build();
    gitea.serve(&scene.repo.origin());
    let daemon = scene.start();
    let (next, over, accepted) = (AtomicUsize::new(0), AtomicBool::new(false), std::sync::Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for rival in 0..RIVALS {
            let (daemon, next, over, accepted) = (&daemon, &next, &over, &accepted);
            scope.spawn(move || {
                for n in 0.. {
                    let task = next.fetch_add(1, Ordering::SeqCst);
                    if task < TASKS {
                        daemon.new_task(&format!("DEMO-{task}"));
                    } else if over.load(Ordering::SeqCst) || n > 100 {
                        return;
                    }
                    // Somebody has pushed to the target branch: every open task is rung.
                    let revision = format!("{:040x}", rival * 1000 + n + 1);
                    let delivery = format!("push-{rival}-{n}");
                    let answer = daemon.webhook(Source::Gitea, "push", &delivery, &payload::push("main", &revision));
                    accepted.lock().unwrap().extend(answer.body["event"].as_i64());
                }
            });
        }
        let done = |rest: &Value| rest["kind"] == "finished" || rest["kind"] == "held";
        let all = || {
            let standings = standings(&daemon);
            standings.len() == TASKS && standings.iter().all(done)
        };
        let waited = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            eventually("all tasks have ended", 3 * PATIENCE, all);
        }));
        over.store(true, Ordering::SeqCst);
        // Of 1,600 webhooks the log says much: what the tasks wait for, and its end.
        assert!(waited.is_ok(), "{:?}\n{}", standings(&daemon), daemon.end_of_log());
    });
    daemon.eventually("nothing waits", || {
        let queue = daemon.get("/queue").body;
        queue["inbox"]["counts"]["new"] == 0 && queue["outbox"]["counts"]["waiting"] == 0
    });
    assert!(standings(&daemon).iter().all(|rest| rest["kind"] == "finished"), "{:?}", standings(&daemon));
    assert_eq!(daemon.stop(), Some(0));
    let outside = Outside {
        notes: notes(&std::fs::read_to_string(&file).unwrap()),
        accepted: accepted.into_inner().unwrap(),
        merges: merges(&scene.repo, &scene.repo.origin(), "demo"),
        pull_requests: gitea.pull_request_branches().into_iter().map(|branch| ("demo".to_owned(), branch)).collect(),
        ..Outside::default()
    };
    assert_eq!(outside.notes.iter().filter(|note| note.begins).count(), TASKS, "each role has run once");
    let course = Course::new("demo", &[("development", "done", "development", &[], true)]);
    let wrong = violations(&history(&scene.home().join("portcullis.db")), &outside, &[course]);
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_webhook_and_an_operator_that_ask_for_one_work_item_at_once_make_one_task_one_branch_and_one_job() {
    // QUE-2
    let (plane, latch) = (FakePlane::start(), Latch::new());
    let scene = Scene::builder()
        .manifest(MERGING)
        .project(&plane.tracker())
        .role("developer", &format!("{}{WORK}", latch.note("begun")))
        .build();
    let daemon = scene.start();
    std::thread::scope(|scope| {
        for n in 0..32 {
            let daemon = &daemon;
            scope.spawn(move || {
                if n % 2 == 0 {
                    let body = json!({ "project": "demo", "work_item": "demo-65", "title": "Do it" });
                    let status = daemon.post("/tasks", &body).status;
                    assert!(matches!(status, 200 | 201), "{status}");
                } else {
                    let at = format!("2026-01-05T09:20:{n:02}Z");
                    let item = "f81d4fae-3333-4a6b-9c5d-00a0c91e6bf6";
                    let body = payload::work_item(item, 65, "To Analyse", &at);
                    let answer = daemon.webhook(Source::Plane, "issue", &format!("d{n}"), &body);
                    daemon.until_handled(answer.body["event"].as_i64().unwrap());
                }
            });
        }
    });
    let tasks = daemon.get("/tasks").body["tasks"].as_array().unwrap().clone();
    assert_eq!(tasks.len(), 1, "{tasks:#?}");
    daemon.until_rests(tasks[0]["task"].as_i64().unwrap(), "finished");
    assert_eq!(latch.notes(), ["begun"]);
    let branches = scene.repo.run(&scene.repo.origin(), ["for-each-ref", "--format=%(refname:short)", "refs/heads/"]);
    assert_eq!(branches, "main\ntask/demo-65");
    assert_eq!(daemon.stop(), Some(0));
    assert_eq!(history(&scene.home().join("portcullis.db")).jobs.len(), 1);
}

#[test]
fn a_webhook_and_the_reconciler_that_tell_of_one_work_item_at_once_make_one_task_one_branch_and_one_job() {
    // QUE-2, WEB-3, REC-3
    const ITEMS: u64 = 12;
    let (plane, latch) = (FakePlane::start(), Latch::new());
    let scene = Scene::builder()
        .manifest(MERGING)
        .project(&plane.tracker())
        .settings("[queue]\nmax_concurrency = 4\nmax_per_project = 4\n\n[reconcile]\ninterval_s = 1\n\n")
        .role("developer", &format!("{}{WORK}", latch.note("$PORTCULLIS_WORK_ITEM")))
        .build();
    let item = |n: u64| format!("f81d4fae-4444-4a6b-9c5d-{n:012}");
    let daemon = scene.start();
    let tell = |n: u64, at: &str| {
        let body = payload::work_item(&item(n), n, "To Analyse", at);
        let answer = daemon.webhook(Source::Plane, "issue", &format!("d{n}"), &body);
        assert!(matches!(answer.status, 200 | 202), "{}", answer.status);
        answer.body["event"].as_i64().unwrap()
    };
    // Staged: the reconciler has found it, and is about to make an event of it, when the webhook comes and is handled.
    plane.hold_history(true);
    let at = plane.put(&item(1), 1, "To Analyse");
    daemon.eventually("the reconciler has found it", || plane.asked_for_history(&item(1)) > 0);
    let event = tell(1, &at);
    daemon.until_handled(event);
    plane.hold_history(false);
    let ticks = || daemon.get("/queue").body["reconcile"]["ticks"].as_u64().unwrap();
    // At once: it is put on the board and told of while the reconciler comes round. After one round it may have been found,
    // after two it has.
    std::thread::scope(|scope| {
        for rival in 0..4 {
            let (daemon, plane, tell, ticks) = (&daemon, &plane, &tell, &ticks);
            scope.spawn(move || {
                for n in (2..=ITEMS).filter(|n| n / 4 == rival) {
                    let begun = ticks();
                    let at = plane.put(&item(n), n, "To Analyse");
                    let rounds = [2, 0, 1, 0][usize::try_from(n % 4).unwrap()];
                    daemon.eventually("the reconciler comes round", || ticks() >= begun + rounds);
                    daemon.until_handled(tell(n, &at));
                }
            });
        }
    });
    let expected = usize::try_from(ITEMS).unwrap();
    daemon.eventually("all are finished", || {
        let standings = standings(&daemon);
        standings.len() == expected && standings.iter().all(|rest| rest["kind"] == "finished")
    });
    // Whatever the reconciler would still make of them, it has made.
    let last = ticks() + 2;
    daemon.eventually("it comes round twice", || ticks() >= last);
    assert_eq!(daemon.stop(), Some(0));
    let history = history(&scene.home().join("portcullis.db"));
    let mut begun = latch.notes();
    begun.sort();
    let mut items: Vec<String> = (1..=ITEMS).map(|n| format!("demo-{n}")).collect();
    items.sort();
    assert_eq!(begun, items, "each role has run once");
    assert_eq!((history.tasks.len(), history.jobs.len(), history.events.len()), (expected, expected, expected));
    assert_eq!(history.audit.iter().filter(|entry| entry.what == "create").count(), expected);
    let by_reconciler = history.events.iter().filter(|event| event.delivery.starts_with("polled-")).count();
    println!("{by_reconciler} of {ITEMS} were told of by the reconciler first");
    assert!((1..expected).contains(&by_reconciler), "both have won: {by_reconciler}");
    let branches = scene.repo.run(&scene.repo.origin(), ["for-each-ref", "--format=%(refname:short)", "refs/heads/"]);
    assert_eq!(branches.lines().count(), 1 + expected, "{branches}");
}

#[test]
fn a_daemon_that_was_stopped_while_its_lease_went_to_a_rival_drops_its_work_when_it_wakes() {
    // LSE-1, I7, STG-2
    let latch = Latch::new();
    let scene = Scene::builder()
        .manifest(SLOW_ACT)
        .role("developer", WORK)
        .command("test", &format!("{}{}", latch.note("testing"), latch.wait("go")))
        .build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    daemon.eventually("the gate acts", || latch.notes() == ["testing"]);
    let database = scene.home().join("portcullis.db");
    let before = history(&database);
    signal(daemon.pid(), "STOP");
    // A rival node finds the lease's deadline past and takes it.
    let name = format!("drive/{id}");
    take_lease(&database, &name, "rival");
    latch.open("go");
    signal(daemon.pid(), "CONT");
    daemon.eventually("the daemon finds itself stale", || daemon.log().contains("end=Stale"));
    let after = history(&database);
    assert_eq!(after.tasks[0].version, before.tasks[0].version, "it has moved nothing");
    assert_eq!(after.evaluations.len(), before.evaluations.len(), "it has recorded nothing");
    let holder = after.leases.iter().find(|lease| lease.name == name).and_then(|lease| lease.holder.clone());
    assert_eq!(holder.as_deref(), Some("rival"), "it has not given back what is another's");
    // The rival has gone: the daemon takes the task up again.
    expire_lease(&database, &name);
    daemon.until_rests(id, "finished");
    assert_eq!(latch.notes().len(), 1, "what was tested at this very tree is not tested again");
}
