//! GitHub's client: checks from two places, protection from two places, and its rate limits.

use crate::revision;
use crate::server::{Reply, Server};
use portcullis_connect::forge::{Forge, GitHub};
use portcullis_connect::http::Connection;
use portcullis_connect::secret::Secret;
use portcullis_core::effect::StatusState;
use portcullis_core::facts::{CheckState, ForgeError};
use serde_json::{Value, json};

const TOKEN: &str = "ghp_0123456789abcdefghij";

fn github(server: &Server) -> GitHub {
    GitHub::new(Connection::new(&server.url, Secret::new(TOKEN)), "harbour/crane").unwrap()
}

fn sha() -> String {
    "a".repeat(40)
}

fn run(id: u64, suite: u64, name: &str, status: &str, conclusion: Option<&str>) -> Value {
    json!({ "id": id, "name": name, "head_sha": sha(), "status": status, "conclusion": conclusion,
            "started_at": "2026-01-05T09:13:30Z", "completed_at": conclusion.map(|_| "2026-01-05T09:15:00Z"),
            "html_url": "https://github.com/harbour/crane/runs/1", "output": { "title": null },
            "check_suite": { "id": suite }, "app": { "name": "GitHub Actions" } })
}

fn status(context: &str, state: &str) -> Value {
    json!({ "id": 1, "state": state, "context": context, "description": null, "target_url": null,
            "updated_at": "2026-01-05T09:14:00Z" })
}

async fn with(statuses: Vec<Value>, runs: Vec<Value>) -> Server {
    Server::start(move |asked| {
        let page: usize = asked.query("page").unwrap().parse().unwrap();
        let size: usize = asked.query("per_page").unwrap().parse().unwrap();
        let cut = |all: &[Value]| all.chunks(size).nth(page - 1).unwrap_or_default().to_vec();
        if asked.what().ends_with("/check-runs") {
            let more = runs.len() > page * size;
            let reply = Reply::json(200, json!({ "total_count": runs.len(), "check_runs": cut(&runs) }));
            let link = if more { r#"<https://x/?page=2>; rel="next""# } else { r#"<https://x/?page=1>; rel="prev""# };
            return if runs.len() > size { reply.with("link", link) } else { reply };
        }
        Reply::json(200, json!({ "state": "pending", "sha": sha(), "total_count": 0, "statuses": cut(&statuses) }))
    })
    .await
}

// CIG-1
#[tokio::test]
async fn statuses_and_check_runs_are_read_to_the_last_page() {
    let mut runs: Vec<Value> =
        (1..=230).map(|n| run(n, n, &format!("job {n:03}"), "completed", Some("success"))).collect();
    runs.push(run(999, 999, "the last", "completed", Some("failure")));
    let server = with(vec![status("ci/lint", "success")], runs).await;
    let checks = github(&server).checks(&revision('a')).await.unwrap();
    assert_eq!(checks.len(), 232);
    let last = checks.iter().find(|check| check.context == "the last").unwrap();
    assert_eq!((last.state, last.reported_at_s), (CheckState::Failure, Some(1_767_604_500)));
    let path = format!("GET /repos/harbour/crane/commits/{}", sha());
    assert_eq!((server.count(&format!("{path}/check-runs")), server.count(&format!("{path}/status"))), (3, 1));
    assert_eq!(server.asked()[0].header("authorization"), Some(format!("Bearer {TOKEN}").as_str()));
}

// CIG-3
#[tokio::test]
async fn every_conclusion_has_its_meaning_and_an_unknown_one_is_no_success() {
    use CheckState::{Error, Failure, Pending, Skipped, Success};
    let cases = [
        ("completed", Some("success"), Success),
        ("completed", Some("failure"), Failure),
        ("completed", Some("timed_out"), Failure),
        ("completed", Some("startup_failure"), Failure),
        ("completed", Some("cancelled"), Error),
        ("completed", Some("stale"), Error),
        ("completed", Some("action_required"), Error),
        ("completed", Some("neutral"), Skipped),
        ("completed", Some("skipped"), Skipped),
        ("completed", Some("splendid"), Error),
        ("completed", None, Error),
        ("queued", None, Pending),
        ("in_progress", None, Pending),
        ("waiting", Some("success"), Pending),
    ];
    let runs =
        cases.iter().zip(1..).map(|((status, conclusion, _), n)| run(n, n, &format!("{n:02}"), status, *conclusion));
    let server = with(Vec::new(), runs.collect()).await;
    let states: Vec<CheckState> =
        github(&server).checks(&revision('a')).await.unwrap().iter().map(|c| c.state).collect();
    assert_eq!(states, cases.map(|(_, _, state)| state));
}

// CIG-1: two workflows with a job of one name; the green one must not hide the red one.
#[tokio::test]
async fn the_least_good_of_one_name_counts_but_a_rerun_replaces_its_run() {
    let runs = vec![
        run(1, 10, "build", "completed", Some("success")),
        run(2, 11, "build", "completed", Some("failure")),
        run(3, 12, "test", "completed", Some("failure")),
        run(4, 12, "test", "completed", Some("success")),
        run(5, 13, "lint", "completed", Some("success")),
    ];
    let server = with(vec![status("lint", "pending")], runs).await;
    let checks = github(&server).checks(&revision('a')).await.unwrap();
    let states: Vec<(&str, CheckState)> = checks.iter().map(|check| (check.context.as_str(), check.state)).collect();
    let expected = [("build", CheckState::Failure), ("lint", CheckState::Pending), ("test", CheckState::Success)];
    assert_eq!(states, expected);
}

// CIG-1
#[tokio::test]
async fn no_checks_at_all_are_an_empty_list_and_an_unknown_commit_is_not_found() {
    let server = with(Vec::new(), Vec::new()).await;
    assert_eq!(github(&server).checks(&revision('a')).await, Ok(Vec::new()));
    let server = Server::start(|_| Reply::json(422, json!({ "message": "No commit found for SHA: aaaa" }))).await;
    assert_eq!(github(&server).checks(&revision('a')).await, Err(ForgeError::NotFound));
}

// CIG-1
#[tokio::test]
async fn required_checks_come_from_protection_and_rule_sets() {
    let server = Server::start(|asked| {
        if asked.what().contains("/rules/branches/") {
            return Reply::json(200, json!([
                { "type": "deletion" },
                { "type": "required_status_checks",
                  "parameters": { "required_status_checks": [{ "context": "test" }, { "context": "audit" }] } },
            ]));
        }
        let level = if asked.what().ends_with("/main") { "everyone" } else { "off" };
        Reply::json(200, json!({ "name": "main", "commit": { "sha": sha() }, "protected": true, "protection": {
            "enabled": true, "required_status_checks": { "enforcement_level": level, "contexts": ["lint", "test"] } } }))
    })
    .await;
    assert_eq!(github(&server).required_checks("main").await.unwrap(), ["audit", "lint", "test"]);
    assert_eq!(github(&server).required_checks("release/1.0").await.unwrap(), ["audit", "test"]);
    let server = Server::start(|asked| {
        if asked.what().contains("/rules/") {
            Reply::text(404, "")
        } else {
            Reply::json(200, json!({ "commit": { "sha": sha() } }))
        }
    })
    .await;
    assert!(github(&server).required_checks("main").await.unwrap().is_empty());
}

// CIG-2
#[tokio::test]
async fn rate_limits_say_how_long_by_the_forge_s_own_clock() {
    let limited = |status: u16| {
        Reply::json(status, json!({ "message": "API rate limit exceeded" })).with("x-ratelimit-remaining", "0")
    };
    for (reply, expected) in [
        (limited(403).with("date", "Mon, 05 Jan 2026 09:00:00 GMT").with("x-ratelimit-reset", "1767603690"), 90),
        (limited(429).with("date", "Mon, 05 Jan 2026 09:00:00 GMT").with("x-ratelimit-reset", "1767603000"), 60),
        (limited(403).with("x-ratelimit-reset", "1767603690"), 60),
        (limited(403).with("retry-after", "7"), 7),
        (Reply::text(403, "secondary limit").with("retry-after", "30"), 30),
    ] {
        let server = Server::start(move |_| reply.clone()).await;
        assert_eq!(github(&server).pull_request(1).await, Err(ForgeError::RateLimited(expected)));
    }
    let server = Server::start(|_| Reply::json(403, json!({ "message": "Resource not accessible" }))).await;
    let error = github(&server).pull_request(1).await.unwrap_err();
    assert!(error.to_string().contains("check the token"), "{error}");
}

// MRG-3
#[tokio::test]
async fn an_open_pull_request_is_found_by_branch_and_base_or_opened() {
    let pull = |number: u64, branch: &str| {
        json!({ "number": number, "state": "open", "merged_at": null, "merge_commit_sha": null,
                "head": { "ref": branch, "sha": sha() }, "base": { "ref": "main", "sha": sha() } })
    };
    let server = Server::start(move |asked| match (asked.method.as_str(), asked.query("head")) {
        ("GET", Some("harbour%3Atask%2F1")) => Reply::json(200, json!([pull(4, "other"), pull(5, "task/1")])),
        ("GET", _) => Reply::json(200, json!([])),
        _ => Reply::json(201, pull(6, "task/2")),
    })
    .await;
    assert_eq!(github(&server).open_pull_request("task/1", "main", "t", "b").await, Ok(5));
    assert_eq!(server.asked().len(), 1);
    assert_eq!(github(&server).open_pull_request("task/2", "main", "t", "b").await, Ok(6));
}

// CFG-1
#[tokio::test]
async fn a_status_is_short_and_the_token_is_in_no_error() {
    let server = Server::start(|asked| match asked.json()["state"].as_str() {
        Some("success") => Reply::json(201, json!({})),
        _ => Reply::text(500, asked.header("authorization").unwrap()),
    })
    .await;
    let github = github(&server);
    github.set_status(&revision('a'), "portcullis", StatusState::Success, &"word ".repeat(99)).await.unwrap();
    assert!(server.asked()[0].json()["description"].as_str().unwrap().chars().count() <= 140);
    let error = github.set_status(&revision('a'), "portcullis", StatusState::Pending, "").await.unwrap_err();
    assert!(!error.to_string().contains(TOKEN) && error.to_string().contains("***"), "{error}");
}
