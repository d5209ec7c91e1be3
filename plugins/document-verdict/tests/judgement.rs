//! What each frontmatter means, row by row, and what must hold for every input.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use portcullis_gate_document_verdict::{Config, DocumentVerdict, Unreadable, judge};
use portcullis_gate_sdk::testing::assert_schema_matches;
use portcullis_gate_sdk::{Refusal, Severity, Verdict, config};
use proptest::prelude::*;

fn review() -> Config {
    let found = Some("findings".into());
    Config { pending: vec!["in-progress".into()], findings_key: found, ..Config::of("14-review.md") }
}

#[test]
fn the_value_of_the_key_decides_and_anything_else_fails() {
    // STG-3
    let table = [
        (r#"{"verdict": "approved"}"#, Verdict::Pass, "says `approved`"),
        (r#"{"verdict": " approved "}"#, Verdict::Pass, "says `approved`"),
        (r#"{"verdict": "changes-requested"}"#, Verdict::Fail, "says `changes-requested`"),
        (r#"{"verdict": "in-progress"}"#, Verdict::Pending, "says `in-progress`"),
        (r#"{"verdict": "Approved"}"#, Verdict::Fail, "says `Approved` there"),
        (r#"{"verdict": "approved-not"}"#, Verdict::Fail, "says `approved-not` there"),
        (r#"{"verdict": ""}"#, Verdict::Fail, "says `` there"),
        (r#"{"verdict": true}"#, Verdict::Fail, "says `true` there"),
        (r#"{"verdict": null}"#, Verdict::Fail, "does not have that key"),
        (r#"{"verdict": ["approved"]}"#, Verdict::Fail, "no single value"),
        (r#"{"Verdict": "approved"}"#, Verdict::Fail, "does not have that key"),
        ("{}", Verdict::Fail, "does not have that key"),
        ("null", Verdict::Fail, "has no frontmatter"),
        ("", Verdict::Fail, "has no frontmatter"),
        (
            r#"{"verdict": "approved", "findings": {"a": 1}}"#,
            Verdict::Fail,
            "else than a list of texts under `findings`",
        ),
        (r#"{"verdict": "approved", "findings": [1]}"#, Verdict::Fail, "else than a list of texts under `findings`"),
    ];
    for (frontmatter, verdict, said) in table {
        let judgement = judge(Ok(frontmatter), &review());
        assert_eq!(judgement.verdict, verdict, "{frontmatter}");
        assert!(
            judgement.summary.starts_with("14-review.md ") && judgement.summary.contains(said),
            "{}",
            judgement.summary
        );
        assert_eq!(judgement.findings.is_empty(), verdict != Verdict::Fail, "{frontmatter}");
        assert_eq!(judgement.retry_after_s.is_some(), verdict == Verdict::Pending);
    }
}

#[test]
fn a_document_that_does_not_decide_is_a_finding_that_names_it_the_key_and_the_allowed_values() {
    for (unreadable, why) in [
        (Unreadable::Missing, "is missing from the work item's folder"),
        (Unreadable::Malformed("two keys".into()), "is malformed: two keys"),
    ] {
        let judgement = judge(Err(&unreadable), &review());
        assert_eq!(judgement.verdict, Verdict::Fail);
        assert_eq!(
            judgement.findings[0].message,
            format!(
                "14-review.md {why}; its frontmatter key `verdict` must be one of `approved`, `changes-requested`, `in-progress`"
            )
        );
    }
}

#[test]
fn the_roles_findings_are_handed_on_word_for_word() {
    // STG-3
    let frontmatter = |verdict: &str| format!(r#"{{"verdict": "{verdict}", "findings": ["split `a`:\n- here", "b"]}}"#);
    let failed = judge(Ok(&frontmatter("changes-requested")), &review());
    let messages: Vec<_> = failed.findings.iter().map(|f| f.message.as_str()).collect();
    assert_eq!(messages, ["split `a`:\n- here", "b"]);
    assert!(failed.findings.iter().all(|f| f.severity == Severity::Error));
    let passed = judge(Ok(&frontmatter("approved")), &review());
    assert_eq!(passed.verdict, Verdict::Pass);
    assert!(passed.findings.iter().all(|f| f.severity == Severity::Note));
    let single = judge(Ok(r#"{"verdict": "changes-requested", "findings": "one"}"#), &review());
    assert_eq!(single.findings[0].message, "one");
    let unasked = judge(Ok(&frontmatter("changes-requested")), &Config::of("14-review.md"));
    assert_eq!(unasked.findings[0].message, "14-review.md says `changes-requested`");
}

#[test]
fn a_value_with_two_meanings_or_none_to_pass_is_refused_with_its_key() {
    // GAT-1
    let of = |json: &str| config::parse::<Config>(json).and_then(|config| config.check());
    let table = [
        ("{}", "missing field `document`"),
        (r#"{"document": " "}"#, "key `document`"),
        (r#"{"document": "a.md", "pass": []}"#, "key `pass`"),
        (r#"{"document": "a.md", "fail": ["approved"]}"#, "key `fail`: `approved`"),
        (r#"{"document": "a.md", "pending": ["changes-requested"]}"#, "key `pending`: `changes-requested`"),
        (r#"{"document": "a.md", "verdict": "x"}"#, "unknown field `verdict`"),
    ];
    for (json, expected) in table {
        let refused = of(json);
        assert!(matches!(&refused, Err(Refusal::BadConfig(why)) if why.contains(expected)), "{json}: {refused:?}");
    }
    assert_eq!(of(r#"{"document": "14-review.md"}"#), Ok(()));
}

#[test]
fn the_schema_says_what_the_type_accepts() {
    assert_schema_matches::<DocumentVerdict>(&Config::of("14-review.md"));
}

proptest! {
    #[test]
    fn nothing_but_a_value_of_the_list_passes(value: String, junk: String) {
        // GAT-1
        let frontmatter = serde_json::json!({ "verdict": value }).to_string();
        let passes = judge(Ok(&frontmatter), &review()).verdict == Verdict::Pass;
        prop_assert_eq!(passes, value.trim() == "approved");
        prop_assert_ne!(judge(Ok(&junk), &review()).verdict, Verdict::Pass);
    }
}

fn any_json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let words = prop::sample::select(vec!["approved", "changes-requested", "in-progress", " approved", ""]);
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        words.prop_map(Value::from),
        any::<String>().prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let keys = prop_oneof![Just("verdict".to_owned()), Just("findings".to_owned()), any::<String>()];
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(keys, inner, 0..4).prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_table_panics_and_nothing_that_is_found_turns_a_failure_into_a_pass(verdict in any_json(), found in any_json(), whole in any_json()) {
        // GAT-1
        let of = |json: serde_json::Value| judge(Ok(&json.to_string()), &review()).verdict;
        let _ = of(whole);
        let alone = of(serde_json::json!({ "verdict": verdict }));
        let together = of(serde_json::json!({ "verdict": verdict, "findings": found }));
        prop_assert!(together == alone || together == Verdict::Fail);
    }
}
