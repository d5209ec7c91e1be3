//! What judging costs once the forge has answered: 40 checks, of which 12 contexts (four with wildcards) are required.
#![allow(clippy::print_stdout, reason = "a benchmark prints its table")]

use portcullis_gate_ci_green::{Config, Facts, judge};
use portcullis_gate_sdk::host::forge::{Check, CheckState};
use portcullis_gate_sdk::testing::{subject, timed};
use std::hint::black_box;

fn main() {
    let check = |n: i64| Check {
        context: format!("ci/workflow-{} / build and test ({n})", n % 8),
        state: CheckState::Success,
        description: "Successful in 4m".into(),
        target_url: format!("https://ci.example.org/harbour/crane/actions/runs/{n}"),
        reported_at_s: Some(1_767_600_300 + n),
    };
    let exact = (0..8).map(|n| format!("ci/workflow-{n} / build and test ({n})"));
    let required = exact.chain((0..4).map(|n| format!("ci/workflow-{n} / * (*)"))).collect();
    let checks = (0..40).map(check).collect();
    let facts = Facts { required, checks, pushed_at_s: Some(1_767_600_000), began_at_s: 1_767_600_900 };
    let config = Config { min_age_s: 60, ..Config::default() };
    let (subject, mut summary) = (subject(), String::new());
    let row = timed("ci-green: 40 checks, 12 required contexts", 20_000, || {
        summary = judge(black_box(&subject), black_box(&facts), black_box(&config)).summary;
    });
    assert!(summary.starts_with("every required check is green"), "{summary}");
    println!("| what | p50 | p99 | times |\n|---|---|---|---|\n{row}");
}
