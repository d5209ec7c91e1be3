//! What people read of this gate, word for word.

use portcullis_gate_ci_green::{Config, Facts, judge};
use portcullis_gate_sdk::host::forge::{Check, CheckState};
use portcullis_gate_sdk::testing::{assert_golden, subject};

const PUSHED: i64 = 1_767_600_000;

fn check(context: &str, state: CheckState, after_s: i64) -> Check {
    Check {
        context: context.into(),
        state,
        description: "2 of 90 failed".into(),
        target_url: "https://ci.example/1".into(),
        reported_at_s: Some(PUSHED + after_s),
    }
}

fn facts(required: &[&str], checks: Vec<Check>) -> Facts {
    let required = required.iter().map(ToString::to_string).collect();
    Facts { required, checks, pushed_at_s: Some(PUSHED), began_at_s: PUSHED + 90 }
}

#[test]
fn the_reports_are_the_approved_ones() {
    // CIG-1, CIG-2, CIG-3, CIG-4
    use CheckState::{Failure, Pending, Skipped, Success, Warning};
    let all = ["ci/build *", "ci/docs", "ci/test"];
    let green = vec![check("ci/build 1", Success, 60), check("ci/build 2", Success, 61), check("ci/docs", Success, 62)];
    let with = |more: Vec<Check>| facts(&all, [green.clone(), more].concat());
    let patient = Config { min_age_s: 80, ..Config::default() };
    let report = |facts: &Facts, config: &Config| judge(&subject(), facts, config);
    assert_golden(
        concat!(env!("CARGO_MANIFEST_DIR"), "/tests/golden/reports.txt"),
        &[
            ("green", report(&with(vec![check("ci/test", Success, 63)]), &Config::default())),
            (
                "red, while another still runs",
                report(&with(vec![check("ci/test", Failure, 63), check("ci/build 3", Pending, 5)]), &Config::default()),
            ),
            (
                "states that the configuration reads as failures",
                report(
                    &facts(&all, vec![check("ci/docs", Skipped, 1), check("ci/test", Warning, 1)]),
                    &Config::default(),
                ),
            ),
            (
                "pending, not reported, reported before the push",
                report(
                    &facts(&all, vec![check("ci/docs", Pending, 1), check("ci/test", Success, -1)]),
                    &Config::default(),
                ),
            ),
            ("green too soon", report(&with(vec![check("ci/test", Success, 63)]), &patient)),
            ("nothing is required", report(&facts(&[], vec![check("ci/test", Success, 63)]), &Config::default())),
        ],
    );
}
