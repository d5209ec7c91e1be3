//! Projects that are added, changed and removed while the daemon runs; nothing of their work is lost.

use crate::processes::signal;
use portcullis_e2e::scene::{further_project, repository};
use portcullis_e2e::{Latch, Scene, portcullis_with};
use reqwest::Method;
use serde_json::{Value, json};

const ONE_STAGE: &str = "
format = 1

[[stage]]
name = \"development\"
role = \"developer\"

[[stage]]
name = \"done\"
";

const WORK: &str = "echo $PORTCULLIS_RUN_ID > work.txt\n";

fn headers() -> [(&'static str, &'static str); 1] {
    [("authorization", "Bearer operator-token-of-the-tests")]
}

#[test]
fn a_project_added_over_http_works_at_once_survives_a_restart_and_can_be_removed_and_added_again() {
    // REG-2
    let latch = Latch::new();
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", WORK).build();
    let other = repository(ONE_STAGE);
    let daemon = scene.start();
    let script = format!("{}{WORK}", latch.wait("go"));
    let project = json!({
        "name": "later", "repository": "acme/later", "remote": other.origin(), "forge": "local",
        "roles": { "developer": { "command": ["sh", "-c", script] } },
    });
    let added = daemon.post("/projects", &project);
    assert_eq!((added.status, &added.body["added"]), (201, &json!(["later"])), "{}", added.body);
    let again = daemon.post("/projects", &project);
    assert_eq!(again.status, 200, "the same again changes nothing: {}", again.body);
    assert_eq!(again.body["changed"], json!([]), "{}", again.body);
    let running = daemon.new_task_in("later", "RUNNING", &json!({}));
    daemon.until(running, "its run has a process", |shown| shown["job"]["run"]["process"]["pid"].is_u64());
    daemon.kill();
    let daemon = scene.start();
    let waiting = daemon.new_task_in("later", "WAITING", &json!({}));

    let removed = daemon.send(Method::DELETE, "/projects/later", &headers(), Vec::new());
    assert_eq!((removed.status, &removed.body["removed"]), (200, &json!(["later"])), "{}", removed.body);
    latch.open("go");
    // What was begun ends in the project that it began in; what had not begun waits.
    daemon.until(running, "its run has landed", |shown| shown["job"]["state"] == "done");
    daemon.until(waiting, "says why it waits", |shown| {
        shown["task"]["rest"].to_string().contains("no longer in the settings")
    });
    assert_eq!(daemon.task(waiting)["job"]["state"], "queued");
    assert_eq!(daemon.post("/tasks", &json!({ "project": "later", "work_item": "X", "title": "x" })).status, 400);

    let added = daemon.post("/projects", &project);
    assert_eq!(added.status, 201, "{}", added.body);
    daemon.until_rests(running, "finished");
    daemon.until_rests(waiting, "finished");
    let audit = daemon.get("/audit?limit=1000").body.to_string();
    assert!(audit.contains("operator removed the project"), "{audit}");
}

#[test]
fn the_settings_file_s_projects_are_read_again_on_sighup_and_on_reload() {
    // REG-2
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", WORK).build();
    let other = repository(ONE_STAGE);
    let daemon = scene.start();
    let text = std::fs::read_to_string(scene.settings()).unwrap();
    let more = "\n[project.roles]\ndeveloper.command = [\"sh\", \"-c\", \"echo first > first.txt\"]\n";
    std::fs::write(scene.settings(), format!("{text}\n{}", further_project("later", &other, more))).unwrap();
    signal("HUP", &daemon.pid().to_string());
    let names =
        |body: &Value| body["projects"].as_array().unwrap().iter().map(|p| p["name"].clone()).collect::<Vec<_>>();
    daemon.eventually("the new project is there", || names(&daemon.get("/projects").body).contains(&json!("later")));
    let id = daemon.new_task_in("later", "ONE", &json!({}));
    daemon.until_rests(id, "finished");

    // A mistake changes nothing and says where it is.
    let good = std::fs::read_to_string(scene.settings()).unwrap();
    std::fs::write(scene.settings(), good.replace("echo first", "echo second") + "\n[queue]\nmax_concurency = 2\n")
        .unwrap();
    let refused = portcullis_with(&daemon, &["reload"]);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(refused.status.code() == Some(2) && said.contains("max_concurency"), "{said}");
    let id = daemon.new_task_in("later", "TWO", &json!({}));
    daemon.until_rests(id, "finished");
    let branch = daemon.task(id)["task"]["branch"].as_str().unwrap().to_owned();
    assert_eq!(other.run(&other.origin(), ["show", &format!("{branch}:first.txt")]), "first");

    std::fs::write(scene.settings(), good.replace("echo first", "echo second")).unwrap();
    let reloaded = portcullis_with(&daemon, &["reload"]);
    let said = String::from_utf8_lossy(&reloaded.stdout).into_owned();
    assert!(reloaded.status.success() && said.contains("changed: later"), "{said} {reloaded:?}");
    let id = daemon.new_task_in("later", "THREE", &json!({}));
    daemon.until_rests(id, "finished");
    let branch = daemon.task(id)["task"]["branch"].as_str().unwrap().to_owned();
    assert_eq!(other.run(&other.origin(), ["show", &format!("{branch}:first.txt")]), "second");

    let refused = daemon.send(Method::DELETE, "/projects/later", &headers(), Vec::new());
    assert_eq!(refused.status, 409, "it stands in the file: {}", refused.body);
    assert_eq!(daemon.send(Method::DELETE, "/projects/nobody", &headers(), Vec::new()).status, 404);
}

#[test]
fn a_project_that_cannot_be_used_is_refused_and_nothing_changes() {
    // REG-2, CFG-1
    let scene = Scene::builder().manifest(ONE_STAGE).role("developer", WORK).build();
    let daemon = scene.start();
    for (project, status, says) in [
        (json!({ "name": "x" }), 422, "repository"),
        (json!({ "name": "a b", "repository": "o/r", "remote": "/r", "forge": "local" }), 422, "project's name"),
        (json!({ "name": "../x", "repository": "o/r", "remote": "/r", "forge": "local" }), 422, "project's name"),
        (json!({ "name": "x", "repository": "o/r", "remote": "/r", "forge": "gitea" }), 422, "forge_url"),
        (json!({ "name": "x", "repository": "o/r", "remote": "/r", "forge": "local", "more": 1 }), 422, "more"),
        (json!({ "name": "demo", "repository": "o/r", "remote": "/r", "forge": "local" }), 409, "settings file"),
    ] {
        let answer = daemon.post("/projects", &project);
        let detail = answer.body["detail"].as_str().unwrap_or_default();
        assert!(answer.status == status && detail.contains(says), "{project}: {} {}", answer.status, answer.body);
    }
    assert_eq!(daemon.get("/projects").body["projects"].as_array().unwrap().len(), 1);
    assert!(!scene.home().join("projects.d").exists(), "nothing was kept");
}
