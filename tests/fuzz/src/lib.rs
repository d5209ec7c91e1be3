//! What each fuzz target does with its bytes: it hands them to a parser, which must not panic, and checks what must hold
//! for whatever came out. Plain functions, so that a test can run them over the seeds without a fuzzer.

// The frontmatter's parser lies in the daemon, and the one of conflicts inside the forges' client. Neither the daemon nor
// an HTTP client has to be built to fuzz them.
#[path = "../../../host/connect/src/forge/conflict_words.rs"]
mod conflict;
#[path = "../../../host/daemon/src/document.rs"]
mod document;
#[path = "../../../host/connect/src/text.rs"]
#[allow(dead_code, reason = "only some of it is used here")]
mod text;

use portcullis_gate_ci_green as ci_green;
use portcullis_gate_document_verdict as document_verdict;
use portcullis_gate_sdk::host::forge::{Check, CheckState};
use portcullis_gate_sdk::testing::subject;
use portcullis_gate_sdk::{Verdict, config};
use portcullis_gate_staging_verdict as staging;
use portcullis_results::{IdFormat, Provenance, Report, Status, import};

fn expected() -> staging::Expected {
    staging::Expected::Image { revision: Ok("9f2c".into()), digest: None }
}

fn lenient() -> staging::Config {
    config::parse(r#"{"infra": ["infra-*"], "tolerate-infra": true}"#).expect("a sound configuration")
}

/// Staging results: a REAL failure among them never passes.
pub fn staging_results(bytes: &[u8]) {
    let Ok(results) = staging::Results::parse(bytes) else { return };
    let real = |check: &staging::Check| {
        matches!(check.status, staging::Status::Fail | staging::Status::Error) && !check.id.starts_with("infra-")
    };
    let judgement = staging::judge(&expected(), Ok(&results), &lenient());
    assert!(judgement.verdict == Verdict::Fail || !results.checks.iter().any(real));
    assert!(judgement.verdict != Verdict::Pass || results.revision == "9f2c");
}

/// JUnit reports: what is imported is read by the gate, in both forms, with the same endings.
pub fn junit(bytes: &[u8]) {
    let of = Provenance { revision: "9f2c".into(), image: None, strict: false };
    let Ok(made) = import(&[Report { name: "fuzz.xml", bytes }], of, &IdFormat::default()) else { return };
    let read = staging::Results::parse(made.to_json().as_bytes()).expect("the gate reads what was imported");
    let word = |status: staging::Status| match status {
        staging::Status::Pass => Status::Pass,
        staging::Status::Fail => Status::Fail,
        staging::Status::Error => Status::Error,
        staging::Status::Skip => Status::Skip,
    };
    let endings: Vec<_> = read.checks.iter().map(|check| (&check.id, word(check.status))).collect();
    let imported: Vec<_> = made.checks.iter().map(|check| (&check.id, check.status)).collect();
    assert_eq!(endings, imported);
    let markdown = made.to_markdown();
    if markdown.len() < 60_000 {
        let frontmatter = document::frontmatter(markdown.as_bytes()).expect("the frontmatter is readable");
        assert_eq!(staging::Results::parse(frontmatter.as_bytes()).expect("and holds results"), read);
    }
}

/// Frontmatter of any document: a table of keys, or refused.
pub fn frontmatter(bytes: &[u8]) {
    let Ok(json) = document::frontmatter(bytes) else { return };
    let value: serde_json::Value = serde_json::from_str(&json).expect("frontmatter is handed on as JSON");
    assert!(value.is_object());
    let _ = staging::Results::parse(json.as_bytes());
    judged(&json);
}

/// A document's verdict: passes only by a value of the list.
pub fn document_verdict(bytes: &[u8]) {
    if let Ok(json) = std::str::from_utf8(bytes) {
        judged(json);
    }
}

fn judged(json: &str) {
    let config = document_verdict::Config { findings_key: Some("findings".into()), ..document_verdict::Config::of("a.md") };
    if document_verdict::judge(Ok(json), &config).verdict == Verdict::Pass {
        let value: serde_json::Value = serde_json::from_str(json).expect("what passes is JSON");
        assert_eq!(value["verdict"].as_str().map(str::trim), Some("approved"));
    }
}

/// What forges quote of git's output on a conflict.
pub fn conflict_words(bytes: &[u8]) {
    let paths = conflict::conflicting_paths(&String::from_utf8_lossy(bytes));
    assert!(paths.len() <= 100 && paths.iter().all(|path| !path.is_empty() && !path.contains('\n')));
}

/// Required contexts with wildcards against reported ones, a line each: the first line is required, the others are red.
pub fn ci_contexts(bytes: &[u8]) {
    let text = String::from_utf8_lossy(bytes);
    let mut lines = text.lines().map(str::to_owned);
    let Some(required) = lines.next() else { return };
    let check = |context: String| Check {
        context,
        state: CheckState::Failure,
        description: String::new(),
        target_url: String::new(),
        reported_at_s: Some(1),
    };
    let checks: Vec<Check> = lines.take(50).map(check).collect();
    let named = checks.iter().any(|check| check.context == required);
    let facts = ci_green::Facts { required: vec![required], checks, pushed_at_s: Some(0), began_at_s: 9 };
    let verdict = ci_green::judge(&subject(), &facts, &ci_green::Config::default()).verdict;
    assert!(verdict == Verdict::Fail || (verdict == Verdict::Pending && !named));
}
