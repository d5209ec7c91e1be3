//! What the reported checks of the head mean (CIG-1, CIG-3, CIG-4).
//!
//! Always holds: nothing is green unless every required context has at least one check that counts and all its checks
//! that count are green. Deliberately absent: the forge's own aggregate state, whose meaning changes between versions.

use crate::config::{Config, Meaning, Undated};
use crate::context::matches;
use portcullis_gate_sdk::host::forge::{Check, CheckState};
use portcullis_gate_sdk::{prelude::*, text};

/// Most findings in an answer.
const FINDINGS: usize = 100;
/// Most contexts named in a summary.
const NAMED: usize = 5;

/// What the forge and the host know about the head.
#[derive(Debug, Default)]
pub struct Facts {
    /// Contexts that must be green.
    pub required: Vec<String>,
    /// Every reported check of the head.
    pub checks: Vec<Check>,
    /// When the host saw the head pushed, in seconds since 1970 UTC.
    pub pushed_at_s: Option<i64>,
    /// When the evaluation began, by the host's clock as well.
    pub began_at_s: i64,
}

/// What one required context has come to.
enum Standing<'a> {
    Green,
    /// Not decided yet, and why.
    Waits(&'static str),
    /// Green too soon to be believed; in so many seconds it will be.
    TooSoon(u32),
    Red(Vec<&'a Check>),
}

/// Judges the checks of `subject.head`.
pub fn judge(subject: &Subject, facts: &Facts, config: &Config) -> Judgement {
    let mut required = facts.required.clone();
    required.sort();
    required.dedup();
    let (mut waits, mut red, mut findings) = (Vec::new(), Vec::new(), Vec::new());
    let mut retry_after_s = config.retry_after_s;
    for context in &required {
        match standing(context, facts, config) {
            Standing::Green => {}
            Standing::Waits(why) => waits.push(format!("{} ({why})", text::clip(context, 120))),
            Standing::TooSoon(left_s) => {
                let age_s = config.min_age_s;
                waits.push(format!(
                    "{} (green sooner than {age_s} s after the push; it has to stay so for {age_s} s)",
                    text::clip(context, 120)
                ));
                retry_after_s = retry_after_s.min(left_s);
            }
            Standing::Red(checks) => {
                red.push(context);
                findings.extend(checks.into_iter().map(finding));
            }
        }
    }
    // Two patterns may cover one check.
    findings.sort_by(|a: &Finding, b| a.fingerprint.cmp(&b.fingerprint));
    findings.dedup();

    let head = text::short(&subject.head);
    let judgement = if !red.is_empty() {
        Judgement::fail(format!("red on {head}: {}", text::list(&red, NAMED)))
    } else if required.is_empty() {
        let why = if config.required.is_some() {
            "the gate's `required` is an empty list".to_owned()
        } else {
            format!(
                "branch `{}` requires none on the forge and the gate's `required` is not set",
                text::clip(&subject.target, 120)
            )
        };
        Judgement::pending(format!("no check is required, so none can be green: {why}"), config.retry_after_s)
    } else if !waits.is_empty() {
        Judgement::pending(format!("waits on {head} for {}", text::list(&waits, NAMED)), retry_after_s)
    } else {
        Judgement::pass(format!("every required check is green on {head}: {}", text::list(&required, NAMED)))
    };
    evidence(judgement.with_findings(findings).at_most(FINDINGS), subject, facts, &required)
}

fn standing<'a>(context: &str, facts: &'a Facts, config: &Config) -> Standing<'a> {
    let named: Vec<&Check> = facts.checks.iter().filter(|check| matches(context, &check.context)).collect();
    if named.is_empty() {
        return Standing::Waits("not reported");
    }
    let counted: Vec<&Check> = named.into_iter().filter(|check| counts(check, facts.pushed_at_s, config)).collect();
    if counted.is_empty() {
        return Standing::Waits("reported before this head was pushed, or undated; run it again");
    }
    let meaning = |check: &Check| meaning(check, config);
    match counted.iter().map(|check| meaning(check)).max() {
        Some(Meaning::Success) => match counted.iter().filter_map(|check| too_soon(check, facts, config)).max() {
            Some(left_s) => Standing::TooSoon(left_s),
            None => Standing::Green,
        },
        Some(Meaning::Failure) => {
            Standing::Red(counted.into_iter().filter(|check| meaning(check) == Meaning::Failure).collect())
        }
        Some(Meaning::Pending) | None => Standing::Waits("pending"),
    }
}

/// CIG-4: a check that is older than the push tells of another push of the same revision.
fn counts(check: &Check, pushed_at_s: Option<i64>, config: &Config) -> bool {
    match (check.reported_at_s, pushed_at_s) {
        (Some(reported), Some(pushed)) => reported.saturating_add(i64::from(config.clock_skew_s)) >= pushed,
        (None, _) | (_, None) => config.undated == Undated::Counted,
    }
}

/// In how many seconds a green check will be old enough to be believed; none if it is. A check that is green at once
/// has often looked at nothing yet: its CI is still adding the jobs that will look.
fn too_soon(check: &Check, facts: &Facts, config: &Config) -> Option<u32> {
    let min_age_s = i64::from(config.min_age_s);
    // A forge whose clock is ahead reports from the future; at the latest it was reported just now.
    let reported = check.reported_at_s.map(|at| at.min(facts.began_at_s));
    let age_from = match (reported, facts.pushed_at_s) {
        _ if min_age_s == 0 => return None,
        (Some(reported), Some(pushed)) if reported.saturating_sub(pushed) >= min_age_s => return None,
        (Some(reported), _) => reported.saturating_add(i64::from(config.clock_skew_s)),
        (None, Some(pushed)) => pushed,
        // Nothing to measure by: it never grows old enough.
        (None, None) => return Some(config.min_age_s),
    };
    let left_s = age_from.saturating_add(min_age_s).saturating_sub(facts.began_at_s);
    (left_s > 0).then(|| u32::try_from(left_s).unwrap_or(u32::MAX))
}

/// CIG-3.
fn meaning(check: &Check, config: &Config) -> Meaning {
    let exception = config.contexts.get(&check.context);
    match check.state {
        CheckState::Success => Meaning::Success,
        CheckState::Failure | CheckState::Error => Meaning::Failure,
        CheckState::Pending => Meaning::Pending,
        CheckState::Warning => exception.and_then(|e| e.warning).unwrap_or(config.warning),
        CheckState::Skipped => exception.and_then(|e| e.skipped).unwrap_or(config.skipped),
    }
}

fn state_name(state: CheckState) -> &'static str {
    match state {
        CheckState::Success => "success",
        CheckState::Failure => "failure",
        CheckState::Error => "error",
        CheckState::Pending => "pending",
        CheckState::Warning => "warning",
        CheckState::Skipped => "skipped",
    }
}

fn finding(check: &Check) -> Finding {
    let mut message = format!("check `{}` is {}", text::clip(&check.context, 120), state_name(check.state));
    if matches!(check.state, CheckState::Warning | CheckState::Skipped) {
        message += ", which this gate's configuration reads as a failure";
    }
    if !check.description.trim().is_empty() {
        message += &format!(": {}", text::clip(&check.description, 300));
    }
    if !check.target_url.trim().is_empty() {
        message += &format!(" ({})", text::clip(&check.target_url, 500));
    }
    // By context alone: the description of a failing check changes from run to run.
    Finding::error("check-failed", message).identified_by(["check-failed", &check.context])
}

fn evidence(judgement: Judgement, subject: &Subject, facts: &Facts, required: &[String]) -> Judgement {
    let mut judgement = judgement
        .evidence("checked-sha", &subject.head)
        .evidence("required", text::list(required, FINDINGS))
        .evidence("pushed-at-s", facts.pushed_at_s.map_or("unknown".to_owned(), |at| at.to_string()));
    let named = facts.checks.iter().filter(|check| required.iter().any(|context| matches(context, &check.context)));
    for check in named.take(FINDINGS) {
        let at = check.reported_at_s.map_or("undated".to_owned(), |at| format!("at {at}"));
        let name = format!("check {}", text::clip(&check.context, 120));
        judgement = judgement.evidence(name, format!("{} {at}", state_name(check.state)));
    }
    judgement
}
