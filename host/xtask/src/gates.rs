//! Which crates of the workspace are gates, and what cargo says of the sources they are built from.

use anyhow::{Context, ensure};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Names of the crates that are gates begin so; the rest is the gate's name.
const CRATE_PREFIX: &str = "portcullis-gate-";
/// Names of the first-party plugins begin so.
const PLUGIN_PREFIX: &str = "portcullis/";

/// One first-party gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Gate {
    /// Name of the crate.
    pub(crate) package: String,
    /// Name in the registry.
    pub(crate) plugin: String,
    /// Version of the crate, which is the plugin's.
    pub(crate) version: String,
    /// Name of the file that cargo makes, without folder.
    pub(crate) file: String,
}

/// What is built.
#[derive(Debug)]
pub(crate) struct Sources {
    /// The gates, by crate name.
    pub(crate) gates: Vec<Gate>,
    /// Folders outside the workspace that hold the sources of dependencies.
    pub(crate) dependency_folders: BTreeSet<PathBuf>,
}

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    workspace_members: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    manifest_path: PathBuf,
    targets: Vec<Target>,
}

#[derive(Deserialize)]
struct Target {
    name: String,
    crate_types: Vec<String>,
}

/// Asks cargo for the gates: the members under `plugins/` that become a library of their own.
pub(crate) fn find(cargo: &Path, root: &Path) -> anyhow::Result<Sources> {
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--locked", "--filter-platform", crate::toolchain::TARGET])
        .current_dir(root)
        .stderr(std::process::Stdio::inherit())
        .output()
        .with_context(|| format!("failed to run `{} metadata`", cargo.display()))?;
    ensure!(output.status.success(), "`cargo metadata --locked` failed in `{}`; see its message above", root.display());
    let metadata: Metadata =
        serde_json::from_slice(&output.stdout).context("failed to read what cargo metadata says")?;
    let plugins = root.join("plugins");
    let (members, others): (Vec<Package>, Vec<Package>) =
        metadata.packages.into_iter().partition(|package| metadata.workspace_members.contains(&package.id));
    let mut gates: Vec<Gate> =
        members.iter().filter(|p| p.manifest_path.starts_with(&plugins)).filter_map(gate).collect();
    gates.sort_by(|a, b| a.package.cmp(&b.package));
    ensure!(!gates.is_empty(), "there is no gate under `{}`", plugins.display());
    let folder = |package: Package| Some(package.manifest_path.parent()?.parent()?.to_owned());
    Ok(Sources { gates, dependency_folders: others.into_iter().filter_map(folder).collect() })
}

fn gate(package: &Package) -> Option<Gate> {
    let name = package.name.strip_prefix(CRATE_PREFIX)?;
    let target = package.targets.iter().find(|target| target.crate_types.iter().any(|kind| kind == "cdylib"))?;
    Some(Gate {
        package: package.name.clone(),
        plugin: format!("{PLUGIN_PREFIX}{name}"),
        version: package.version.clone(),
        file: format!("{}.wasm", target.name.replace('-', "_")),
    })
}
