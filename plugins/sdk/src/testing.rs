//! For a gate's own tests, native only.

#![allow(clippy::panic, reason = "assertions")]

use crate::{Finding, Gate, Judgement, Subject};
use serde::Serialize;
use serde_json::{Map, Value};

/// A subject to test with: `ORCH-65` on its way from `deploy-staging` to `deploy`, head `1…1`, target head `2…2`.
pub fn subject() -> Subject {
    Subject {
        repository: "acme/shop".into(),
        work_item: "ORCH-65".into(),
        from_stage: "deploy-staging".into(),
        to_stage: "deploy".into(),
        branch: "feature/orch-65".into(),
        head: "1".repeat(40),
        target: "main".into(),
        target_head: "2".repeat(40),
        pull_request: Some(7),
    }
}

/// Checks that a gate's hand-written schema and its configuration type say the same: the same keys, the same defaults,
/// and that other keys are refused.
///
/// Keys whose default is `null` (not set), and those that the schema calls `required`, need no `default` there.
///
/// # Panics
/// When they differ, with what differs.
pub fn assert_schema_matches<G: Gate>(defaults: &G::Config)
where
    G::Config: Serialize,
{
    let schema: Value =
        serde_json::from_str(G::CONFIG_SCHEMA).unwrap_or_else(|e| panic!("the schema is not JSON: {e}"));
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema", "the schema names its draft");
    assert_eq!(schema["additionalProperties"], false, "the schema refuses unknown keys");
    let none = Map::new();
    let properties = schema["properties"].as_object().unwrap_or(&none);
    let Ok(Value::Object(defaults)) = serde_json::to_value(defaults) else {
        panic!("the configuration is not a table")
    };
    let (mut in_schema, mut in_type): (Vec<_>, Vec<_>) = (properties.keys().collect(), defaults.keys().collect());
    in_schema.sort();
    in_type.sort();
    assert_eq!(in_schema, in_type, "the schema's keys (left) and the type's (right) differ");
    for (key, default) in &defaults {
        assert!(properties[key]["description"].is_string(), "key `{key}` has no description in the schema");
        let required = schema["required"].as_array().is_some_and(|keys| keys.iter().any(|k| k == key.as_str()));
        let default = if required { &Value::Null } else { default };
        assert_eq!(properties[key].get("default").unwrap_or(&Value::Null), default, "the defaults of `{key}` differ");
    }
    let refused = crate::config::parse::<G::Config>(r#"{"no-such-key-exists": 1}"#);
    assert!(refused.is_err(), "the type takes unknown keys; add #[serde(deny_unknown_fields)]");
}

/// Compares whole reports, word for word, with the file in which they were approved, and says where they part.
///
/// With `PORTCULLIS_WRITE_GOLDEN=1` in the environment the file is written anew: whoever changes a report reads the
/// difference in version control.
///
/// # Panics
/// When they differ, or the file cannot be read or written.
pub fn assert_golden(file: &str, reports: &[(&str, Judgement)]) {
    let found: String =
        reports.iter().map(|(title, judgement)| format!("# {title}\n{}\n", report(judgement))).collect();
    if std::env::var_os("PORTCULLIS_WRITE_GOLDEN").is_some() {
        let folder = std::path::Path::new(file).parent().unwrap_or_else(|| panic!("{file} lies in a folder"));
        let written = std::fs::create_dir_all(folder).and_then(|()| std::fs::write(file, &found));
        written.unwrap_or_else(|e| panic!("{file} cannot be written: {e}"));
        return;
    }
    let approved = std::fs::read_to_string(file)
        .unwrap_or_else(|e| panic!("{file} cannot be read ({e}); PORTCULLIS_WRITE_GOLDEN=1 writes it"));
    let (mut approved_lines, mut found_lines) = (approved.lines(), found.lines());
    for number in 1.. {
        match (approved_lines.next(), found_lines.next()) {
            (None, None) => break,
            (approved, found) => assert_eq!(
                found, approved,
                "the report (left) is not the one in {file}:{number} (right); PORTCULLIS_WRITE_GOLDEN=1 writes it anew"
            ),
        }
    }
}

/// A judgement with all that it says, a fact a line.
fn report(judgement: &Judgement) -> String {
    // The bindings show a variant with its enum; people write `Fail`.
    let word = |shown: String| shown.rsplit("::").next().unwrap_or_default().to_owned();
    let mut text = format!("{}: {}\n", word(format!("{:?}", judgement.verdict)), judgement.summary);
    if let Some(seconds) = judgement.retry_after_s {
        text += &format!("asks again after {seconds} s\n");
    }
    for Finding { rule, severity, message, path, line, fingerprint } in &judgement.findings {
        let path = path.as_ref().map_or_else(String::new, |path| format!(" {path}"));
        let line = line.map_or_else(String::new, |line| format!(":{line}"));
        let severity = word(format!("{severity:?}"));
        text += &format!("- {severity} {rule}{path}{line} [{fingerprint}]\n    {}\n", message.replace('\n', "\n    "));
    }
    for (name, value) in &judgement.evidence {
        text += &format!("  {name} = {value}\n");
    }
    text
}

/// How long `work` takes, as a row `| name | median | 99th percentile | times |` of a table for people.
pub fn timed(name: &str, times: usize, mut work: impl FnMut()) -> String {
    let mut took: Vec<std::time::Duration> = (0..times.max(1))
        .map(|_| {
            let since = std::time::Instant::now();
            work();
            since.elapsed()
        })
        .collect();
    took.sort_unstable();
    let at = |percent: usize| took[(took.len() - 1) * percent / 100].as_secs_f64() * 1e6;
    format!("| {name} | {:.1} µs | {:.1} µs | {} |", at(50), at(99), took.len())
}
