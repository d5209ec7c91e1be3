//! The gate over histories that hold archives and encoded secrets: found with entry and line, or named as not looked at.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

#[expect(dead_code, reason = "histories with branches are for another file")]
mod model;
#[path = "model/pack.rs"]
mod pack;

use model::Repo;
use pack::{gzip, tar, zip};
use portcullis_gate_sdk::{Finding, Judgement, Severity, Verdict, testing};
use portcullis_gate_security::config::Config;
use portcullis_gate_security::glue::evaluate;
use portcullis_gate_security::source::EntryKind;
use proptest::prelude::*;

const GITHUB: &str = "github-token";

/// Put together here, so that this file holds no token.
fn token() -> String {
    ["gh", "p_", "x7Kq2mW9aZ4tB1vC8", "nL5pR3sD6fG0hJy2kQ7"].concat()
}

fn text() -> String {
    format!("# settings\ngithub = '{}'\n", token())
}

fn judge_with(repo: &Repo, config: &str) -> Judgement {
    let subject = portcullis_gate_sdk::Subject { head: repo.head(), target_head: repo.base(), ..testing::subject() };
    evaluate(repo, &subject, &serde_json::from_str::<Config>(config).unwrap()).unwrap()
}

fn judge(repo: &Repo) -> Judgement {
    judge_with(repo, r#"{"dependency-audit": "off"}"#)
}

fn holding(path: &str, content: &[u8]) -> Repo {
    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    repo.commit_raw("add", path.as_bytes(), EntryKind::File, content);
    repo
}

fn errors(judgement: &Judgement) -> Vec<(&str, Option<&str>, Option<u32>)> {
    let error = |finding: &&Finding| finding.severity == Severity::Error;
    judgement.findings.iter().filter(error).map(|f| (f.rule.as_str(), f.path.as_deref(), f.line)).collect()
}

// SEC-2
#[test]
fn a_secret_in_an_archive_is_found_once_with_entry_and_line() {
    let text = text();
    for (path, archive) in [
        ("a.zip", zip(&[("x.txt", b"x", 8, 0), ("conf/app.env", text.as_bytes(), 8, 0)])),
        ("stored.jar", zip(&[("conf/app.env", text.as_bytes(), 0, 0)])),
        ("letter.docx", zip(&[("[Content_Types].xml", b"<x/>", 8, 0), ("conf/app.env", text.as_bytes(), 8, 0)])),
        ("a.tar", tar(&[("conf/app.env", b'0', text.as_bytes())])),
        ("a.tgz", gzip(&tar(&[("conf/app.env", b'0', text.as_bytes())]))),
    ] {
        let judgement = judge(&holding(path, &archive));
        let place = format!("{path}!/conf/app.env");
        assert_eq!(errors(&judgement), [(GITHUB, Some(place.as_str()), Some(2))], "{path}");
        let bytes = judgement.evidence.iter().find(|(name, _)| name == "bytes").map(|(_, value)| value.clone());
        assert_eq!(bytes, Some(archive.len().to_string()), "counted are the bytes of objects, not what they unpack to");
    }
    let judgement = judge(&holding("app.env.gz", &gzip(text.as_bytes())));
    assert_eq!(errors(&judgement), [(GITHUB, Some("app.env.gz!/app.env"), Some(2))]);
}

// SEC-1
#[test]
fn what_stood_in_the_archive_before_is_not_the_branchs_fault() {
    let mut repo = holding("a.zip", &zip(&[("app.env", text().as_bytes(), 8, 0)]));
    let target = repo.head();
    let more = format!("{}{}", text(), text().replace("x7Kq", "y8Lr"));
    repo.commit_raw(
        "touch",
        b"a.zip",
        EntryKind::File,
        &zip(&[("app.env", text().as_bytes(), 8, 0), ("b", b"new", 8, 0)]),
    );
    let onto = |repo: &Repo| {
        let subject =
            portcullis_gate_sdk::Subject { head: repo.head(), target_head: target.clone(), ..testing::subject() };
        evaluate(repo, &subject, &Config::default()).unwrap()
    };
    assert_eq!(onto(&repo).verdict, Verdict::Pass);
    repo.commit_raw("add", b"a.zip", EntryKind::File, &zip(&[("app.env", more.as_bytes(), 8, 0)]));
    assert_eq!(errors(&onto(&repo)), [(GITHUB, Some("a.zip!/app.env"), Some(4))]);
}

// SEC-2
#[test]
fn an_archive_that_cannot_be_looked_into_is_named_and_closes_the_edge_unless_told_otherwise() {
    let bomb = vec![b'a'; (1 << 20) + 1];
    let whole = zip(&[("a.txt", b"some text", 8, 0)]);
    for (archive, place, why) in [
        (zip(&[("a.txt", b"x", 8, 1)]), "a.zip!/a.txt", "not scanned: it is packed with a password"),
        (
            zip(&[("a.txt", &bomb, 8, 0)]),
            "a.zip!/a.txt",
            "not scanned: it unpacks to more than max-blob-mib = 1 lets it",
        ),
        (gzip(&bomb.repeat(3)), "a.zip", "not scanned: it unpacks to more than max-blob-mib = 1 lets it"),
        (whole[..whole.len() - 3].to_vec(), "a.zip", "not scanned: the archive is damaged"),
    ] {
        let repo = holding("a.zip", &archive);
        let failed = judge_with(&repo, r#"{"max-blob-mib": 1, "dependency-audit": "off"}"#);
        assert_eq!(
            (failed.verdict, errors(&failed)),
            (Verdict::Fail, vec![("not-scanned", Some(place), None)]),
            "{why}"
        );
        assert!(failed.findings[0].message.starts_with(why), "{:?}", failed.findings);
        assert!(failed.summary.ends_with("; 1 object not scanned"), "{}", failed.summary);
        let warned = judge_with(&repo, r#"{"max-blob-mib": 1, "unscanned": "warn", "dependency-audit": "off"}"#);
        assert_eq!((warned.verdict, warned.findings[0].severity), (Verdict::Pass, Severity::Warning));
    }
}

// SEC-2
#[test]
fn an_archive_in_an_archive_and_one_of_a_rare_kind_are_named_in_a_note() {
    let inner = zip(&[("a.txt", b"some text", 8, 0)]);
    for (archive, place) in
        [(zip(&[("inner.zip", &inner, 8, 0)]), "a.bin!/inner.zip"), (b"\xFD7zXZ\0 and so on".to_vec(), "a.bin")]
    {
        let judgement = judge(&holding("a.bin", &archive));
        assert_eq!((judgement.verdict, judgement.findings.len()), (Verdict::Pass, 1));
        let note = &judgement.findings[0];
        assert_eq!(
            (note.severity, note.rule.as_str(), note.path.as_deref()),
            (Severity::Note, "not-scanned", Some(place))
        );
    }
}

// SEC-2
#[test]
fn a_secret_in_an_entrys_name_is_found_and_not_shown() {
    let name = format!("{}.txt", token());
    for content in [zip(&[(&name, b"x", 8, 0)]), zip(&[(&name, b"x", 8, 1)])] {
        let judgement = judge(&holding("a.zip", &content));
        assert_eq!(judgement.verdict, Verdict::Fail);
        assert!(!format!("{judgement:?}").contains(&token()), "{judgement:?}");
    }
    assert_eq!(errors(&judge(&holding("a.zip", &zip(&[(&name, b"x", 8, 0)])))), [(GITHUB, Some("a.zip!/….txt"), None)]);
}

// SEC-2
#[test]
fn a_secret_behind_base64_is_found_on_its_line() {
    // "TOKEN=" and the token, encoded; cut so that no scanner takes this file for a leak.
    let encoded = ["VE9LRU49Z2hwX3g3S3EybVc5YVo0", "dEIxdkM4bkw1cFIzc0Q2ZkcwaEp5MmtRNw=="].concat();
    let judgement = judge(&holding("values.yaml", format!("a: 1\nb: {encoded}\n").as_bytes()));
    assert_eq!(errors(&judgement), [(GITHUB, Some("values.yaml"), Some(2))]);
    let everything = format!("{judgement:?}");
    assert!(!everything.contains(&token()) && !everything.contains(&encoded[8..]), "{everything}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // SEC-2
    #[test]
    fn one_more_secret_never_turns_a_failure_into_a_pass(
        words in proptest::collection::vec(
            prop_oneof![
                "[ -~]{0,40}", Just(["password = 'q7", "Wz2mKx9'"].concat()), Just("-----BEGIN PRIVATE KEY-----".to_string()),
                Just("kind: Secret\ndata:".to_string()), Just("// gitleaks:allow".to_string()), Just("\0".to_string()), Just(token()),
            ],
            0..12,
        ),
        at in any::<prop::sample::Index>(),
        packed in any::<bool>(),
    ) {
        let mut more = words.clone();
        more.insert(at.index(words.len() + 1), text());
        let file = |lines: &[String]| {
            let text = lines.join("\n");
            if packed { zip(&[("a.txt", text.as_bytes(), 8, 0)]) } else { text.into_bytes() }
        };
        prop_assert_eq!(judge(&holding("file", &file(&more))).verdict, Verdict::Fail);
    }
}
