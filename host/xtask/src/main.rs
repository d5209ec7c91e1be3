//! Build tasks of Portcullis, run as `cargo xtask <task>`. Each task is a file; this one only reads the command line.

mod bench;
mod cargo;
mod chaos;
mod console;
mod gates;
mod guests;
mod lint;
mod plugins;
mod swap;
mod toolchain;

use clap::{Parser, Subcommand};
use std::path::{Path, PathBuf};

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Build tasks of Portcullis")]
struct Arguments {
    /// Root of the source tree; the one that this program was built from, unless given.
    #[arg(long, global = true, hide = true)]
    root: Option<PathBuf>,
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Builds the first-party gates reproducibly and publishes them to a local registry.
    Plugins(plugins::Options),
    /// Checks format, lints, documentation, house rules and dependency policy.
    Lint,
    /// Runs every benchmark, or compares the queue with others.
    Bench(bench::Options),
    /// Kills the daemon, its shims and its roles, and checks that nothing is stuck, doubled or lost.
    #[command(disable_help_flag = true)]
    Chaos(chaos::Options),
}

fn main() -> anyhow::Result<()> {
    let Arguments { root, task } = Arguments::parse();
    let root = match root {
        Some(root) => root,
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../.."),
    };
    let root = root.canonicalize()?;
    match task {
        Task::Plugins(options) => plugins::run(&root, &options),
        Task::Lint => lint::run(&root),
        Task::Bench(options) => bench::run(&root, &options),
        Task::Chaos(options) => chaos::run(&root, &options),
    }
}
