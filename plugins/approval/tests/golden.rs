//! What people read of this gate, word for word.

use portcullis_gate_approval::{Config, judge};
use portcullis_gate_sdk::host::approvals::Approval;
use portcullis_gate_sdk::testing::{assert_golden, subject};

#[test]
fn the_reports_are_the_approved_ones() {
    // STG-5
    let decision = |approved, revision: String, comment: &str| {
        let latest = Approval { approved, by: "ada".into(), at_s: 1_767_600_000, revision, comment: comment.into() };
        judge(&subject(), Some(&latest), &Config::default())
    };
    let (head, older) = (subject().head, "3".repeat(40));
    assert_golden(
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/reports.txt"),
        &[
            ("waits", judge(&subject(), None, &Config::default())),
            ("approved", decision(true, head.clone(), "")),
            ("rejected", decision(false, head.clone(), "split the migration")),
            ("rejected without a word", decision(false, head, " ")),
            ("approved, and moved on since", decision(true, older.clone(), "")),
            ("rejected, and moved on since", decision(false, older, "no")),
        ],
    );
}
