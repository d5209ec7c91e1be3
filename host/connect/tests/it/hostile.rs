//! Nothing that a sender sends brings the reader down (WEB-5).

use crate::fixture;
use portcullis_connect::webhook::{Secret, delivery_id, event_name, meaning, parse, verify};
use portcullis_core::event::Source;
use proptest::prelude::*;

const SOURCES: [Source; 3] = [Source::Gitea, Source::Github, Source::Plane];
const EVENTS: [&str; 12] = [
    "push",
    "delete",
    "status",
    "workflow_job",
    "workflow_run",
    "check_run",
    "check_suite",
    "pull_request",
    "pull_request_review",
    "issue",
    "workitem.updated",
    "?",
];
const FILES: [&str; 12] = [
    "gitea/push",
    "gitea/delete",
    "gitea/status",
    "gitea/workflow_job",
    "gitea/pull_request",
    "github/push",
    "github/check_run",
    "github/check_suite",
    "github/pull_request",
    "github/pull_request_review",
    "plane/state_by_page",
    "plane/state_newer",
];

/// Everything that is done with a body. An event must have a short meaning, unless it is ignored.
fn handle(body: &[u8]) {
    for source in SOURCES {
        for event in EVENTS {
            match parse(source, event, body) {
                Ok(event) => {
                    let meaning = meaning(source, &event, body);
                    assert!(meaning.is_none_or(|meaning| meaning.chars().count() <= 300));
                }
                Err(error) => assert!(error.to_string().chars().count() < 500),
            }
        }
    }
}

/// A JSON value that uses the field names which are looked at.
fn json() -> impl Strategy<Value = serde_json::Value> {
    let names = [
        "ref",
        "after",
        "repository",
        "full_name",
        "number",
        "pull_request",
        "head",
        "sha",
        "repo",
        "merged",
        "action",
        "context",
        "workflow_job",
        "check_run",
        "head_sha",
        "status",
        "event",
        "data",
        "activity",
        "field",
        "state",
        "state_id",
        "project",
        "id",
        "name",
        "previous_attributes",
        "event_id",
        "updated_at",
    ];
    let words = ["refs/heads/x", "updated", "issue", "state", "completed", "workitem.updated", "0000", "", "a b"];
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i64>().prop_map(Into::into),
        any::<f64>().prop_map(Into::into),
        prop::sample::select(words.to_vec()).prop_map(Into::into),
        Just("a".repeat(40).into()),
        ".{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 48, 8, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Into::into),
            prop::collection::vec((prop::sample::select(names.to_vec()), inner), 0..8).prop_map(|pairs| {
                pairs
                    .into_iter()
                    .map(|(name, value)| (name.to_owned(), value))
                    .collect::<serde_json::Map<_, _>>()
                    .into()
            }),
        ]
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 192, failure_persistence: None, ..ProptestConfig::default() })]

    // WEB-5
    #[test]
    fn arbitrary_bytes_never_panic(body in prop::collection::vec(any::<u8>(), 0..200)) {
        handle(&body);
    }

    // WEB-5
    #[test]
    fn arbitrary_json_with_our_field_names_never_panics(json in json()) {
        handle(json.to_string().as_bytes());
    }

    // WEB-5
    #[test]
    fn real_payloads_with_bytes_changed_never_panic(
        file in prop::sample::select(&FILES[..]),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
    ) {
        let mut body = fixture(file).into_bytes();
        for (at, byte) in changes {
            let at = at.index(body.len());
            body[at] = byte;
        }
        handle(&body);
    }

    // WEB-1
    #[test]
    fn arbitrary_headers_never_verify_nor_panic(
        value in prop::collection::vec(any::<u8>().prop_filter("a header's byte", |b| *b == 9 || (*b >= 32 && *b != 127)), 0..90),
        body in prop::collection::vec(any::<u8>(), 0..50),
    ) {
        let secret = Secret::new("a secret");
        for source in SOURCES {
            for name in ["x-gitea-signature", "x-hub-signature-256", "x-plane-signature", "x-gitea-event", "x-plane-delivery"] {
                let mut headers = http::HeaderMap::new();
                headers.insert(name, http::HeaderValue::from_bytes(&value).unwrap());
                prop_assert!(verify(source, &secret, &headers, &body).is_err());
                prop_assert!(event_name(source, &headers).chars().count() <= 100);
                prop_assert!(delivery_id(source, &headers, &body).chars().count() <= 300);
            }
        }
    }
}
