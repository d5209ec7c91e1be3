//! What people read of this gate, word for word.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

use portcullis_gate_sdk::lineage::Kinship;
use portcullis_gate_sdk::testing::assert_golden;
use portcullis_gate_staging_verdict::{Config, Expected, Infra, Results, judge};

const CHECKS: &str = r#"[{"id": "login", "status": "pass"}, {"id": "cart", "status": "skip"},
    {"id": "egress-proxy", "status": "error", "message": "no route to host"}"#;

fn results(revision: &str, more: &str) -> Results {
    let document =
        format!(r#"{{"format": 1, "revision": "{revision}", "image": "sha256:aa", "checks": {CHECKS}{more}]}}"#);
    Results::parse(document.as_bytes()).unwrap()
}

#[test]
fn the_reports_are_the_approved_ones() {
    // STV-2, STV-4
    let infra = vec![Infra::try_from("egress-*".to_owned()).unwrap()];
    let lenient = Config { infra: infra.clone(), tolerate_infra: true, ..Config::default() };
    let strict = Config { infra, ..Config::default() };
    let image = |revision: &str| Expected::Image { revision: Ok(revision.into()), digest: Some("sha256:aa".into()) };
    let unknown = Expected::Image { revision: Err("image `shop:staging` is not in the registry".into()), digest: None };
    let head = Expected::Head {
        head: "1".repeat(40),
        kinship: Kinship::Descendant {
            changed: vec![b"src/main.rs".to_vec(), b"docs/work-items/ORCH-65/a.md".to_vec()],
        },
        documents: "docs/work-items/ORCH-65".into(),
    };
    let (ours, red) = (results("9f2c", ""), results("9f2c", r#", {"id": "pay", "status": "fail", "message": "500"}"#));
    let broken = Results::parse(br#"{"format": 1}"#).unwrap_err();
    let torn = Results::parse(
        br#"{"format": 1, "revision": "a", "checks": [{"id": "a", "status": "pass"}, {"id": "a", "status": "fail"}]}"#,
    )
    .unwrap_err();
    assert_golden(
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/reports.txt"),
        &[
            ("infra failures, waived", judge(&image("9f2c"), Ok(&ours), &lenient)),
            ("infra failures, not tolerated", judge(&image("9f2c"), Ok(&ours), &strict)),
            ("a real failure", judge(&image("9f2c"), Ok(&red), &lenient)),
            (
                "of another revision and another image",
                judge(
                    &Expected::Image { revision: Ok("77aa".into()), digest: Some("sha256:bb".into()) },
                    Ok(&ours),
                    &lenient,
                ),
            ),
            ("of an image that nobody knows", judge(&unknown, Ok(&ours), &lenient)),
            ("of an earlier head", judge(&head, Ok(&ours), &lenient)),
            ("missing", judge(&image("9f2c"), Err("is missing from the work item's folder"), &lenient)),
            ("unreadable", judge(&image("9f2c"), Err(&broken), &lenient)),
            ("contradictory", judge(&image("9f2c"), Err(&torn), &lenient)),
        ],
    );
}
