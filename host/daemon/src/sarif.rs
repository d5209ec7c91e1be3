//! How an evaluation ended, as SARIF 2.1.0, the format that forges and editors read findings from. Pure.
//!
//! What must hold: equal evaluations give equal bytes; every `ruleIndex` points at its `ruleId`; a place is named only where
//! the finding has one, and no name in it can lead out of the repository. Secrets are absent because findings hold none.
//!
//! Deliberately absent: snippets, which would show the secret; absolute paths; times; a fault as a result: a gate that could
//! not answer has found nothing, so the run says that it did not succeed.

use portcullis_core::gate::{Finding, Judgement, Outcome, PluginRef, Severity, Subject, Verdict};
use serde_json::{Value, json};
use std::collections::HashMap;

/// Where the format is defined.
const SCHEMA: &str = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json";
/// The name under which findings are recognised again. It would change with how gates make fingerprints.
const FINGERPRINT: &str = "portcullisFingerprint/v1";

/// The log of one run of `plugin` on `subject`.
pub fn render(plugin: &PluginRef, subject: &Subject, outcome: &Outcome) -> Value {
    let none = Vec::new();
    let (findings, invocation, properties) = match outcome {
        Outcome::Judged(judgement) => {
            (&judgement.findings, json!({ "executionSuccessful": true }), judged(subject, judgement))
        }
        Outcome::Faulted(fault) => {
            let notification = json!({ "level": "error", "message": { "text": fault.to_string() } });
            let invocation = json!({ "executionSuccessful": false, "toolExecutionNotifications": [notification] });
            (&none, invocation, json!({ "head": subject.head.as_str() }))
        }
    };
    let rules = Rules::of(findings);
    let results: Vec<Value> = findings.iter().map(|finding| result(finding, &rules)).collect();
    json!({
        "$schema": SCHEMA,
        "version": "2.1.0",
        "runs": [{
            "tool": {
                "driver": {
                    "name": plugin.name.as_str(),
                    "version": plugin.version,
                    "rules": rules.descriptors(),
                },
            },
            "invocations": [invocation],
            "results": results,
            "properties": properties,
        }],
    })
}

fn judged(subject: &Subject, judgement: &Judgement) -> Value {
    let verdict = match judgement.verdict {
        Verdict::Pass => "pass",
        Verdict::Fail => "fail",
        Verdict::Pending => "pending",
        Verdict::Actionable => "actionable",
    };
    json!({ "verdict": verdict, "summary": judgement.summary, "head": subject.head.as_str() })
}

/// Every rule of a run once, in the order in which findings name them.
struct Rules<'a> {
    ids: Vec<&'a str>,
    index: HashMap<&'a str, usize>,
}

impl<'a> Rules<'a> {
    fn of(findings: &'a [Finding]) -> Self {
        let mut rules = Self { ids: Vec::new(), index: HashMap::new() };
        for finding in findings {
            let id = finding.rule.as_str();
            let next = rules.ids.len();
            if *rules.index.entry(id).or_insert(next) == next {
                rules.ids.push(id);
            }
        }
        rules
    }

    fn descriptors(&self) -> Vec<Value> {
        let descriptor = |id: &&str| json!({ "id": id, "shortDescription": { "text": id.replace(['-', '_'], " ") } });
        self.ids.iter().map(descriptor).collect()
    }
}

fn result(finding: &Finding, rules: &Rules<'_>) -> Value {
    let level = match finding.severity {
        Severity::Note => "note",
        Severity::Warning => "warning",
        Severity::Error => "error",
    };
    let mut result = json!({
        "ruleId": finding.rule,
        "ruleIndex": rules.index.get(finding.rule.as_str()),
        "level": level,
        "message": { "text": finding.message },
    });
    if let Some(path) = finding.path.as_deref().filter(|path| !path.is_empty()) {
        result["locations"] = json!([location(path, finding.line)]);
    }
    if !finding.fingerprint.is_empty() {
        result["partialFingerprints"] = json!({ FINGERPRINT: finding.fingerprint });
    }
    result
}

fn location(path: &str, line: Option<u32>) -> Value {
    let artifact = json!({ "uri": relative_uri(path), "uriBaseId": "%SRCROOT%" });
    let mut physical = json!({ "artifactLocation": artifact });
    if let Some(line) = line.filter(|line| *line > 0) {
        physical["region"] = json!({ "startLine": line });
    }
    json!({ "physicalLocation": physical })
}

/// A path as a relative reference. Whatever could make it anything else (a scheme, a leading slash, dots that climb, a
/// query) is escaped.
fn relative_uri(path: &str) -> String {
    let mut uri = String::with_capacity(path.len());
    for (nth, part) in path.split('/').enumerate() {
        if nth > 0 {
            // An empty part at the beginning would make it a path from the root or name a host.
            uri.push_str(if uri.is_empty() { "%2F" } else { "/" });
        }
        let climbs = matches!(part, "." | "..");
        for byte in part.bytes() {
            let plain = byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'~') || byte == b'.' && !climbs;
            if plain {
                uri.push(char::from(byte));
            } else {
                uri.push_str(&format!("%{byte:02X}"));
            }
        }
    }
    uri
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use portcullis_core::gate::Fault;

    fn subject() -> Subject {
        serde_json::from_value(json!({
            "repository": "acme/shop", "work_item": "ORCH-65", "from": "deploy-staging", "to": "deploy",
            "branch": "feature/orch-65", "head": "1".repeat(40), "target": "main", "target_head": "2".repeat(40),
            "pull_request": 7
        }))
        .unwrap()
    }

    fn plugin() -> PluginRef {
        let digest = format!("sha256:{}", "0".repeat(64));
        serde_json::from_value(json!({ "name": "portcullis/security", "version": "0.1.0", "digest": digest })).unwrap()
    }

    fn finding(rule: &str, severity: Severity, path: Option<&str>, line: Option<u32>) -> Finding {
        Finding {
            rule: rule.to_owned(),
            severity,
            message: format!("{rule} was found"),
            path: path.map(str::to_owned),
            line,
            fingerprint: format!("{rule}-{line:?}"),
        }
    }

    fn log(findings: Vec<Finding>) -> Value {
        let judgement = Judgement {
            verdict: Verdict::Fail,
            summary: "2 secrets".to_owned(),
            findings,
            evidence: Vec::new(),
            retry_after_s: None,
        };
        render(&plugin(), &subject(), &Outcome::Judged(judgement))
    }

    // SEC-5
    #[test]
    fn a_judgement_reads_like_this() {
        let log = log(vec![
            finding("github-token", Severity::Error, Some("src/a b.rs"), Some(3)),
            finding("submodule", Severity::Note, Some("vendor/lib"), None),
            finding("github-token", Severity::Error, None, None),
        ]);
        let place = |uri: &str| json!({ "uri": uri, "uriBaseId": "%SRCROOT%" });
        let expected = json!({
            "$schema": SCHEMA,
            "version": "2.1.0",
            "runs": [{
                "tool": { "driver": { "name": "portcullis/security", "version": "0.1.0", "rules": [
                    { "id": "github-token", "shortDescription": { "text": "github token" } },
                    { "id": "submodule", "shortDescription": { "text": "submodule" } },
                ] } },
                "invocations": [{ "executionSuccessful": true }],
                "results": [
                    {
                        "ruleId": "github-token", "ruleIndex": 0, "level": "error",
                        "message": { "text": "github-token was found" },
                        "locations": [{ "physicalLocation": {
                            "artifactLocation": place("src/a%20b.rs"), "region": { "startLine": 3 }
                        } }],
                        "partialFingerprints": { "portcullisFingerprint/v1": "github-token-Some(3)" },
                    },
                    {
                        "ruleId": "submodule", "ruleIndex": 1, "level": "note",
                        "message": { "text": "submodule was found" },
                        "locations": [{ "physicalLocation": { "artifactLocation": place("vendor/lib") } }],
                        "partialFingerprints": { "portcullisFingerprint/v1": "submodule-None" },
                    },
                    {
                        "ruleId": "github-token", "ruleIndex": 0, "level": "error",
                        "message": { "text": "github-token was found" },
                        "partialFingerprints": { "portcullisFingerprint/v1": "github-token-None" },
                    },
                ],
                "properties": { "verdict": "fail", "summary": "2 secrets", "head": "1".repeat(40) },
            }],
        });
        assert_eq!(log, expected, "{log:#}");
    }

    // GAT-1
    #[test]
    fn a_fault_is_a_run_that_did_not_succeed_and_never_an_empty_list_of_results_alone() {
        let fault = Fault::CpuLimit { limit_ms: 7 };
        let log = render(&plugin(), &subject(), &Outcome::Faulted(fault.clone()));
        let run = &log["runs"][0];
        assert_eq!(run["invocations"][0]["executionSuccessful"], false);
        let told = &run["invocations"][0]["toolExecutionNotifications"][0]["message"]["text"];
        assert_eq!(told, fault.to_string().as_str());
        assert_eq!((&run["results"], &run["properties"]["verdict"]), (&json!([]), &Value::Null));
    }

    // SEC-5
    #[test]
    fn no_path_is_anything_but_a_relative_reference() {
        for (path, uri) in [
            ("src/lib.rs", "src/lib.rs"),
            ("/etc/passwd", "%2Fetc/passwd"),
            ("//host/x", "%2F/host/x"),
            ("http://host/x", "http%3A//host/x"),
            ("../x/./y", "%2E%2E/x/%2E/y"),
            ("a?b#c%d", "a%3Fb%23c%25d"),
            ("\u{fc}.txt", "%C3%BC.txt"),
            ("a\\xff\n", "a%5Cxff%0A"),
        ] {
            assert_eq!(relative_uri(path), uri);
        }
    }

    // SEC-5
    #[test]
    fn a_line_that_cannot_be_and_an_empty_path_are_left_out() {
        let log = log(vec![
            finding("r", Severity::Warning, Some("a"), Some(0)),
            finding("r", Severity::Warning, Some(""), Some(1)),
        ]);
        let results = &log["runs"][0]["results"];
        assert_eq!(results[0]["locations"][0]["physicalLocation"].get("region"), None);
        assert_eq!((results[0]["level"].as_str(), results[1].get("locations")), (Some("warning"), None));
    }
}
