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
    Facts {
        required: required.iter().map(ToString::to_string).collect(),
        checks,
        pushed_at_s: Some(PUSHED),
        began_at_s: PUSHED + 120,
    }
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
fn a_check_that_is_green_too_soon_after_the_push_is_pending_until_it_has_been_green_for_long_enough() {
    // CIG-2, CIG-4. Columns: settings, reported, pushed, now (all after the push); seconds left, none: it counts.
    let of = |min_age_s| Config { min_age_s, undated: Undated::Counted, ..Config::default() };
    let skewed = Config { clock_skew_s: 5, ..of(60) };
    let (at, pushed) = (|s: i64| Some(PUSHED + s), Some(PUSHED));
    let table = [
        // Without a minimum age nothing is too soon.
        (of(0), at(0), pushed, 0, None),
        // Green late enough counts at once.
        (of(60), at(60), pushed, 60, None),
        (of(60), at(500), pushed, 500, None),
        // Green too soon counts when it has been green for as long.
        (of(60), at(59), pushed, 59, Some(60)),
        (of(60), at(59), pushed, 118, Some(1)),
        (of(60), at(59), pushed, 119, None),
        (of(60), at(0), pushed, 1, Some(59)),
        // Where the forge's clock may lag, the check may be younger than it looks.
        (skewed.clone(), at(0), pushed, 60, Some(5)),
        (skewed, at(0), pushed, 65, None),
        // A report from the future is as old as now.
        (of(60), at(9_999), pushed, 10, Some(60)),
        (of(60), at(9_999), pushed, 60, None),
        // Undated checks are measured by what is known, and with nothing known are never old enough.
        (of(60), None, pushed, 59, Some(1)),
        (of(60), None, pushed, 60, None),
        (of(60), at(0), None, 59, Some(1)),
        (of(60), at(0), None, 60, None),
        (of(60), None, None, 1_000_000, Some(60)),
        (of(u32::MAX), at(0), pushed, 0, Some(u32::MAX)),
    ];
    for (config, reported_at_s, pushed_at_s, now, left_s) in table {
        let row = format!("{config:?} {reported_at_s:?} {pushed_at_s:?} {now}");
        let about = |state| {
            let checks = vec![Check { reported_at_s, ..check("ci/a", state) }];
            Facts { pushed_at_s, began_at_s: PUSHED + now, ..facts(&["ci/a"], checks) }
        };
        let green = judge(&subject(), &about(CheckState::Success), &config);
        let expected = if left_s.is_none() { Verdict::Pass } else { Verdict::Pending };
        assert_eq!(green.verdict, expected, "{row}");
        assert_eq!(green.retry_after_s, left_s.map(|left_s| left_s.min(15)), "{row}");
        // Red is red at once.
        assert_eq!(judge(&subject(), &about(CheckState::Failure), &config).verdict, Verdict::Fail, "{row}");
    }
}

#[test]
fn one_check_that_is_green_too_soon_keeps_its_whole_pattern_waiting_and_says_why() {
    // CIG-2
    let soon = Check { reported_at_s: Some(PUSHED + 1), ..check("ci/soon", CheckState::Success) };
    let facts = facts(&["ci/*"], vec![check("ci/late", CheckState::Success), soon]);
    let config = Config { min_age_s: 60, ..Config::default() };
    let at = |now| {
        judge(
            &subject(),
            &Facts {
                began_at_s: PUSHED + now,
                checks: facts.checks.clone(),
                required: facts.required.clone(),
                ..facts
            },
            &config,
        )
    };
    let waits = at(60);
    assert_eq!((waits.verdict, waits.retry_after_s), (Verdict::Pending, Some(1)));
    let said = "ci/* (green sooner than 60 s after the push; it has to stay so for 60 s)";
    assert!(waits.summary.contains(said), "{}", waits.summary);
    assert_eq!(at(61).verdict, Verdict::Pass);
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
    let ages = prop_oneof![Just(0), Just(60), any::<u32>()];
    (meanings(), meanings(), any::<bool>(), any::<u32>(), ages).prop_map(
        |(warning, skipped, counted, clock_skew_s, min_age_s)| Config {
            min_age_s,
            warning,
            skipped,
            undated: if counted { Undated::Counted } else { Undated::Ignored },
            clock_skew_s,
            ..Config::default()
        },
    )
}

proptest! {
    #[test]
    fn no_input_panics_and_a_failure_that_counts_always_outranks_the_rest(
        checks in prop::collection::vec(any_check(), 0..8),
        pushed_at_s: Option<i64>,
        began_at_s: i64,
        config in any_config(),
        required in prop::collection::vec(prop_oneof![Just("ci/a".to_owned()), Just("ci/*".into()), any::<String>()], 0..4),
    ) {
        let mut facts = Facts { required, checks, pushed_at_s, began_at_s };
        let before = judge(&subject(), &facts, &config).verdict;
        // GAT-1, CIG-1: with nothing required nothing is green, whatever was reported.
        prop_assert!(!facts.required.is_empty() || before == Verdict::Pending);
        facts.required.push("ci/red".into());
        facts.pushed_at_s = Some(pushed_at_s.unwrap_or(0));
        facts.checks.push(Check { reported_at_s: Some(i64::MAX), ..check("ci/red", CheckState::Failure) });
        prop_assert_eq!(judge(&subject(), &facts, &config).verdict, Verdict::Fail);
    }
}

fn better(verdict: Verdict) -> u8 {
    match verdict {
        Verdict::Fail => 0,
        Verdict::Pending | Verdict::Actionable => 1,
        Verdict::Pass => 2,
    }
}

proptest! {
    #[test]
    fn a_failure_a_requirement_or_a_greater_age_never_makes_anything_better(
        checks in prop::collection::vec(any_check(), 0..8),
        pushed_at_s in prop_oneof![Just(None), Just(Some(PUSHED)), any::<Option<i64>>()],
        began_at_s in prop_oneof![Just(PUSHED + 30), any::<i64>()],
        config in any_config(),
        required in prop::collection::vec(prop_oneof![Just("ci/a".to_owned()), Just("ci/*".into())], 1..4),
        failing in any_check(),
        more_age: u32,
    ) {
        // CIG-1, GAT-1
        let of = |required: &[String], checks: &[Check], config: &Config| {
            let facts = Facts { required: required.to_vec(), checks: checks.to_vec(), pushed_at_s, began_at_s };
            better(judge(&subject(), &facts, config).verdict)
        };
        let before = of(&required, &checks, &config);
        // A check that does not count at all may stand where nothing was reported; it does not make anything green.
        let worse = Check { state: CheckState::Failure, ..failing };
        prop_assert!(of(&required, &[checks.clone(), vec![worse]].concat(), &config) <= before);
        prop_assert!(of(&[required.clone(), vec!["ci/b".into()]].concat(), &checks, &config) <= before);
        let older = Config { min_age_s: config.min_age_s.saturating_add(more_age), ..config.clone() };
        prop_assert!(of(&required, &checks, &older) <= before);
        let as_failure = Config { warning: Meaning::Failure, skipped: Meaning::Failure, ..config };
        prop_assert!(of(&required, &checks, &as_failure) <= before);
    }
}
