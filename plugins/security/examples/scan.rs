//! Scans every file below a folder and prints `{"path", "line", "rule"}` lines: to measure recall and precision on a
//! labelled set, and speed (on standard error). A tool for whoever writes rules; the gate itself never reads files.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a command-line tool")]

use portcullis_gate_security::{paths, scan::Scanner, text};
use std::error::Error;
use std::path::{Path, PathBuf};
use std::time::Instant;

fn files(below: &Path, found: &mut Vec<PathBuf>) -> std::io::Result<()> {
    let mut entries = std::fs::read_dir(below)?.map(|entry| entry.map(|e| e.path())).collect::<Result<Vec<_>, _>>()?;
    entries.sort();
    for path in entries {
        let kind = path.symlink_metadata()?;
        if kind.is_dir() {
            files(&path, found)?;
        } else if kind.is_file() {
            found.push(path);
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let root = PathBuf::from(std::env::args().nth(1).ok_or("usage: scan FOLDER")?);
    let started = Instant::now();
    let scanner = Scanner::new(&[])?;
    let built = started.elapsed();
    let mut found = Vec::new();
    files(&root, &mut found)?;
    let (mut bytes, mut scanning) = (0usize, std::time::Duration::ZERO);
    for path in found {
        let content = std::fs::read(&path)?;
        let name = path.strip_prefix(&root)?.to_string_lossy().into_owned();
        bytes += content.len();
        let started = Instant::now();
        let decoded = text::decode(&content);
        let guess = !text::is_binary(&decoded) && !paths::is_full_of_hashes(name.as_bytes());
        let hits = scanner.scan(&decoded, guess)?;
        scanning += started.elapsed();
        for hit in hits {
            println!("{}", serde_json::json!({ "path": name, "line": hit.line, "rule": hit.rule.id }));
        }
    }
    let mib = bytes as f64 / f64::from(1 << 20);
    eprintln!("{mib:.1} MiB in {scanning:.1?}: {:.0} MiB/s; scanner made in {built:.1?}", mib / scanning.as_secs_f64());
    Ok(())
}
