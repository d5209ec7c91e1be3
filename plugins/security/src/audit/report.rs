//! From an audit to the findings, evidence and words of a judgement.

use super::date;
use super::package::Package;
use super::run::{Answered, Audited, Hit, Standing};
use crate::config::{Config, DependencyAudit};
use portcullis_gate_sdk::text::clip;
use portcullis_gate_sdk::{Finding, Judgement, Severity, Verdict};

/// More than this many findings of one kind are counted, not listed.
const MOST_LISTED: usize = 200;

/// The rule of a vulnerable package.
pub const VULNERABLE: &str = "vulnerable-dependency";
/// The rule of a lockfile that was not read.
pub const UNREADABLE: &str = "lockfile-unreadable";
/// The rule of packages that nobody could judge.
pub const UNCLEAR: &str = "dependency-unclear";
/// The rule of an audit that nobody answered.
pub const UNAVAILABLE: &str = "advisories-unavailable";
/// The rule of a database that is too old.
pub const OUTDATED: &str = "advisories-outdated";

/// Adds an audit to the judgement of the same range. `shown` makes a path readable and hides what must not be seen in it.
pub fn add(judgement: Judgement, audited: &Audited, config: &Config, shown: &dyn Fn(&[u8]) -> String) -> Judgement {
    // What was not audited: only said, or a reason to stay closed.
    let gap = match config.dependency_audit {
        DependencyAudit::Strict => Severity::Error,
        DependencyAudit::Off | DependencyAudit::BestEffort => Severity::Warning,
    };
    let is_new = |hit: &&Hit| matches!(hit.standing, Standing::New { .. });
    let vulnerable = audited.hits.iter().filter(is_new).count();
    let mut findings = Vec::new();
    list(&mut findings, Severity::Error, audited.hits.iter().filter(is_new).map(|hit| finding(hit, shown)));
    if let Answered::Nobody(why) = &audited.answered {
        let message =
            format!("the dependencies were not audited, {} new packages among them: {}", audited.new, clip(why, 500));
        findings.push(Finding::new(gap, UNAVAILABLE, message).identified_by([UNAVAILABLE]));
    }
    list(
        &mut findings,
        gap,
        audited.unreadable.iter().map(|(path, why)| {
            let message = format!("the lockfile could not be read, so nothing in it was audited: {}", clip(why, 200));
            Finding::new(gap, UNREADABLE, message).at(shown(path), None)
        }),
    );
    list(
        &mut findings,
        gap,
        audited.doubts.iter().map(|(package, why)| {
            Finding::new(gap, UNCLEAR, format!("{} could not be judged: {}", name(package), clip(why, 200)))
        }),
    );
    findings.extend(outdated(audited, config, gap));
    let notes = audited.hits.iter().filter(|hit| !is_new(hit));
    list(&mut findings, Severity::Note, notes.map(|hit| finding(hit, shown)));
    if audited.unpinned > 0 {
        let message = format!("{} dependencies are named without a version and were not audited", audited.unpinned);
        findings.push(Finding::note("dependencies-unpinned", message).identified_by(["dependencies-unpinned"]));
    }
    // In front: a forge cuts what it shows of a long line, and this is not to be what is missing.
    let unaudited = if matches!(audited.answered, Answered::Nobody(_)) { "DEPENDENCIES NOT AUDITED; " } else { "" };
    let summary = format!("{unaudited}{}{}", judgement.summary, in_words(audited, vulnerable));
    let fails = findings.iter().any(|finding| finding.severity == Severity::Error);
    let verdict = if fails { Verdict::Fail } else { judgement.verdict };
    let mut judgement = Judgement { verdict, summary, ..judgement }.with_findings(findings);
    judgement.evidence.extend(evidence(audited, vulnerable));
    judgement
}

fn in_words(audited: &Audited, vulnerable: usize) -> String {
    let mut text = match (&audited.answered, vulnerable) {
        (Answered::NotAsked | Answered::Nobody(_), _) => String::new(),
        (_, 0) => format!("; no new vulnerability in {} packages", audited.packages),
        (_, 1) => format!("; 1 new vulnerability in {} packages", audited.packages),
        (_, n) => format!("; {n} new vulnerabilities in {} packages", audited.packages),
    };
    if !audited.unreadable.is_empty() {
        text.push_str(&format!("; lockfiles not read: {}", audited.unreadable.len()));
    }
    if !audited.doubts.is_empty() {
        text.push_str(&format!("; packages not judged: {}", audited.doubts.len()));
    }
    text
}

fn evidence(audited: &Audited, vulnerable: usize) -> Vec<(String, String)> {
    let source = match &audited.answered {
        Answered::NotAsked => "not asked".to_owned(),
        Answered::Nobody(_) => "none".to_owned(),
        Answered::Online(url) => url.clone(),
        Answered::Offline(database) => {
            format!(
                "database of {} advisories, {} days old",
                database.records,
                age_in_days(audited, database.imported_at_s)
            )
        }
    };
    [
        ("lockfiles", audited.lockfiles.to_string()),
        ("packages", audited.packages.to_string()),
        ("new-packages", audited.new.to_string()),
        ("new-vulnerabilities", vulnerable.to_string()),
        ("advisories", source),
    ]
    .map(|(name, value)| (name.to_owned(), value))
    .into()
}

fn age_in_days(audited: &Audited, imported_at_s: i64) -> i64 {
    (date::day_of(audited.now_s) - date::day_of(imported_at_s)).max(0)
}

fn outdated(audited: &Audited, config: &Config, gap: Severity) -> Option<Finding> {
    let Answered::Offline(database) = &audited.answered else { return None };
    let (age, most) = (age_in_days(audited, database.imported_at_s), config.max_advisories_age_days);
    let message = format!(
        "the host's database of advisories is {age} days old, more than max-advisories-age-days = {most}; import it anew"
    );
    (age > i64::from(most)).then(|| Finding::new(gap, OUTDATED, message).identified_by([OUTDATED]))
}

fn name(package: &Package) -> String {
    format!("{} {} ({})", clip(&package.name, 200), clip(&package.version, 100), package.ecosystem.osv())
}

fn finding(hit: &Hit, shown: &dyn Fn(&[u8]) -> String) -> Finding {
    let Hit { package, advisory, .. } = hit;
    let aliases: Vec<String> = advisory.aliases.iter().take(8).map(|alias| clip(alias, 60)).collect();
    let known_as = if aliases.is_empty() { String::new() } else { format!(" ({})", aliases.join(", ")) };
    let severity = advisory.severity.map_or("unknown severity", |severity| severity.name());
    let summary =
        if advisory.summary.is_empty() { String::new() } else { format!(": {}", clip(&advisory.summary, 160)) };
    let fixed = match &advisory.fixed {
        Some(version) => format!("fixed in {}", clip(version, 100)),
        None => "no fixed version is known".to_owned(),
    };
    let what = format!("{} has {}{known_as}, {severity}{summary}; {fixed}", name(package), clip(&advisory.id, 60));
    let (level, message) = match &hit.standing {
        Standing::New { accepted_until: None } => (Severity::Error, what),
        Standing::New { accepted_until: Some(day) } => {
            (Severity::Error, format!("{what}; it was accepted until {}, which is over", clip(day, 10)))
        }
        Standing::OnTarget => (Severity::Note, format!("was there before: {what}")),
        Standing::Mild => (Severity::Note, format!("below severity-threshold: {what}")),
        Standing::Accepted(reason) => (Severity::Note, format!("accepted: {} ({what})", clip(reason, 300))),
    };
    let path = shown(&hit.path);
    let ecosystem = package.ecosystem.osv();
    let identity =
        [VULNERABLE, path.as_str(), ecosystem, &package.name, &package.version, &advisory.id].map(str::to_owned);
    Finding::new(level, VULNERABLE, message).at(path, Some(hit.line)).identified_by(identity)
}

/// Adds `all`, or the first of them and one more that says how many are left, no milder than the rest.
fn list(findings: &mut Vec<Finding>, severity: Severity, all: impl Iterator<Item = Finding>) {
    let all: Vec<Finding> = all.collect();
    let more = all.len().saturating_sub(MOST_LISTED);
    findings.extend(all.into_iter().take(MOST_LISTED));
    if more > 0 {
        let message = format!("{more} more findings of the dependency audit are not listed");
        findings.push(Finding::new(severity, "more", message));
    }
}
