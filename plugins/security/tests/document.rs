//! The report document: what it looks like, and that nothing is lost or forged on the way there and back.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

use portcullis_gate_sdk::{Finding, Judgement, Severity, Subject, Verdict, testing};
use portcullis_gate_security::document::{Header, read, render};
use proptest::prelude::*;

fn sample() -> Judgement {
    Judgement::fail("1 secret in 2 commits (3 files, 4 KiB scanned); 1 object not scanned")
        .finding(
            Finding::error("github-token", "GitHub token, ghp_… (40 characters), added by commit 9f2c; revoke it")
                .at("src/a`b.rs", Some(41))
                .identified_by(["a"]),
        )
        .finding(
            Finding::error("not-scanned", "not scanned: 40 MiB are more than max-blob-mib = 32 (commit 9f2c)")
                .at("big.bin", None)
                .identified_by(["b"]),
        )
        .finding(
            Finding::warning("gate-setup-changed", "commit 9f2c changes what the gates are set up with")
                .at(".gitleaks.toml", None)
                .identified_by(["c"]),
        )
        .finding(
            Finding::note(
                "jwt",
                "allowed: made up <b>here</b> (JSON web token, eyJh… (90 characters), added by commit 9f2c)",
            )
            .at("tests/a.json", Some(1))
            .identified_by(["d"]),
        )
        .finding(
            Finding::note("gitleaks-config", "the key `colour` means nothing here")
                .at(".gitleaks.toml", Some(3))
                .identified_by(["e"]),
        )
        .evidence("base", "2".repeat(40))
        .evidence("commits", "2")
        .evidence("rules", "219")
}

const GOLDEN: &str = "---
verdict: fail
head: \"1111111111111111111111111111111111111111\"
base: \"2222222222222222222222222222222222222222\"
findings: 5
digest: \"DIGEST\"
work-item: \"ORCH-65\"
target: \"main\"
target-head: \"2222222222222222222222222222222222222222\"
errors: 2
warnings: 1
notes: 2
by-rule: {\"gate-setup-changed\": 1, \"github-token\": 1, \"gitleaks-config\": 1, \"jwt\": 1, \"not-scanned\": 1}
---

# Security report of ORCH-65

**fail**: 1 secret in 2 commits (3 files, 4 KiB scanned); 1 object not scanned.

Judged: `2222222222222222222222222222222222222222..1111111111111111111111111111111111111111` of `feature/orch-65`.

## Must be mended

- `github-token` ``src/a`b.rs:41``: GitHub token, ghp\\_… (40 characters), added by commit 9f2c; revoke it (fingerprint `FP0`)

## Warnings

- `gate-setup-changed` `.gitleaks.toml`: commit 9f2c changes what the gates are set up with (fingerprint `FP2`)

## Not looked at

- `not-scanned` `big.bin`: not scanned: 40 MiB are more than max-blob-mib = 32 (commit 9f2c) (fingerprint `FP1`)

## Allowed

- `jwt` `tests/a.json:1`: allowed: made up \\<b\\>here\\</b\\> (JSON web token, eyJh… (90 characters), added by commit 9f2c) (fingerprint `FP3`)

## Notes

- `gitleaks-config` `.gitleaks.toml:3`: the key \\`colour\\` means nothing here (fingerprint `FP4`)

## What was looked at

- base: `2222222222222222222222222222222222222222`
- commits: `2`
- rules: `219`
";

// SEC-7
#[test]
fn the_document_reads_like_this() {
    let judgement = sample();
    let mut expected = GOLDEN.replace("DIGEST", &Header::of(&testing::subject(), &judgement).digest);
    for (nth, finding) in judgement.findings.iter().enumerate() {
        expected = expected.replace(&format!("FP{nth}"), &finding.fingerprint);
    }
    assert_eq!(render(&testing::subject(), &judgement), expected);
}

// SEC-7
#[test]
fn a_document_that_says_something_else_does_not_agree() {
    let judgement = sample();
    let subject = testing::subject();
    let expected = Header::of(&subject, &judgement);
    let document = render(&subject, &judgement);
    assert_eq!(read(document.as_bytes()).unwrap().agrees_with(&expected), Ok(()));
    for (old, new, says) in [
        ("verdict: fail", "verdict: pass", "verdict is pass"),
        ("findings: 5", "findings: 4", "number of findings is 4"),
        ("digest: \"", "digest: \"f", "digest of findings is f"),
    ] {
        let header = read(document.replacen(old, new, 1).as_bytes()).unwrap();
        let differs = header.agrees_with(&expected).unwrap_err();
        assert!(differs.contains(says), "{differs}");
    }
}

// SEC-7
#[test]
fn a_document_that_is_cut_or_edited_is_broken_and_says_where() {
    let document = render(&testing::subject(), &sample());
    for (old, new, says) in [
        ("---\nverdict", "verdict", "first line"),
        ("findings: 5", "findings: many", "line 5: the value of `findings`"),
        ("findings: 5\n", "", "`findings` is missing"),
        ("verdict: fail", "verdict: green", "verdict is `green`"),
        ("verdict: fail", "verdict: fail\nverdict: pass", "line 3: `verdict` stands twice"),
        ("verdict: fail", "verdict=fail", "line 2 is no"),
    ] {
        let why = read(document.replacen(old, new, 1).as_bytes()).unwrap_err();
        assert!(why.contains(says), "{why}");
    }
    assert!(read(document.split("\n---\n").next().unwrap().as_bytes()).unwrap_err().contains("no closing"));
    assert!(read(b"---\n\xff\n---\n").unwrap_err().contains("UTF-8"));
    assert!(read(b"").is_err());
}

fn any_text() -> impl Strategy<Value = String> {
    prop_oneof![
        r"\PC{0,20}",
        r"[`\\\n\r\t|<>#*_\[\]:{}'a-c -]{0,20}",
        Just("\n---\n# x\n".to_string()),
        Just("\u{85}\u{2028}\u{1f600}".to_string())
    ]
}

fn any_finding() -> impl Strategy<Value = Finding> {
    let severity = prop_oneof![Just(Severity::Note), Just(Severity::Warning), Just(Severity::Error)];
    let place = (proptest::option::of(any_text()), proptest::option::of(any::<u32>()));
    (any_text(), severity, any_text(), place, any_text()).prop_map(
        |(rule, severity, message, (path, line), fingerprint)| Finding {
            rule,
            severity,
            message,
            path,
            line,
            fingerprint,
        },
    )
}

fn any_judgement() -> impl Strategy<Value = (Subject, Judgement)> {
    let verdict =
        prop_oneof![Just(Verdict::Pass), Just(Verdict::Fail), Just(Verdict::Pending), Just(Verdict::Actionable)];
    (verdict, any_text(), proptest::collection::vec(any_finding(), 0..6), any_text(), any_text()).prop_map(
        |(verdict, summary, findings, base, work_item)| {
            let evidence = vec![("base".to_string(), base)];
            let judgement = Judgement { verdict, summary, findings, evidence, retry_after_s: None };
            (Subject { work_item, ..testing::subject() }, judgement)
        },
    )
}

proptest! {
    // SEC-7
    #[test]
    fn what_is_written_is_read_back((subject, judgement) in any_judgement()) {
        let document = render(&subject, &judgement);
        prop_assert_eq!(read(document.as_bytes()), Ok(Header::of(&subject, &judgement)), "{}", document);
    }

    // SEC-7
    #[test]
    fn the_host_reads_the_same_frontmatter((subject, judgement) in any_judgement()) {
        let document = render(&subject, &judgement);
        let yaml = document.strip_prefix("---\n").unwrap().split_once("\n---\n").unwrap().0;
        let seen: serde_json::Value = serde_saphyr::from_str(yaml).unwrap();
        let header = Header::of(&subject, &judgement);
        prop_assert_eq!(seen["head"].as_str(), Some(header.head.as_str()));
        prop_assert_eq!(seen["base"].as_str(), Some(header.base.as_str()));
        prop_assert_eq!(seen["work-item"].as_str(), Some(subject.work_item.as_str()));
        prop_assert_eq!(seen["findings"].as_u64(), Some(header.findings as u64));
    }

    // SEC-7
    #[test]
    fn no_text_breaks_out_of_its_line((subject, judgement) in any_judgement()) {
        let document = render(&subject, &judgement);
        let headings = document.lines().filter(|line| line.starts_with('#')).count();
        let items = document.lines().filter(|line| line.starts_with("- ")).count();
        prop_assert!(headings <= 7, "{}", document);
        prop_assert_eq!(items, judgement.findings.len() + judgement.evidence.len(), "{}", document);
        prop_assert_eq!(document.lines().filter(|line| *line == "---").count(), 2);
    }

    // SEC-7
    #[test]
    fn any_bytes_are_read_or_broken(bytes in proptest::collection::vec(any::<u8>(), 0..200), text in any_text()) {
        let _ = read(&bytes);
        let _ = read(format!("---\nverdict: {text}\nfindings: {text}\n---\n").as_bytes());
    }
}
