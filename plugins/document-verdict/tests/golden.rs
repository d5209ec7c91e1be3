//! What people read of this gate, word for word.

use portcullis_gate_document_verdict::{Config, Unreadable, judge};
use portcullis_gate_sdk::testing::assert_golden;

#[test]
fn the_reports_are_the_approved_ones() {
    // STG-3
    let pending = vec!["in-progress".into()];
    let config = Config { pending, findings_key: Some("findings".into()), ..Config::of("14-review.md") };
    let report = |json: &str| judge(Ok(json), &config);
    assert_golden(
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/reports.txt"),
        &[
            ("passes", report(r#"{"verdict": "approved", "findings": ["nicely done"]}"#)),
            ("fails", report(r#"{"verdict": "changes-requested", "findings": ["split `a`:\n- here", "name b"]}"#)),
            ("waits", report(r#"{"verdict": "in-progress"}"#)),
            ("says something else", report(r#"{"verdict": "looks fine"}"#)),
            ("says nothing", report("{}")),
            ("says several things", report(r#"{"verdict": ["approved"]}"#)),
            ("findings that are none", report(r#"{"verdict": "approved", "findings": 3}"#)),
            ("missing", judge(Err(&Unreadable::Missing), &config)),
            ("malformed", judge(Err(&Unreadable::Malformed("its first line is not `---`".into())), &config)),
        ],
    );
}
