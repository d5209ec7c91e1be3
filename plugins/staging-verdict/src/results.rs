//! The results document that a staging suite leaves (format 1), and every reason to distrust one.
//!
//! Always holds: [`Results`] has at least one check that ran, and no id twice. Keys that this page does not name are
//! left alone, so that a suite may add its own.

use portcullis_gate_sdk::text;
use serde::Deserialize;
use std::collections::BTreeMap;

/// The only format there is.
const FORMAT: u64 = 1;

/// Results that are readable, complete and free of contradictions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Results {
    /// Revision of the image that was tested.
    pub revision: String,
    /// Digest of the image that was tested, if the suite says.
    pub image: Option<String>,
    /// The run itself asks for the strict reading, whatever the gate tolerates (STV-3).
    pub strict: bool,
    /// By id, in the order of the ids.
    pub checks: Vec<Check>,
}

/// One check's result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Check {
    /// Its name, stable from run to run.
    pub id: String,
    /// How it ended.
    pub status: Status,
    /// What it said.
    pub message: String,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// It could not be carried out; as bad as a failure.
    Error,
    /// It was left out.
    Skip,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Document {
    format: u64,
    revision: String,
    image: Option<String>,
    #[serde(default)]
    strict: bool,
    checks: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    id: String,
    status: String,
    message: Option<String>,
}

impl Results {
    /// Reads the document, or the frontmatter of one as JSON.
    ///
    /// # Errors
    /// Why the results cannot be trusted, in a phrase for the person who runs the suite.
    pub fn parse(json: &[u8]) -> Result<Self, String> {
        let document: Document = serde_json::from_slice(json).map_err(|e| format!("is not readable: {e}"))?;
        if document.format != FORMAT {
            return Err(format!("has format {}, and only {FORMAT} is known", document.format));
        }
        let mut checks: BTreeMap<String, Check> = BTreeMap::new();
        for entry in document.checks {
            let name = text::clip(&entry.id, 120);
            if entry.id.trim().is_empty() {
                return Err("has a check without an id".into());
            }
            let status = match entry.status.as_str() {
                "pass" => Status::Pass,
                "fail" => Status::Fail,
                "error" => Status::Error,
                "skip" => Status::Skip,
                other => {
                    let other = text::clip(other, 40);
                    return Err(format!("gives check `{name}` the status `{other}`; it is pass, fail, error or skip"));
                }
            };
            match checks.get(&entry.id) {
                Some(earlier) if earlier.status != status => {
                    return Err(format!("contradicts itself: check `{name}` stands there with two different statuses"));
                }
                Some(_) => {}
                None => {
                    let message = entry.message.unwrap_or_default();
                    checks.insert(entry.id.clone(), Check { id: entry.id, status, message });
                }
            }
        }
        if checks.values().all(|check| check.status == Status::Skip) {
            return Err("holds no check that ran".into());
        }
        let Document { revision, image, strict, .. } = document;
        Ok(Self { revision, image, strict, checks: checks.into_values().collect() })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use proptest::prelude::*;

    fn with_checks(checks: &str) -> Result<Results, String> {
        Results::parse(format!(r#"{{"format": 1, "revision": "9f2c", "checks": {checks}}}"#).as_bytes())
    }

    #[test]
    fn results_that_are_unreadable_incomplete_or_contradictory_are_not_results() {
        // STV-2
        let whole = [
            ("", "not readable"),
            ("[]", "not readable"),
            ("{", "not readable"),
            (r#"{"revision": "a", "checks": [{"id": "a", "status": "pass"}]}"#, "missing field `format`"),
            (r#"{"format": 1, "checks": [{"id": "a", "status": "pass"}]}"#, "missing field `revision`"),
            (r#"{"format": 1, "revision": "a"}"#, "missing field `checks`"),
            (r#"{"format": 2, "revision": "a", "checks": [{"id": "a", "status": "pass"}]}"#, "has format 2"),
            (r#"{"format": "1", "revision": "a", "checks": []}"#, "not readable"),
            (r#"{"format": 1, "revision": 12, "checks": []}"#, "not readable"),
            (r#"{"format": 1, "revision": "a", "revision": "b", "checks": []}"#, "duplicate field `revision`"),
            (r#"{"format": 1, "revision": "a", "strict": "no", "checks": []}"#, "not readable"),
            (r#"{"format": 1, "revision": "a", "checks": [{"id": "a", "status": "pass"}]} trailing"#, "not readable"),
        ];
        for (document, why) in whole {
            let found = Results::parse(document.as_bytes()).unwrap_err();
            assert!(found.contains(why), "{document}: {found}");
        }
        let checks = [
            ("[]", "no check that ran"),
            (r#"[{"id": "a", "status": "skip"}]"#, "no check that ran"),
            (r#"[{"id": " ", "status": "pass"}]"#, "without an id"),
            (r#"[{"status": "pass"}]"#, "missing field `id`"),
            (r#"[{"id": "a"}]"#, "missing field `status`"),
            (r#"[{"id": "a", "status": "passed"}]"#, "the status `passed`"),
            (r#"[{"id": "a", "status": "PASS"}]"#, "the status `PASS`"),
            (r#"[{"id": "a", "status": "pass"}, {"id": "a", "status": "fail"}]"#, "two different statuses"),
            (r#"[{"id": "a", "status": "pass", "status": "fail"}]"#, "duplicate field `status`"),
        ];
        for (checks, why) in checks {
            let found = with_checks(checks).unwrap_err();
            assert!(found.contains(why), "{checks}: {found}");
        }
    }

    #[test]
    fn good_results_are_read_with_what_a_suite_may_leave_out_or_add() {
        // STV-1
        let results = with_checks(
            r#"[{"id": "b", "status": "error", "message": "boom", "ms": 3}, {"id": "a", "status": "pass"},
                {"id": "a", "status": "pass"}]"#,
        )
        .unwrap();
        let ids: Vec<_> = results.checks.iter().map(|c| (c.id.as_str(), c.status, c.message.as_str())).collect();
        assert_eq!(ids, [("a", Status::Pass, ""), ("b", Status::Error, "boom")]);
        assert_eq!((results.revision.as_str(), results.image, results.strict), ("9f2c", None, false));
    }

    proptest! {
        #[test]
        fn no_document_panics(bytes: Vec<u8>, json in "[\\[\\]{}\":,a-z0-9 ]{0,60}") {
            let _ = Results::parse(&bytes);
            let _ = with_checks(&json);
        }
    }
}
