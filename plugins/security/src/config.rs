//! The gate's table in the manifest, which is the target branch's: what a branch under judgement writes cannot excuse it.

use crate::audit::ignore::Ignore;
use crate::audit::run::Supply;
use crate::audit::severity::Level;
use crate::rules;
use globset::{GlobBuilder, GlobMatcher};
use portcullis_gate_sdk::Refusal;
use serde::{Deserialize, Serialize};

/// Settings of the gate. Unknown keys are refused.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Rules that are not run.
    pub disabled_rules: Vec<String>,
    /// What is known and accepted.
    pub allow: Vec<Allow>,
    /// Whether a comment on the line itself (`portcullis:allow RULE`, `gitleaks:allow`) excuses a finding. Off by default,
    /// because it is the branch under judgement that writes it.
    pub inline_allow: bool,
    /// What the target branch's `.gitleaks.toml` and `.gitleaksignore` mean.
    pub gitleaks: Gitleaks,
    /// Larger objects are not scanned but reported, in MiB.
    pub max_blob_mib: u64,
    /// What an object that was not scanned means.
    pub unscanned: Unscanned,
    /// Whether lockfiles are checked for known vulnerabilities.
    pub dependency_audit: DependencyAudit,
    /// Whether the edge stays closed until the head holds the report.
    pub report: Report,
    /// Where advisories come from.
    pub advisories: Supply,
    /// Address of an API like OSV's; its host must be granted.
    pub advisories_url: String,
    /// Days after which the host's database of advisories counts as outdated.
    pub max_advisories_age_days: u32,
    /// Vulnerabilities that are milder are only noted.
    pub severity_threshold: Level,
    /// Vulnerabilities that are known and accepted.
    pub ignore_advisories: Vec<Ignore>,
    /// Larger lockfiles are not audited but reported, in MiB.
    pub max_lockfile_mib: u64,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            disabled_rules: Vec::new(),
            allow: Vec::new(),
            inline_allow: false,
            gitleaks: Gitleaks::Honour,
            max_blob_mib: 32,
            unscanned: Unscanned::Fail,
            dependency_audit: DependencyAudit::BestEffort,
            report: Report::Off,
            advisories: Supply::Auto,
            advisories_url: "https://api.osv.dev".to_owned(),
            max_advisories_age_days: 14,
            severity_threshold: Level::Low,
            ignore_advisories: Vec::new(),
            max_lockfile_mib: 8,
        }
    }
}

/// What gitleaks' files mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Gitleaks {
    /// Their rules are run and their allowlists count.
    Honour,
    /// Nothing.
    Ignore,
}

/// What an object that was not scanned means for the verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unscanned {
    /// The edge stays closed: nobody knows what is in it.
    Fail,
    /// It is only said.
    Warn,
}

/// How the dependency audit is to behave.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DependencyAudit {
    /// No audit.
    Off,
    /// Audit where it can be done, else say so.
    BestEffort,
    /// No audit, no pass.
    Strict,
}

/// What becomes of the report document.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Report {
    /// There is none.
    Off,
    /// It is written on the branch, and no pass counts without it.
    Write,
}

/// One accepted finding or family of findings. Every field that is given must match.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allow {
    /// Rule name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rule: Option<String>,
    /// Glob over the whole path: `*` stays within a folder, `**` does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Fingerprint as in the finding.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fingerprint: Option<String>,
    /// Why. Shown with every finding that it covers.
    pub reason: String,
}

/// Checked exceptions, ready to ask.
#[derive(Debug)]
pub struct Allowlist(Vec<Entry>);

#[derive(Debug)]
struct Entry {
    rule: Option<String>,
    path: Option<GlobMatcher>,
    fingerprint: Option<String>,
    reason: String,
}

impl Config {
    /// Checks what a type cannot say, and compiles the allowlist.
    ///
    /// # Errors
    /// [`Refusal::BadConfig`], naming the key.
    pub fn check(&self) -> Result<Allowlist, Refusal> {
        for (index, rule) in self.disabled_rules.iter().enumerate() {
            known_rule(&format!("disabled-rules[{index}]"), rule)?;
        }
        if !(1..=128).contains(&self.max_blob_mib) {
            return Err(Refusal::config("max-blob-mib", format_args!("{} is not within 1 to 128", self.max_blob_mib)));
        }
        if !(1..=32).contains(&self.max_lockfile_mib) {
            return Err(Refusal::config(
                "max-lockfile-mib",
                format_args!("{} is not within 1 to 32", self.max_lockfile_mib),
            ));
        }
        if !self.advisories_url.starts_with("https://") && !self.advisories_url.starts_with("http://") {
            return Err(Refusal::config("advisories-url", "it is no address like https://api.osv.dev"));
        }
        for (index, entry) in self.ignore_advisories.iter().enumerate() {
            entry.check(&format!("ignore-advisories[{index}]"))?;
        }
        self.allow.iter().enumerate().map(|(index, allow)| allow.check(index)).collect::<Result<_, _>>().map(Allowlist)
    }
}

fn known_rule(key: &str, rule: &str) -> Result<(), Refusal> {
    if rules::exists(rule) {
        return Ok(());
    }
    Err(Refusal::config(key, format_args!("there is no rule `{rule}`; the rules are listed in docs/security-gate.md")))
}

impl Allow {
    fn check(&self, index: usize) -> Result<Entry, Refusal> {
        let key = |field: &str| format!("allow[{index}]{field}");
        if self.reason.trim().is_empty() {
            return Err(Refusal::config(&key(".reason"), "say why this may stay"));
        }
        if self.rule.is_none() && self.path.is_none() && self.fingerprint.is_none() {
            return Err(Refusal::config(
                &key(""),
                "give at least one of rule, path and fingerprint; this would allow everything",
            ));
        }
        if let Some(rule) = &self.rule {
            known_rule(&key(".rule"), rule)?;
        }
        let glob = |pattern: &String| {
            let built = GlobBuilder::new(pattern).literal_separator(true).build();
            built.map(|glob| glob.compile_matcher()).map_err(|error| Refusal::config(&key(".path"), error.kind()))
        };
        Ok(Entry {
            rule: self.rule.clone(),
            path: self.path.as_ref().map(glob).transpose()?,
            fingerprint: self.fingerprint.clone(),
            reason: self.reason.trim().to_string(),
        })
    }
}

impl Allowlist {
    /// Why a finding of `rule` at `path` (none: a commit message) may stay, if it may.
    pub fn reason(&self, rule: &str, path: Option<&str>, fingerprint: &str) -> Option<&str> {
        let covers = |entry: &&Entry| {
            entry.rule.as_deref().is_none_or(|wanted| wanted == rule)
                && entry.path.as_ref().is_none_or(|glob| path.is_some_and(|path| glob.is_match(path)))
                && entry.fingerprint.as_deref().is_none_or(|wanted| wanted == fingerprint)
        };
        self.0.iter().find(covers).map(|entry| entry.reason.as_str())
    }
}

/// Whether a comment on `line` excuses a finding of `rule`. `portcullis:allow` must name the rule; `gitleaks:allow`, which
/// teams bring along, covers the line.
pub fn inline(line: &[u8], rule: &str) -> bool {
    let line = String::from_utf8_lossy(line);
    let named = line.split("portcullis:allow").skip(1).any(|rest| {
        rest.trim_start()
            .split(|c: char| c.is_whitespace())
            .next()
            .is_some_and(|names| names.split(',').any(|name| name == rule))
    });
    named || line.contains("gitleaks:allow")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;

    fn config(json: &str) -> Config {
        serde_json::from_str(json).unwrap()
    }

    fn refused(json: &str) -> String {
        match config(json).check().unwrap_err() {
            Refusal::BadConfig(why) => why,
            other => panic!("refused as {other:?}"),
        }
    }

    // SEC-6
    #[test]
    fn every_given_field_of_an_exception_must_match() {
        let list = config(
            r#"{"allow": [{"rule": "jwt", "path": "tests/**/*.json", "reason": "made up"}, {"fingerprint": "0123", "reason": "revoked"}]}"#,
        )
        .check()
        .unwrap();
        assert_eq!(list.reason("jwt", Some("tests/a/b/c.json"), "9"), Some("made up"));
        assert_eq!(list.reason("jwt", Some("src/c.json"), "9"), None);
        assert_eq!(list.reason("npm-token", Some("tests/a/c.json"), "9"), None);
        assert_eq!(list.reason("jwt", None, "9"), None);
        assert_eq!(list.reason("npm-token", None, "0123"), Some("revoked"));
    }

    // SEC-6
    #[test]
    fn a_star_stays_within_its_folder() {
        let list = config(r#"{"allow": [{"path": "tests/*.json", "reason": "made up"}]}"#).check().unwrap();
        assert!(list.reason("jwt", Some("tests/a.json"), "").is_some());
        assert!(list.reason("jwt", Some("tests/deep/a.json"), "").is_none());
    }

    // SEC-6, GAT-1
    #[test]
    fn an_exception_that_would_not_do_what_its_author_thinks_is_refused() {
        assert!(refused(r#"{"allow": [{"reason": "all"}]}"#).contains("allow[0]"));
        assert!(refused(r#"{"allow": [{"rule": "jwt", "reason": " "}]}"#).contains("allow[0].reason"));
        assert!(refused(r#"{"allow": [{"rule": "jtw", "reason": "x"}]}"#).contains("no rule `jtw`"));
        assert!(refused(r#"{"allow": [{"path": "a[", "reason": "x"}]}"#).contains("allow[0].path"));
        assert!(refused(r#"{"disabled-rules": ["nope"]}"#).contains("disabled-rules[0]"));
        assert!(refused(r#"{"max-blob-mib": 0}"#).contains("max-blob-mib"));
        assert!(serde_json::from_str::<Config>(r#"{"alow": []}"#).is_err());
    }

    // SEC-3, GAT-1
    #[test]
    fn an_accepted_vulnerability_needs_a_name_a_reason_and_a_real_date() {
        let entry = |fields: &str| format!(r#"{{"ignore-advisories": [{{{fields}}}]}}"#);
        assert!(refused(&entry(r#""id": " ", "reason": "x""#)).contains("ignore-advisories[0].id"));
        assert!(refused(&entry(r#""id": "CVE-1", "reason": " ""#)).contains("ignore-advisories[0].reason"));
        assert!(refused(&entry(r#""id": "CVE-1", "reason": "x", "until": "2026-02-30""#)).contains(".until"));
        assert!(refused(r#"{"max-lockfile-mib": 33}"#).contains("max-lockfile-mib"));
        assert!(refused(r#"{"advisories-url": "api.osv.dev"}"#).contains("advisories-url"));
        assert!(config(&entry(r#""id": "CVE-1", "reason": "x", "until": "2026-02-28""#)).check().is_ok());
        assert!(config(r#"{"dependency-audit": "strict"}"#).check().is_ok());
    }

    // SEC-6
    #[test]
    fn an_inline_comment_must_name_the_rule() {
        assert!(inline(b"x # portcullis:allow jwt made up", "jwt"));
        assert!(inline(b"x # portcullis:allow npm-token,jwt", "jwt"));
        assert!(!inline(b"x # portcullis:allow jwt-other", "jwt"));
        assert!(!inline(b"x # portcullis:allow", "jwt"));
        assert!(inline(b"x // gitleaks:allow", "jwt"));
    }
}
