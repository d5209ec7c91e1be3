//! The gate over whole histories, in a small model of a repository: what a range is answerable for, and the traps.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod model;

use model::Repo;
use portcullis_gate_sdk::{Finding, Judgement, Refusal, Severity, Verdict, testing};
use portcullis_gate_security::config::Config;
use portcullis_gate_security::glue::evaluate;
use portcullis_gate_security::source::EntryKind;
use proptest::prelude::*;

/// Put together here, so that this file holds no token.
fn token() -> String {
    ["gh", "p_", "x7Kq2mW9aZ4tB1vC8", "nL5pR3sD6fG0hJy2kQ7"].concat()
}

fn line() -> String {
    format!("github = '{}'\n", token())
}

fn config(json: &str) -> Config {
    serde_json::from_str(json).unwrap()
}

fn try_judge(repo: &Repo, config: &Config) -> Result<Judgement, Refusal> {
    let subject = portcullis_gate_sdk::Subject { head: repo.head(), target_head: repo.base(), ..testing::subject() };
    evaluate(repo, &subject, config)
}

fn judge(repo: &Repo) -> Judgement {
    try_judge(repo, &config(r#"{"dependency-audit": "off"}"#)).unwrap()
}

fn errors(judgement: &Judgement) -> Vec<(&str, Option<&str>, Option<u32>)> {
    let error = |finding: &&Finding| finding.severity == Severity::Error;
    judgement.findings.iter().filter(error).map(|f| (f.rule.as_str(), f.path.as_deref(), f.line)).collect()
}

const GITHUB: &str = "github-token";

// SEC-2
#[test]
fn a_secret_in_the_range_fails_with_path_line_and_commit() {
    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    let commit = repo.commit("add", &[("a.txt", Some(&format!("one\ntwo\n{}", line())))]);
    let judgement = judge(&repo);
    assert_eq!(judgement.verdict, Verdict::Fail);
    assert_eq!(errors(&judgement), [(GITHUB, Some("a.txt"), Some(3))]);
    assert!(judgement.findings[0].message.contains(&commit[..12]), "{:?}", judgement.findings);
    assert!(judgement.summary.starts_with("1 secret in 1 commit (1 file, "), "{}", judgement.summary);
}

// SEC-1
#[test]
fn what_stood_on_the_target_before_is_not_the_branchs_fault() {
    let mut repo = Repo::new(&[("a.txt", &line())]);
    repo.commit("touch", &[("a.txt", Some(&format!("new first line\n{}new last line\n", line())))]);
    let judgement = judge(&repo);
    assert_eq!((judgement.verdict, errors(&judgement)), (Verdict::Pass, vec![]));
}

// SEC-2
#[test]
fn a_secret_added_and_removed_again_is_found_once() {
    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    let first = repo.commit("add", &[("a.txt", Some(&line()))]);
    repo.commit("remove", &[("a.txt", Some("one\n"))]);
    repo.commit("add again", &[("a.txt", Some(&line()))]);
    repo.commit("remove again", &[("a.txt", None)]);
    let judgement = judge(&repo);
    assert_eq!(errors(&judgement), [(GITHUB, Some("a.txt"), Some(1))]);
    assert!(judgement.findings[0].message.contains(&first[..12]));
}

// SEC-2
#[test]
fn a_secret_that_is_only_removed_is_no_new_leak() {
    let mut repo = Repo::new(&[("a.txt", &line()), ("b.txt", &format!("x\n{}", line()))]);
    repo.commit("remove", &[("a.txt", None), ("b.txt", Some("x\n"))]);
    assert_eq!(judge(&repo).verdict, Verdict::Pass);
}

// SEC-2
#[test]
fn a_renamed_file_keeps_its_old_lines_and_answers_for_its_new_ones() {
    let mut repo = Repo::new(&[("a.txt", &format!("x\n{}", line()))]);
    repo.commit("rename", &[("a.txt", None), ("b.txt", Some(&format!("x\n{}", line())))]);
    assert_eq!(judge(&repo).verdict, Verdict::Pass);
    let edited = line().replace("x7Kq", "y8Lr");
    repo.commit("rename and edit", &[("b.txt", None), ("c.txt", Some(&format!("x\n{}{edited}", line())))]);
    assert_eq!(errors(&judge(&repo)), [(GITHUB, Some("c.txt"), Some(3))]);
}

// SEC-2
#[test]
fn a_secret_that_only_the_merge_commit_brought_is_found_and_what_it_merged_counts_once() {
    let mut repo = Repo::new(&[("a.txt", "one\n"), ("b.txt", "one\n")]);
    let start = repo.head();
    let left = repo.commit("left", &[("a.txt", Some("left\n"))]);
    repo.checkout(&start);
    let right = repo.commit("right", &[("b.txt", Some(&format!("right\n{}", line())))]);
    repo.merge("clean merge", &left, &right, &[("b.txt", Some(&format!("right\n{}", line())))]);
    assert_eq!(errors(&judge(&repo)), [(GITHUB, Some("b.txt"), Some(2))], "it came with `right`");

    let mut repo = Repo::new(&[("a.txt", "one\n"), ("b.txt", "one\n")]);
    let start = repo.head();
    let left = repo.commit("left", &[("a.txt", Some("left\n"))]);
    repo.checkout(&start);
    let right = repo.commit("right", &[("b.txt", Some("right\n"))]);
    let merge = repo.merge(
        "evil merge",
        &left,
        &right,
        &[("b.txt", Some("right\n")), ("a.txt", Some(&line())), ("c.txt", Some(&line()))],
    );
    let judgement = judge(&repo);
    assert_eq!(errors(&judgement), [(GITHUB, Some("a.txt"), Some(1)), (GITHUB, Some("c.txt"), Some(1))]);
    assert!(judgement.findings.iter().all(|finding| finding.message.contains(&merge[..12])));
}

// SEC-2
#[test]
fn a_merge_that_mixes_lines_of_its_parents_adds_nothing() {
    let mut repo = Repo::new(&[("a.txt", &format!("{}one\n", line()))]);
    let start = repo.head();
    let left = repo.commit("left", &[("a.txt", Some(&format!("{}left\none\n", line())))]);
    repo.checkout(&start);
    let right = repo.commit("right", &[("a.txt", Some(&format!("{}one\nright\n", line())))]);
    repo.merge("mix", &left, &right, &[("a.txt", Some(&format!("{}left\none\nright\n", line())))]);
    assert_eq!(judge(&repo).verdict, Verdict::Pass);
}

// SEC-2
#[test]
fn a_secret_in_a_commit_message_is_found() {
    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    let commit = repo.commit(&format!("subject\n\nuse {} for now\n", token()), &[("a.txt", Some("two\n"))]);
    let judgement = judge(&repo);
    assert_eq!(errors(&judgement), [(GITHUB, None, None)]);
    assert!(judgement.findings[0].message.contains(&format!("message of commit {}, line 3", &commit[..12])));
}

// SEC-2
#[test]
fn no_encoding_and_no_odd_name_hides_a_secret() {
    let utf16: Vec<u8> = line().encode_utf16().flat_map(u16::to_le_bytes).collect();
    let contents: Vec<Vec<u8>> = vec![
        [vec![0xFF, 0xFE], utf16.clone()].concat(),
        [vec![0xFE, 0xFF], line().encode_utf16().flat_map(u16::to_be_bytes).collect()].concat(),
        utf16,
        format!("\0\0\0{}", line()).into_bytes(),
        format!("one\r\n{}\r\n", line().trim_end()).into_bytes(),
        [b"\xff\xfa\xc3\x28 ".as_slice(), line().as_bytes(), b"\xff"].concat(),
        format!("{}{}", "var a=1;".repeat(300_000), line().trim_end()).into_bytes(),
    ];
    let names: [&[u8]; 4] = [b"a\tb.txt", b"q\"uote.txt", b"not-utf8-\xff.txt", b"node_modules/x/package-lock.json"];
    for content in &contents {
        for name in names {
            let mut repo = Repo::new(&[("a.txt", "one\n")]);
            repo.commit_raw("add", name, EntryKind::File, content);
            let judgement = judge(&repo);
            assert_eq!(errors(&judgement).len(), 1, "{} bytes in {}", content.len(), String::from_utf8_lossy(name));
            assert_eq!(errors(&judgement)[0].0, GITHUB);
        }
    }
}

// SEC-2
#[test]
fn a_symlinks_target_and_a_files_name_are_looked_at_and_a_submodule_is_named() {
    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    repo.commit_raw("link", b"link", EntryKind::Symlink, format!("/{}", token()).as_bytes());
    assert_eq!(errors(&judge(&repo)), [(GITHUB, Some("link"), Some(1))]);

    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    repo.commit_raw("name", format!("backup/{}.txt", token()).as_bytes(), EntryKind::File, b"x");
    assert_eq!(errors(&judge(&repo)), [(GITHUB, Some("backup/….txt"), None)]);

    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    repo.commit_raw("vendor", b"vendor/lib", EntryKind::Submodule, b"");
    let judgement = judge(&repo);
    assert_eq!(judgement.verdict, Verdict::Pass);
    assert_eq!(
        (judgement.findings[0].rule.as_str(), judgement.findings[0].path.as_deref()),
        ("submodule", Some("vendor/lib"))
    );
}

// SEC-2
#[test]
fn the_branchs_own_attributes_and_ignore_files_excuse_nothing() {
    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    let mine = format!("{}# gitleaks:allow\n", line().trim_end());
    repo.commit(
        "hide",
        &[
            (".gitattributes", Some("* binary -diff\n")),
            (".gitleaks.toml", Some("[allowlist]\npaths = ['.*']\n")),
            (".gitleaksignore", Some("a.txt:github-pat:1\n")),
            ("a.txt", Some(&mine)),
        ],
    );
    assert_eq!(errors(&judge(&repo)), [(GITHUB, Some("a.txt"), Some(1))]);
}

// SEC-6
#[test]
fn an_inline_comment_excuses_only_where_the_target_branch_lets_it() {
    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    repo.commit("add", &[("a.txt", Some(&format!("{} # portcullis:allow {GITHUB}\n", line().trim_end())))]);
    assert_eq!(judge(&repo).verdict, Verdict::Fail);
    let judgement = try_judge(&repo, &config(r#"{"inline-allow": true, "dependency-audit": "off"}"#)).unwrap();
    assert_eq!(judgement.verdict, Verdict::Pass);
    assert!(judgement.findings[0].message.starts_with("allowed: a comment on the line"), "{:?}", judgement.findings);
}

// SEC-6
#[test]
fn an_allowed_fingerprint_passes_and_stays_listed_and_survives_other_commits() {
    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    repo.commit("add", &[("a.txt", Some(&line()))]);
    let fingerprint = judge(&repo).findings[0].fingerprint.clone();
    repo.commit("more", &[("a.txt", Some(&format!("moved down\n\n{}", line()))), ("b.txt", Some("x\n"))]);
    let allow = config(&format!(r#"{{"allow": [{{"fingerprint": "{fingerprint}", "reason": "revoked in May"}}]}}"#));
    let judgement = try_judge(&repo, &allow).unwrap();
    assert_eq!(judgement.verdict, Verdict::Pass);
    assert!(judgement.findings[0].message.contains("revoked in May"));
    let other = config(r#"{"allow": [{"path": "b.*", "rule": "github-token", "reason": "x"}]}"#);
    assert_eq!(try_judge(&repo, &other).unwrap().verdict, Verdict::Fail);
}

// SEC-2
#[test]
fn an_object_that_is_too_large_is_named_and_closes_the_edge_unless_told_otherwise() {
    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    repo.commit_raw("big", b"big.bin", EntryKind::File, &vec![b'x'; (1 << 20) + 1]);
    let with = |unscanned: &str| {
        config(&format!(r#"{{"max-blob-mib": 1, "unscanned": "{unscanned}", "dependency-audit": "off"}}"#))
    };
    let failed = try_judge(&repo, &with("fail")).unwrap();
    assert_eq!((failed.verdict, errors(&failed)), (Verdict::Fail, vec![("not-scanned", Some("big.bin"), None)]));
    assert!(failed.summary.ends_with("; 1 object not scanned"), "{}", failed.summary);
    let warned = try_judge(&repo, &with("warn")).unwrap();
    assert_eq!((warned.verdict, warned.findings[0].severity), (Verdict::Pass, Severity::Warning));
}

// SEC-2
#[test]
fn whatever_the_host_gets_wrong_is_a_refusal_and_never_a_pass() {
    let fresh = || {
        let mut repo = Repo::new(&[("a.txt", "one\n")]);
        repo.commit("add", &[("a.txt", Some("two\nthree\n"))]);
        repo
    };
    type Lie = fn(&mut Repo);
    let lies: [(&str, Lie); 7] = [
        ("a blob that ends early", |repo| repo.lies.cut_blobs = true),
        ("a blob announced shorter than the change says", |repo| repo.lies.announce_less = true),
        ("a blob that cannot be opened", |repo| repo.lies.no_blobs = true),
        ("an empty list of commits", |repo| repo.lies.no_commits = true),
        ("a list of commits without the head", |repo| repo.lies.drop_head = true),
        ("changes that cannot be listed", |repo| repo.lies.no_changes = true),
        ("no merge base", |repo| repo.lies.no_merge_base = true),
    ];
    assert_eq!(judge(&fresh()).verdict, Verdict::Pass);
    for (what, lie) in lies {
        let mut repo = fresh();
        lie(&mut repo);
        let answer = try_judge(&repo, &Config::default());
        assert!(matches!(answer, Err(Refusal::BadInput(_) | Refusal::Unavailable(_))), "{what}: {answer:?}");
    }
}

// SEC-1
#[test]
fn an_empty_range_passes_and_says_so() {
    let repo = Repo::new(&[("a.txt", &line())]);
    let judgement = judge(&repo);
    assert_eq!(
        (judgement.verdict, judgement.summary.as_str()),
        (Verdict::Pass, "no secrets in 0 commits (0 files, 0 bytes scanned)")
    );
}

// SEC-2
#[test]
fn the_evidence_says_what_was_looked_at() {
    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    repo.commit("x", &[("a.txt", Some("1234567\n")), ("b.txt", Some("1234567\n"))]);
    let judgement = judge(&repo);
    let fact = |name: &str| judgement.evidence.iter().find(|(n, _)| n == name).map(|(_, value)| value.clone());
    assert_eq!(fact("base"), Some(repo.base()));
    assert_eq!(fact("head"), Some(repo.head()));
    assert_eq!(
        (fact("commits"), fact("objects"), fact("bytes")),
        (Some("1".into()), Some("1".into()), Some("8".into()))
    );
    assert_eq!(judgement.summary, "no secrets in 1 commit (2 files, 8 bytes scanned)");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    // SEC-5
    #[test]
    fn no_field_of_any_finding_carries_the_secret(
        secret in "[A-Za-z0-9]{36}",
        password in "[a-z]{3}[0-9][A-Z][a-z0-9]{5,12}",
        where_ in 0usize..5,
    ) {
        let token = ["gh", "p_", secret.as_str()].concat();
        let url = format!("postgres://shop:{password}@db.internal/shop");
        let both = format!("{token}\n{url}\n");
        let mut repo = Repo::new(&[("a.txt", "one\n")]);
        match where_ {
            0 => repo.commit("add", &[("a.txt", Some(&both))]),
            1 => repo.commit(&both, &[]),
            2 => repo.commit_raw("add", format!("{token}/a").as_bytes(), EntryKind::File, both.as_bytes()),
            3 => repo.commit_raw("add", b"link", EntryKind::Symlink, both.as_bytes()),
            _ => repo.commit_raw("add", format!("{token}/mod").as_bytes(), EntryKind::Submodule, b""),
        };
        let judgement = judge(&repo);
        let everything = format!("{judgement:?}");
        prop_assert!(!everything.contains(&token) && !everything.contains(&secret), "{everything}");
        prop_assert!(!everything.contains(&token[6..]), "{everything}");
        prop_assert!(!everything.contains(&password), "{everything}");
    }

    // SEC-2
    #[test]
    fn any_history_of_any_bytes_gets_an_answer(
        steps in proptest::collection::vec((0usize..3, proptest::collection::vec(any::<u8>(), 0..200), "[a-c]{1,2}"), 0..8)
    ) {
        let mut repo = Repo::new(&[("a", "one\n")]);
        for (kind, bytes, path) in &steps {
            let kind = [EntryKind::File, EntryKind::Symlink, EntryKind::Executable][*kind];
            repo.commit_raw("step", path.as_bytes(), kind, bytes);
        }
        prop_assert!(try_judge(&repo, &Config::default()).is_ok());
    }
}
