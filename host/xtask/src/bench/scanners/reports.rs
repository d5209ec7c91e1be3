//! Reads what each scanner reports into files and lines. A report that cannot be read is a failed run, not an empty one.

use super::score::Place;
use super::tools::{Answer, Gate};
use anyhow::{Context, bail};
use serde_json::Value;

/// A file as the labels name it: relative to the folder that was scanned.
fn file(path: &str) -> String {
    path.trim_start_matches("./").to_owned()
}

/// A line number, which some write as text.
fn number(value: &Value) -> Option<u32> {
    value.as_u64().and_then(|number| u32::try_from(number).ok()).or_else(|| value.as_str()?.parse().ok())
}

fn place(path: &Value, line: &Value) -> anyhow::Result<Place> {
    let path = path.as_str().context("a finding without a path")?;
    Ok((file(path), number(line).with_context(|| format!("a finding in {path} without a line"))?))
}

fn parsed(text: &str) -> anyhow::Result<Value> {
    Ok(serde_json::from_str(text)?)
}

fn answer(places: anyhow::Result<Vec<Place>>) -> anyhow::Result<Answer> {
    Ok(Answer { places: places?, gate: None })
}

/// One finding for each value of a list.
fn list(text: &str, read: impl Fn(&Value) -> anyhow::Result<Place>) -> anyhow::Result<Answer> {
    // Go writes an empty list as null.
    let value = parsed(text)?;
    let Some(findings) = value.as_array() else {
        return if value.is_null() { Ok(Answer::default()) } else { bail!("the report is no list") };
    };
    answer(findings.iter().map(read).collect())
}

/// One finding for each line of JSON; lines of which nothing is wanted answer with none.
fn lines(text: &str, read: impl Fn(&Value) -> Option<anyhow::Result<Place>>) -> anyhow::Result<Answer> {
    let values: Vec<Value> = text.lines().map(parsed).collect::<anyhow::Result<_>>()?;
    answer(values.iter().filter_map(read).collect())
}

/// `portcullis gate run --json`.
pub(crate) fn component(text: &str) -> anyhow::Result<Answer> {
    let told = parsed(text)?;
    if !told["fault"].is_null() {
        bail!("the gate gave no answer: {}", told["summary"]);
    }
    let findings = told["findings"].as_array().context("no findings")?;
    // Notes name what was not looked at or is allowed; a finding without a file stands in a commit's message.
    let meant = findings.iter().filter(|found| found["severity"] != "note" && !found["path"].is_null());
    let places = meant.map(|found| {
        // What stands in an archive is named `archive!/entry`; the labels know the archive.
        let path = found["path"].as_str().unwrap_or_default();
        let path = path.split_once("!/").map_or(path, |(archive, _)| archive);
        Ok((path.to_owned(), number(&found["line"]).unwrap_or(1)))
    });
    let gate = Gate {
        took_ms: told["duration_us"].as_f64().context("no duration")? / 1e3,
        peak_mib: told["memory_peak_bytes"].as_f64().context("no peak")? / f64::from(1 << 20),
        is_cut: findings.iter().any(|found| found["rule"] == "more"),
        summary: told["summary"].as_str().unwrap_or_default().to_owned(),
    };
    Ok(Answer { places: places.collect::<anyhow::Result<_>>()?, gate: Some(gate) })
}

/// The gate's example `scan`.
pub(crate) fn native(text: &str) -> anyhow::Result<Answer> {
    lines(text, |found| Some(place(&found["path"], &found["line"])))
}

/// gitleaks.
pub(crate) fn gitleaks(text: &str) -> anyhow::Result<Answer> {
    list(text, |found| place(&found["File"], &found["StartLine"]))
}

/// betterleaks.
pub(crate) fn betterleaks(text: &str) -> anyhow::Result<Answer> {
    lines(text, |line| {
        let at = &line["finding"]["location"];
        // In git mode it may name a place that is no file.
        at.is_object().then(|| place(&at["path"], &at["start_line"]))
    })
}

/// kingfisher, whose first or last line is a summary.
pub(crate) fn kingfisher(text: &str) -> anyhow::Result<Answer> {
    lines(text, |line| line["finding"].is_object().then(|| place(&line["finding"]["path"], &line["finding"]["line"])))
}

/// detect-secrets.
pub(crate) fn detect_secrets(text: &str) -> anyhow::Result<Answer> {
    let told = parsed(text)?;
    let results = told["results"].as_object().context("no results")?;
    let found = results.values().filter_map(Value::as_array).flatten();
    answer(found.map(|found| place(&found["filename"], &found["line_number"])).collect())
}

/// secretscan.
pub(crate) fn secretscan(text: &str) -> anyhow::Result<Answer> {
    list(text, |found| place(&found["file_path"], &found["line_number"]))
}

/// ripsecrets, which prints `path:line:` and the secret.
pub(crate) fn ripsecrets(text: &str) -> anyhow::Result<Answer> {
    let read = |line: &str| {
        let mut fields = line.splitn(3, ':');
        let (path, line) = (fields.next()?, fields.next()?);
        Some((file(path), line.trim().parse().ok()?))
    };
    // A secret of several lines goes on without a place.
    Ok(Answer { places: text.lines().filter_map(read).collect(), gate: None })
}

/// CredSweeper, which may name several lines for one finding.
pub(crate) fn credsweeper(text: &str) -> anyhow::Result<Answer> {
    let told = parsed(text)?;
    let found = told.as_array().context("the report is no list")?;
    let at = found.iter().filter_map(|found| found["line_data_list"].as_array()).flatten();
    answer(at.map(|at| place(&at["path"], &at["line_num"])).collect())
}

/// trufflehog3.
pub(crate) fn trufflehog3(text: &str) -> anyhow::Result<Answer> {
    list(text, |found| place(&found["path"], &found["line"]))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]
    use super::*;

    fn at(path: &str, line: u32) -> Vec<Place> {
        vec![(path.to_owned(), line)]
    }

    #[test]
    fn each_report_is_read_into_files_and_lines() {
        let read = |reader: fn(&str) -> anyhow::Result<Answer>, text: &str| reader(text).unwrap().places;
        assert_eq!(read(gitleaks, r#"[{"File":"./a/b","StartLine":3}]"#), at("a/b", 3));
        assert_eq!(read(gitleaks, "null"), []);
        assert_eq!(read(native, "{\"path\":\"a\",\"line\":1}\n"), at("a", 1));
        assert_eq!(read(betterleaks, r#"{"finding":{"location":{"path":"a","start_line":2}}}"#), at("a", 2));
        let kingfishers = "{\"findings\":1}\n{\"finding\":{\"path\":\"a\",\"line\":2}}\n";
        assert_eq!(read(kingfisher, kingfishers), at("a", 2));
        let baseline = r#"{"results":{"a":[{"filename":"a","line_number":4}]}}"#;
        assert_eq!(read(detect_secrets, baseline), at("a", 4));
        assert_eq!(read(secretscan, r#"[{"file_path":"./a","line_number":8}]"#), at("a", 8));
        assert_eq!(read(ripsecrets, "./a/b:7:key = x:y\nrest of it\n"), at("a/b", 7));
        assert_eq!(read(credsweeper, r#"[{"line_data_list":[{"path":"./a","line_num":5}]}]"#), at("a", 5));
        assert_eq!(read(trufflehog3, r#"[{"path":"a","line":"6"}]"#), at("a", 6));
    }

    #[test]
    fn a_report_that_makes_no_sense_is_no_empty_report() {
        for reader in [gitleaks, betterleaks, kingfisher, detect_secrets, credsweeper, trufflehog3, component] {
            assert!(reader("panic: out of memory").is_err());
        }
        assert!(gitleaks(r#"[{"StartLine":3}]"#).is_err());
        assert!(trufflehog3(r#"[{"path":"a"}]"#).is_err());
    }

    #[test]
    fn of_ours_notes_do_not_count_and_a_fault_is_no_answer() {
        let findings = r#"[{"severity":"error","path":"a.zip!/b","line":2},{"severity":"note","path":"c","line":1},
            {"severity":"error","path":null,"line":null}]"#;
        let told = format!(
            r#"{{"fault":null,"findings":{findings},"duration_us":1500,"memory_peak_bytes":1048576,"summary":"s"}}"#
        );
        let answer = component(&told).unwrap();
        assert_eq!(answer.places, at("a.zip", 2));
        assert_eq!(answer.gate, Some(Gate { took_ms: 1.5, peak_mib: 1.0, is_cut: false, summary: "s".to_owned() }));
        assert!(component(r#"{"fault":{},"findings":[],"summary":"trapped"}"#).is_err());
    }
}
