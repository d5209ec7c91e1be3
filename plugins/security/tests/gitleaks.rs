//! The target branch's `.gitleaks.toml` and `.gitleaksignore`: what is honoured, what is said, and what must never happen.

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

/// A secret of a kind that only the team knows.
fn own_secret() -> String {
    ["acme", "_", "q8Zr4mT1xW7v"].concat()
}

/// One that only looks random.
fn guessed() -> String {
    ["q8Zr4mT1xW", "7vB2nK9pL3"].concat()
}

const OWN_RULE: &str = r"
[extend]
useDefault = true
[[rules]]
id = 'acme-key'
description = 'Acme key'
regex = '''\b(acme_[A-Za-z0-9]{12})\b'''
keywords = ['ACME_']
";

fn try_judge(repo: &Repo, config: &str) -> Result<Judgement, Refusal> {
    let config: Config = serde_json::from_str(config).unwrap();
    let subject = portcullis_gate_sdk::Subject { head: repo.head(), target_head: repo.base(), ..testing::subject() };
    evaluate(repo, &subject, &config)
}

fn judge(repo: &Repo) -> Judgement {
    try_judge(repo, r#"{"dependency-audit": "off"}"#).unwrap()
}

/// The target branch has `files`; the branch adds `content` at `path`.
fn after(files: &[(&str, &str)], path: &str, content: &str) -> Judgement {
    let mut repo = Repo::new(files);
    repo.commit("add", &[(path, Some(content))]);
    judge(&repo)
}

fn with(config: &str, path: &str, content: &str) -> Judgement {
    after(&[(".gitleaks.toml", config)], path, content)
}

fn errors(judgement: &Judgement) -> Vec<(&str, Option<&str>, Option<u32>)> {
    let error = |finding: &&Finding| finding.severity == Severity::Error;
    judgement.findings.iter().filter(error).map(|f| (f.rule.as_str(), f.path.as_deref(), f.line)).collect()
}

/// Severity, line and message of what is said about the files.
fn remarks(judgement: &Judgement) -> Vec<(Severity, Option<u32>, &str)> {
    let remark = |finding: &&Finding| finding.rule == "gitleaks-config";
    judgement.findings.iter().filter(remark).map(|f| (f.severity, f.line, f.message.as_str())).collect()
}

// SEC-6
#[test]
fn a_rule_of_the_teams_own_is_run_and_its_secret_is_not_told() {
    let judgement = with(OWN_RULE, "a.txt", &format!("x\nkey is {}\n", own_secret()));
    assert_eq!((judgement.verdict, errors(&judgement)), (Verdict::Fail, vec![("acme-key", Some("a.txt"), Some(2))]));
    assert!(judgement.findings[0].message.starts_with("Acme key, acme… (17 characters)"), "{:?}", judgement.findings);
    assert!(!format!("{judgement:?}").contains(&own_secret()));
    assert_eq!(remarks(&judgement), []);
    let fact = judgement.evidence.iter().find(|(name, _)| name == "team-rules");
    assert_eq!(fact.map(|(_, value)| value.as_str()), Some("1"));
}

// SEC-6
#[test]
fn a_rule_answers_for_messages_and_for_new_lines_alone_like_ours() {
    let line = format!("key is {}\n", own_secret());
    let mut repo = Repo::new(&[(".gitleaks.toml", OWN_RULE), ("a.txt", &line)]);
    repo.commit("touch", &[("a.txt", Some(&format!("new\n{line}")))]);
    assert_eq!(judge(&repo).verdict, Verdict::Pass);
    repo.commit(&format!("use {}", own_secret()), &[]);
    assert_eq!(errors(&judge(&repo)), [("acme-key", None, None)]);
}

// SEC-6
#[test]
fn the_parts_of_a_rule_each_count() {
    let rule = |rest: &str| format!("[extend]\nuseDefault = true\n[[rules]]\nid = 'own'\n{rest}\n");
    let table = [
        // Which group is the secret, seen by what must be random.
        ("regex = '(zzzzzzzzzzzz)-(\\w{12})'\nsecretGroup = 2\nentropy = 3.0", "zzzzzzzzzzzz-q8Zr4mT1xW7v", true),
        ("regex = '(zzzzzzzzzzzz)-(\\w{12})'\nsecretGroup = 1\nentropy = 3.0", "zzzzzzzzzzzz-q8Zr4mT1xW7v", false),
        ("regex = '(zzzzzzzzzzzz)-(\\w{12})'\nentropy = 3.0", "zzzzzzzzzzzz-q8Zr4mT1xW7v", false),
        ("regex = '(x)?-(\\w{12})'\nentropy = 3.0", "-q8Zr4mT1xW7v", true),
        ("regex = 'q8\\w{10}'\nkeywords = ['acme', 'needle']", "NEEDLE\n\nq8Zr4mT1xW7v", true),
        ("regex = 'q8\\w{10}'\nkeywords = ['acme', 'needle']", "haystack\n\nq8Zr4mT1xW7v", false),
        ("regex = 'q8\\w{10}'\nkeywords = 'schl\u{fc}ssel'", "SCHL\u{dc}SSEL q8Zr4mT1xW7v", true),
        ("regex = 'q8\\w{10}'\npath = '\\.txt$'", "q8Zr4mT1xW7v", true),
        ("regex = 'q8\\w{10}'\npath = '\\.cfg$'", "q8Zr4mT1xW7v", false),
        ("REGEX = 'q8\\w{10}'\nTags = ['x']", "q8Zr4mT1xW7v", true),
        ("regex = '''BEGIN\\n(\\w{12})\\nEND'''", "BEGIN\nq8Zr4mT1xW7v\nEND", true),
        ("regex = 'q8\\w{10}'\nskipReport = true", "q8Zr4mT1xW7v", false),
    ];
    for (rest, content, found) in table {
        let judgement = with(&rule(rest), "a.txt", content);
        assert_eq!(errors(&judgement).len(), usize::from(found), "{rest}\non {content}: {judgement:?}");
        assert_eq!(remarks(&judgement), [], "{rest}");
    }
}

// SEC-6
#[test]
fn a_rule_that_requires_another_needs_it_near_by() {
    let config = "[extend]\nuseDefault = true\n[[rules]]\nid = 'own'\nregex = 'q8\\w{10}'\n[[rules.required]]\nid = 'user'\nwithinLines = 2\n[[rules]]\nid = 'user'\nregex = 'user=\\w+'\nskipReport = true\n";
    assert_eq!(errors(&with(config, "a.txt", "user=bob\n\nq8Zr4mT1xW7v")), [("own", Some("a.txt"), Some(3))]);
    assert_eq!(errors(&with(config, "a.txt", "user=bob\n\n\nq8Zr4mT1xW7v")), []);
    assert_eq!(errors(&with(config, "a.txt", "q8Zr4mT1xW7v")), []);
    let columns = config.replace("withinLines = 2", "withinColumns = 9");
    assert_eq!(errors(&with(&columns, "a.txt", "user=bob q8Zr4mT1xW7v")).len(), 1);
    assert_eq!(errors(&with(&columns, "a.txt", "user=bob    q8Zr4mT1xW7v")), []);
    let missing = config.replace("id = 'user'\nwithin", "id = 'aws-access-token'\nwithin");
    let judgement = with(&missing, "a.txt", "q8Zr4mT1xW7v");
    assert_eq!(errors(&judgement).len(), 1, "it is reported without");
    assert!(remarks(&judgement)[0].2.contains("requires `aws-access-token`"), "{judgement:?}");
}

// SEC-6
#[test]
fn a_rule_of_a_path_alone_forbids_new_files_there() {
    let config = "[extend]\nuseDefault = true\n[[rules]]\nid = 'pkcs12-file'\ndescription = 'Key store'\npath = '''(?i)\\.p12$'''\n";
    let judgement = with(config, "certs/a.P12", "x");
    assert_eq!(errors(&judgement), [("pkcs12-file", Some("certs/a.P12"), None)]);
    let mut repo = Repo::new(&[(".gitleaks.toml", config), ("a.p12", "x")]);
    repo.commit("touch", &[("a.p12", Some("y"))]);
    assert_eq!(judge(&repo).verdict, Verdict::Pass, "it stood there before");
    let allowed = format!("{config}[[rules.allowlists]]\npaths = ['^certs/']\n");
    assert_eq!(with(&allowed, "certs/a.p12", "x").verdict, Verdict::Pass);
    let by_content = format!("{config}[[rules.allowlists]]\nregexes = ['.*']\n");
    assert_eq!(with(&by_content, "certs/a.p12", "x").verdict, Verdict::Fail, "there is no content to allow");
}

// SEC-6
#[test]
fn every_criterion_of_an_allowlist_excuses_our_findings_and_stays_listed() {
    let content = format!("token: {} # in the docs\n", token());
    let mut repo = Repo::new(&[("x", "")]);
    let commit = repo.commit("add", &[("src/a.txt", Some(&content))]);
    let table = [
        ("paths = ['^src/']", true),
        ("paths = ['^docs/']", false),
        ("regexes = ['^ghp_x7K']", true),
        ("regexes = ['in the docs']", false),
        ("regexTarget = 'line'\nregexes = ['in the docs']", true),
        ("regexTarget = 'match'\nregexes = ['ghp_']", true),
        ("regexTarget = 'secret'\nregexes = ['^ghp_']", true),
        ("stopwords = ['X7KQ2MW']", true),
        ("stopwords = ['docs']", false),
        (&format!("commits = ['{}']", commit.to_uppercase()), true),
        (&format!("commits = ['{}']", &commit[..12]), false),
        ("paths = ['^src/']\nstopwords = ['nowhere']", true),
        ("condition = 'AND'\npaths = ['^src/']\nstopwords = ['nowhere']", false),
        ("condition = '&&'\npaths = ['^src/']\nstopwords = ['x7kq']", true),
        ("condition = 'and'\npaths = ['^src/']\nregexes = ['(?=x)']", false),
        ("targetRules = ['github-pat']\npaths = ['^src/']", true),
        ("targetRules = ['github-oauth']\npaths = ['^src/']", false),
        ("targetRules = ['github-token']\npaths = ['^src/']", true),
    ];
    for (criteria, excused) in table {
        for head in ["[[allowlists]]", "[allowlist]"] {
            let config = format!("[extend]\nuseDefault = true\n{head}\ndescription = 'made up'\n{criteria}\n");
            let judgement = with(&config, "src/a.txt", &content);
            assert_eq!(judgement.verdict == Verdict::Pass, excused, "{config}{judgement:?}");
            if excused {
                let note = judgement.findings.iter().find(|f| f.rule == "github-token").unwrap();
                assert!(note.message.starts_with("allowed: made up (allowlist of .gitleaks.toml, line 3)"), "{note:?}");
            }
        }
    }
}

// SEC-6
#[test]
fn the_allowlists_of_a_rule_are_for_what_goes_by_its_name() {
    let list = |id: &str| {
        format!("[extend]\nuseDefault = true\n[[rules]]\nid = '{id}'\n[[rules.allowlists]]\npaths = ['a']\n")
    };
    for (id, excused) in [("github-pat", true), ("gitlab-pat", false)] {
        let judgement = with(&list(id), "a.txt", &token());
        assert_eq!((judgement.verdict == Verdict::Pass, remarks(&judgement)), (excused, vec![]), "{id}");
    }
    let own = format!("{OWN_RULE}[[rules.allowlists]]\nstopwords = ['q8zr']\n");
    assert_eq!(with(&own, "a.txt", &own_secret()).verdict, Verdict::Pass);
    assert_eq!(with(&own, "a.txt", &own_secret().replace("q8", "r8")).verdict, Verdict::Fail);
    let both = with(&own, "a.txt", &format!("{} {}", own_secret(), token()));
    assert_eq!(errors(&both), [("github-token", Some("a.txt"), Some(1))]);
}

// SEC-6
#[test]
fn a_disabled_rule_of_gitleaks_is_not_run_or_excused_and_no_more_than_that() {
    let config = |ids: &str| format!("[extend]\nuseDefault = true\ndisabledRules = [{ids}]\n");
    let generic = format!("internal_password = '{}'\n", guessed());
    assert_eq!(errors(&with(&config(""), "a.py", &generic)), [("generic-secret", Some("a.py"), Some(1))]);
    assert_eq!(with(&config("'generic-api-key'"), "a.py", &generic).findings, []);
    let judgement =
        with(&config("'github-pat'"), "a.txt", &format!("{}\n{}\n", token(), token().replace("ghp", "gho")));
    assert_eq!(errors(&judgement), [("github-token", Some("a.txt"), Some(2))]);
    let judgement = with(&config("'github-pat', 'etsy-access-token'"), "a.txt", "x");
    assert_eq!(remarks(&judgement).len(), 1, "{judgement:?}");
    assert!(remarks(&judgement)[0].2.contains("etsy-access-token"));
}

// SEC-6
#[test]
fn an_entry_of_gitleaksignore_excuses_its_place_alone() {
    let content = format!("x\n{}\n", token());
    let judge_with = |ignore: &str, content: &str| after(&[(".gitleaksignore", ignore)], "a.txt", content);
    assert_eq!(judge_with("a.txt:github-pat:2\n", &content).verdict, Verdict::Pass);
    for other in ["a.txt:github-pat:1", "b.txt:github-pat:2", "a.txt:gitlab-pat:2", "# a.txt:github-pat:2"] {
        assert_eq!(judge_with(other, &content).verdict, Verdict::Fail, "{other}");
    }
    let judgement = judge_with("a.txt:etsy-access-token:2\nnonsense\n", &content);
    let lines: Vec<_> = remarks(&judgement).iter().map(|(severity, line, _)| (*severity, *line)).collect();
    assert_eq!(lines, [(Severity::Note, Some(1)), (Severity::Note, Some(2))]);
}

// SEC-6
#[test]
fn what_is_excused_in_one_commit_and_not_in_the_next_is_not_excused() {
    let mut repo = Repo::new(&[("x", "")]);
    let first = repo.commit("add", &[("a.txt", Some(&token()))]);
    let ignore = format!("{first}:a.txt:github-pat:1\n");
    let history = |again: bool| {
        let mut repo = Repo::new(&[(".gitleaksignore", &ignore)]);
        assert_eq!(repo.commit("add", &[("a.txt", Some(&token()))]), first);
        if again {
            repo.commit("remove", &[("a.txt", None)]);
            repo.commit("add again", &[("a.txt", Some(&token()))]);
        }
        judge(&repo)
    };
    assert_eq!(history(false).verdict, Verdict::Pass);
    assert_eq!(errors(&history(true)), [("github-token", Some("a.txt"), Some(1))]);
}

// SEC-6
#[test]
fn a_gitleaks_comment_counts_only_where_the_manifest_lets_it() {
    let mut repo = Repo::new(&[(".gitleaks.toml", OWN_RULE)]);
    repo.commit("add", &[("a.txt", Some(&format!("{} # gitleaks:allow\n", own_secret())))]);
    assert_eq!(judge(&repo).verdict, Verdict::Fail);
    assert_eq!(try_judge(&repo, r#"{"inline-allow": true}"#).unwrap().verdict, Verdict::Pass);
}

// SEC-6
#[test]
fn a_file_extends_another_of_the_repository_and_only_such() {
    let base = format!("{OWN_RULE}[[allowlists]]\nstopwords = ['q8zr']\n");
    let top = "[extend]\npath = 'ci/base.toml'\n[[rules]]\nid = 'acme-key'\ndescription = 'Other words'\n";
    let files = [(".gitleaks.toml", top), ("ci/base.toml", base.as_str())];
    let secret = own_secret().replace("q8", "r8");
    let judgement = after(&files, "a.txt", &secret);
    assert!(judgement.findings[0].message.starts_with("Other words, acme…"), "{judgement:?}");
    assert_eq!(errors(&after(&files, "a.txt", &own_secret())), []);
    for (path, says) in
        [("../base.toml", "leaves the repository"), ("/base.toml", "leaves the repository"), ("b.toml", "no such file")]
    {
        let judgement = with(&format!("[extend]\nuseDefault = true\npath = '{path}'\n"), "a.txt", "x");
        assert!(
            remarks(&judgement).iter().any(|(s, _, m)| *s == Severity::Warning && m.contains(says)),
            "{judgement:?}"
        );
    }
    let circle = with("[extend]\nuseDefault = true\npath = '.gitleaks.toml'\n", "a.txt", "x");
    assert!(remarks(&circle)[0].2.contains("another's extension"), "{circle:?}");
}

// SEC-6
#[test]
fn what_cannot_be_expressed_is_named_with_its_line() {
    let config = r"
[extend]
url = 'https://example.com/base.toml'
[[rules]]
id = 'greek'
regex = '\p{Greek}+'
[[rules]]
id = 'empty'
[[rules]]
regex = 'x'
[[rules]]
id = 'typed'
regex = 'acme_[a-z]{12}'
entropy = 'much'
colour = 'red'
[[allowlists]]
condition = 'XOR'
paths = ['a']
[[allowlists]]
description = 'nothing in it'
[[allowlists]]
paths = ['(?<!a)b']
[[allowlists]]
targetRules = ['no-such-rule']
paths = ['b']
";
    let judgement = with(config, "a.txt", "x");
    assert_eq!(judgement.verdict, Verdict::Pass);
    let said: Vec<(Severity, u32)> = remarks(&judgement).iter().map(|(s, line, _)| (*s, line.unwrap())).collect();
    use Severity::{Note, Warning};
    let expected = [
        (Warning, 3),
        (Warning, 6),
        (Warning, 9),
        (Warning, 14),
        (Warning, 7),
        (Note, 15),
        (Note, 17),
        (Note, 19),
        (Note, 22),
        (Note, 1),
        (Note, 23),
    ];
    assert_eq!(said, expected, "{:#?}", remarks(&judgement));
}

// SEC-6
#[test]
fn a_file_that_is_no_toml_is_refused_with_line_and_reason() {
    let refused = |content: &[u8]| {
        let mut repo = Repo::new(&[("a", "")]);
        repo.commit_raw("config", b".gitleaks.toml", EntryKind::File, content);
        let subject =
            portcullis_gate_sdk::Subject { head: repo.head(), target_head: repo.head(), ..testing::subject() };
        match evaluate(&repo, &subject, &Config::default()) {
            Err(Refusal::BadInput(why)) => why,
            other => panic!("{other:?}"),
        }
    };
    let why = refused(b"title = 'x'\n\n[[rules\n");
    assert!(why.starts_with("`.gitleaks.toml` is no TOML: line 3: "), "{why}");
    assert!(refused(b"a = 1\nb = '\xff'\n").ends_with("line 2 is no UTF-8"));
    assert!(refused(&vec![b'#'; (1 << 20) + 1]).contains("1048576 are the most"));
    let mut repo = Repo::new(&[(".gitleaks.toml", "[[rules")]);
    repo.commit("x", &[("a", Some("b"))]);
    assert_eq!(try_judge(&repo, r#"{"gitleaks": "ignore"}"#).unwrap().verdict, Verdict::Pass);
}

// SEC-6
#[test]
fn the_branchs_own_files_count_for_nothing_and_their_change_is_flagged() {
    let mut repo = Repo::new(&[("a.txt", "x\n"), (".gitleaks.toml", OWN_RULE)]);
    let hides = "[[allowlists]]\nregexes = ['.*']\npaths = ['.*']\n";
    let first = repo.commit(
        "hide",
        &[
            (".gitleaks.toml", Some(hides)),
            (".gitleaksignore", Some("a.txt:acme-key:1\n")),
            (".portcullis/pipeline.toml", Some("")),
            ("a.txt", Some(&own_secret())),
        ],
    );
    let second = repo.commit("hide more", &[(".gitleaks.toml", None)]);
    let judgement = judge(&repo);
    assert_eq!(errors(&judgement), [("acme-key", Some("a.txt"), Some(1))]);
    let flagged: Vec<(&str, bool, bool)> = judgement
        .findings
        .iter()
        .filter(|f| f.rule == "gate-setup-changed" && f.severity == Severity::Warning)
        .map(|f| (f.path.as_deref().unwrap(), f.message.contains(&first[..12]), f.message.contains(&second[..12])))
        .collect();
    let expected = [
        (".gitleaks.toml", true, false),
        (".gitleaksignore", true, false),
        (".portcullis/pipeline.toml", true, false),
        (".gitleaks.toml", false, true),
    ];
    assert_eq!(flagged, expected);
}

// SEC-6
#[test]
fn a_merge_of_the_target_that_brings_its_files_is_no_change_of_the_branch() {
    let mut repo = Repo::new(&[("a.txt", "x\n")]);
    let base = repo.head();
    let left = repo.commit("left", &[("a.txt", Some("left\n"))]);
    repo.checkout(&base);
    let right = repo.commit("right", &[(".gitleaks.toml", Some(OWN_RULE))]);
    repo.merge("merge", &left, &right, &[(".gitleaks.toml", Some(OWN_RULE))]);
    let judgement = judge(&repo);
    let flagged: Vec<&Finding> = judgement.findings.iter().filter(|f| f.rule == "gate-setup-changed").collect();
    assert_eq!(flagged.len(), 1, "{flagged:?}");
    assert!(flagged[0].message.contains(&right[..12]));
}

// SEC-2
#[test]
fn a_file_with_more_hits_than_are_told_apart_closes_the_edge_whatever_is_excused() {
    let flood: String = (0..1200).map(|n| format!("acme_q8Zr4mT1{n:04}\n")).collect();
    let config = format!("{OWN_RULE}[[allowlists]]\nregexes = ['q8Zr4mT1']\n");
    let judgement = with(&config, "a.txt", &flood);
    assert_eq!(errors(&judgement), [("not-scanned", Some("a.txt"), None)]);
    let mut repo = Repo::new(&[(".gitleaks.toml", OWN_RULE), ("a.txt", &flood)]);
    repo.commit("add one at the end", &[("a.txt", Some(&format!("{flood}acme_r8Zr4mT1xW7v\n")))]);
    assert_eq!(errors(&judge(&repo)), [("not-scanned", Some("a.txt"), None)]);
}

/// Pieces of files as people and attackers write them.
fn any_config() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("[extend]\nuseDefault = true\n"),
        Just("[extend]\npath = '.gitleaks.toml'\n"),
        Just("[extend]\ndisabledRules = ['generic-api-key', 'github-pat', 'acme-key']\n"),
        Just("[[rules]]\nid = 'acme-key'\nregex = 'acme_(\\w*)'\n"),
        Just("[[rules]]\nid = 'p'\npath = 'a'\n"),
        Just("[[rules]]\nid = 'e'\nregex = ''\n"),
        Just("[[rules]]\nid = 'star'\nregex = 'x*|(?i)k'\nsecretGroup = 3\n"),
        Just("[[rules.required]]\nid = 'p'\nwithinLines = 0\n"),
        Just("[[rules.allowlists]]\nstopwords = ['a']\n"),
        Just("[[allowlists]]\nregexes = ['[', 'q']\ncondition = 'AND'\n"),
        Just("[allowlist]\npaths = ['']\n"),
        Just("entropy = 1e400\n"),
        Just("secretGroup = -1\n"),
        Just("keywords = ['', 1, 'acme']\n"),
        Just("rules = 3\n"),
        Just("[[rules]]\n"),
        Just("id = 'x'\n"),
        Just("}"),
    ];
    proptest::collection::vec(piece, 0..10).prop_map(|pieces| pieces.concat())
}

fn any_allowlist() -> impl Strategy<Value = String> {
    let word = prop_oneof![Just("acme"), Just("ghp_"), Just("a"), Just("^src"), Just(".*"), Just("("), Just("zzz")];
    let keys = proptest::sample::subsequence(vec!["paths", "regexes", "stopwords", "commits"], 0..=3);
    let words = proptest::collection::vec(proptest::collection::vec(word, 0..3), 3);
    let condition = prop_oneof![Just("OR"), Just("AND")];
    let target = prop_oneof![Just("secret"), Just("match"), Just("line")];
    let rules =
        prop_oneof![Just(""), Just("targetRules = ['github-pat']\n"), Just("targetRules = ['acme-key', 'x']\n")];
    (keys, words, condition, target, rules).prop_map(|(keys, words, condition, target, rules)| {
        let mut list = format!("[[allowlists]]\ncondition = '{condition}'\nregexTarget = '{target}'\n{rules}");
        for (key, words) in keys.iter().zip(words) {
            list.push_str(&format!("{key} = {words:?}\n"));
        }
        list
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    // SEC-6
    #[test]
    fn any_files_get_an_answer_and_none_tells_a_secret(
        config in prop_oneof![any_config(), r"\PC{0,60}"],
        ignore in r"([a-c.]{1,3}:(jwt|github-pat):[0-9]\n|\PC{0,10}\n){0,4}",
    ) {
        let mut repo = Repo::new(&[(".gitleaks.toml", &config), (".gitleaksignore", &ignore)]);
        repo.commit("add", &[("a", Some(&format!("{} {}\n", token(), own_secret())))]);
        match try_judge(&repo, "{}") {
            Ok(judgement) => {
                let said = format!("{judgement:?}");
                prop_assert!(!said.contains(&token()) && !said.contains(&own_secret()[5..]), "{}", said);
            }
            Err(Refusal::BadInput(why)) => prop_assert!(why.contains("`.gitleaks.toml`"), "{}", why),
            Err(other) => prop_assert!(false, "{:?}", other),
        }
    }

    // SEC-6
    #[test]
    fn one_allowlist_more_never_means_one_finding_more(
        lists in proptest::collection::vec(any_allowlist(), 0..4),
        more in any_allowlist(),
        ignore in prop_oneof![Just(""), Just("src/a:github-pat:1\n"), Just("src/a:acme-key:2\n")],
    ) {
        let content = format!("{}\nkey {}\npassword = '{}'\n", token(), own_secret(), guessed());
        let found = |config: &str, ignore: &str| {
            let judgement = after(&[(".gitleaks.toml", config), (".gitleaksignore", ignore)], "src/a", &content);
            errors(&judgement).iter().map(|(rule, _, line)| (rule.to_string(), *line)).collect::<Vec<_>>()
        };
        let before = format!("{OWN_RULE}{}", lists.concat());
        let (few, many) = (found(&format!("{before}{more}"), ignore), found(&before, ""));
        prop_assert!(few.iter().all(|error| many.contains(error)), "{:?} {:?}", few, many);
    }
}
