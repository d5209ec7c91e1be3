//! The tables of CIG-1, CIG-3 and CIG-4, row by row, and what must hold for every input.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use portcullis_gate_ci_green::{CiGreen, Config, Exception, Facts, Meaning, Undated, judge};
use portcullis_gate_sdk::host::forge::{Check, CheckState};
use portcullis_gate_sdk::prelude::*;
use portcullis_gate_sdk::testing::{assert_schema_matches, subject};
use proptest::prelude::*;

const PUSHED: i64 = 1_767_600_000;

fn check(context: &str, state: CheckState) -> Check {
    let (description, target_url) = ("went so".into(), "https://ci.example/1".into());
    Check { context: context.into(), state, description, target_url, reported_at_s: Some(PUSHED + 60) }
}

fn facts(required: &[&str], checks: Vec<Check>) -> Facts {
    Facts { required: required.iter().map(ToString::to_string).collect(), checks, pushed_at_s: Some(PUSHED) }
}

fn verdict(required: &[&str], checks: Vec<Check>, config: &Config) -> Verdict {
    judge(&subject(), &facts(required, checks), config).verdict
}

#[test]
fn every_required_context_must_be_green_a_missing_one_is_pending_and_none_at_all_is_never_green() {
    // CIG-1, CIG-2
    use CheckState::*;
    let (a, b) = (|state| check("ci/a", state), |state| check("ci/b", state));
    let table = [
        (vec!["ci/a"], vec![a(Success)], Verdict::Pass),
        (vec!["ci/a", "ci/b"], vec![a(Success), b(Success)], Verdict::Pass),
        (vec!["ci/a", "ci/a"], vec![a(Success)], Verdict::Pass),
        (vec!["ci/a", "ci/b"], vec![a(Success)], Verdict::Pending),
        (vec!["ci/a", "ci/b"], vec![a(Success), b(Pending)], Verdict::Pending),
        (vec!["ci/a", "ci/b"], vec![a(Failure), b(Pending)], Verdict::Fail),
        (vec!["ci/a", "ci/b"], vec![a(Failure)], Verdict::Fail),
        (vec!["ci/a"], vec![a(Success), b(Failure)], Verdict::Pass),
        (vec!["ci/a"], vec![], Verdict::Pending),
        (vec![], vec![], Verdict::Pending),
        (vec![], vec![a(Success)], Verdict::Pending),
        (vec![], vec![a(Failure)], Verdict::Pending),
        (vec!["ci/*"], vec![a(Success), b(Success)], Verdict::Pass),
        (vec!["ci/*"], vec![a(Success), b(Failure)], Verdict::Fail),
        (vec!["ci/*"], vec![check("lint", Success)], Verdict::Pending),
        // The host promises one check per context; two that differ are not green.
        (vec!["ci/a"], vec![a(Success), a(Failure)], Verdict::Fail),
    ];
    for (required, checks, expected) in table {
        let row = format!("{required:?} {checks:?}");
        let judgement = judge(&subject(), &facts(&required, checks), &Config::default());
        assert_eq!(judgement.verdict, expected, "{row}");
        assert_eq!(judgement.retry_after_s, (expected == Verdict::Pending).then_some(15), "{row}");
        assert_eq!(judgement.findings.is_empty(), expected != Verdict::Fail, "{row}");
        assert!(judgement.evidence.contains(&("checked-sha".into(), subject().head)), "{row}");
    }
}

#[test]
fn each_state_means_what_the_configuration_says_for_its_context() {
    // CIG-3
    use CheckState::*;
    let strict = Config::default();
    let lenient = Config { warning: Meaning::Success, skipped: Meaning::Pending, ..Config::default() };
    let exception = Exception { warning: Some(Meaning::Pending), skipped: Some(Meaning::Success) };
    let excepted = Config { contexts: [("ci/a".to_owned(), exception)].into(), ..Config::default() };
    let partly = Exception { warning: None, skipped: Some(Meaning::Success) };
    let partly = Config { contexts: [("ci/a".to_owned(), partly)].into(), ..Config::default() };
    let elsewhere = Exception { warning: Some(Meaning::Success), skipped: Some(Meaning::Success) };
    let elsewhere = Config { contexts: [("ci/b".to_owned(), elsewhere)].into(), ..Config::default() };
    let table = [
        (&strict, [Verdict::Pass, Verdict::Fail, Verdict::Fail, Verdict::Pending, Verdict::Fail, Verdict::Fail]),
        (&lenient, [Verdict::Pass, Verdict::Fail, Verdict::Fail, Verdict::Pending, Verdict::Pass, Verdict::Pending]),
        (&excepted, [Verdict::Pass, Verdict::Fail, Verdict::Fail, Verdict::Pending, Verdict::Pending, Verdict::Pass]),
        (&partly, [Verdict::Pass, Verdict::Fail, Verdict::Fail, Verdict::Pending, Verdict::Fail, Verdict::Pass]),
        (&elsewhere, [Verdict::Pass, Verdict::Fail, Verdict::Fail, Verdict::Pending, Verdict::Fail, Verdict::Fail]),
    ];
    for (config, expected) in table {
        for (state, expected) in [Success, Failure, Error, Pending, Warning, Skipped].into_iter().zip(expected) {
            assert_eq!(verdict(&["ci/a"], vec![check("ci/a", state)], config), expected, "{state:?} {config:?}");
        }
    }
}

#[test]
fn a_check_older_than_the_push_of_the_head_never_counts() {
    // CIG-4
    let config = Config::default();
    let counted = Config { undated: Undated::Counted, ..Config::default() };
    let skewed = Config { clock_skew_s: 5, ..Config::default() };
    let table = [
        (&config, Some(PUSHED), Some(PUSHED), true),
        (&config, Some(PUSHED + 1), Some(PUSHED), true),
        (&config, Some(PUSHED - 1), Some(PUSHED), false),
        (&counted, Some(PUSHED - 1), Some(PUSHED), false),
        (&skewed, Some(PUSHED - 5), Some(PUSHED), true),
        (&skewed, Some(PUSHED - 6), Some(PUSHED), false),
        (&config, None, Some(PUSHED), false),
        (&config, Some(PUSHED), None, false),
        (&counted, None, Some(PUSHED), true),
        (&counted, Some(PUSHED), None, true),
        (&skewed, Some(i64::MAX), Some(i64::MIN), true),
    ];
    for (config, reported_at_s, pushed_at_s, counts) in table {
        for (state, meant) in [(CheckState::Success, Verdict::Pass), (CheckState::Failure, Verdict::Fail)] {
            let checks = vec![Check { reported_at_s, ..check("ci/a", state) }];
            let facts = Facts { pushed_at_s, ..facts(&["ci/a"], checks) };
            let expected = if counts { meant } else { Verdict::Pending };
            let judgement = judge(&subject(), &facts, config);
            assert_eq!(judgement.verdict, expected, "{reported_at_s:?} {pushed_at_s:?} {state:?} {config:?}");
        }
    }
}

#[test]
fn a_failing_check_is_one_finding_that_names_it_and_keeps_its_name_from_run_to_run() {
    // CIG-1, STG-3
    let red = |description: &str| {
        let checks = vec![Check { description: description.into(), ..check("ci/a", CheckState::Failure) }];
        judge(&subject(), &facts(&["ci/a", "ci/*"], checks), &Config::default()).findings
    };
    let findings = red("2 of 90 failed");
    assert_eq!(findings.len(), 1);
    assert_eq!(findings[0].message, "check `ci/a` is failure: 2 of 90 failed (https://ci.example/1)");
    assert_eq!(findings[0].fingerprint, red("3 of 90 failed")[0].fingerprint);
}

#[test]
fn a_pending_summary_says_what_is_waited_for_and_why() {
    // CIG-1, CIG-2
    let old = Check { reported_at_s: Some(PUSHED - 9), ..check("ci/old", CheckState::Success) };
    let facts = facts(&["ci/old", "ci/none", "ci/runs"], vec![old, check("ci/runs", CheckState::Pending)]);
    let summary = judge(&subject(), &facts, &Config::default()).summary;
    for part in ["ci/none (not reported)", "ci/runs (pending)", "ci/old (reported before this head was pushed"] {
        assert!(summary.contains(part), "{summary}");
    }
    let none = judge(&subject(), &Facts::default(), &Config::default()).summary;
    assert!(none.contains("branch `main` requires none on the forge"), "{none}");
    let empty = Config { required: Some(vec![]), ..Config::default() };
    let none = judge(&subject(), &Facts::default(), &empty).summary;
    assert!(none.contains("`required` is an empty list"), "{none}");
}

#[test]
fn the_schema_says_what_the_type_accepts() {
    assert_schema_matches::<CiGreen>(&Config::default());
}

fn any_check() -> impl Strategy<Value = Check> {
    use CheckState::*;
    let states = prop::sample::select(vec![Success, Failure, Error, Pending, Warning, Skipped]);
    let contexts = prop_oneof![prop::sample::select(vec!["ci/a".to_owned(), "ci/b".into()]), any::<String>()];
    (contexts, states, any::<String>(), any::<Option<i64>>()).prop_map(
        |(context, state, description, reported_at_s)| Check {
            context,
            state,
            description,
            target_url: String::new(),
            reported_at_s,
        },
    )
}

fn any_config() -> impl Strategy<Value = Config> {
    let meanings = || prop::sample::select(vec![Meaning::Success, Meaning::Pending, Meaning::Failure]);
    (meanings(), meanings(), any::<bool>(), any::<u32>()).prop_map(|(warning, skipped, counted, clock_skew_s)| Config {
        warning,
        skipped,
        undated: if counted { Undated::Counted } else { Undated::Ignored },
        clock_skew_s,
        ..Config::default()
    })
}

proptest! {
    #[test]
    fn no_input_panics_and_a_failure_that_counts_always_outranks_the_rest(
        checks in prop::collection::vec(any_check(), 0..8),
        pushed_at_s: Option<i64>,
        config in any_config(),
        required in prop::collection::vec(prop_oneof![Just("ci/a".to_owned()), Just("ci/*".into()), any::<String>()], 0..4),
    ) {
        let mut facts = Facts { required, checks, pushed_at_s };
        let before = judge(&subject(), &facts, &config).verdict;
        // GAT-1, CIG-1: with nothing required nothing is green, whatever was reported.
        prop_assert!(!facts.required.is_empty() || before == Verdict::Pending);
        facts.required.push("ci/red".into());
        facts.pushed_at_s = Some(pushed_at_s.unwrap_or(0));
        facts.checks.push(Check { reported_at_s: Some(i64::MAX), ..check("ci/red", CheckState::Failure) });
        prop_assert_eq!(judge(&subject(), &facts, &config).verdict, Verdict::Fail);
    }
}
