//! The scanners: how each is called, and what it is given.
//!
//! Each with the settings that it comes with, but for what a comparison needs: nothing may ask the network, every place of
//! a secret is to be reported and not only the first, and a finding is no failure.

use super::inputs::Input;
use super::reports;
use super::score::Place;
use std::ffi::OsString;
use std::path::Path;

/// What a scanner reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Reads {
    /// The objects that the range brings in.
    Objects,
    /// The lines that the range adds.
    Patches,
    /// Files: each version that the range brings in is one.
    Files,
}

/// One way to call one scanner.
pub(crate) struct Scanner {
    pub(crate) name: &'static str,
    /// The version, if it was installed.
    pub(crate) version: String,
    pub(crate) reads: Reads,
    /// The program and what comes before its arguments, or why there is none.
    pub(crate) program: Result<Vec<OsString>, String>,
    pub(crate) arguments: fn(&Task<'_>) -> Vec<OsString>,
    pub(crate) read: fn(&str) -> anyhow::Result<Answer>,
    /// Exit codes that are no failure.
    pub(crate) fine: &'static [i32],
    /// Sources of the labelled set that hold its own tests, or those of what it takes its rules from.
    pub(crate) lineage: &'static [&'static str],
    /// Whether it is asked about the labelled set; of two ways to call one scanner, one is enough.
    pub(crate) for_labels: bool,
}

/// What it is asked to scan.
pub(crate) struct Task<'a> {
    pub(crate) input: &'a Input,
    /// The range, or a piece of it.
    pub(crate) base: &'a str,
    pub(crate) head: &'a str,
    /// Where a report may be written. Without one, standard output is the report.
    pub(crate) out: &'a Path,
    pub(crate) cores: usize,
}

/// What it says.
#[derive(Debug, Default)]
pub(crate) struct Answer {
    pub(crate) places: Vec<Place>,
    pub(crate) gate: Option<Gate>,
}

/// What the host says of our gate's evaluation.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Gate {
    pub(crate) took_ms: f64,
    pub(crate) peak_mib: f64,
    /// Whether it lists fewer findings than it has.
    pub(crate) is_cut: bool,
    pub(crate) summary: String,
}

/// A program, or why there is none.
type Program = Result<Vec<OsString>, String>;

/// The programs of those that are installed.
pub(crate) struct Programs {
    pub(crate) portcullis: Program,
    pub(crate) native: Program,
    pub(crate) native_files: Program,
    pub(crate) gitleaks: Program,
    pub(crate) betterleaks: Program,
    pub(crate) kingfisher: Program,
    pub(crate) detect_secrets: Program,
    pub(crate) ripsecrets: Program,
    pub(crate) secretscan: Program,
    pub(crate) credsweeper: Program,
    pub(crate) trufflehog3: Program,
}

macro_rules! words {
    ($($word:expr),* $(,)?) => { vec![$(OsString::from($word)),*] };
}

fn range(task: &Task<'_>) -> String {
    format!("{}..{}", task.base, task.head)
}

/// All of them, ours first.
pub(crate) fn all(programs: Programs) -> Vec<Scanner> {
    let scanner = |name, reads, program, arguments, read| Scanner {
        name,
        version: String::new(),
        reads,
        program,
        arguments,
        read,
        fine: &[0],
        lineage: &[],
        for_labels: reads == Reads::Files,
    };
    let (gitleaks, betterleaks) = (programs.gitleaks, programs.betterleaks);
    let (kingfisher, secretscan) = (programs.kingfisher, programs.secretscan);
    vec![
        Scanner {
            fine: &[0, 1],
            for_labels: true,
            ..scanner("portcullis, component", Reads::Objects, programs.portcullis, component, reports::component)
        },
        scanner("portcullis, native", Reads::Objects, programs.native, native, reports::native),
        scanner("portcullis, native, files", Reads::Files, programs.native_files, |_| words!["."], reports::native),
        Scanner {
            lineage: &["GL"],
            ..scanner("gitleaks git", Reads::Patches, gitleaks.clone(), gitleaks_git, reports::gitleaks)
        },
        Scanner {
            lineage: &["GL"],
            ..scanner("gitleaks dir", Reads::Files, gitleaks, gitleaks_dir, reports::gitleaks)
        },
        scanner("betterleaks git", Reads::Patches, betterleaks.clone(), betterleaks_git, reports::betterleaks),
        Scanner {
            lineage: &["BL", "GL"],
            ..scanner("betterleaks fs", Reads::Files, betterleaks, betterleaks_fs, reports::betterleaks)
        },
        Scanner {
            fine: &[0, 200],
            ..scanner("kingfisher git", Reads::Objects, kingfisher.clone(), kingfisher_git, reports::kingfisher)
        },
        Scanner {
            fine: &[0, 200],
            lineage: &["KF", "BL", "VE", "NP"],
            ..scanner("kingfisher files", Reads::Files, kingfisher, kingfisher_files, reports::kingfisher)
        },
        Scanner {
            lineage: &["DS"],
            ..scanner("detect-secrets", Reads::Files, programs.detect_secrets, detect_secrets, reports::detect_secrets)
        },
        Scanner {
            fine: &[0, 1],
            ..scanner("ripsecrets", Reads::Files, programs.ripsecrets, |_| words!["."], reports::ripsecrets)
        },
        scanner("secretscan --git", Reads::Patches, secretscan.clone(), secretscan_git, reports::secretscan),
        scanner("secretscan", Reads::Files, secretscan, secretscan_files, reports::secretscan),
        Scanner {
            lineage: &["CS"],
            ..scanner("CredSweeper", Reads::Files, programs.credsweeper, credsweeper, reports::credsweeper)
        },
        scanner("trufflehog3", Reads::Files, programs.trufflehog3, trufflehog3, reports::trufflehog3),
    ]
}

fn component(task: &Task<'_>) -> Vec<OsString> {
    words!["--repo", &task.input.repository, "--base", task.base, "--head", task.head, "--json"]
}

fn native(task: &Task<'_>) -> Vec<OsString> {
    words!["--repo", &task.input.repository, "--base", task.base, "--head", task.head]
}

fn gitleaks_git(task: &Task<'_>) -> Vec<OsString> {
    let (repository, range) = (&task.input.repository, format!("--log-opts={}", range(task)));
    let mut words = words!["git", repository, range];
    words.extend(gitleaks_report(task));
    words
}

fn gitleaks_dir(task: &Task<'_>) -> Vec<OsString> {
    let mut words = words!["dir", "."];
    words.extend(gitleaks_report(task));
    words
}

fn gitleaks_report(task: &Task<'_>) -> Vec<OsString> {
    words!["--no-banner", "--log-level=error", "--exit-code=0", "--report-format=json", "--report-path", task.out]
}

fn betterleaks_git(task: &Task<'_>) -> Vec<OsString> {
    let (repository, range) = (&task.input.repository, format!("--log-opts={}", range(task)));
    words!["git", repository, range, "--jsonl", "--log-level=error", "--no-banner", "--exit-code=0"]
}

fn betterleaks_fs(_: &Task<'_>) -> Vec<OsString> {
    words!["fs", ".", "--jsonl", "--log-level=error", "--no-banner", "--exit-code=0"]
}

fn kingfisher_git(task: &Task<'_>) -> Vec<OsString> {
    let mut words = words!["scan", &task.input.repository, "--since-commit", task.base, "--branch", task.head];
    words.extend(kingfisher_report(task));
    words
}

fn kingfisher_files(task: &Task<'_>) -> Vec<OsString> {
    let mut words = words!["scan", "."];
    words.extend(kingfisher_report(task));
    words
}

fn kingfisher_report(task: &Task<'_>) -> Vec<OsString> {
    words!["--no-validate", "--no-update-check", "--no-dedup", "--quiet", "--format=jsonl", "--output", task.out]
}

fn detect_secrets(task: &Task<'_>) -> Vec<OsString> {
    words!["-c", task.cores.to_string(), "scan", "--no-verify", "--all-files", "."]
}

fn secretscan_git(task: &Task<'_>) -> Vec<OsString> {
    // It knows no head: the repository's own is that of the range.
    let mut words = words!["--git", "--since", task.base, &task.input.repository];
    words.extend(secretscan_report(task));
    words
}

fn secretscan_files(task: &Task<'_>) -> Vec<OsString> {
    let mut words = words!["."];
    words.extend(secretscan_report(task));
    words
}

fn secretscan_report(task: &Task<'_>) -> Vec<OsString> {
    words!["--quiet", "--no-fail", "--format=json", "--output", task.out]
}

fn credsweeper(task: &Task<'_>) -> Vec<OsString> {
    let jobs = task.cores.to_string();
    words!["--path", ".", "--pedantic", "--jobs", jobs, "--log", "error", "--no-stdout", "--save-json", task.out]
}

fn trufflehog3(task: &Task<'_>) -> Vec<OsString> {
    let processes = task.cores.to_string();
    words!["--zero", "--no-history", "--processes", processes, "--format", "JSON", "--output", task.out, "."]
}
