//! The compiler that makes the gates: which one it is, where it keeps its sources, and whether it knows the wasm target.

use crate::console::say;
use anyhow::{Context, bail, ensure};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What gates are built for.
pub(crate) const TARGET: &str = "wasm32-wasip2";

/// The compiler in use.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Toolchain {
    /// The cargo to call.
    pub(crate) cargo: PathBuf,
    /// Its version, as `rustc --version` says it.
    pub(crate) version: String,
    /// Commit that it was built from.
    pub(crate) commit: String,
    /// Platform that it runs on.
    pub(crate) host: String,
    /// Where it is installed.
    pub(crate) sysroot: PathBuf,
}

impl Toolchain {
    /// Asks the compiler that is in use in `root`.
    pub(crate) fn find(root: &Path) -> anyhow::Result<Self> {
        let verbose = rustc(root, &["-vV"])?;
        let field = |name: &str| {
            let line = verbose.lines().find_map(|line| line.strip_prefix(name));
            line.map(|value| value.trim().to_owned()).with_context(|| format!("`rustc -vV` does not say `{name}`"))
        };
        Ok(Self {
            cargo: std::env::var_os("CARGO").map_or_else(|| "cargo".into(), PathBuf::from),
            version: verbose.lines().next().unwrap_or_default().to_owned(),
            commit: field("commit-hash:")?,
            host: field("host:")?,
            sysroot: rustc(root, &["--print", "sysroot"])?.trim().into(),
        })
    }
}

/// Sees to it that gates can be built, with rustup's help where it is there.
pub(crate) fn ensure_target(root: &Path) -> anyhow::Result<()> {
    if has_target(root)? {
        return Ok(());
    }
    say(format_args!("the target {TARGET} is missing; running `rustup target add {TARGET}`"));
    match Command::new("rustup").args(["target", "add", TARGET]).current_dir(root).status() {
        Ok(status) if status.success() => {}
        Ok(status) => bail!("`rustup target add {TARGET}` failed ({status}); see its message above"),
        Err(_) => bail!(
            "the target {TARGET} is missing, and there is no rustup to add it; install Rust with rustup, or the package \
             of your distribution that holds the standard library for {TARGET}"
        ),
    }
    ensure!(
        has_target(root)?,
        "the target {TARGET} is still missing after `rustup target add`; is another rustc in use?"
    );
    Ok(())
}

/// Whether the compiler has a standard library for the target.
fn has_target(root: &Path) -> anyhow::Result<bool> {
    let libraries = rustc(root, &["--print", "target-libdir", "--target", TARGET])?;
    let Ok(files) = std::fs::read_dir(libraries.trim()) else { return Ok(false) };
    Ok(files.flatten().any(|file| file.file_name().to_string_lossy().starts_with("libstd-")))
}

fn rustc(root: &Path, arguments: &[&str]) -> anyhow::Result<String> {
    let program = std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into());
    let output = Command::new(&program)
        .args(arguments)
        .current_dir(root)
        .output()
        .with_context(|| format!("failed to run `{}`; install Rust", program.to_string_lossy()))?;
    let (line, errors) = (arguments.join(" "), String::from_utf8_lossy(&output.stderr));
    ensure!(output.status.success(), "`rustc {line}` failed: {}", errors.trim());
    String::from_utf8(output.stdout).with_context(|| format!("`rustc {line}` answered something that is no text"))
}
