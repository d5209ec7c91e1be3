//! What may stand in which Rust file.

use crate::tree::{Source, rust_files};

/// Files that need no `//!` of their own, with the reason.
const NO_PURPOSE: &[(&str, &str)] = &[];

/// Longer than this, hardly anyone reads a file in a sitting.
const MOST_LINES: usize = 700;

/// Lines that are code, with their numbers.
fn code(source: &Source) -> impl Iterator<Item = (usize, &str)> {
    let is_code = |(_, line): &(usize, &str)| !line.trim_start().starts_with("//");
    source.text.lines().enumerate().map(|(index, line)| (index + 1, line)).filter(is_code)
}

/// Lines of code that contain one of `words`, in files that `allowed` does not name, as `path:line`.
fn found(words: &[String], allowed: impl Fn(&str) -> bool) -> Vec<String> {
    let mut places = Vec::new();
    for source in rust_files().iter().filter(|s| !allowed(&s.path)) {
        for (number, line) in code(source) {
            if words.iter().any(|word| line.contains(word)) {
                places.push(format!("{}:{number}", source.path));
            }
        }
    }
    places
}

/// A test, a benchmark or an example, or help for them.
fn is_for_tests(path: &str) -> bool {
    path.starts_with("tests/") || ["/tests/", "/benches/", "/examples/"].iter().any(|part| path.contains(part))
}

#[test]
fn every_file_begins_with_its_purpose() {
    let files = rust_files();
    let says = |source: &&Source| source.text.lines().next().is_some_and(|line| line.starts_with("//! "));
    let silent: Vec<&str> = files.iter().filter(|s| !says(s)).map(|s| s.path.as_str()).collect();
    let exempt: Vec<&str> = NO_PURPOSE.iter().map(|(path, _)| *path).collect();
    assert_eq!(silent, exempt, "on the left what does not begin with `//!` and what it is for, on the right what may");
}

#[test]
fn every_file_can_be_read_in_a_sitting() {
    let long: Vec<String> = rust_files()
        .iter()
        .map(|source| (source.text.lines().count(), &source.path))
        .filter(|(lines, _)| *lines > MOST_LINES)
        .map(|(lines, path)| format!("{path}: {lines}"))
        .collect();
    assert!(long.is_empty(), "more than {MOST_LINES} lines; cut by question: {long:?}");
}

#[test]
fn sql_stands_only_in_the_store() {
    // Joined here, so that this file is not found by its own search.
    let words = [["SELECT", " "], ["INSERT", " INTO"], ["UPDATE", " "], ["DELETE", " FROM"]].map(|w| w.concat());
    // The checker of the invariants looks where no interface does.
    let may = |path: &str| path.starts_with("host/store/") || path.starts_with("tests/src/invariants/");
    let places = found(&words, may);
    assert!(places.is_empty(), "ask the store instead: {places:?}");
}

#[test]
fn git_is_started_only_by_the_git_crate_the_testkit_and_one_benchmark() {
    let words = [["Command::new(", "\"git\""].concat()];
    // A benchmark's input is a large repository, which is made with git's plumbing and is no test's TempRepo.
    let input = "host/xtask/src/bench/scanners/inputs.rs";
    let may = |path: &str| path.starts_with("host/git/") || path.starts_with("host/testkit/") || path == input;
    let places = found(&words, may);
    assert!(places.is_empty(), "use portcullis-git, or TempRepo in tests: {places:?}");
}

#[test]
fn tests_wait_for_conditions_and_never_sleep() {
    let words = [["thread::", "sleep"].concat(), ["time::", "sleep"].concat()];
    // The testkit's own wait pauses between two looks; a hostile guest sleeps because it is hostile.
    let may = |path: &str| path.starts_with("host/testkit/") || path.starts_with("tests/guests/");
    let mut places = found(&words, |path| may(path) || !is_for_tests(path));
    for source in rust_files().iter().filter(|s| !may(&s.path) && !is_for_tests(&s.path)) {
        let tests_begin = source.text.lines().position(|line| line.trim() == "#[cfg(test)]").unwrap_or(usize::MAX);
        for (number, line) in code(source).filter(|(number, _)| *number > tests_begin) {
            if words.iter().any(|word| line.contains(word)) {
                places.push(format!("{}:{number}", source.path));
            }
        }
    }
    assert!(places.is_empty(), "advance the clock, or wait for a condition with the testkit: {places:?}");
}
