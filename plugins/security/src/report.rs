//! From what was found to a judgement that a person can act on.

use crate::archive::Gap;
use crate::config::{Allowlist, Config, Unscanned};
use crate::gitleaks::{Policy, Remark};
use crate::range::{Crowded, Leak, Looked, Place, Reconfigured, Skipped, Unread};
use crate::scan::MOST_HITS;
use portcullis_gate_sdk::text::{clip, short};
use portcullis_gate_sdk::{Finding, Judgement, Severity, Verdict};
use std::collections::HashSet;

/// More than this many findings of one kind are counted, not listed: nobody reads on, and answers have a size.
const MOST_LISTED: usize = 200;

/// The judgement of what `looked` at.
pub fn judge(looked: &Looked, head: &str, config: &Config, allowlist: &Allowlist, policy: &Policy) -> Judgement {
    let (mut allowed, mut secrets): (Vec<_>, Vec<_>) = looked
        .leaks
        .iter()
        .map(|leak| (leak, excuse(leak, config, allowlist)))
        .partition(|(_, excuse)| excuse.is_some());
    // Once each, and what is excused in one place or commit and not in another is not excused.
    let mut seen = HashSet::new();
    secrets.retain(|(leak, _)| seen.insert(leak.fingerprint.as_str()));
    allowed.retain(|(leak, _)| seen.insert(leak.fingerprint.as_str()));
    let mut findings = Vec::new();
    list(&mut findings, Severity::Error, "secrets", secrets.iter().map(|(leak, _)| secret(leak)));
    list(
        &mut findings,
        skip_severity(config),
        "objects that were not scanned",
        looked.skipped.iter().map(|skip| skipped(skip, config)),
    );
    let crowds = looked.crowded.iter().map(|crowd| crowded(crowd, config));
    list(&mut findings, skip_severity(config), "objects with too many hits", crowds);
    let setup = looked.reconfigured.iter().map(reconfigured);
    list(&mut findings, Severity::Warning, "changes of the gates' setup", setup);
    let warns = |remark: &&Remark| remark.severity == Severity::Warning;
    let (warnings, hints): (Vec<_>, Vec<_>) = policy.remarks().iter().partition(warns);
    list(&mut findings, Severity::Warning, "warnings about gitleaks' files", warnings.into_iter().map(remarked));
    list(&mut findings, Severity::Note, "notes on gitleaks' files", hints.into_iter().map(remarked));
    let notes = allowed.iter().filter_map(|(leak, excuse)| excuse.as_deref().map(|why| allowed_finding(leak, why)));
    list(&mut findings, Severity::Note, "allowed findings", notes);
    let verdict = match findings.iter().any(|finding| finding.severity == Severity::Error) {
        true => Verdict::Fail,
        false => Verdict::Pass,
    };
    Judgement {
        verdict,
        summary: summary(looked, secrets.len()),
        findings,
        evidence: evidence(looked, head, policy),
        retry_after_s: None,
    }
}

fn summary(looked: &Looked, secrets: usize) -> String {
    let count = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let found = if secrets == 0 { "no secrets".to_string() } else { count(secrets, "secret") };
    let (commits, files) = (count(looked.commits, "commit"), count(looked.files, "file"));
    let unscanned = looked.skipped.iter().filter(|skip| skip.why.matters()).count();
    let rest = if unscanned == 0 { String::new() } else { format!("; {} not scanned", count(unscanned, "object")) };
    format!("{found} in {commits} ({files}, {} scanned){rest}", size(looked.bytes))
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} bytes"),
        1024..0x10_0000 => format!("{} KiB", bytes / 1024),
        _ => format!("{} MiB", bytes >> 20),
    }
}

fn evidence(looked: &Looked, head: &str, policy: &Policy) -> Vec<(String, String)> {
    [
        ("base", looked.base.clone()),
        ("head", head.to_string()),
        ("commits", looked.commits.to_string()),
        ("objects", looked.objects.to_string()),
        ("bytes", looked.bytes.to_string()),
        ("rules", crate::rules::count().to_string()),
        ("team-rules", policy.rules().to_string()),
    ]
    .map(|(name, value)| (name.to_string(), value))
    .into()
}

fn excuse(leak: &Leak, config: &Config, allowlist: &Allowlist) -> Option<String> {
    if let Some(reason) = allowlist.reason(&leak.rule, leak.path.as_deref(), &leak.fingerprint) {
        return Some(clip(reason, 300));
    }
    if let Some(reason) = &leak.excused {
        return Some(clip(reason, 300));
    }
    (config.inline_allow && leak.inline).then(|| "a comment on the line".to_string())
}

fn place(leak: &Leak) -> String {
    let commit = short(&leak.commit);
    match leak.place {
        Place::File | Place::Path => format!("added by commit {commit}"),
        Place::Name => format!("in a file's name, added by commit {commit}"),
        Place::Message => format!("in the message of commit {commit}, line {}", leak.line),
    }
}

fn located(leak: &Leak, severity: Severity, message: String) -> Finding {
    Finding {
        rule: leak.rule.to_string(),
        severity,
        message,
        path: leak.path.clone(),
        line: (leak.place == Place::File).then_some(leak.line),
        fingerprint: leak.fingerprint.clone(),
    }
}

fn secret(leak: &Leak) -> Finding {
    let message = format!(
        "{}, {}, {}; revoke it, then take it out of the branch's history, or allow fingerprint {} on the target branch if it is none",
        leak.about,
        leak.shown,
        place(leak),
        leak.fingerprint
    );
    located(leak, Severity::Error, message)
}

fn allowed_finding(leak: &Leak, reason: &str) -> Finding {
    located(leak, Severity::Note, format!("allowed: {reason} ({}, {}, {})", leak.about, leak.shown, place(leak)))
}

fn skip_severity(config: &Config) -> Severity {
    match config.unscanned {
        Unscanned::Fail => Severity::Error,
        Unscanned::Warn => Severity::Warning,
    }
}

fn skipped(skip: &Skipped, config: &Config) -> Finding {
    let commit = short(&skip.commit);
    let limit = config.max_blob_mib;
    let packed = |why: &str| format!("not scanned: {why} (commit {commit})");
    let message = match skip.why {
        Unread::Submodule => {
            return Finding::note("submodule", format!("a submodule's content is not scanned here (commit {commit})"))
                .at(skip.path.clone(), None);
        }
        Unread::TooLarge(bytes) => packed(&format!("{} are more than max-blob-mib = {limit}", size(bytes))),
        Unread::Packed(Gap::Encrypted) => packed("it is packed with a password"),
        Unread::Packed(Gap::TooLarge) => {
            packed(&format!("it unpacks to more than max-blob-mib = {limit} lets it, alone or with its neighbours"))
        }
        Unread::Packed(Gap::Damaged) => packed("the archive is damaged"),
        Unread::Packed(Gap::Foreign(kind)) => packed(&format!("archives of this kind are not unpacked ({kind})")),
        Unread::Packed(Gap::Nested) => packed("an archive in an archive is not unpacked"),
    };
    let severity = if skip.why.matters() { skip_severity(config) } else { Severity::Note };
    Finding::new(severity, "not-scanned", message).at(skip.path.clone(), None)
}

fn crowded(crowd: &Crowded, config: &Config) -> Finding {
    let commit = short(&crowd.commit);
    let message = format!("not scanned to its end: it has more than {MOST_HITS} hits (commit {commit})");
    let finding = Finding::new(skip_severity(config), "not-scanned", message);
    match &crowd.path {
        Some(path) => finding.at(path.clone(), None),
        None => finding,
    }
}

fn reconfigured(change: &Reconfigured) -> Finding {
    let commit = short(&change.commit);
    let message = format!(
        "commit {commit} changes what the gates are set up with; the target branch's version was used here, look at what this one will allow from the merge on"
    );
    Finding::warning("gate-setup-changed", message).at(change.path.clone(), None)
}

fn remarked(remark: &Remark) -> Finding {
    Finding::new(remark.severity, "gitleaks-config", remark.message.clone()).at(remark.path.clone(), Some(remark.line))
}

/// Adds `all`, or the first of them and one more that says how many are left, no milder than the rest.
fn list(findings: &mut Vec<Finding>, severity: Severity, what: &str, all: impl Iterator<Item = Finding>) {
    let all: Vec<Finding> = all.collect();
    let more = all.len().saturating_sub(MOST_LISTED);
    findings.extend(all.into_iter().take(MOST_LISTED));
    if more > 0 {
        findings.push(Finding::new(severity, "more", format!("{more} more {what} are not listed")));
    }
}
