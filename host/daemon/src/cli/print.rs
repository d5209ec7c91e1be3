//! Writing to standard output and error: the one place that does.
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "this is where commands print")]

use std::io::Write;

/// A line for people or programs. A reader that has gone (`| head`) is no error.
pub fn line(text: &str) {
    let mut out = std::io::stdout().lock();
    if writeln!(out, "{text}").and_then(|()| out.flush()).is_err() {
        std::process::exit(0);
    }
}

/// What went wrong.
pub fn error(text: &str) {
    eprintln!("portcullis: {text}");
}

/// What is going on, for people.
pub fn note(text: &str) {
    eprintln!("{text}");
}

/// JSON, indented.
pub fn json(value: &serde_json::Value) {
    line(&serde_json::to_string_pretty(value).unwrap_or_default());
}

/// A table: each column as wide as its widest cell. Says `none` if it has no rows.
pub fn table(head: &[&str], rows: &[Vec<String>]) {
    if rows.is_empty() {
        return line("none");
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).chain([head[column].len()]).max();
    let widths: Vec<usize> = (0..head.len()).map(|column| width(column).unwrap_or(0)).collect();
    let show = |cells: Vec<&str>| {
        let padded = cells.iter().zip(&widths).map(|(cell, width)| format!("{cell:<width$}"));
        line(padded.collect::<Vec<_>>().join("  ").trim_end());
    };
    show(head.to_vec());
    for row in rows {
        show(row.iter().map(String::as_str).collect());
    }
}

/// A field of a JSON object as text for a cell.
pub fn cell(value: &serde_json::Value, field: &str) -> String {
    match &value[field] {
        serde_json::Value::Null => "–".to_owned(),
        serde_json::Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}
