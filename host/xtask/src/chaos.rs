//! `cargo xtask chaos`: the long form of the tests that kill the daemon. What it does is the end-to-end tests' affair: the
//! host knows nothing of them.

use crate::cargo::cargo;
use std::path::Path;

/// Options of the program that is run.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Instead of killing anything: explore the sizes of the core's model that take too long for `make test`.
    #[arg(long)]
    explore: bool,
    /// Passed on; `--help` lists them.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

/// Runs the task.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    if options.explore {
        let arguments = ["test", "--workspace", "--locked", "--test", "explore", "--", "--ignored", "--nocapture"];
        return cargo(root, &arguments, &[]);
    }
    let mut arguments = vec!["run", "--locked", "--package", "portcullis-e2e", "--bin", "chaos", "--"];
    arguments.extend(options.arguments.iter().map(String::as_str));
    cargo(root, &arguments, &[])
}
