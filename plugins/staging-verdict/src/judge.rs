//! The table of STV-2, and STV-4.
//!
//! Always holds: a REAL failure, results of another image, and results that cannot be trusted fail under every setting.
//! Deliberately absent: a refusal for bad results. They are the work's fault, so they are a judgement.

use crate::config::Config;
use crate::results::{Check, Results, Status};
use portcullis_gate_sdk::lineage::{Folder, Kinship};
use portcullis_gate_sdk::{prelude::*, text};

/// Most findings in an answer.
const FINDINGS: usize = 100;
/// Most checks named in a summary or an evidence.
const NAMED: usize = 5;

/// What the results must belong to (STV-4).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expected {
    /// The staging image.
    Image {
        /// The revision on its label, or why that is not known.
        revision: Result<String, String>,
        /// Its digest, if the registry has it.
        digest: Option<String>,
    },
    /// The head under judgement.
    Head {
        /// The head.
        head: String,
        /// How it is related to the revision that the results name.
        kinship: Kinship,
        /// The work item's folder: the results themselves are committed there, after the test.
        documents: String,
    },
}

/// Judges the results, or the reason why there are none.
pub fn judge(expected: &Expected, results: Result<&Results, &str>, config: &Config) -> Judgement {
    let document = text::clip(&config.document, 120);
    let results = match results {
        Ok(results) => results,
        Err(why) => {
            return Judgement::fail(format!("the staging results in {document} cannot be trusted"))
                .finding(Finding::error("results-unusable", format!("{document} {why}; run the staging suite again")));
        }
    };
    let tolerant = config.tolerate_infra && !results.strict;
    let failed = |check: &&Check| matches!(check.status, Status::Fail | Status::Error);
    let (infra, real): (Vec<&Check>, Vec<&Check>) = results
        .checks
        .iter()
        .filter(failed)
        .partition(|check| config.infra.iter().any(|entry| entry.covers(&check.id)));
    let foreign = foreign(expected, results);

    let judgement = if !foreign.is_empty() {
        Judgement::fail("the staging results do not belong to what is under judgement")
    } else if !real.is_empty() {
        Judgement::fail(format!("staging checks failed ({}): {}", real.len(), names(&real)))
    } else if infra.is_empty() {
        Judgement::pass(format!("staging checks passed: {}", count(results, Status::Pass)))
    } else if tolerant {
        let passed = count(results, Status::Pass);
        Judgement::pass(format!(
            "staging checks passed: {passed}; infra failures waived ({}): {}",
            infra.len(),
            names(&infra)
        ))
    } else {
        let why = if results.strict { "this run asks for the strict reading" } else { "infra is not tolerated" };
        Judgement::fail(format!("infra checks failed ({}), and {why}: {}", infra.len(), names(&infra)))
    };

    // A waived check is a note only where it is waived in effect.
    let waived = tolerant && judgement.verdict == Verdict::Pass;
    let of_infra = infra.iter().map(|check| {
        if waived {
            finding(check, "staging-infra-waived", Severity::Note)
        } else {
            finding(check, "staging-infra", Severity::Error)
        }
    });
    let of_real = real.iter().map(|check| finding(check, "staging-real", Severity::Error));
    let judgement = judgement
        .with_findings(foreign)
        .with_findings(of_real)
        .with_findings(of_infra)
        .at_most(FINDINGS)
        .evidence("results-revision", text::clip(&results.revision, 80))
        .evidence("checks-passed", count(results, Status::Pass).to_string())
        .evidence("checks-skipped", count(results, Status::Skip).to_string())
        .evidence("real-failures", real.len().to_string())
        .evidence("infra-failures", infra.len().to_string());
    let judgement = match &results.image {
        Some(image) => judgement.evidence("results-image", text::clip(image, 120)),
        None => judgement,
    };
    if waived && !infra.is_empty() {
        let ids: Vec<&str> = infra.iter().map(|check| check.id.as_str()).collect();
        judgement.evidence("waived-checks", text::list(&ids, FINDINGS))
    } else {
        judgement
    }
}

/// Why these are not the results of what is under judgement; empty if they are.
fn foreign(expected: &Expected, results: &Results) -> Vec<Finding> {
    let mut findings = Vec::new();
    let tested = text::clip(&results.revision, 80);
    match expected {
        Expected::Image { revision: Ok(revision), .. } if *revision == results.revision => {}
        Expected::Image { revision: Ok(revision), .. } => findings.push(of_another_revision(&tested, revision, "")),
        Expected::Image { revision: Err(why), .. } => {
            findings
                .push(Finding::error("image-revision-unknown", why.clone()).identified_by(["image-revision-unknown"]));
        }
        Expected::Head { kinship: Kinship::Same, .. } => {}
        Expected::Head { head, kinship: Kinship::Stranger, .. } => {
            findings.push(of_another_revision(&tested, head, ""))
        }
        Expected::Head { head, kinship: Kinship::Descendant { changed }, documents } => {
            let documents = Folder::try_from(documents.clone()).ok();
            let counts = |path: &&Vec<u8>| !documents.as_ref().is_some_and(|folder| folder.holds(path));
            let since: Vec<_> = changed.iter().filter(counts).map(|path| String::from_utf8_lossy(path)).collect();
            if !since.is_empty() {
                let since = format!(", which changes {} since", text::list(&since, NAMED));
                findings.push(of_another_revision(&tested, head, &since));
            }
        }
    }
    if let (Some(tested), Expected::Image { digest: Some(digest), .. }) = (&results.image, expected)
        && tested != digest
    {
        let (tested, digest) = (text::clip(tested, 120), text::clip(digest, 120));
        let message = format!(
            "the results belong to image `{tested}`, and `{digest}` is under judgement; run the staging suite on that"
        );
        findings.push(Finding::error("results-of-another-image", message).identified_by(["results-of-another-image"]));
    }
    findings
}

fn of_another_revision(tested: &str, expected: &str, since: &str) -> Finding {
    let expected = text::clip(expected, 80);
    let message = format!(
        "the results belong to revision `{tested}`, and `{expected}` is under judgement{since}; run the staging suite on that"
    );
    Finding::error("results-of-another-revision", message).identified_by(["results-of-another-revision"])
}

fn finding(check: &Check, rule: &str, severity: Severity) -> Finding {
    let how = if check.status == Status::Error { "could not be carried out" } else { "failed" };
    let mut message = format!("staging check `{}` {how}", text::clip(&check.id, 120));
    if rule == "staging-infra-waived" {
        message += " and is waived as infrastructure";
    }
    if !check.message.trim().is_empty() {
        message += &format!(": {}", text::clip(&check.message, 500));
    }
    Finding::new(severity, rule, message).identified_by(["staging-check", &check.id])
}

fn count(results: &Results, status: Status) -> usize {
    results.checks.iter().filter(|check| check.status == status).count()
}

fn names(checks: &[&Check]) -> String {
    text::list(&checks.iter().map(|check| check.id.as_str()).collect::<Vec<_>>(), NAMED)
}
