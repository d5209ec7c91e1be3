//! Gitea's client: lists in pages, statuses, pull requests, comments, and answers that make no sense.

use crate::revision;
use crate::server::{Asked, Reply, Server};
use portcullis_connect::forge::{Forge, Gitea};
use portcullis_connect::http::{Connection, SetupError};
use portcullis_connect::secret::Secret;
use portcullis_core::effect::StatusState;
use portcullis_core::facts::{CheckState, ForgeError};
use serde_json::{Value, json};
use std::time::Duration;

const TOKEN: &str = "gto_5e5f9f0c2d1b4a7788";
const STATUS_PATH: &str = "GET /api/v1/repos/harbour/crane/commits/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa/status";

fn connection(server: &Server) -> Connection {
    Connection { timeout: Duration::from_secs(20), ..Connection::new(&server.url, Secret::new(TOKEN)) }
}

fn gitea(server: &Server) -> Gitea {
    Gitea::new(connection(server), "harbour/crane").unwrap()
}

fn status(id: u64, context: &str, state: &str) -> Value {
    json!({ "id": id, "status": state, "context": context, "description": "of\nthis", "target_url": "https://ci.example.org/1",
            "creator": null, "created_at": "2026-01-05T09:14:00Z", "updated_at": "2026-01-05T09:15:00Z" })
}

fn page_of(asked: &Asked) -> usize {
    asked.query("page").unwrap().parse().unwrap()
}

// CIG-1
#[tokio::test]
async fn checks_are_read_to_the_last_page_and_the_newest_of_a_context_counts() {
    // Pages of 30 although 50 were asked for, and a total that is the page's own, as some versions answer.
    let server = Server::start(|asked| {
        let statuses: Vec<Value> = match page_of(asked) {
            1 => (1..=30).map(|n| status(n, &format!("ci/{n:02}"), "success")).collect(),
            2 => {
                vec![status(90, "ci/late", "failure"), status(91, "ci/01", "pending"), status(89, "ci/late", "success")]
            }
            _ => Vec::new(),
        };
        Reply::json(
            200,
            json!({ "state": "x", "sha": "a".repeat(40), "total_count": statuses.len(), "statuses": statuses }),
        )
    })
    .await;
    let checks = gitea(&server).checks(&revision('a')).await.unwrap();
    assert_eq!(checks.len(), 31);
    let state = |context: &str| checks.iter().find(|check| check.context == context).map(|check| check.state);
    assert_eq!(state("ci/late"), Some(CheckState::Failure));
    assert_eq!(state("ci/01"), Some(CheckState::Pending));
    assert_eq!(checks[1].description, "of this");
    assert_eq!(checks[1].reported_at_s, Some(1_767_604_500));
    assert_eq!(server.count(STATUS_PATH), 3);
    let first = &server.asked()[0];
    assert_eq!(first.header("authorization"), Some(format!("token {TOKEN}").as_str()));
    assert!(first.header("user-agent").unwrap().starts_with("portcullis/"));
}

// CIG-3
#[tokio::test]
async fn every_state_has_its_meaning_and_an_unknown_one_is_no_success() {
    let words = ["success", "failure", "error", "pending", "warning", "skipped", "splendid", ""];
    let server = Server::start(move |asked| {
        let statuses: Vec<Value> = match page_of(asked) {
            1 => words.iter().zip(1..).map(|(word, id)| status(id, &format!("{id}"), word)).collect(),
            _ => Vec::new(),
        };
        Reply::json(200, json!({ "sha": "a".repeat(40), "statuses": statuses }))
    })
    .await;
    let states: Vec<CheckState> =
        gitea(&server).checks(&revision('a')).await.unwrap().iter().map(|c| c.state).collect();
    use CheckState::{Error, Failure, Pending, Skipped, Success, Warning};
    assert_eq!(states, [Success, Failure, Error, Pending, Warning, Skipped, Error, Error]);
}

// CIG-1
#[tokio::test]
async fn no_status_at_all_is_an_empty_list_and_another_revision_s_is_an_error() {
    let server =
        Server::start(|_| Reply::json(200, json!({ "state": "", "sha": "", "total_count": 0, "statuses": null })))
            .await;
    assert_eq!(gitea(&server).checks(&revision('a')).await, Ok(Vec::new()));
    let server =
        Server::start(|_| Reply::json(200, json!({ "sha": "b".repeat(40), "statuses": [status(1, "ci", "success")] })))
            .await;
    let error = gitea(&server).checks(&revision('a')).await.unwrap_err();
    assert!(error.to_string().contains("instead of"), "{error}");
}

// CIG-1: a list cut short could lack the one red check.
#[tokio::test]
async fn a_list_without_an_end_is_an_error_and_ends() {
    let server = Server::start(|asked| {
        let page = page_of(asked) as u64;
        Reply::json(200, json!({ "sha": "a".repeat(40), "statuses": [status(page, &format!("{page}"), "success")] }))
    })
    .await;
    let error = gitea(&server).checks(&revision('a')).await.unwrap_err();
    assert!(error.to_string().contains("more than 50 pages"), "{error}");
    assert_eq!(server.count(STATUS_PATH), 50);
}

// CIG-1
#[tokio::test]
async fn required_checks_come_from_the_target_branch_s_protection() {
    let server = Server::start(|asked| {
        let on = asked.target.ends_with("/branches/release/1.0");
        Reply::json(
            200,
            json!({ "name": "x", "commit": { "id": "a".repeat(40) }, "protected": true,
                                 "enable_status_check": on, "status_check_contexts": ["ci/test", "ci/lint*"] }),
        )
    })
    .await;
    assert_eq!(gitea(&server).required_checks("release/1.0").await.unwrap(), ["ci/test", "ci/lint*"]);
    assert!(gitea(&server).required_checks("main").await.unwrap().is_empty());
}

fn pull(number: u64, branch: &str, from: &str) -> Value {
    json!({ "number": number, "state": "open", "merged": false, "merge_commit_sha": null,
            "head": { "ref": branch, "sha": "a".repeat(40), "repo": { "full_name": from } },
            "base": { "ref": "main", "sha": "b".repeat(40), "repo": { "full_name": "harbour/crane" } } })
}

// MRG-3
#[tokio::test]
async fn an_open_pull_request_is_found_and_none_is_opened() {
    let server = Server::start(|asked| match (asked.what().as_str(), asked.query("page")) {
        ("GET /api/v1/repos/harbour/crane/pulls", Some("1")) => {
            Reply::json(200, json!([pull(3, "task/1", "mallory/crane"), pull(4, "task/2", "harbour/crane")]))
        }
        ("GET /api/v1/repos/harbour/crane/pulls", Some("2")) => {
            Reply::json(200, json!([pull(5, "task/1", "Harbour/Crane")]))
        }
        _ => Reply::json(200, json!([])),
    })
    .await;
    assert_eq!(gitea(&server).open_pull_request("task/1", "main", "t", "b").await, Ok(5));
    assert!(server.asked().iter().all(|asked| asked.method == "GET"));
}

// MRG-3
#[tokio::test]
async fn a_pull_request_is_opened_where_there_is_none_and_a_rival_s_is_taken() {
    let server = Server::start(|asked| match asked.method.as_str() {
        "GET" => Reply::json(200, json!([])),
        _ => Reply::json(201, pull(9, "task/1", "harbour/crane")),
    })
    .await;
    assert_eq!(gitea(&server).open_pull_request("task/1", "main", "a\ntitle", "body").await, Ok(9));
    let opened = server.asked().into_iter().find(|asked| asked.method == "POST").unwrap();
    assert_eq!(opened.json(), json!({ "head": "task/1", "base": "main", "title": "a title", "body": "body" }));

    let tried = std::sync::atomic::AtomicBool::new(false);
    let server = Server::start(move |asked| {
        use std::sync::atomic::Ordering::SeqCst;
        match asked.method.as_str() {
            "GET" if tried.load(SeqCst) && page_of(asked) == 1 => {
                Reply::json(200, json!([pull(10, "task/1", "harbour/crane")]))
            }
            "GET" => Reply::json(200, json!([])),
            _ => {
                tried.store(true, SeqCst);
                Reply::json(409, json!({ "message": "pull request already exists for these targets" }))
            }
        }
    })
    .await;
    assert_eq!(gitea(&server).open_pull_request("task/1", "main", "t", "b").await, Ok(10));
}

// SEC-7
#[tokio::test]
async fn a_status_is_set_on_the_revision() {
    let server = Server::start(|_| Reply::json(201, json!({}))).await;
    let long = "x".repeat(600);
    gitea(&server).set_status(&revision('a'), "portcullis/merge", StatusState::Failure, &long).await.unwrap();
    let asked = &server.asked()[0];
    assert_eq!(asked.what(), format!("POST /api/v1/repos/harbour/crane/statuses/{}", "a".repeat(40)));
    let body = asked.json();
    assert_eq!((&body["state"], &body["context"]), (&json!("failure"), &json!("portcullis/merge")));
    assert_eq!(body["description"].as_str().unwrap().chars().count(), 255);
}

// MRG-3
#[tokio::test]
async fn a_comment_is_made_once_for_its_key() {
    let made = std::sync::Arc::new(std::sync::Mutex::new(vec![
        // Quoted by somebody, which does not count.
        json!({ "body": "see <!-- portcullis:task-1:merge -->" }),
    ]));
    let store = std::sync::Arc::clone(&made);
    let server = Server::start(move |asked| {
        if asked.method == "POST" {
            store.lock().unwrap().push(asked.json());
            return Reply::json(201, json!({}));
        }
        let comments = if page_of(asked) == 1 { store.lock().unwrap().clone() } else { Vec::new() };
        Reply::json(200, Value::Array(comments))
    })
    .await;
    for _ in 0..3 {
        gitea(&server).comment(12, "task-1:merge", "Merged.").await.unwrap();
    }
    gitea(&server).comment(12, "task-1:other", "Other.").await.unwrap();
    let bodies: Vec<String> =
        made.lock().unwrap().iter().map(|made| made["body"].as_str().unwrap().to_owned()).collect();
    let ours = ["<!-- portcullis:task-1:merge -->\nMerged.", "<!-- portcullis:task-1:other -->\nOther."];
    assert_eq!(bodies[1..], ours);
}

// CIG-2
#[tokio::test]
async fn refusals_are_told_apart() {
    for (reply, expected) in [
        (Reply::json(404, json!({ "message": "not here" })), ForgeError::NotFound),
        (Reply::text(429, ""), ForgeError::RateLimited(60)),
        (Reply::text(429, "").with("retry-after", "17"), ForgeError::RateLimited(17)),
        (Reply::text(429, "").with("retry-after", "999999"), ForgeError::RateLimited(3_600)),
        (Reply::text(429, "").with("retry-after", "-4"), ForgeError::RateLimited(60)),
        (Reply::text(403, "").with("retry-after", "5"), ForgeError::RateLimited(5)),
    ] {
        let server = Server::start(move |_| reply.clone()).await;
        assert_eq!(gitea(&server).pull_request(1).await, Err(expected));
    }
    for (reply, words) in [
        (Reply::json(403, json!({ "message": "no" })), "check the token"),
        (Reply::json(500, json!({ "message": "database is locked" })), "500: database is locked"),
        (Reply::text(502, "<html>\nbad\u{7} gateway</html>"), "502: <html> bad gateway</html>"),
        (Reply::text(200, "<html>"), "makes no sense"),
        (Reply::json(200, json!({ "number": "one" })), "`number`"),
        (Reply::json(200, json!([])), "makes no sense"),
        (Reply::text(200, ""), "makes no sense"),
        (Reply::HangUp, "request failed"),
    ] {
        let server = Server::start(move |_| reply.clone()).await;
        let error = gitea(&server).pull_request(1).await.unwrap_err();
        assert!(matches!(error, ForgeError::Unavailable(_)) && error.to_string().contains(words), "{error}");
    }
}

// CFG-1: a token must not go where a redirect points, nor a POST become a GET.
#[tokio::test]
async fn redirects_are_not_followed() {
    let elsewhere = Server::start(|_| Reply::json(200, json!({}))).await;
    let target = format!("{}/api/v1/somewhere", elsewhere.url);
    for status in [301, 302, 307, 308] {
        let target = target.clone();
        let server = Server::start(move |_| Reply::text(status, "").with("location", &target)).await;
        let error = gitea(&server).set_status(&revision('a'), "c", StatusState::Success, "").await.unwrap_err();
        assert!(error.to_string().contains("it has moved"), "{error}");
    }
    assert!(elsewhere.asked().is_empty());
}

// GAT-1
#[tokio::test]
async fn an_endless_a_huge_and_a_silent_answer_end_in_an_error() {
    let huge = vec![b' '; 70_000];
    for reply in [Reply::Endless, Reply::Full(200, Vec::new(), huge)] {
        let server = Server::start(move |_| reply.clone()).await;
        let small = Connection { max_response_bytes: 65_536, ..connection(&server) };
        let error = Gitea::new(small, "harbour/crane").unwrap().pull_request(1).await.unwrap_err();
        assert!(error.to_string().contains("larger than 65536 bytes"), "{error}");
    }
    let server = Server::start(|_| Reply::Silent).await;
    let hasty = Connection { timeout: Duration::from_millis(150), ..connection(&server) };
    let error = Gitea::new(hasty, "harbour/crane").unwrap().pull_request(1).await.unwrap_err();
    assert!(error.to_string().contains("took too long"), "{error}");
}

// CFG-1
#[tokio::test]
async fn the_token_is_in_no_error_and_no_debug_output() {
    let echo = |asked: &Asked| {
        let header = asked.header("authorization").unwrap_or_default().to_owned();
        match asked.target.as_str() {
            path if path.ends_with("/1") => Reply::json(500, json!({ "message": format!("bad header {header}") })),
            path if path.ends_with("/2") => Reply::text(403, &header),
            path if path.ends_with("/3") => Reply::json(200, json!({ "number": header })),
            path if path.ends_with("/4") => Reply::text(302, "").with("location", &format!("http://x/?{header}")),
            _ => Reply::HangUp,
        }
    };
    let server = Server::start(echo).await;
    let gitea = gitea(&server);
    for number in 1..=5 {
        let error = gitea.pull_request(number).await.unwrap_err();
        assert!(!format!("{error} {error:?}").contains(TOKEN), "{error}");
    }
    assert!(!format!("{gitea:?} {:?}", connection(&server)).contains(TOKEN));
    let nobody =
        Connection { timeout: Duration::from_secs(5), ..Connection::new("http://127.0.0.1:1", Secret::new(TOKEN)) };
    let error = Gitea::new(nobody, "harbour/crane").unwrap().pull_request(1).await.unwrap_err();
    assert!(!error.to_string().contains(TOKEN) && error.to_string().contains("no connection"), "{error}");
}

// CFG-1
#[test]
fn unusable_settings_are_refused_without_repeating_what_is_secret() {
    let made =
        |url: &str, token: &str, name: &str| Gitea::new(Connection::new(url, Secret::new(token)), name).unwrap_err();
    let url = "https://git.example.org";
    for bad in ["", "git.example.org", "ftp://git.example.org", "https://", "https://u:hunter22@git.example.org"] {
        let error = made(bad, TOKEN, "harbour/crane");
        assert!(matches!(error, SetupError::Address { .. }) && !error.to_string().contains("hunter22"), "{error}");
    }
    for bad in ["", "  ", "to\nken", "t\u{0}"] {
        assert_eq!(made(url, bad, "harbour/crane"), SetupError::Token("Gitea"));
    }
    for bad in ["", "crane", "/crane", "harbour/", "a/b/c", "../crane", "harbour/..", "har bour/crane", "a/b?x"] {
        assert!(matches!(made(url, TOKEN, bad), SetupError::Name { .. }), "{bad}");
    }
}

// CFG-1
#[tokio::test]
async fn a_gitea_below_a_path_is_spoken_with_there() {
    let server = Server::start(|_| Reply::text(404, "")).await;
    for slash in ["", "/"] {
        let connection = Connection::new(format!("{}/git{slash}", server.url), Secret::new(TOKEN));
        let _ = Gitea::new(connection, "harbour/crane").unwrap().pull_request(1).await;
    }
    assert_eq!(server.count("GET /git/api/v1/repos/harbour/crane/pulls/1"), 2);
}
