//! Of a file that many commits change only what each changed is scanned. These tests compare that with a scan of every version
//! as a whole, which is what a range of one commit gets.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

#[expect(dead_code, reason = "histories with branches are for another file")]
mod model;

use model::Repo;
use portcullis_gate_sdk::{Judgement, testing};
use portcullis_gate_security::config::Config;
use portcullis_gate_security::glue::evaluate;
use proptest::prelude::*;
use std::collections::BTreeSet;

/// Put together here, so that this file holds no secret.
fn token() -> String {
    ["gh", "p_", "x7Kq2mW9aZ4tB1vC8", "nL5pR3sD6fG0hJy2kQ7"].concat()
}

fn judge(repo: &Repo, target: &str, head: &str) -> Judgement {
    let subject = portcullis_gate_sdk::Subject { head: head.into(), target_head: target.into(), ..testing::subject() };
    let config: Config = serde_json::from_str(r#"{"dependency-audit": "off"}"#).unwrap();
    evaluate(repo, &subject, &config).unwrap()
}

/// What was found: rule, place and name of the secret.
fn leaks(judgement: &Judgement) -> BTreeSet<(String, Option<u32>, String)> {
    judgement.findings.iter().map(|found| (found.rule.clone(), found.line, found.fingerprint.clone())).collect()
}

/// What is found in a file's versions when they come in one range, and when each comes by itself.
type Compared = [BTreeSet<(String, Option<u32>, String)>; 2];

fn compare(versions: &[String]) -> Compared {
    let mut repo = Repo::new(&[("a.txt", &versions[0])]);
    let mut alone = BTreeSet::new();
    let mut last = repo.base();
    for version in &versions[1..] {
        let commit = repo.commit("change", &[("a.txt", Some(version))]);
        alone.extend(leaks(&judge(&repo, &last, &commit)));
        last = commit;
    }
    [leaks(&judge(&repo, &repo.base(), &last)), alone]
}

/// A version with filler around it, so that a scan of its changed part is not one of the whole.
fn padded(lines: &str) -> String {
    let filler = "fn filler() { return }\n".repeat(1_000);
    format!("{filler}{lines}{filler}")
}

// SEC-2
#[test]
fn a_secret_in_a_later_version_is_found_on_its_line() {
    let versions = ["x\n", "y\n", &format!("y\nkey = '{}'\n", token())].map(padded);
    let [together, alone] = compare(&versions);
    assert_eq!(
        together.iter().map(|(rule, line, _)| (rule.as_str(), *line)).collect::<Vec<_>>(),
        [("github-token", Some(1002))]
    );
    assert_eq!(together, alone);
}

// SEC-2
#[test]
fn a_change_that_makes_a_secret_of_far_lines_is_scanned_as_a_whole() {
    let filler = "# filler\n".repeat(3_000);
    let manifest = |kind: &str, value: &str| format!("kind: {kind}\n{filler}data:\n  password: {value}\n");
    // Of the kind, only the value changes, more than eight kilobytes behind it.
    let [first, second, third] =
        ["ZWRkN0xj", "d2VMcVRK", "cTdMY1RK"].map(|value| manifest("Secret", &format!("{value}dFZ6bDk4")));
    let [together, alone] = compare(&[manifest("ConfigMap", "x"), first, second, third]);
    assert_eq!(together.len(), 3, "{together:?}");
    assert_eq!(together, alone);
}

// SEC-2
#[test]
fn a_change_in_the_middle_of_a_key_is_scanned_with_what_begins_it_and_ends_it() {
    let edge = |edge: &str| format!("-----{edge} PRIVATE {}-----\n", "KEY");
    let body = |at: usize| format!("{at:02}QDAN{}\n", "x7Kq2mW9aZ4tB1vC8nL5pR3sD6fG0hJy".repeat(2));
    let key = |changed: &str| {
        let body: Vec<String> =
            (0..20).map(|at| if at == 10 { body(at).replace("x7K", changed) } else { body(at) }).collect();
        padded(&format!("{}{}{}", edge("BEGIN"), body.concat(), edge("END")))
    };
    let [together, alone] = compare(&[padded(""), key("x7K"), key("y8L"), key("z9M")]);
    assert_eq!(together.len(), 3, "{together:?}");
    assert_eq!(together, alone);
    // Also after a change that is far from it.
    let far = |key: String| format!("far\n{key}");
    let [together, alone] = compare(&[padded(""), key("x7K"), far(key("x7K")), far(key("y8L"))]);
    assert_eq!(together.len(), 2, "{together:?}");
    assert_eq!(together, alone);
}

// SEC-2
#[test]
fn a_line_that_makes_a_key_of_old_lines_is_scanned_with_them() {
    let begin = ["-----BEGIN PRIVATE ", "KEY-----\n"].concat();
    // Nothing in it makes any rule look further than at a line.
    let body: String = (0..20).map(|at| format!("{at:02}QDANx7Kq2mW9aZ4tB1vC8nL5pR3sD6fG0hJy\n")).collect();
    let with = |first: &str, begin: &str| format!("{first}\n{}", padded(&format!("{begin}{body}")));
    // The last commit also changes a line far away, so that there are two parts.
    let [together, alone] = compare(&[with("a", ""), with("b", ""), with("c", &begin)]);
    assert_eq!(together.iter().map(|(rule, ..)| rule.as_str()).collect::<Vec<_>>(), ["private-key"]);
    assert_eq!(together, alone);
}

// SEC-2
#[test]
fn a_version_whose_old_lines_hold_a_secret_is_scanned_again_where_it_turns_up_as_another_file() {
    let version = |line: &str| padded(&format!("{line}\nkey = '{}'\n", token()));
    let mut repo = Repo::new(&[("a.txt", &padded(""))]);
    repo.commit("a secret", &[("a.txt", Some(&version("one")))]);
    repo.commit("another line", &[("a.txt", Some(&version("two")))]);
    repo.commit("and another", &[("a.txt", Some(&version("three")))]);
    repo.commit("a copy", &[("b.txt", Some(&version("three")))]);
    let found = judge(&repo, &repo.base(), &repo.head());
    let places: BTreeSet<Option<&str>> = found.findings.iter().map(|finding| finding.path.as_deref()).collect();
    assert_eq!(places, BTreeSet::from([Some("a.txt"), Some("b.txt")]), "{:?}", found.findings);
}

// SEC-2
#[test]
fn a_change_far_into_a_long_line_is_scanned_with_the_line_that_begins_the_key() {
    let edge = ["-----BEGIN PRIVATE ", "KEY-----"].concat();
    let body = "x7Kq2mW9aZ4tB1vC8nL5pR3sD6fG0hJy".repeat(400);
    let changed = |at: usize| format!("{}QQ{}", &body[..at], &body[at + 2..]);
    // The target has the key; the first commit leaves it alone.
    let versions = [("", body.clone()), ("x\n", body.clone()), ("x\n", changed(11_000)), ("x\n", changed(7_000))];
    let versions = versions.map(|(begin, body)| format!("{begin}{}", padded(&format!("{edge}\n{body}\n"))));
    let [together, alone] = compare(&versions);
    assert_eq!(together, alone);
    assert!(together.iter().any(|(rule, ..)| rule == "private-key"), "{together:?}");
}

// SEC-2
#[test]
fn a_secret_is_found_wherever_it_stands_in_a_history_that_is_read_in_several_stretches() {
    let mut repo = Repo::new(&[("a.txt", &padded("")), ("b.txt", "")]);
    let mut versions = 0;
    for at in 0..2_100 {
        let secret = if [5, 999, 1_000, 1_001, 2_050].contains(&at) {
            format!("key = '{}'\n", token().replace("x7Kq", &format!("{at:04}")))
        } else {
            String::new()
        };
        let content = padded(&format!("line {at}\n{secret}"));
        // Every third commit brings back what stood before.
        let (path, content) = if at % 3 == 0 { ("b.txt", format!("{}\n", at % 2)) } else { ("a.txt", content) };
        versions += usize::from(path == "a.txt" && !secret.is_empty());
        repo.commit("change", &[(path, Some(&content))]);
    }
    let head = repo.head();
    let judgement = judge(&repo, &repo.base(), &head);
    let leaks = leaks(&judgement);
    assert_eq!(leaks.len(), versions, "{leaks:?}");
    assert!(judgement.summary.contains("2100 commits"), "{}", judgement.summary);
}

// SEC-2
#[test]
fn a_version_with_a_secret_between_each_two_old_lines_is_condemned_and_no_longer_told_apart() {
    let old = |line: &str| format!("{line}\n{}", "an old line\n".repeat(5_000));
    let new: String =
        (0..5_000).map(|at| format!("{}\nan old line\n", token().replace("x7Kq", &format!("{at:04}")))).collect();
    let mut repo = Repo::new(&[("a.txt", &old("a"))]);
    repo.commit("a version to compare with", &[("a.txt", Some(&old("b")))]);
    repo.commit("many secrets", &[("a.txt", Some(&format!("b\n{new}")))]);
    let told = judge(&repo, &repo.base(), &repo.head());
    let rules = |rule: &str| told.findings.iter().filter(|finding| finding.rule == rule).count();
    assert_eq!(rules("not-scanned"), 1, "{}", told.summary);
    let secrets = told.summary.split(' ').next().unwrap().parse::<usize>().unwrap();
    assert!((1_000..1_100).contains(&secrets), "{}", told.summary);
}

fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    assert_eq!(bytes.len() % 3, 0);
    let group = |chunk: &[u8]| {
        let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte));
        [18, 12, 6, 0].map(|shift| char::from(ALPHABET[(word >> shift & 63) as usize]))
    };
    bytes.chunks(3).flat_map(group).collect()
}

// SEC-2
#[test]
fn a_line_that_goes_on_with_the_one_before_it_is_scanned_together_with_it() {
    // 57 bytes fill a line: the token begins in the first and ends in the second.
    let mut plain = format!("{} token = '{}' and so on, and on", "word ".repeat(9), token());
    plain.truncate(plain.len() / 3 * 3);
    let encoded = base64(plain.as_bytes());
    let (first, second) = encoded.split_at(76);
    let versions = ["", first, &format!("{first}\n{second}")].map(|lines| padded(&format!("{lines}\n# end\n")));
    let [together, alone] = compare(&versions);
    assert_eq!(together.len(), 1, "{together:?}");
    assert_eq!(together, alone);
}

// SEC-1, SEC-2
#[test]
fn what_moved_or_came_back_within_a_file_is_found_as_it_is_in_whole_versions() {
    let secret = format!("key = '{}'\n", token());
    let versions =
        ["", &secret, "other\n", &secret, &format!("other\n{secret}"), &format!("{secret}other\n")].map(padded);
    let [together, alone] = compare(&versions);
    assert_eq!(together.len(), 1);
    assert!(together.is_subset(&alone));
}

/// Lines that keywords, blocks and encodings are made of.
fn line() -> impl Strategy<Value = String> {
    let encoded = "c29tZSB0ZXh0IHRoYXQgaXMgbG9uZyBlbm91Z2ggdG8gZmlsbCBhIGxpbmUgb2YgaXRzIG93biwg";
    let wrapped = ["dG9rZW4gPSAiZ2hwX3g3S3EybVc5YVo0", "dEIxdkM4bkw1cFIzc0Q2ZkcwaEp5MmtRNyIK"].concat();
    let private_key = |edge: &str| format!("-----{edge} PRIVATE {}-----", "KEY");
    prop_oneof![
        6 => "[a-z (){};=]{0,60}",
        2 => Just(" ".repeat(4_000)),
        1 => Just("a line of many words ".repeat(300)),
        1 => Just(format!("token = \"{}\"", token())),
        1 => Just(format!("pass{}: \"x7Kq2mW9aZ4tB1vC8\"", "word")),
        1 => Just(private_key("BEGIN")),
        1 => Just(private_key("END")),
        2 => Just(["MIIEvQIBADANBgkqhkiG9w0BAQEFAASC", "BKcwggSjAgEAAoIBAQC7x7Kq2mW9aZ4t"].concat()),
        1 => Just(encoded.to_owned()),
        1 => Just(wrapped),
        1 => Just("kind: Secret".to_owned()),
        1 => Just("data:".to_owned()),
        1 => Just(["  key: eDdLcTJtVzlh", "WjR0QjF2Qzg="].concat()),
        1 => Just("---".to_owned()),
        1 => Just(["aws_access_key_id = AKIA", "Q3EGRXH5WUTN6ZPL"].concat()),
        1 => Just(["aws_secret_access_key = x7Kq2mW9aZ4tB1vC8", "nL5pR3sD6fG0hJy2kQ7aBcD"].concat()),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    // SEC-2
    #[test]
    fn a_long_history_of_a_file_hides_nothing_that_its_versions_hold(
        first in proptest::collection::vec(line(), 0..60),
        edits in proptest::collection::vec(
            proptest::collection::vec((any::<proptest::sample::Index>(), 0usize..3, proptest::collection::vec(line(), 0..3)), 1..6),
            1..5,
        ),
    ) {
        let mut lines = first;
        let mut versions = vec![lines.join("\n")];
        for edit in edits {
            for (at, gone, new) in edit {
                let at = at.index(lines.len() + 1);
                lines.splice(at..(at + gone).min(lines.len()), new);
            }
            let next = lines.join("\n");
            if versions.last() != Some(&next) {
                versions.push(next);
            }
        }
        let [together, alone] = compare(&versions);
        // By name: one secret that comes twice is told once, where it came first.
        let names = |leaks: &BTreeSet<(String, Option<u32>, String)>| -> BTreeSet<(String, String)> {
            leaks.iter().map(|(rule, _, name)| (rule.clone(), name.clone())).collect()
        };
        prop_assert_eq!(names(&together), names(&alone));
    }
}
