//! The queue and what operators do with it.

use portcullis_e2e::fake::{Fake, Reply};
use portcullis_e2e::scene::{OPERATOR, READER, further_project, repository};
use portcullis_e2e::{Answer, Daemon, Latch, Scene};
use reqwest::Method;
use serde_json::{Value, json};

/// One stage of work, and nothing merges.
const SHORT: &str = r#"
format = 1
[[stage]]
name = "development"
role = "developer"
[[stage]]
name = "done"
"#;

/// A gate that reads what the developer says of himself.
const JUDGED: &str = r#"
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
  name = "self-verdict"
  plugin = "portcullis/document-verdict"
  version = "^0.1"
  config = { document = "verdict.md" }
"#;

const WORK: &str = "mkdir -p \"$PORTCULLIS_DOCUMENTS\" && date > \"$PORTCULLIS_DOCUMENTS/$PORTCULLIS_STAGE.md\"\n";

/// Waits for the latch, notes its work item, and writes a file.
fn waiting(latch: &Latch) -> String {
    format!("echo begun\n{}{}{WORK}", latch.wait("go"), latch.note("$PORTCULLIS_WORK_ITEM"))
}

fn queue(daemon: &Daemon) -> Value {
    let answer = daemon.get("/queue");
    assert_eq!(answer.status, 200);
    answer.body
}

/// Waits until so many jobs run and wait; the snapshot then.
fn until_queue(daemon: &Daemon, running: usize, waiting: usize) -> Value {
    let mut last = Value::Null;
    daemon.eventually("the queue is as expected", || {
        last = queue(daemon);
        let count = |key: &str| last[key].as_array().map(Vec::len);
        count("running") == Some(running)
            && count("waiting") == Some(waiting)
            && last["running"].as_array().unwrap().iter().all(|job| job["pid"].is_u64())
    });
    last
}

fn act(daemon: &Daemon, id: i64, action: &str) -> Answer {
    daemon.post(&format!("/tasks/{id}/{action}"), &json!({ "by": "ann", "comment": "because" }))
}

fn is_problem(answer: &Answer, status: u16) {
    assert_eq!(answer.status, status, "{answer:?}");
    assert_eq!(answer.content_type, "application/problem+json", "{answer:?}");
    assert_eq!(answer.body["status"], status, "{answer:?}");
    assert!(answer.body["detail"].as_str().is_some_and(|detail| !detail.is_empty()), "{answer:?}");
}

#[test]
fn the_queue_shows_in_one_snapshot_what_runs_what_waits_and_why() {
    // QUE-4
    let latch = Latch::new();
    let scene = Scene::builder().manifest(SHORT).role("developer", &waiting(&latch)).build();
    let daemon = scene.start();
    let first = daemon.new_task("DEMO-1");
    until_queue(&daemon, 1, 0);
    let second = daemon.new_task("DEMO-2");
    let shown = until_queue(&daemon, 1, 1);
    let job = &shown["running"][0];
    assert_eq!((&job["task"], &job["work_item"], &job["role"]), (&json!(first), &json!("DEMO-1"), &json!("developer")));
    assert_eq!((&job["project"], &job["attempt"]), (&json!("demo"), &json!(1)));
    let pid = job["pid"].as_u64().unwrap();
    assert!(std::path::Path::new(&format!("/proc/{pid}")).exists());
    assert!(job["running_s"].is_u64() && job["age_s"].is_u64(), "{job}");
    daemon.get_until(job["log"].as_str().unwrap(), "begun");
    let waits = &shown["waiting"][0];
    assert_eq!((&waits["task"], &waits["work_item"]), (&json!(second), &json!("DEMO-2")));
    assert!(waits["waits_for"].as_str().unwrap().contains("queue.max_concurrency"), "{waits}");
    assert_eq!((&shown["jobs"]["running"], &shown["jobs"]["queued"]), (&json!(1), &json!(1)));
    assert_eq!((&shown["tasks"]["active"], &shown["tasks"]["held"]), (&json!(2), &json!(0)));
    for block in ["inbox", "outbox", "gates", "leases", "reaper", "reconcile"] {
        assert!(!shown[block].is_null(), "{block} is missing");
    }
    assert!(shown.get("post_deploy").is_none(), "it does not exist yet, so it is absent, not faked");
    // A held task's job says so instead of waiting for ever without a word.
    assert_eq!(act(&daemon, second, "hold").status, 200);
    assert!(daemon.explain(second).contains("held by ann: because"));
    latch.open("go");
    daemon.until_rests(first, "finished");
    daemon.eventually("nobody works for the held task", || {
        let shown = queue(&daemon);
        shown["running"].as_array().unwrap().is_empty() && shown["tasks"]["held"] == 1
    });
    assert_eq!(latch.notes(), ["DEMO-1"]);
    assert_eq!(act(&daemon, second, "release").status, 200);
    daemon.until_rests(second, "finished");
}

#[test]
fn every_door_asks_for_its_token_and_every_refusal_is_a_problem_document() {
    // No number: the interface's two kinds of token, and RFC 9457 for every error.
    let scene = Scene::builder().manifest(SHORT).role("developer", WORK).build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    daemon.until_rests(id, "finished");
    let reading = [
        "/queue",
        "/tasks",
        "/tasks/1",
        "/tasks/1/explain",
        "/evaluations/1",
        "/runs/1/log",
        "/inbox",
        "/audit",
        "/projects",
        "/plugins",
    ];
    let changing = [
        "/tasks",
        "/tasks/1/hold",
        "/tasks/1/release",
        "/tasks/1/cancel",
        "/tasks/1/retry",
        "/tasks/1/approve",
        "/inbox/1/replay",
    ];
    let reader = format!("Bearer {READER}");
    let basic = format!("Basic {OPERATOR}");
    for token in ["", "Bearer ", "Bearer wrong", &basic] {
        let headers = [("authorization", token)];
        for path in reading {
            is_problem(&daemon.send(Method::GET, path, &headers, Vec::new()), 401);
        }
        for path in changing {
            is_problem(&daemon.send(Method::POST, path, &headers, Vec::new()), 401);
        }
    }
    for path in changing {
        is_problem(&daemon.send(Method::POST, path, &[("authorization", &reader)], Vec::new()), 403);
    }
    for path in ["/healthz", "/readyz"] {
        assert_eq!(daemon.send(Method::GET, path, &[], Vec::new()).status, 200, "{path} is open");
    }
    // Wrong questions.
    for (path, status) in [
        ("/tasks/99", 404),
        ("/tasks/99/explain", 404),
        ("/tasks/first", 400),
        ("/evaluations/99", 404),
        ("/runs/99/log", 404),
        ("/inbox/99", 404),
        ("/inbox?state=odd", 400),
        ("/tasks?colour=red", 400),
        ("/nowhere", 404),
    ] {
        is_problem(&daemon.get(path), status);
    }
    let operator = format!("Bearer {OPERATOR}");
    is_problem(&daemon.send(Method::DELETE, "/queue", &[("authorization", &operator)], Vec::new()), 405);
    let json_headers = [("authorization", operator.as_str()), ("content-type", "application/json")];
    for (body, status) in [
        (&b"{"[..], 400),
        (b"{}", 422),
        (br#"{"project":"nobody's","work_item":"X","title":"x"}"#, 400),
        (br#"{"project":"demo","work_item":" ","title":"x"}"#, 400),
        (br#"{"project":"demo","work_item":"X","title":"x","colour":"red"}"#, 422),
    ] {
        is_problem(&daemon.send(Method::POST, "/tasks", &json_headers, body.to_vec()), status);
    }
    is_problem(&daemon.post(&format!("/tasks/{id}/explode"), &json!({})), 404);
    is_problem(&daemon.post(&format!("/tasks/{id}/hold"), &json!({ "bye": 1 })), 400);
    is_problem(&act(&daemon, id, "release"), 409);
    is_problem(&act(&daemon, 99, "hold"), 404);
}

#[test]
fn a_work_item_has_one_task_whoever_asks_and_how_often() {
    // QUE-2
    let latch = Latch::new();
    let scene = Scene::builder().manifest(SHORT).role("developer", &waiting(&latch)).build();
    let daemon = scene.start();
    let body = json!({ "project": "demo", "work_item": "DEMO-1", "title": "Do it" });
    let mut answers: Vec<(u16, i64)> = std::thread::scope(|scope| {
        let (daemon, body) = (&daemon, &body);
        let ask = |_| scope.spawn(move || daemon.post("/tasks", body));
        let rivals: Vec<_> = (0..10).map(ask).collect();
        let answered = rivals.into_iter().map(|rival| rival.join().unwrap());
        answered.map(|answer| (answer.status, answer.body["task"].as_i64().unwrap())).collect()
    });
    answers.sort_unstable();
    let id = answers[0].1;
    assert_eq!(answers.iter().filter(|(status, _)| *status == 201).count(), 1, "{answers:?}");
    assert!(answers.iter().all(|(status, task)| matches!(status, 200 | 201) && *task == id), "{answers:?}");
    let shown = until_queue(&daemon, 1, 0);
    assert_eq!(shown["jobs"]["running"], 1);
    latch.open("go");
    daemon.until_rests(id, "finished");
    assert_eq!(latch.notes(), ["DEMO-1"], "one job, one run");
    let again = daemon.post("/tasks", &body);
    assert_eq!((again.status, again.body["task"].as_i64().unwrap()), (200, id), "not even after its end");
}

#[test]
fn a_kill_keeps_the_queue_and_the_next_daemon_sees_the_run_through() {
    // QUE-1, LAU-6
    let latch = Latch::new();
    let scene = Scene::builder().manifest(SHORT).role("developer", &waiting(&latch)).build();
    let daemon = scene.start();
    let first = daemon.new_task("DEMO-1");
    until_queue(&daemon, 1, 0);
    let second = daemon.new_task("DEMO-2");
    let before = until_queue(&daemon, 1, 1);
    daemon.kill();
    let pid = before["running"][0]["pid"].as_u64().unwrap();
    assert!(std::path::Path::new(&format!("/proc/{pid}/exe")).exists(), "the run goes on without the daemon");
    let daemon = scene.start();
    let after = until_queue(&daemon, 1, 1);
    for key in ["job", "task", "run", "pid", "attempt"] {
        assert_eq!(after["running"][0][key], before["running"][0][key], "{key}");
    }
    for key in ["job", "task", "attempt"] {
        assert_eq!(after["waiting"][0][key], before["waiting"][0][key], "{key}");
    }
    latch.open("go");
    daemon.until_rests(first, "finished");
    daemon.until_rests(second, "finished");
    assert_eq!(latch.notes(), ["DEMO-1", "DEMO-2"], "each has run once");
    assert_eq!(daemon.log().matches("a run has begun").count(), 2);
}

#[test]
fn a_run_that_ends_while_no_daemon_is_there_is_known_to_the_next_one() {
    // LAU-6
    let latch = Latch::new();
    let scene = Scene::builder().manifest(SHORT).role("developer", &waiting(&latch)).build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let shown = until_queue(&daemon, 1, 0);
    let pid = shown["running"][0]["pid"].as_u64().unwrap();
    daemon.kill();
    latch.open("go");
    let gone = || !std::path::Path::new(&format!("/proc/{pid}/exe")).exists();
    portcullis_testkit::eventually("the shim has ended", portcullis_e2e::daemon::PATIENCE, gone);
    let daemon = scene.start();
    daemon.until_rests(id, "finished");
    assert_eq!(latch.notes(), ["DEMO-1"], "its exit code was known, so it was not run again");
    assert_eq!(daemon.log().matches("a run has begun").count(), 1);
}

#[test]
fn a_project_with_much_to_do_does_not_starve_another() {
    // REG-1, QUE-3
    let latch = Latch::new();
    let other = repository(SHORT);
    let script = latch.path("developer.sh");
    std::fs::write(&script, waiting(&latch)).unwrap();
    let roles = format!("[project.roles]\ndeveloper.command = [\"sh\", \"{}\"]\n", script.display());
    let scene = Scene::builder()
        .manifest(SHORT)
        .role("developer", &waiting(&latch))
        .settings(&further_project("other", &other, &roles))
        .build();
    let daemon = scene.start();
    let mut ids: Vec<i64> = (1..=4).map(|n| daemon.new_task(&format!("DEMO-{n}"))).collect();
    until_queue(&daemon, 1, 3);
    ids.push(daemon.new_task_in("other", "OTHER-1", &json!({})));
    until_queue(&daemon, 1, 4);
    latch.open("go");
    for id in ids {
        daemon.until_rests(id, "finished");
    }
    assert_eq!(latch.notes(), ["DEMO-1", "OTHER-1", "DEMO-2", "DEMO-3", "DEMO-4"]);
    // Each in its own repository.
    assert!(other.origin_head("task/OTHER-1").is_some() && scene.repo.origin_head("task/OTHER-1").is_none());
}

#[test]
fn cancelling_ends_the_run_and_retrying_starts_it_again() {
    // LAU-5
    let latch = Latch::new();
    let scene = Scene::builder().manifest(SHORT).role("developer", &waiting(&latch)).build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let pid = until_queue(&daemon, 1, 0)["running"][0]["pid"].as_u64().unwrap();
    is_problem(&act(&daemon, id, "retry"), 409);
    assert_eq!(act(&daemon, id, "cancel").status, 200);
    let shown = daemon.until(id, "its job is cancelled", |shown| shown["job"]["state"] == "cancelled");
    assert_eq!(shown["task"]["held"]["by"], "ann");
    daemon.eventually("its process is gone", || !std::path::Path::new(&format!("/proc/{pid}/exe")).exists());
    until_queue(&daemon, 0, 0);
    assert!(daemon.explain(id).contains("held by ann: because"));
    let audit = daemon.get(&format!("/audit?task={id}")).body;
    assert!(audit["audit"].as_array().unwrap().iter().any(|row| row["actor"] == "ann"), "who did it: {audit}");
    latch.open("go");
    assert_eq!(act(&daemon, id, "retry").status, 200);
    daemon.until_rests(id, "finished");
    assert_eq!(latch.notes(), ["DEMO-1"], "the cancelled run did not get that far");
}

#[test]
fn a_task_that_is_sent_back_too_often_is_held_and_one_person_is_told_once() {
    // STG-4, STG-6
    let latch = Latch::new();
    let operator = Fake::start(|_| Reply::Json(200, json!({})));
    let script = format!(
        "mkdir -p \"$PORTCULLIS_DOCUMENTS\"\nv=changes-requested\n[ -e {} ] && v=approved\nprintf -- '---\\nverdict: %s\\n---\\nrun %s\\n' $v $PORTCULLIS_RUN_ID > \"$PORTCULLIS_DOCUMENTS/verdict.md\"\n{}",
        latch.path("good").display(),
        latch.note("run")
    );
    let secret = latch.path("secret");
    std::fs::write(&secret, "notify-secret").unwrap();
    let notify = format!(
        "[notify]\nwebhook_url = \"{}/ring\"\nwebhook_secret = {{ file = \"{}\" }}\n",
        operator.url(),
        secret.display()
    );
    let scene = Scene::builder().manifest(JUDGED).role("developer", &script).settings(&notify).build();
    let daemon = scene.start();
    let id = daemon.new_task("DEMO-1");
    let shown = daemon.until_rests(id, "held");
    assert_eq!((&shown["task"]["returns"], &shown["task"]["held"]["by"]), (&json!(3), &json!("portcullis")));
    assert_eq!(latch.notes().len(), 3, "the first run and two more");
    daemon.eventually("the board shows it as blocked", || daemon.task(id)["board"]["state"] == "blocked");
    daemon.eventually("the operator was told", || !operator.asked().is_empty());
    let why = daemon.explain(id);
    assert!(why.contains("sent back 3 times") && why.contains("self-verdict") && why.contains("task release"), "{why}");
    // Nothing drives it again until a person does: not even a restart.
    assert_eq!(daemon.stop(), Some(0));
    let daemon = scene.start();
    daemon.until_rests(id, "held");
    assert_eq!(latch.notes().len(), 3);
    let told = operator.asked();
    assert_eq!(told.len(), 1, "{told:?}");
    let text = told[0].json()["text"].as_str().unwrap().to_owned();
    assert!(text.contains("DEMO-1") && text.contains("sent back 3 times"), "{text}");
    // Released, it goes on.
    latch.open("good");
    assert_eq!(act(&daemon, id, "release").status, 200);
    daemon.until_rests(id, "finished");
    assert_eq!(latch.notes().len(), 4);
    assert_eq!(operator.asked().len(), 1);
}
