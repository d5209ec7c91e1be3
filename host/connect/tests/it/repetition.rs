//! A repetition is recognised, and nothing else is taken for one (WEB-3).

use crate::{altered, fixture};
use http::{HeaderMap, HeaderValue};
use portcullis_connect::tracker::{Item, Move, TrackerItem};
use portcullis_connect::webhook::{changed_at, delivery_id, event_name, is_replay, meaning, parse, replay};
use portcullis_core::effect::TrackerState;
use portcullis_core::event::{Event, Source};
use portcullis_core::reconcile::{ItemState, StateGroup};
use portcullis_core::time::UnixMillis;
use serde_json::json;
use std::collections::BTreeSet;

fn means(source: Source, event: &str, body: &str) -> Option<String> {
    meaning(source, &parse(source, event, body.as_bytes()).unwrap(), body.as_bytes())
}

fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.insert(*name, HeaderValue::from_static(value));
    }
    headers
}

// WEB-3
#[test]
fn every_event_that_counts_has_a_meaning_and_the_same_bytes_mean_the_same() {
    let mut all = BTreeSet::new();
    for (source, event, file) in [
        (Source::Gitea, "push", "gitea/push"),
        (Source::Gitea, "delete", "gitea/delete"),
        (Source::Gitea, "status", "gitea/status"),
        (Source::Gitea, "workflow_job", "gitea/workflow_job"),
        (Source::Gitea, "pull_request", "gitea/pull_request"),
        (Source::Github, "push", "github/push"),
        (Source::Github, "status", "github/status"),
        (Source::Github, "check_run", "github/check_run"),
        (Source::Github, "check_suite", "github/check_suite"),
        (Source::Github, "pull_request", "github/pull_request"),
        (Source::Github, "pull_request_review", "github/pull_request_review"),
        (Source::Plane, "issue", "plane/state_by_page"),
    ] {
        let meaning = means(source, event, &fixture(file)).unwrap();
        assert_eq!(means(source, event, &fixture(file)).as_ref(), Some(&meaning));
        assert!(all.insert(meaning.clone()), "{file} means the same as another: {meaning}");
    }
    assert_eq!(means(Source::Github, "ping", &fixture("github/ping")), None);
}

// WEB-3
#[test]
fn what_is_reported_again_later_is_another_event() {
    let cases = [
        (Source::Gitea, "status", "gitea/status", vec![("/updated_at", json!("2026-01-05T10:00:00Z"))]),
        (Source::Gitea, "status", "gitea/status", vec![("/state", json!("failure"))]),
        (Source::Gitea, "status", "gitea/status", vec![("/id", json!(312))]),
        (Source::Gitea, "status", "gitea/status", vec![("/context", json!("ci/lint"))]),
        (Source::Github, "check_run", "github/check_run", vec![("/check_run/id", json!(61002))]),
        (Source::Github, "check_run", "github/check_run", vec![("/check_run/conclusion", json!("success"))]),
        (
            Source::Github,
            "check_suite",
            "github/check_suite",
            vec![("/check_suite/updated_at", json!("2026-01-05T11:00:00Z"))],
        ),
        (Source::Gitea, "pull_request", "gitea/pull_request", vec![("/action", json!("reopened"))]),
        (
            Source::Gitea,
            "pull_request",
            "gitea/pull_request",
            vec![("/pull_request/updated_at", json!("2026-01-06T00:00:00Z"))],
        ),
        (Source::Github, "pull_request_review", "github/pull_request_review", vec![("/review/id", json!(8802))]),
        (Source::Gitea, "push", "gitea/push", vec![("/before", json!("a".repeat(40)))]),
        (Source::Github, "push", "github/push", vec![("/repository/pushed_at", json!(1_767_604_999))]),
        (Source::Plane, "issue", "plane/state_by_page", vec![("/data/updated_at", json!("2026-01-05T10:20:11Z"))]),
        (Source::Plane, "issue", "plane/state_by_page", vec![("/data/state/id", json!("another"))]),
    ];
    for (source, event, file, changes) in cases {
        let (first, second) = (means(source, event, &fixture(file)), means(source, event, &altered(file, &changes)));
        assert!(first.is_some() && first != second, "{file} with {changes:?} means the same: {first:?}");
    }
}

// WEB-3: Plane tells one move two or three times, once for each name that the field has.
#[test]
fn two_deliveries_about_one_move_of_a_work_item_mean_the_same() {
    let by_page = means(Source::Plane, "issue", &fixture("plane/state_by_page"));
    let changes = [("/activity/field", json!("state")), ("/activity/new_value", json!("To Analyse"))];
    assert_eq!(means(Source::Plane, "issue", &altered("plane/state_by_page", &changes)), by_page);
    // A new attempt of the newer shape differs in its delivery id alone.
    let newer = means(Source::Plane, "workitem.updated", &fixture("plane/state_newer"));
    let again = altered("plane/state_newer", &[("/delivery_id", json!("another"))]);
    assert_eq!(means(Source::Plane, "workitem.updated", &again), newer);
    // Nor do the shapes differ, nor the time zones in which they are written.
    assert_eq!(newer, by_page);
    let elsewhere = altered("plane/state_by_page", &[("/data/updated_at", json!("2026-01-05T11:20:11.870+02:00"))]);
    assert_eq!(means(Source::Plane, "issue", &elsewhere), by_page);
}

// WEB-3, REC-3
#[test]
fn a_work_item_found_on_the_board_means_what_its_webhook_does_and_reads_the_same() {
    let item = Item {
        at: TrackerItem {
            project: "7e1f9f3a-2222-4e0e-8a9b-0c1d2e3f4a5b".to_owned(),
            id: "f81d4fae-3333-4a6b-9c5d-00a0c91e6bf6".to_owned(),
        },
        name: Some("65".to_owned()),
        title: "Heavier containers".to_owned(),
        description: "Lift up to 40 t. Keep the old rope.".to_owned(),
        state_id: "52c9b7de-4444-4d2f-b1a6-8e7f6d5c4b3a".to_owned(),
        state: ItemState {
            name: "To Analyse".to_owned(),
            state: Some(TrackerState::ToAnalyse),
            group: Some(StateGroup::Unstarted),
        },
        updated_at: Some(UnixMillis(1_767_604_811_870)),
    };
    let moved = Move { at: UnixMillis(1_767_604_811_000), by: "0d5a1a52-1111-4c1b-9a55-6f1e2d3c4b5a".to_owned() };
    let found = replay(&item, Some(&moved)).unwrap();
    let webhook = fixture("plane/state_by_page");
    assert_eq!(found.meaning, means(Source::Plane, "issue", &webhook));
    assert!(is_replay(Source::Plane, &found.delivery) && !is_replay(Source::Gitea, &found.delivery));
    assert!(!is_replay(Source::Plane, "d3b07384-8888-4d11-8f6e-2d1f4e5a6b7c"));
    // Only the person's name for people is not known.
    let told = parse(Source::Plane, "issue", webhook.replace("\"display_name\": \"ann\"", "\"x\": 0").as_bytes());
    assert_eq!(parse(Source::Plane, found.event, &found.body), told);
    // Found again it is the same delivery; moved again later it is another.
    assert_eq!(replay(&item, None).unwrap().delivery, found.delivery);
    let later = Item { updated_at: Some(UnixMillis(1_767_604_811_871)), ..item.clone() };
    assert_ne!(replay(&later, Some(&moved)).unwrap().delivery, found.delivery);
    let named = Item { name: Some("ORCH-65".to_owned()), ..item };
    let body = replay(&named, None).unwrap().body;
    let event = parse(Source::Plane, "issue", &body).unwrap();
    assert!(matches!(&event, Event::WorkItem { work_item: Some(name), .. } if name == "ORCH-65"), "{event:?}");
}

// WEB-3, TRK-1
#[test]
fn a_delivery_tells_when_its_work_item_was_changed() {
    for (source, body, at) in [
        (Source::Plane, fixture("plane/state_by_page"), Some(UnixMillis(1_767_604_811_870))),
        (Source::Plane, fixture("plane/state_newer"), Some(UnixMillis(1_767_604_811_870))),
        (Source::Plane, altered("plane/state_by_page", &[("/data/updated_at", json!("yesterday"))]), None),
        (Source::Plane, "[]".to_owned(), None),
        (Source::Gitea, fixture("gitea/status"), None),
    ] {
        assert_eq!(changed_at(source, body.as_bytes()), at);
    }
}

// WEB-3: a forge-wide webhook beside the repository's own tells the same report in a slightly different body.
#[test]
fn one_report_told_in_two_bodies_means_the_same() {
    for (source, event, file, aside) in [
        (Source::Gitea, "status", "gitea/status", "/repository/size"),
        (Source::Gitea, "workflow_job", "gitea/workflow_job", "/repository/size"),
        (Source::Gitea, "pull_request", "gitea/pull_request", "/repository/size"),
        (Source::Github, "check_run", "github/check_run", "/repository/pushed_at"),
        (Source::Plane, "issue", "plane/state_by_page", "/webhook_id"),
    ] {
        let other = altered(file, &[(aside, json!("another"))]);
        assert_eq!(means(source, event, &other), means(source, event, &fixture(file)), "{file}");
    }
}

// WEB-3
#[test]
fn the_sender_s_delivery_id_is_taken_and_the_body_s_digest_where_there_is_none() {
    let body = b"{}";
    for (source, name) in [
        (Source::Gitea, "x-gitea-delivery"),
        (Source::Gitea, "x-forgejo-delivery"),
        (Source::Github, "x-github-delivery"),
        (Source::Plane, "x-plane-delivery"),
    ] {
        assert_eq!(delivery_id(source, &headers(&[(name, "f6266f16")]), body), "f6266f16");
        let none = delivery_id(source, &headers(&[(name, " ")]), body);
        assert!(none.starts_with("sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"), "{none}");
        assert_ne!(none, delivery_id(source, &HeaderMap::new(), b"[]"));
    }
}

// WEB-5
#[test]
fn an_empty_event_header_is_made_up_for_by_the_type_header() {
    let pairs = [("x-gitea-event", ""), ("x-gitea-event-type", "status")];
    assert_eq!(event_name(Source::Gitea, &headers(&pairs)), "status");
    assert_eq!(event_name(Source::Gitea, &headers(&[("x-gitea-event", "push"), ("x-gitea-event-type", "x")])), "push");
    assert_eq!(event_name(Source::Gitea, &headers(&[("x-forgejo-event", "push")])), "push");
    assert_eq!(event_name(Source::Github, &headers(&[("x-github-event", "check_run")])), "check_run");
    assert_eq!(event_name(Source::Plane, &HeaderMap::new()), "");
}
