//! What the frontmatter of the document says.
//!
//! Always holds: only a value of the list `pass` passes. A missing document, a missing key or any other value fails, with
//! a finding that names all three and the values that would do.

use crate::config::Config;
use portcullis_gate_sdk::{prelude::*, text};
use serde_json::{Map, Value};

/// Most findings in an answer.
const FINDINGS: usize = 100;
/// Longest finding that is handed on, in characters.
const LONGEST: usize = 4_000;

/// Why there is no frontmatter to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Unreadable {
    /// The document does not exist.
    Missing,
    /// It exists and is not what it should be.
    Malformed(String),
}

/// Judges the document's frontmatter, as JSON.
pub fn judge(frontmatter: Result<&str, &Unreadable>, config: &Config) -> Judgement {
    let document = text::clip(&config.document, 120);
    let table = match frontmatter {
        Ok(json) => serde_json::from_str::<Map<String, Value>>(json).map_err(|_| "has no frontmatter".to_owned()),
        Err(Unreadable::Missing) => Err("is missing from the work item's folder".to_owned()),
        Err(Unreadable::Malformed(why)) => Err(format!("is malformed: {}", text::clip(why, 300))),
    };
    let table = match table {
        Ok(table) => table,
        Err(why) => return undecided(&why, &document, config),
    };
    let said = match table.get(&config.key) {
        None | Some(Value::Null) => return undecided("does not have that key", &document, config),
        Some(Value::String(text)) => text.trim().to_owned(),
        Some(Value::Bool(value)) => value.to_string(),
        Some(Value::Number(value)) => value.to_string(),
        Some(Value::Array(_) | Value::Object(_)) => return undecided("holds no single value there", &document, config),
    };
    let shown = text::clip(&said, 80);
    let found = match found(&table, config) {
        Ok(found) => found,
        Err(why) => return undecided(&why, &document, config),
    };
    let is_in = |values: &[String]| values.contains(&said);
    let summary = format!("{document} says `{shown}`");
    let judgement = if is_in(&config.pass) {
        Judgement::pass(summary).with_findings(found.into_iter().map(|text| Finding::note("document-finding", text)))
    } else if is_in(&config.fail) {
        let found = if found.is_empty() { vec![summary.clone()] } else { found };
        Judgement::fail(summary).with_findings(found.into_iter().map(|text| Finding::error("document-finding", text)))
    } else if is_in(&config.pending) {
        Judgement::pending(summary, config.retry_after_s)
    } else {
        undecided(&format!("says `{shown}` there"), &document, config)
    };
    judgement.at_most(FINDINGS).evidence("document", document).evidence("verdict", shown)
}

/// The texts under `findings-key`, word for word.
fn found(table: &Map<String, Value>, config: &Config) -> Result<Vec<String>, String> {
    let Some(key) = &config.findings_key else { return Ok(Vec::new()) };
    let values = match table.get(key) {
        None | Some(Value::Null) => return Ok(Vec::new()),
        Some(Value::String(text)) => return Ok(vec![text.chars().take(LONGEST).collect()]),
        Some(Value::Array(values)) => values.as_slice(),
        Some(_) => &[Value::Null],
    };
    let text = |value: &Value| value.as_str().map(|text| text.chars().take(LONGEST).collect());
    let texts: Option<Vec<String>> = values.iter().map(text).collect();
    texts.ok_or_else(|| format!("holds something else than a list of texts under `{}`", text::clip(key, 80)))
}

/// Fails because the document does not decide.
fn undecided(why: &str, document: &str, config: &Config) -> Judgement {
    let values: Vec<&String> = config.pass.iter().chain(&config.fail).chain(&config.pending).collect();
    let (key, values) = (text::clip(&config.key, 80), text::list(&values, 20));
    Judgement::fail(format!("{document} {why}")).finding(
        Finding::error("no-verdict", format!("{document} {why}; its frontmatter key `{key}` must be one of {values}"))
            .identified_by(["no-verdict", &config.document, &config.key]),
    )
}
