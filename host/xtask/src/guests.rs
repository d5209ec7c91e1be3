//! Builds the gates so that another folder, another home and another user get the same bytes.
//!
//! Three things would leak into a component otherwise: paths (in panic messages and names), which are mapped to fixed ones;
//! compiler flags and profiles from the environment, which are taken out; and cargo features, which cargo unites over all
//! packages of one call, so that all gates are always built in one call.

use crate::console::{is_watched, say};
use crate::gates::Sources;
use crate::toolchain::{TARGET, Toolchain};
use anyhow::{Context, ensure};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Cargo profile of the gates.
const PROFILE: &str = "guest";

/// Builds every gate; the answer is the folder that holds the components.
pub(crate) fn build(root: &Path, toolchain: &Toolchain, sources: &Sources) -> anyhow::Result<PathBuf> {
    let target_dir = target_dir(root)?;
    let count = sources.gates.len();
    say(format_args!("building {count} gates for {TARGET} with {}", toolchain.version));
    let begin = Instant::now();
    let mut cargo = Command::new(&toolchain.cargo);
    cargo.args(["build", "--locked", "--profile", PROFILE, "--target", TARGET, "--target-dir"]).arg(&target_dir);
    if !is_watched() {
        cargo.arg("--quiet");
    }
    for gate in &sources.gates {
        cargo.args(["-p", &gate.package]);
    }
    for (name, _) in std::env::vars_os().filter(|(name, _)| leaks(name)) {
        cargo.env_remove(name);
    }
    cargo.env("CARGO_INCREMENTAL", "0").env("CARGO_ENCODED_RUSTFLAGS", flags(root, &target_dir, toolchain, sources)?);
    let status =
        cargo.current_dir(root).status().with_context(|| format!("failed to run `{}`", toolchain.cargo.display()))?;
    ensure!(status.success(), "the gates do not build ({status}); see cargo's message above");
    say(format_args!("built in {:.1} s", begin.elapsed().as_secs_f64()));
    Ok(target_dir.join(TARGET).join(PROFILE))
}

/// A folder of their own, so that building them does not wait for another cargo in the same tree.
fn target_dir(root: &Path) -> anyhow::Result<PathBuf> {
    let all = match std::env::var_os("CARGO_TARGET_DIR") {
        Some(dir) => std::path::absolute(dir).context("failed to make `CARGO_TARGET_DIR` absolute")?,
        None => root.join("target"),
    };
    Ok(all.join("guests"))
}

/// Whether an environment variable changes what is built.
fn leaks(name: &OsStr) -> bool {
    let name = name.to_string_lossy();
    let exact = ["RUSTFLAGS", "CARGO_BUILD_RUSTFLAGS", "RUSTC_BOOTSTRAP", "CARGO_TARGET_WASM32_WASIP2_RUSTFLAGS"];
    exact.contains(&name.as_ref()) || name.starts_with("CARGO_PROFILE_") || name.starts_with("CARGO_BUILD_TARGET")
}

/// The compiler flags: one mapping for each folder that may appear in a path. Of several that fit, the compiler takes the
/// last, so the inner folders come after the outer ones.
fn flags(root: &Path, target_dir: &Path, toolchain: &Toolchain, sources: &Sources) -> anyhow::Result<OsString> {
    let mut fixed: BTreeMap<PathBuf, String> = BTreeMap::new();
    for folder in &sources.dependency_folders {
        fixed.insert(folder.clone(), "/dependencies".into());
    }
    fixed.insert(toolchain.sysroot.join("lib/rustlib/src/rust"), format!("/rustc/{}", toolchain.commit));
    fixed.insert(root.into(), "/portcullis".into());
    fixed.insert(target_dir.into(), "/target".into());
    // A folder sorts before what lies in it.
    // Searching bytes is most of what a scanner does. Wasmtime runs vector instructions on every machine that it runs on.
    let mut flags = vec![OsString::from("-Ctarget-feature=+simd128")];
    flags.extend(fixed.into_iter().map(|(from, to)| {
        let mut flag = OsString::from("--remap-path-prefix=");
        flag.push(from);
        flag.push("=");
        flag.push(to);
        flag
    }));
    let separator = OsStr::new("\u{1f}");
    ensure!(
        flags.iter().all(|flag| !flag.to_string_lossy().contains('\u{1f}')),
        "a folder of the build has a control character in its name; move the source tree"
    );
    Ok(flags.join(separator))
}
