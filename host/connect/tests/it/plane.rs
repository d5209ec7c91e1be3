//! Plane's client: states kept and refreshed, fallbacks, comments made once.

use crate::server::{Reply, Server};
use portcullis_connect::http::Connection;
use portcullis_connect::secret::Secret;
use portcullis_connect::tracker::{Plane, PlaneSettings, Tracker, TrackerError, TrackerItem};
use portcullis_core::effect::TrackerState;
use portcullis_testkit::FakeClock;
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};
use std::time::Duration;

const KEY: &str = "plane_api_77c1f0e2d3b4";
const STATES: &str = "GET /api/v1/workspaces/harbour/projects/p1/states/";
const ITEM: &str = "PATCH /api/v1/workspaces/harbour/projects/p1/work-items/i1/";

fn plane(server: &Server, clock: &FakeClock, ttl_s: u64) -> Plane {
    let connection = Connection::new(&server.url, Secret::new(KEY));
    let settings =
        PlaneSettings { states_ttl: Duration::from_secs(ttl_s), ..PlaneSettings::new(connection, "harbour") };
    Plane::new(settings, Arc::new(clock.clone())).unwrap()
}

fn clock() -> FakeClock {
    FakeClock::at("2026-01-05T09:00:00Z")
}

fn item() -> TrackerItem {
    TrackerItem { project: "p1".to_owned(), id: "i1".to_owned() }
}

fn state(id: &str, name: &str, group: &str) -> Value {
    json!({ "id": id, "name": name, "group": group, "color": "#fff", "default": false })
}

fn board() -> Vec<Value> {
    vec![
        state("s-todo", "Todo", "unstarted"),
        state("s-progress", "In Progress", "started"),
        state("s-review", "Code Review", "started"),
        state("s-done", "Done", "completed"),
    ]
}

fn page(results: &[Value]) -> Value {
    // There is always a next cursor.
    json!({ "results": results, "next_cursor": "100:1:0", "prev_cursor": "100:-1:1", "next_page_results": false })
}

fn set_to(server: &Server) -> Vec<String> {
    let asked = server.asked().into_iter().filter(|asked| asked.method == "PATCH");
    asked.map(|asked| asked.json()["state"].as_str().unwrap().to_owned()).collect()
}

// TRK-2
#[tokio::test]
async fn a_state_is_set_by_name_or_by_the_base_state_of_its_group() {
    let server = Server::start(|asked| match asked.method.as_str() {
        "GET" => Reply::json(200, page(&board())),
        _ => Reply::json(200, json!({})),
    })
    .await;
    let plane = plane(&server, &clock(), 300);
    for state in [TrackerState::CodeReview, TrackerState::Deploying, TrackerState::Done, TrackerState::ToAnalyse] {
        plane.set_state(&item(), state).await.unwrap();
    }
    assert_eq!(set_to(&server), ["s-review", "s-progress", "s-done", "s-todo"]);
    assert_eq!((server.count(STATES), server.count(ITEM)), (1, 4));
    assert_eq!(server.asked()[0].header("x-api-key"), Some(KEY));
}

// TRK-2
#[tokio::test]
async fn confirm_deploy_is_never_another_state() {
    let server = Server::start(|_| Reply::json(200, page(&board()))).await;
    let error = plane(&server, &clock(), 300).set_state(&item(), TrackerState::ConfirmDeploy).await.unwrap_err();
    assert_eq!(error, TrackerError::NoState { project: "p1".to_owned(), key: "confirm_deploy" });
    assert!(error.to_string().contains("add one"), "{error}");
    assert!(set_to(&server).is_empty());
}

// TRK-3
#[tokio::test]
async fn states_are_kept_for_their_time_and_zero_is_for_good() {
    let server = Server::start(|asked| match asked.method.as_str() {
        "GET" => Reply::json(200, page(&board())),
        _ => Reply::json(200, json!({})),
    })
    .await;
    let clock = clock();
    let kept = plane(&server, &clock, 300);
    for (advance_s, reads) in [(0, 1), (299, 1), (1, 2), (299, 2), (1, 3)] {
        clock.advance(Duration::from_secs(advance_s));
        kept.set_state(&item(), TrackerState::Done).await.unwrap();
        assert_eq!(server.count(STATES), reads, "after another {advance_s} s");
    }
    let for_good = plane(&server, &clock, 0);
    for _ in 0..3 {
        for_good.set_state(&item(), TrackerState::Done).await.unwrap();
        clock.advance(Duration::from_secs(1_000_000));
    }
    assert_eq!(server.count(STATES), 4);
}

// TRK-3
#[tokio::test]
async fn a_failed_refresh_serves_the_last_good_set_and_leaves_the_tracker_in_peace() {
    let reads = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&reads);
    let server = Server::start(move |asked| match asked.method.as_str() {
        "GET" if counter.fetch_add(1, SeqCst) == 0 => Reply::json(200, page(&board())),
        "GET" => Reply::text(503, "down"),
        _ => Reply::json(200, json!({})),
    })
    .await;
    let clock = clock();
    let plane = plane(&server, &clock, 300);
    plane.set_state(&item(), TrackerState::Done).await.unwrap();
    clock.advance(Duration::from_secs(301));
    for _ in 0..3 {
        plane.set_state(&item(), TrackerState::Done).await.unwrap();
    }
    assert_eq!(reads.load(SeqCst), 2);
    clock.advance(Duration::from_secs(30));
    plane.set_state(&item(), TrackerState::Done).await.unwrap();
    assert_eq!((reads.load(SeqCst), set_to(&server).len()), (3, 5));
    // Another project has no last good set.
    let other = TrackerItem { project: "p2".to_owned(), id: "i".to_owned() };
    assert!(matches!(plane.set_state(&other, TrackerState::Done).await, Err(TrackerError::Unavailable(_))));
}

// TRK-3: the board was changed since it was read.
#[tokio::test]
async fn a_state_that_is_gone_is_looked_up_anew_once() {
    let reads = AtomicUsize::new(0);
    let server = Server::start(move |asked| match asked.method.as_str() {
        "GET" => {
            let id = if reads.fetch_add(1, SeqCst) == 0 { "old" } else { "new" };
            Reply::json(200, page(&[state(id, "Done", "completed")]))
        }
        _ if asked.body.contains("old") => Reply::json(400, json!({ "state": ["State is not valid"] })),
        _ => Reply::json(200, json!({})),
    })
    .await;
    plane(&server, &clock(), 300).set_state(&item(), TrackerState::Done).await.unwrap();
    assert_eq!(set_to(&server), ["old", "new"]);

    let server = Server::start(|asked| match asked.method.as_str() {
        "GET" => Reply::json(200, page(&board())),
        _ => Reply::json(400, json!({ "detail": "no" })),
    })
    .await;
    let error = plane(&server, &clock(), 300).set_state(&item(), TrackerState::Done).await.unwrap_err();
    assert!(matches!(&error, TrackerError::Unavailable(why) if why.contains("400: no")), "{error}");
    assert_eq!(set_to(&server).len(), 1);
}

// TRK-2: pages are left by `next_page_results`; a bare list is a page of its own.
#[tokio::test]
async fn states_are_read_over_all_pages() {
    let server = Server::start(|asked| match (asked.method.as_str(), asked.query("cursor")) {
        ("GET", None) => {
            Reply::json(200, json!({ "results": board(), "next_cursor": "100:1:0", "next_page_results": true }))
        }
        ("GET", Some("100%3A1%3A0")) => Reply::json(200, page(&[state("s-block", "Blocked", "started")])),
        _ => Reply::json(200, json!({})),
    })
    .await;
    let plane_ = plane(&server, &clock(), 300);
    plane_.set_state(&item(), TrackerState::Blocked).await.unwrap();
    assert_eq!(set_to(&server), ["s-block"]);
    assert_eq!(plane_.state_name("p1", "s-block").await, Ok(Some("Blocked".to_owned())));
    assert_eq!(plane_.state_name("p1", "s-none").await, Ok(None));
    assert_eq!(server.count(STATES), 2);

    let server = Server::start(|_| Reply::json(200, Value::Array(board()))).await;
    assert_eq!(plane(&server, &clock(), 300).state_name("p1", "s-done").await, Ok(Some("Done".to_owned())));

    let server =
        Server::start(|_| Reply::json(200, json!({ "results": [], "next_cursor": "x", "next_page_results": true })))
            .await;
    let error = plane(&server, &clock(), 300).state_name("p1", "s").await.unwrap_err();
    assert!(error.to_string().contains("pages"), "{error}");
}

// TRK-4
#[tokio::test]
async fn a_comment_carries_its_key_and_a_repetition_is_a_success() {
    let made = AtomicUsize::new(0);
    let server = Server::start(move |asked| {
        assert!(asked.target.ends_with("/comments/"), "{}", asked.target);
        match made.fetch_add(1, SeqCst) {
            0 => Reply::json(201, json!({ "id": "c1" })),
            _ => Reply::json(409, json!({ "error": "Comment with the same external id exists", "id": "c1" })),
        }
    })
    .await;
    let plane = plane(&server, &clock(), 300);
    for _ in 0..2 {
        plane.comment(&item(), "task-1:3", "<b>Returned</b>\nto development").await.unwrap();
    }
    let body = server.asked()[0].json();
    let expected = json!({ "comment_html": "<p>&lt;b&gt;Returned&lt;/b&gt;<br>to development</p>",
                           "external_source": "portcullis", "external_id": "task-1:3" });
    assert_eq!(body, expected);
}

// TRK-4
#[tokio::test]
async fn an_older_plane_is_spoken_with_in_its_words() {
    let server = Server::start(|asked| match asked.what().as_str() {
        what if what.contains("/work-items/") => Reply::text(404, ""),
        what if what.starts_with("GET") => Reply::json(200, page(&board())),
        _ => Reply::json(200, json!({})),
    })
    .await;
    plane(&server, &clock(), 300).set_state(&item(), TrackerState::Done).await.unwrap();
    assert_eq!(server.count("PATCH /api/v1/workspaces/harbour/projects/p1/issues/i1/"), 1);

    let server = Server::start(|asked| match asked.method.as_str() {
        "GET" => Reply::json(200, page(&board())),
        _ => Reply::text(404, ""),
    })
    .await;
    let error = plane(&server, &clock(), 300).set_state(&item(), TrackerState::Done).await.unwrap_err();
    assert_eq!(error, TrackerError::NotFound("work item i1".to_owned()));
}

// TRK-4
#[tokio::test]
async fn refusals_are_told_apart_and_never_tell_the_key() {
    for (reply, expected) in [
        (Reply::text(429, "").with("retry-after", "12"), TrackerError::RateLimited(12)),
        (Reply::text(404, ""), TrackerError::NotFound("project p1".to_owned())),
    ] {
        let server = Server::start(move |_| reply.clone()).await;
        assert_eq!(plane(&server, &clock(), 300).set_state(&item(), TrackerState::Done).await, Err(expected));
    }
    let server = Server::start(|asked| Reply::json(401, json!({ "detail": asked.header("x-api-key") }))).await;
    let plane_ = plane(&server, &clock(), 300);
    let error = plane_.set_state(&item(), TrackerState::Done).await.unwrap_err();
    assert!(!format!("{error} {plane_:?}").contains(KEY) && error.to_string().contains("check the API key"), "{error}");
    for body in ["", "[1]", "{}", r#"{"results":7}"#] {
        let server = Server::start(move |_| Reply::text(200, body)).await;
        let error = plane(&server, &clock(), 300).set_state(&item(), TrackerState::Done).await.unwrap_err();
        assert!(error.to_string().contains("makes no sense"), "{body}: {error}");
    }
    // An id from a payload cannot lead elsewhere.
    let server = Server::start(|_| Reply::json(200, page(&board()))).await;
    let sly = TrackerItem { project: "..".to_owned(), id: "x".to_owned() };
    let error = plane(&server, &clock(), 300).set_state(&sly, TrackerState::Done).await.unwrap_err();
    assert!(error.to_string().contains("cannot stand in a path") && server.asked().is_empty(), "{error}");
}
