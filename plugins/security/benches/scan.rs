//! How fast the scanner is on one core: over all files below a folder, and over one small text with a fresh scanner, as an
//! evaluation has it. `cargo bench -p portcullis-gate-security -- FOLDER`; without one, this repository's own files.
//!
//! On Linux the time is what the process spent on a core, so a busy machine does not show; elsewhere it is that of the clock.

#![allow(clippy::print_stdout, clippy::unwrap_used, reason = "a benchmark prints, and may panic")]

use portcullis_gate_security::{paths, scan::Scanner, text};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// As much as a usual pull request changes.
const SMALL: usize = 69 << 10;

struct Stopwatch(Instant, Option<Duration>);

/// What this process spent on a core so far.
fn on_core() -> Option<Duration> {
    let stat = std::fs::read_to_string("/proc/self/schedstat").ok()?;
    stat.split_ascii_whitespace().next()?.parse().ok().map(Duration::from_nanos)
}

impl Stopwatch {
    fn start() -> Self {
        Self(Instant::now(), on_core())
    }

    fn stop(&self) -> Duration {
        match (self.1, on_core()) {
            (Some(then), Some(now)) => now - then,
            _ => self.0.elapsed(),
        }
    }
}

fn files(below: &Path, found: &mut Vec<(PathBuf, Vec<u8>)>) {
    for entry in std::fs::read_dir(below).unwrap() {
        let path = entry.unwrap().path();
        let kind = path.symlink_metadata().unwrap();
        let hidden = path.file_name().is_some_and(|name| name == "target" || name == ".git");
        if kind.is_dir() && !hidden {
            files(&path, found);
        } else if kind.is_file() {
            let content = std::fs::read(&path).unwrap();
            found.push((path, content));
        }
    }
}

fn peak_mib() -> String {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak =
        status.lines().find_map(|line| line.strip_prefix("VmHWM:")?.trim().strip_suffix(" kB")?.parse::<u64>().ok());
    peak.map_or("unknown".into(), |kib| format!("{} MiB", kib >> 10))
}

fn main() {
    let given = std::env::args().skip(1).find(|argument| !argument.starts_with("--"));
    let root = given.map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."), PathBuf::from);
    let mut found = Vec::new();
    files(&root, &mut found);
    let bytes: usize = found.iter().map(|(_, content)| content.len()).sum();
    println!("{} files, {:.1} MB, held in memory: peak {}", found.len(), bytes as f64 / 1e6, peak_mib());
    let scanner = Scanner::new(&[]).unwrap();
    for round in 1..=3 {
        let watch = Stopwatch::start();
        let mut hits = 0;
        for (path, content) in &found {
            let decoded = text::decode(content);
            let guess = !text::is_binary(&decoded) && !paths::is_full_of_hashes(path.as_os_str().as_encoded_bytes());
            hits += scanner.scan(&decoded, guess).unwrap().len();
        }
        let took = watch.stop();
        println!("round {round}: {:.0} MB/s ({took:.2?}, {hits} hits)", bytes as f64 / 1e6 / took.as_secs_f64());
    }
    println!("peak afterwards {}", peak_mib());
    small(&found);
}

/// A text of the size of a usual change, scanned by a scanner that has yet to compile what it needs.
fn small(found: &[(PathBuf, Vec<u8>)]) {
    let mut all: Vec<u8> = Vec::new();
    for (_, content) in found.iter().filter(|(_, content)| !text::is_binary(content)) {
        all.extend_from_slice(content);
        if all.len() > SMALL * 64 {
            break;
        }
    }
    let texts: Vec<&[u8]> = all.chunks_exact(SMALL).collect();
    let mut times: Vec<Duration> = texts
        .iter()
        .map(|text| {
            let watch = Stopwatch::start();
            Scanner::new(&[]).unwrap().scan(text, true).unwrap();
            watch.stop()
        })
        .collect();
    times.sort_unstable();
    if let (Some(most), false) = (times.last(), times.is_empty()) {
        let median = times[times.len() / 2];
        println!("{SMALL} bytes with a fresh scanner: median {median:.2?}, most {most:.2?} of {}", times.len());
    }
}
