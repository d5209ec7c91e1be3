//! The dependency audit over whole histories, with a database or an API that a test makes up.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic")]

mod model;

use model::Repo;
use portcullis_gate_sdk::{Finding, Judgement, Severity, Verdict, testing};
use portcullis_gate_security::audit::feed::{Database, Feed, LookupError, Response};
use portcullis_gate_security::audit::package::Ecosystem;
use portcullis_gate_security::config::Config;
use portcullis_gate_security::glue::evaluate_with;
use portcullis_gate_security::source::EntryKind;
use std::cell::RefCell;
use std::collections::BTreeMap;

/// 2026-11-26, noon.
const NOW_S: i64 = 20_783 * 86_400 + 43_200;

/// Whom the audit can ask, and what it has asked.
#[derive(Default)]
struct World {
    /// Records by ecosystem and package.
    database: Option<BTreeMap<(&'static str, &'static str), String>>,
    /// Whether the database breaks when it is asked.
    broken: bool,
    /// Names that the database takes at once.
    most_names: Option<usize>,
    age_days: i64,
    /// Answers of the API by address; a `POST` is answered with the first that is left.
    posts: RefCell<Vec<(u16, String)>>,
    gets: BTreeMap<String, (u16, String)>,
    asked: RefCell<Vec<String>>,
}

impl Feed for World {
    fn now_s(&self) -> i64 {
        NOW_S
    }

    fn database(&self) -> Result<Option<Database>, String> {
        Ok(self.database.as_ref().map(|records| Database {
            imported_at_s: NOW_S - self.age_days * 86_400,
            records: records.len() as u64,
            ecosystems: vec!["npm".into(), "PyPI".into()],
        }))
    }

    fn lookup(&self, ecosystem: Ecosystem, names: &[String]) -> Result<Vec<(String, Vec<u8>)>, LookupError> {
        self.asked.borrow_mut().push(format!("lookup {} {}", ecosystem.osv(), names.len()));
        if self.broken {
            return Err(LookupError::Unavailable("the disk is gone".into()));
        }
        if self.most_names.is_some_and(|most| names.len() > most) {
            return Err(LookupError::TooLarge);
        }
        let records = self.database.as_ref().unwrap();
        let record = |name: &String| {
            let (_, record) = records.iter().find(|((of, known), _)| *of == ecosystem.osv() && known == name)?;
            Some((name.clone(), record.clone().into_bytes()))
        };
        Ok(names.iter().filter_map(record).collect())
    }

    fn get(&self, url: &str) -> Result<Response, String> {
        self.asked.borrow_mut().push(format!("GET {url}"));
        let (status, body) = self.gets.get(url).ok_or("no route to host")?;
        Ok(Response { status: *status, body: body.clone().into_bytes() })
    }

    fn post(&self, url: &str, json: Vec<u8>) -> Result<Response, String> {
        self.asked.borrow_mut().push(format!("POST {url} {}", String::from_utf8(json).unwrap()));
        let mut posts = self.posts.borrow_mut();
        if posts.is_empty() {
            return Err("no route to host".into());
        }
        let (status, body) = posts.remove(0);
        Ok(Response { status, body: body.into_bytes() })
    }
}

fn record(id: &str, name: &str, fixed: &str) -> String {
    serde_json::json!({
        "id": id, "aliases": [format!("CVE-{id}")], "summary": "prototype pollution",
        "database_specific": { "severity": "HIGH" },
        "affected": [{
            "package": { "ecosystem": "npm", "name": name },
            "ranges": [{ "type": "SEMVER", "events": [{ "introduced": "0" }, { "fixed": fixed }] }],
        }],
    })
    .to_string()
}

/// A database that knows of one hole in `lodash` before 4.17.19.
fn world() -> World {
    let records = BTreeMap::from([(("npm", "lodash"), format!("[{}]", record("GHSA-1", "lodash", "4.17.19")))]);
    World { database: Some(records), ..World::default() }
}

/// A `package-lock.json` that pins these.
fn lock(packages: &[(&str, &str)]) -> String {
    let entry = |(name, version): &(&str, &str)| format!("    \"node_modules/{name}\": {{\"version\": \"{version}\"}}");
    let entries: Vec<String> = packages.iter().map(entry).collect();
    format!("{{\n  \"lockfileVersion\": 3,\n  \"packages\": {{\n{}\n  }}\n}}\n", entries.join(",\n"))
}

fn config(json: &str) -> Config {
    serde_json::from_str(json).unwrap()
}

fn judge_by(repo: &Repo, world: &World, json: &str) -> Judgement {
    let subject = portcullis_gate_sdk::Subject { head: repo.head(), target_head: repo.base(), ..testing::subject() };
    evaluate_with(repo, world, &subject, &config(json)).unwrap()
}

fn judge(repo: &Repo, world: &World) -> Judgement {
    judge_by(repo, world, "{}")
}

fn of_rule<'a>(judgement: &'a Judgement, rule: &str) -> Vec<&'a Finding> {
    judgement.findings.iter().filter(|finding| finding.rule == rule).collect()
}

/// The one finding of a rule, and how severe it is.
fn only(judgement: &Judgement, rule: &str) -> (Severity, String) {
    match of_rule(judgement, rule).as_slice() {
        [one] => (one.severity, one.message.clone()),
        all => panic!("{rule}: {all:?} in {judgement:?}"),
    }
}

fn evidence<'a>(judgement: &'a Judgement, name: &str) -> &'a str {
    &judgement.evidence.iter().find(|(known, _)| known == name).unwrap().1
}

/// A branch that adds a lockfile with a hole.
fn vulnerable() -> Repo {
    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    repo.commit("add", &[("web/package-lock.json", Some(&lock(&[("left-pad", "1.3.0"), ("lodash", "4.17.15")])))]);
    repo
}

const RULE: &str = "vulnerable-dependency";
const UNAVAILABLE: &str = "advisories-unavailable";
const STRICT: &str = r#"{"dependency-audit": "strict"}"#;

// SEC-3
#[test]
fn a_vulnerable_package_that_the_range_brings_in_fails_and_the_finding_says_all_of_it() {
    let judgement = judge(&vulnerable(), &world());
    assert_eq!(judgement.verdict, Verdict::Fail);
    let found = of_rule(&judgement, RULE);
    assert_eq!(
        (found[0].severity, found[0].path.as_deref(), found[0].line),
        (Severity::Error, Some("web/package-lock.json"), Some(5))
    );
    assert_eq!(
        found[0].message,
        "lodash 4.17.15 (npm) has GHSA-1 (CVE-GHSA-1), high: prototype pollution; fixed in 4.17.19"
    );
    assert!(judgement.summary.ends_with("; 1 new vulnerability in 2 packages"), "{}", judgement.summary);
    assert_eq!((evidence(&judgement, "packages"), evidence(&judgement, "new-packages")), ("2", "2"));
    assert_eq!(evidence(&judgement, "advisories"), "database of 1 advisories, 0 days old");
}

// SEC-4
#[test]
fn a_vulnerable_package_that_was_on_the_target_is_a_note() {
    let old = [("lodash", "4.17.15")];
    let mut repo = Repo::new(&[("package-lock.json", &lock(&old))]);
    repo.commit("more", &[("package-lock.json", Some(&lock(&[("left-pad", "1.3.0"), ("lodash", "4.17.15")])))]);
    let judgement = judge(&repo, &world());
    assert_eq!(judgement.verdict, Verdict::Pass);
    let (severity, message) = only(&judgement, RULE);
    assert_eq!(severity, Severity::Note);
    assert!(message.starts_with("was there before: lodash"), "{message}");

    // Moved to another file, or known from a lockfile that the range leaves alone.
    let mut moved = Repo::new(&[("package-lock.json", &lock(&old))]);
    moved.commit("move", &[("package-lock.json", None), ("web/package-lock.json", Some(&lock(&old)))]);
    assert_eq!(judge(&moved, &world()).verdict, Verdict::Pass);
    let mut copied = Repo::new(&[("a/package-lock.json", &lock(&old)), ("a/b.txt", "x")]);
    copied.commit("copy", &[("b/package-lock.json", Some(&lock(&old)))]);
    assert_eq!(judge(&copied, &world()).verdict, Verdict::Pass);
}

// SEC-4
#[test]
fn a_package_in_another_vulnerable_version_is_new() {
    let mut repo = Repo::new(&[("package-lock.json", &lock(&[("lodash", "4.17.15")]))]);
    repo.commit("down", &[("package-lock.json", Some(&lock(&[("lodash", "4.17.11")])))]);
    assert_eq!(judge(&repo, &world()).verdict, Verdict::Fail);
    let mut repo = Repo::new(&[("package-lock.json", &lock(&[("lodash", "4.17.15")]))]);
    repo.commit("up", &[("package-lock.json", Some(&lock(&[("lodash", "4.17.21")])))]);
    let judgement = judge(&repo, &world());
    assert_eq!((judgement.verdict, of_rule(&judgement, RULE).len()), (Verdict::Pass, 0));
}

// SEC-1, SEC-4
#[test]
fn what_an_updated_target_brought_in_is_not_the_tasks_fault() {
    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    let base = repo.base();
    let target = repo.commit("target", &[("package-lock.json", Some(&lock(&[("lodash", "4.17.15")])))]);
    repo.checkout(&base);
    let branch = repo.commit("branch", &[("b.txt", Some("two\n"))]);
    let files = [("package-lock.json", Some(lock(&[("lodash", "4.17.15")])))];
    let files: Vec<_> = files.iter().map(|(path, text)| (*path, text.as_deref())).collect();
    repo.merge("catch up", &branch, &target, &files);
    let subject = portcullis_gate_sdk::Subject { head: repo.head(), target_head: target, ..testing::subject() };
    let judgement = evaluate_with(&repo, &world(), &subject, &Config::default()).unwrap();
    assert_eq!(judgement.verdict, Verdict::Pass);
    assert_eq!(of_rule(&judgement, RULE).len(), 0);
}

// SEC-3
#[test]
fn nobody_is_asked_where_no_lockfile_changed() {
    let mut repo = Repo::new(&[("package-lock.json", &lock(&[("lodash", "4.17.15")]))]);
    repo.commit("text", &[("a.txt", Some("two\n"))]);
    let world = world();
    let judgement = judge_by(&repo, &world, STRICT);
    assert_eq!((judgement.verdict, evidence(&judgement, "advisories")), (Verdict::Pass, "not asked"));
    assert_eq!(*world.asked.borrow(), Vec::<String>::new());
}

// SEC-3
#[test]
fn an_audit_that_nobody_answers_passes_loudly_and_fails_where_it_is_demanded() {
    let nobody = World::default();
    let broken = World { broken: true, ..world() };
    let garbage = || World { posts: RefCell::new(vec![(200, "<html>".into())]), ..World::default() };
    let short = || World { posts: RefCell::new(vec![(200, r#"{"results": [{}]}"#.into())]), ..World::default() };
    let down = || World { posts: RefCell::new(vec![(503, String::new())]), ..World::default() };
    for world in [&nobody, &broken, &garbage(), &short(), &down()] {
        let judgement = judge(&vulnerable(), world);
        assert_eq!(judgement.verdict, Verdict::Pass);
        let (severity, message) = only(&judgement, UNAVAILABLE);
        assert_eq!(severity, Severity::Warning);
        assert!(message.contains("not audited, 2 new packages"), "{message}");
        assert!(judgement.summary.starts_with("DEPENDENCIES NOT AUDITED; "), "{}", judgement.summary);
        assert_eq!(evidence(&judgement, "advisories"), "none");
    }
    for world in [nobody, broken, garbage(), short(), down()] {
        let judgement = judge_by(&vulnerable(), &world, STRICT);
        assert_eq!((judgement.verdict, only(&judgement, UNAVAILABLE).0), (Verdict::Fail, Severity::Error));
    }
}

// SEC-3
#[test]
fn an_audit_that_is_off_asks_nobody() {
    let world = world();
    let judgement = judge_by(&vulnerable(), &world, r#"{"dependency-audit": "off"}"#);
    assert_eq!(judgement.verdict, Verdict::Pass);
    assert!(world.asked.borrow().is_empty() && judgement.findings.is_empty(), "{judgement:?}");
}

// SEC-3
#[test]
fn a_lockfile_that_cannot_be_read_is_named_and_closes_a_strict_edge() {
    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    repo.commit("add", &[("package-lock.json", Some("{\"lockfileVersion\": 3, \"packages\": {"))]);
    let judgement = judge(&repo, &world());
    assert_eq!(judgement.verdict, Verdict::Pass);
    let (severity, message) = only(&judgement, "lockfile-unreadable");
    assert!(severity == Severity::Warning && message.contains("could not be read"), "{message}");
    assert!(judgement.summary.contains("lockfiles not read: 1"), "{}", judgement.summary);
    assert_eq!(judge_by(&repo, &world(), STRICT).verdict, Verdict::Fail);
    // Too large is unreadable, too.
    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    repo.commit("add", &[("yarn.lock", Some(&"#".repeat((1 << 20) + 1)))]);
    let judgement = judge_by(&repo, &world(), r#"{"dependency-audit": "strict", "max-lockfile-mib": 1}"#);
    assert!(only(&judgement, "lockfile-unreadable").1.contains("max-lockfile-mib = 1"), "{judgement:?}");
    assert_eq!(judgement.verdict, Verdict::Fail);
}

// SEC-3, SEC-4
#[test]
fn a_broken_lockfile_on_the_target_excuses_nothing() {
    let mut repo = Repo::new(&[("package-lock.json", "{")]);
    repo.commit("mend", &[("package-lock.json", Some(&lock(&[("lodash", "4.17.15")])))]);
    assert_eq!(judge(&repo, &world()).verdict, Verdict::Fail);
}

// SEC-3
#[test]
fn an_accepted_vulnerability_is_a_note_until_its_day_is_over() {
    let ignore = |fields: &str| format!(r#"{{"ignore-advisories": [{{"reason": "not reachable", {fields}}}]}}"#);
    let table = [
        (r#""id": "GHSA-1""#, Verdict::Pass, "accepted: not reachable (lodash"),
        (r#""id": "CVE-GHSA-1", "package": "lodash""#, Verdict::Pass, "accepted: not reachable (lodash"),
        (r#""id": "GHSA-1", "until": "2026-11-26""#, Verdict::Pass, "accepted: not reachable (lodash"),
        (r#""id": "GHSA-1", "until": "2026-11-25""#, Verdict::Fail, "lodash 4.17.15"),
        (r#""id": "GHSA-1", "package": "other""#, Verdict::Fail, "lodash 4.17.15"),
        (r#""id": "GHSA-2""#, Verdict::Fail, "lodash 4.17.15"),
    ];
    for (fields, verdict, begins) in table {
        let judgement = judge_by(&vulnerable(), &world(), &ignore(fields));
        let (_, message) = only(&judgement, RULE);
        assert!(judgement.verdict == verdict && message.starts_with(begins), "{fields}: {judgement:?}");
        assert_eq!(
            message.contains("was accepted until 2026-11-25, which is over"),
            fields.contains("11-25"),
            "{message}"
        );
    }
}

// SEC-3
#[test]
fn what_is_milder_than_the_threshold_is_a_note_and_the_unknown_is_never_mild() {
    let critical = r#"{"severity-threshold": "critical"}"#;
    let judgement = judge_by(&vulnerable(), &world(), critical);
    assert_eq!(judgement.verdict, Verdict::Pass);
    assert!(only(&judgement, RULE).1.starts_with("below severity-threshold: "));
    assert_eq!(judge_by(&vulnerable(), &world(), r#"{"severity-threshold": "high"}"#).verdict, Verdict::Fail);
    let unknown = format!("[{}]", record("GHSA-1", "lodash", "4.17.19").replace("HIGH", "?"));
    let world = World { database: Some(BTreeMap::from([(("npm", "lodash"), unknown)])), ..World::default() };
    assert_eq!(judge_by(&vulnerable(), &world, critical).verdict, Verdict::Fail);
}

// SEC-3
#[test]
fn malformed_advisories_are_named_and_the_others_still_count() {
    let records =
        |text: String| World { database: Some(BTreeMap::from([(("npm", "lodash"), text)])), ..World::default() };
    let garbage = records("not json".into());
    let judgement = judge(&vulnerable(), &garbage);
    assert_eq!((judgement.verdict, only(&judgement, "dependency-unclear").0), (Verdict::Pass, Severity::Warning));
    assert_eq!(judge_by(&vulnerable(), &garbage, STRICT).verdict, Verdict::Fail);
    let half = records(format!("[{{\"id\": 7}}, {}]", record("GHSA-1", "lodash", "4.17.19")));
    let judgement = judge(&vulnerable(), &half);
    assert_eq!((judgement.verdict, of_rule(&judgement, RULE).len()), (Verdict::Fail, 1));
    assert!(only(&judgement, "dependency-unclear").1.contains("malformed"));
}

// SEC-3
#[test]
fn a_database_that_knows_nothing_of_an_ecosystem_or_is_old_is_not_silent() {
    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    repo.commit("add", &[("go.sum", Some("example.com/a v1.0.0 h1:x=\n"))]);
    let judgement = judge(&repo, &world());
    assert!(only(&judgement, "dependency-unclear").1.contains("nothing about Go"), "{judgement:?}");
    assert_eq!(judge_by(&repo, &world(), STRICT).verdict, Verdict::Fail);

    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    repo.commit("add", &[("package-lock.json", Some(&lock(&[("left-pad", "1.3.0")])))]);
    let old = World { age_days: 15, ..world() };
    let judgement = judge(&repo, &old);
    assert_eq!((judgement.verdict, only(&judgement, "advisories-outdated").0), (Verdict::Pass, Severity::Warning));
    assert_eq!(judge_by(&repo, &old, STRICT).verdict, Verdict::Fail);
    let young = World { age_days: 14, ..world() };
    assert_eq!(judge_by(&repo, &young, STRICT).verdict, Verdict::Pass);
}

// SEC-3
#[test]
fn a_database_that_hands_over_little_at_once_is_asked_in_halves() {
    let many: Vec<String> = (0..37).map(|n| format!("p{n}")).collect();
    let mut packages: Vec<(&str, &str)> = many.iter().map(|name| (name.as_str(), "1.0.0")).collect();
    packages.push(("lodash", "4.17.15"));
    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    repo.commit("add", &[("package-lock.json", Some(&lock(&packages)))]);
    let small = World { most_names: Some(3), ..world() };
    assert_eq!(judge(&repo, &small).verdict, Verdict::Fail);
    let none = World { most_names: Some(0), ..world() };
    let judgement = judge_by(&repo, &none, STRICT);
    assert_eq!((judgement.verdict, of_rule(&judgement, "dependency-unclear").len()), (Verdict::Fail, 38));
}

fn api(posts: &[&str], gets: &[(&str, &str)]) -> World {
    let url = |id: &str| format!("https://osv.example/v1/vulns/{id}");
    World {
        posts: RefCell::new(posts.iter().map(|body| (200, (*body).to_owned())).collect()),
        gets: gets.iter().map(|(id, body)| (url(id), (200, (*body).to_owned()))).collect(),
        ..World::default()
    }
}

const ONLINE: &str = r#"{"advisories": "online", "advisories-url": "https://osv.example/"}"#;

// SEC-3
#[test]
fn the_api_is_asked_for_names_then_pages_then_details() {
    let details = record("GHSA-1", "lodash", "4.17.19");
    let first = r#"{"results": [{}, {"vulns": [{"id": "GHSA-1"}], "next_page_token": "t2"}]}"#;
    let second = r#"{"results": [{"vulns": [{"id": "GHSA-2"}]}]}"#;
    let withdrawn = r#"{"id": "GHSA-2", "withdrawn": "2026-01-01T00:00:00Z"}"#;
    let world = api(&[first, second], &[("GHSA-1", &details), ("GHSA-2", withdrawn)]);
    let judgement = judge_by(&vulnerable(), &world, ONLINE);
    assert_eq!((judgement.verdict, evidence(&judgement, "advisories")), (Verdict::Fail, "https://osv.example"));
    assert!(only(&judgement, RULE).1.contains("fixed in 4.17.19"));
    let asked = world.asked.borrow();
    let query =
        |name: &str, version: &str| format!(r#""package":{{"ecosystem":"npm","name":"{name}"}},"version":"{version}""#);
    assert!(asked[0].starts_with("POST https://osv.example/v1/querybatch "), "{asked:?}");
    assert!(
        asked[0].contains(&query("left-pad", "1.3.0")) && asked[0].contains(&query("lodash", "4.17.15")),
        "{asked:?}"
    );
    assert!(asked[1].contains(r#""page_token":"t2""#) && !asked[1].contains("left-pad"), "{asked:?}");
    assert_eq!(asked[2..], ["GET https://osv.example/v1/vulns/GHSA-1", "GET https://osv.example/v1/vulns/GHSA-2"]);
}

// SEC-3
#[test]
fn what_the_api_names_counts_even_without_details() {
    let named = r#"{"results": [{}, {"vulns": [{"id": "GHSA-1"}, {"id": "../../x"}]}]}"#;
    let world = api(&[named], &[]);
    let judgement = judge_by(&vulnerable(), &world, ONLINE);
    assert_eq!((judgement.verdict, of_rule(&judgement, RULE).len()), (Verdict::Fail, 2));
    assert!(of_rule(&judgement, RULE)[1].message.contains("unknown severity"));
    // A name that would lead elsewhere is not asked for.
    assert!(!world.asked.borrow().iter().any(|asked| asked.starts_with("GET") && asked.contains("..")));
}

// SEC-3
#[test]
fn the_api_is_asked_in_batches_and_stands_in_for_a_database_that_breaks() {
    let names: Vec<String> = (0..1001).map(|n| format!("p{n:04}")).collect();
    let packages: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "1.0.0")).collect();
    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    repo.commit("add", &[("package-lock.json", Some(&lock(&packages)))]);
    let results = format!(r#"{{"results": [{}]}}"#, vec!["{}"; 1000].join(","));
    let mut world = api(&[&results, r#"{"results": [{"vulns": [{"id": "GHSA-9"}]}]}"#], &[]);
    (world.database, world.broken) = (Some(BTreeMap::new()), true);
    let judgement = judge_by(&repo, &world, "{}");
    assert_eq!((judgement.verdict, evidence(&judgement, "advisories")), (Verdict::Fail, "https://api.osv.dev"));
    assert!(only(&judgement, RULE).1.starts_with("p1000 1.0.0"));
}

// SEC-3
#[test]
fn go_sum_counts_only_where_go_mod_does_not_say_it_all() {
    let go_mod = |go: &str| format!("module m\ngo {go}\nrequire example.com/a v1.0.0\n");
    let sum = "example.com/a v1.0.0 h1:x=\nexample.com/old v0.1.0 h1:x=\n";
    for (go, packages) in [("1.21", "1"), ("1.16", "2")] {
        let mut repo = Repo::new(&[("a.txt", "one\n")]);
        repo.commit("add", &[("go.mod", Some(&go_mod(go))), ("go.sum", Some(sum))]);
        assert_eq!(evidence(&judge(&repo, &world()), "packages"), packages, "go {go}");
    }
}

// SEC-3
#[test]
fn a_link_that_is_named_like_a_lockfile_is_none() {
    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    repo.commit_raw("link", b"Cargo.lock", EntryKind::Symlink, b"../elsewhere");
    let judgement = judge_by(&repo, &world(), STRICT);
    assert_eq!((judgement.verdict, evidence(&judgement, "lockfiles")), (Verdict::Pass, "0"));
}

// SEC-5
#[test]
fn a_path_in_a_finding_is_readable_and_shows_no_secret() {
    let token = ["gh", "p_", "x7Kq2mW9aZ4tB1vC8", "nL5pR3sD6fG0hJy2kQ7"].concat();
    let mut repo = Repo::new(&[("a.txt", "one\n")]);
    let path = [b"odd\xff\n/".as_slice(), token.as_bytes(), b"/package-lock.json"].concat();
    repo.commit_raw("add", &path, EntryKind::File, lock(&[("lodash", "4.17.15")]).as_bytes());
    let judgement = judge(&repo, &world());
    let path = of_rule(&judgement, RULE)[0].path.clone().unwrap();
    assert!(path.ends_with("/package-lock.json") && !path.contains('\n'), "{path}");
    assert!(!format!("{judgement:?}").contains(&token[8..]), "{judgement:?}");
}
