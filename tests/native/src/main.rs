//! Judges a range with the security gate's own code, compiled for this machine and fed by the host's own reader of git
//! objects: `portcullis gate run portcullis/security` without the sandbox, its limits and its copies. Only the comparison of
//! scanners runs it, for the difference.
//!
//! Prints a line `{"path", "line"}` for each finding that closes the edge.

#![allow(clippy::print_stdout, reason = "a command-line tool")]

mod repository;

use clap::Parser;
use portcullis_gate_sdk::{Severity, testing};
use portcullis_gate_security::config::Config;
use portcullis_gate_security::glue::evaluate;
use portcullis_git::{Git, GitSettings, Repository};
use repository::Objects;
use std::path::PathBuf;

/// Judges `BASE..HEAD` with the security gate as native code.
#[derive(Parser)]
struct Arguments {
    /// The repository: a folder with `HEAD` and `objects`.
    #[arg(long)]
    repo: PathBuf,
    /// Full name of the commit that stands for the target branch.
    #[arg(long)]
    base: String,
    /// Full name of the commit to judge.
    #[arg(long)]
    head: String,
}

fn main() -> anyhow::Result<()> {
    let Arguments { repo, base, head } = Arguments::parse();
    let work = repo.join(".git");
    let repository = Repository::open(&Git::new(GitSettings::default()), if work.is_dir() { &work } else { &repo })?;
    let subject = portcullis_gate_sdk::Subject { head, target_head: base, ..testing::subject() };
    let judgement = evaluate(&Objects::of(&repository), &subject, &Config::default())
        .map_err(|refusal| anyhow::anyhow!("the gate could not judge: {refusal:?}"))?;
    for finding in judgement.findings.iter().filter(|finding| finding.severity == Severity::Error) {
        let path = finding.path.as_deref().unwrap_or_default();
        // What could not be scanned has no line, and counts as one finding.
        let line = finding.line.unwrap_or(1);
        println!("{}", serde_json::json!({ "path": path, "line": line }));
    }
    Ok(())
}
