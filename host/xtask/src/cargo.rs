//! Runs cargo in the source tree, with its output going where ours goes.

use crate::console::say;
use anyhow::{Context, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// Runs `cargo` with `arguments` and, beside ours, the `environment`.
pub(crate) fn cargo(root: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> anyhow::Result<()> {
    let line = arguments.join(" ");
    say(format_args!("cargo {line}"));
    let program = std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from);
    let status = Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .current_dir(root)
        .status()
        .with_context(|| format!("failed to run `cargo {line}`"))?;
    ensure!(status.success(), "`cargo {line}` failed ({status}); see its message above");
    Ok(())
}
