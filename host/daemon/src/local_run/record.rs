//! The record of a local run: everything that its answer follows from, for `--record`.

use super::Question;
use anyhow::{Context, Result};
use portcullis_core::gate::Evaluation;
use serde_json::{Value, json};
use std::io::Write as _;
use std::path::Path;

/// Writes the record to a file that must not exist yet: what was recorded is not overwritten by mistake.
///
/// # Errors
/// If the file is there already or cannot be written.
pub fn write(path: &Path, question: &Question, evaluation: &Evaluation) -> Result<()> {
    let transcript = String::from_utf8_lossy(&evaluation.report.transcript);
    let calls: Vec<Value> = transcript.lines().map(|line| serde_json::from_str(line).unwrap_or_default()).collect();
    let record = json!({
        "format": 1,
        "plugin": question.plugin,
        "subject": question.subject,
        "config": serde_json::from_str::<Value>(&question.config).unwrap_or_default(),
        "limits": question.limits,
        "grants": question.grants,
        "documents": question.folder,
        "at_ms": question.at.0,
        "outcome": evaluation.report.outcome,
        "log": evaluation.report.log,
        "host_calls": calls,
    });
    let mut file = std::fs::File::create_new(path)
        .with_context(|| format!("failed to make {} (an existing record is not overwritten)", path.display()))?;
    let text = serde_json::to_string_pretty(&record).context("failed to render the record")?;
    writeln!(file, "{text}").with_context(|| format!("failed to write {}", path.display()))
}
