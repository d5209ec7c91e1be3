//! From what was found to a judgement that a person can act on.

use crate::config::{Allowlist, Config, Unscanned};
use crate::range::{Leak, Looked, Place, Skipped};
use portcullis_gate_sdk::text::{clip, short};
use portcullis_gate_sdk::{Finding, Judgement, Severity, Verdict};
use std::collections::HashSet;

/// More than this many findings of one kind are counted, not listed: nobody reads on, and answers have a size.
const MOST_LISTED: usize = 200;

/// The judgement of what `looked` at.
pub fn judge(looked: &Looked, head: &str, config: &Config, allowlist: &Allowlist) -> Judgement {
    let mut seen = HashSet::new();
    let first_of_each = looked.leaks.iter().filter(|leak| seen.insert(leak.fingerprint.as_str()));
    let (allowed, secrets): (Vec<_>, Vec<_>) =
        first_of_each.map(|leak| (leak, excuse(leak, config, allowlist))).partition(|(_, excuse)| excuse.is_some());
    let mut findings = Vec::new();
    list(&mut findings, Severity::Error, "secrets", secrets.iter().map(|(leak, _)| secret(leak)));
    list(
        &mut findings,
        skip_severity(config),
        "objects that were not scanned",
        looked.skipped.iter().map(|skip| skipped(skip, config)),
    );
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
        evidence: evidence(looked, head),
        retry_after_s: None,
    }
}

fn summary(looked: &Looked, secrets: usize) -> String {
    let count = |n: usize, one: &str| format!("{n} {one}{}", if n == 1 { "" } else { "s" });
    let found = if secrets == 0 { "no secrets".to_string() } else { count(secrets, "secret") };
    let (commits, files) = (count(looked.commits, "commit"), count(looked.files, "file"));
    let unscanned = looked.skipped.iter().filter(|skip| skip.size.is_some()).count();
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

fn evidence(looked: &Looked, head: &str) -> Vec<(String, String)> {
    [
        ("base", looked.base.clone()),
        ("head", head.to_string()),
        ("commits", looked.commits.to_string()),
        ("objects", looked.objects.to_string()),
        ("bytes", looked.bytes.to_string()),
        ("rules", crate::rules::count().to_string()),
    ]
    .map(|(name, value)| (name.to_string(), value))
    .into()
}

fn excuse(leak: &Leak, config: &Config, allowlist: &Allowlist) -> Option<String> {
    if let Some(reason) = allowlist.reason(leak.rule, leak.path.as_deref(), &leak.fingerprint) {
        return Some(clip(reason, 300));
    }
    (config.inline_allow && leak.inline).then(|| "a comment on the line".to_string())
}

fn place(leak: &Leak) -> String {
    let commit = short(&leak.commit);
    match leak.place {
        Place::File => format!("added by commit {commit}"),
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
    match skip.size {
        None => Finding::note("submodule", format!("a submodule's content is not scanned here (commit {commit})")),
        Some(bytes) => {
            let (bytes, limit) = (size(bytes), config.max_blob_mib);
            let message = format!("not scanned: {bytes} are more than max-blob-mib = {limit} (commit {commit})");
            Finding::new(skip_severity(config), "not-scanned", message)
        }
    }
    .at(skip.path.clone(), None)
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
