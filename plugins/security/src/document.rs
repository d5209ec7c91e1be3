//! The report document (SEC-7): a judgement as Markdown with frontmatter, and the way back. Pure.
//!
//! What must hold: what [`render`] writes, [`read`] reads back to the same [`Header`]; a document that anybody changed in a
//! way that matters is not the one that would be written; no text of the branch can break out of its line. Findings are
//! redacted before they come here.
//!
//! Deliberately absent: writing. See `docs/adr/0014-security-report.md` for who does that and why.

use portcullis_gate_sdk::text::clip;
use portcullis_gate_sdk::{Finding, Judgement, Severity, Subject, Verdict, fingerprint};
use std::collections::{BTreeMap, HashMap};
use std::fmt::Write as _;

/// The document's name in the work item's folder.
pub const NAME: &str = "17-security-report.md";

/// Rules whose findings say what was not looked at.
const UNSEEN: [&str; 4] = ["not-scanned", "submodule", "more", "dependency-audit"];

/// What the frontmatter says: enough to tell whether the document is that of a judgement.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// The answer.
    pub verdict: Verdict,
    /// The head that was judged.
    pub head: String,
    /// Where its range began.
    pub base: String,
    /// How many findings there are, of every weight.
    pub findings: usize,
    /// A name for all of them together: rule, weight and fingerprint of each.
    pub digest: String,
}

impl Header {
    /// The header that the document of `judgement` on `subject` has.
    pub fn of(subject: &Subject, judgement: &Judgement) -> Self {
        let mut parts: Vec<String> = judgement
            .findings
            .iter()
            .map(|finding| format!("{} {} {}", weight(finding.severity), finding.fingerprint, finding.rule))
            .collect();
        parts.sort_unstable();
        Self {
            verdict: judgement.verdict,
            head: subject.head.clone(),
            base: fact(judgement, "base").to_string(),
            findings: judgement.findings.len(),
            digest: fingerprint(parts),
        }
    }

    /// Whether the document that says this is that of `other`, the judgement of the same head or of a later one: that
    /// nothing but documents lies between the two, the caller has to see to.
    ///
    /// # Errors
    /// What differs first, in words.
    pub fn agrees_with(&self, other: &Self) -> Result<(), String> {
        let differs = |what: &str, mine: &dyn std::fmt::Display, theirs: &dyn std::fmt::Display| {
            Err(format!("its {what} is {mine}, the judgement's is {theirs}"))
        };
        if self.verdict != other.verdict {
            return differs("verdict", &word(self.verdict), &word(other.verdict));
        }
        if self.findings != other.findings {
            return differs("number of findings", &self.findings, &other.findings);
        }
        if self.digest != other.digest {
            return differs("digest of findings", &self.digest, &other.digest);
        }
        Ok(())
    }
}

/// The document of `judgement` on `subject`.
pub fn render(subject: &Subject, judgement: &Judgement) -> String {
    let mut out = frontmatter(subject, judgement);
    let _ = write!(out, "\n# Security report of {}\n\n", plain(&subject.work_item));
    let _ = writeln!(out, "**{}**: {}.\n", word(judgement.verdict), plain(&judgement.summary));
    let range = format!("{}..{}", fact(judgement, "base"), subject.head);
    let _ = writeln!(out, "Judged: {} of {}.", code(&range), code(&subject.branch));
    let unseen = |finding: &&Finding| UNSEEN.contains(&finding.rule.as_str());
    let allowed = |finding: &&Finding| finding.severity == Severity::Note && finding.message.starts_with("allowed: ");
    let rest = |finding: &&Finding| !unseen(finding) && !allowed(finding);
    let of = |severity| move |finding: &&Finding| finding.severity == severity;
    let all = || judgement.findings.iter();
    section(&mut out, "Must be mended", all().filter(rest).filter(of(Severity::Error)));
    section(&mut out, "Warnings", all().filter(rest).filter(of(Severity::Warning)));
    section(&mut out, "Not looked at", all().filter(unseen));
    section(&mut out, "Allowed", all().filter(allowed).filter(|finding| !unseen(finding)));
    section(&mut out, "Notes", all().filter(rest).filter(of(Severity::Note)));
    out.push_str("\n## What was looked at\n\n");
    for (name, value) in &judgement.evidence {
        let _ = writeln!(out, "- {}: {}", plain(name), code(value));
    }
    out
}

fn frontmatter(subject: &Subject, judgement: &Judgement) -> String {
    let header = Header::of(subject, judgement);
    let count = |severity| judgement.findings.iter().filter(|finding| finding.severity == severity).count();
    let mut by_rule: BTreeMap<&str, usize> = BTreeMap::new();
    for finding in &judgement.findings {
        *by_rule.entry(&finding.rule).or_default() += 1;
    }
    let rules: Vec<String> = by_rule.iter().map(|(rule, count)| format!("{}: {count}", quoted(rule))).collect();
    let mut out = String::from("---\n");
    let mut line = |key: &str, value: &str| {
        let _ = writeln!(out, "{key}: {value}");
    };
    line("verdict", word(header.verdict));
    line("head", &quoted(&header.head));
    line("base", &quoted(&header.base));
    line("findings", &header.findings.to_string());
    line("digest", &quoted(&header.digest));
    line("work-item", &quoted(&subject.work_item));
    line("target", &quoted(&subject.target));
    line("target-head", &quoted(&subject.target_head));
    line("errors", &count(Severity::Error).to_string());
    line("warnings", &count(Severity::Warning).to_string());
    line("notes", &count(Severity::Note).to_string());
    line("by-rule", &format!("{{{}}}", rules.join(", ")));
    out.push_str("---\n");
    out
}

fn section<'a>(out: &mut String, title: &str, findings: impl Iterator<Item = &'a Finding>) {
    let mut findings = findings.peekable();
    if findings.peek().is_none() {
        return;
    }
    let _ = write!(out, "\n## {title}\n\n");
    for finding in findings {
        let place = match (&finding.path, finding.line) {
            (Some(path), Some(line)) => format!(" {}", code(&format!("{path}:{line}"))),
            (Some(path), None) => format!(" {}", code(path)),
            (None, _) => String::new(),
        };
        let (rule, message) = (code(&finding.rule), plain(&finding.message));
        let _ = writeln!(out, "- {rule}{place}: {message} (fingerprint {})", code(&finding.fingerprint));
    }
}

/// Reads the frontmatter back. It takes only what [`render`] could have written: a document that somebody edited by hand is
/// no report of this gate.
///
/// # Errors
/// What is wrong, with the line.
pub fn read(document: &[u8]) -> Result<Header, String> {
    let text = std::str::from_utf8(document).map_err(|_| "it is not UTF-8".to_string())?;
    let body = text.strip_prefix("---\n").ok_or("its first line is not `---`")?;
    let (yaml, _) = body.split_once("\n---\n").ok_or("its frontmatter has no closing `---`")?;
    let mut values: HashMap<&str, serde_json::Value> = HashMap::new();
    for (number, line) in (2..).zip(yaml.split('\n')) {
        let (key, value) = line.split_once(": ").ok_or(format!("line {number} is no `key: value`"))?;
        let value = if key == "verdict" { Ok(value.into()) } else { serde_json::from_str(value) };
        let value = value.map_err(|_| format!("line {number}: the value of `{}` is malformed", clip(key, 40)))?;
        if values.insert(key, value).is_some() {
            return Err(format!("line {number}: `{}` stands twice", clip(key, 40)));
        }
    }
    let text = |key: &str| {
        let value = values.get(key).and_then(|value| value.as_str());
        value.map(str::to_string).ok_or(format!("`{key}` is missing or no text"))
    };
    let verdict = text("verdict")?;
    let verdict = [Verdict::Pass, Verdict::Fail, Verdict::Pending, Verdict::Actionable]
        .into_iter()
        .find(|known| word(*known) == verdict)
        .ok_or(format!("its verdict is `{}`, which is none", clip(&verdict, 40)))?;
    let findings = values.get("findings").and_then(serde_json::Value::as_u64).and_then(|n| usize::try_from(n).ok());
    Ok(Header {
        verdict,
        head: text("head")?,
        base: text("base")?,
        findings: findings.ok_or("`findings` is missing or no number")?,
        digest: text("digest")?,
    })
}

fn fact<'a>(judgement: &'a Judgement, name: &str) -> &'a str {
    judgement.evidence.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
}

fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Pending => "pending",
        Verdict::Actionable => "actionable",
    }
}

fn weight(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    }
}

/// A string that JSON and YAML read alike. What one of them could take for a line break or refuse is escaped; beyond four
/// digits their escapes differ, so those characters stand as they are, which both take.
fn quoted(text: &str) -> String {
    let mut out = String::from('"');
    for c in text.chars() {
        match c {
            '"' | '\\' => out.extend(['\\', c]),
            ' '..='~' | '\u{10000}'.. => out.push(c),
            c if c.is_alphanumeric() => out.push(c),
            c => {
                let _ = write!(out, "\\u{:04x}", u32::from(c));
            }
        }
    }
    out.push('"');
    out
}

/// Text that Markdown shows as it is, on one line.
fn plain(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in clip(text, 2000).chars() {
        if matches!(c, '\\' | '`' | '*' | '_' | '[' | ']' | '<' | '>' | '#' | '|' | '~' | '&' | '!') {
            out.push('\\');
        }
        out.push(c);
    }
    out
}

/// Text as code, on one line, whatever backticks it holds.
fn code(text: &str) -> String {
    let text = clip(text, 2000);
    let longest = text.split(|c| c != '`').map(str::len).max().unwrap_or(0);
    let fence = "`".repeat(longest + 1);
    let pad = if text.is_empty() || text.starts_with('`') || text.ends_with('`') { " " } else { "" };
    format!("{fence}{pad}{text}{pad}{fence}")
}
