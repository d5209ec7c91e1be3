//! The first-party gates are the same bytes wherever they are built: this checkout against a copy of it in another folder,
//! with another home of cargo and another target folder. A copy alone could hide a path that both share.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

use portcullis_catalog::listing::{LISTING_PATH, ListedPlugin, Listing};
use portcullis_catalog::registry::Registry;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What a workspace needs to build its gates: every member's manifest, and the gates with what they include.
const SOURCES: [&str; 7] = ["Cargo.toml", "Cargo.lock", ".cargo", "host", "plugins", "tests", "wit"];

#[test]
fn gates_built_in_another_folder_and_another_home_have_the_same_digests() {
    // PLG-1
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").canonicalize().unwrap();
    let scratch = tempfile::tempdir().unwrap();
    let elsewhere = scratch.path().join("somebody else's tree");
    let before = copy(&root, &elsewhere);
    let home = other_cargo_home(scratch.path());

    let here = build(&root, &scratch.path().join("here"), &[]);
    let target = scratch.path().join("other-target");
    let there =
        build(&elsewhere, &scratch.path().join("there"), &[("CARGO_HOME", &home), ("CARGO_TARGET_DIR", &target)]);

    let edited = edited(&before, &digests(&root));
    assert!(edited.is_empty(), "{edited:?} changed while the test ran; run it again");
    assert_eq!(here, there);
    assert!(!here.is_empty());
    for registry in [scratch.path().join("here"), scratch.path().join("there")] {
        assert_no_path_inside(&registry, &[&root, scratch.path(), &cargo_home()]);
    }
    agrees_with_what_git_holds(&root, &here);
}

/// Builds the gates of the tree at `root` into a registry at `out`: version and digest by name.
fn build(root: &Path, out: &Path, environment: &[(&str, &Path)]) -> BTreeMap<String, String> {
    let mut xtask = Command::new(env!("CARGO_BIN_EXE_xtask"));
    xtask.args(["plugins", "--root"]).arg(root).arg("--out").arg(out).env("CARGO_NET_OFFLINE", "true");
    xtask.envs(environment.iter().copied());
    let output = xtask.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = Registry::open(out).unwrap().list().unwrap();
    listed
        .into_iter()
        .map(|plugin| (plugin.name.to_string(), format!("{} {}", plugin.version, plugin.digest)))
        .collect()
}

/// Git's listing has these plugins and versions, and these digests where this compiler made it.
fn agrees_with_what_git_holds(root: &Path, built: &BTreeMap<String, String>) {
    let rustc = Command::new("rustc").args(["-vV"]).current_dir(root).output().unwrap();
    let rustc = String::from_utf8(rustc.stdout).unwrap();
    let listing = Listing::parse(&fs::read_to_string(root.join(LISTING_PATH)).unwrap()).unwrap();
    let same_compiler =
        rustc.starts_with(&format!("{}\n", listing.rustc)) && rustc.contains(&format!("\nhost: {}\n", listing.host));
    // Another compiler makes other bytes of the same source; names and versions do not depend on it.
    let shown = |version_and_digest: &str| match version_and_digest.split_once(' ') {
        Some((version, _)) if !same_compiler => version.to_owned(),
        _ => version_and_digest.to_owned(),
    };
    let built: BTreeMap<&str, String> = built.iter().map(|(name, is)| (name.as_str(), shown(is))).collect();
    let is = |plugin: &ListedPlugin| shown(&format!("{} {}", plugin.version, plugin.digest));
    let committed = listing.plugins.iter().map(|plugin| (plugin.name.as_str(), is(plugin))).collect();
    assert_eq!(built, committed, "{LISTING_PATH} is out of step with the gates; run `cargo xtask plugins`, commit it");
}

/// No component says on whose machine it was built.
fn assert_no_path_inside(registry: &Path, paths: &[&Path]) {
    let registry = Registry::open(registry).unwrap();
    for plugin in registry.list().unwrap() {
        let bytes = registry.load(&plugin.plugin()).unwrap();
        for path in paths {
            let path = path.to_str().unwrap().as_bytes();
            assert!(!bytes.windows(path.len()).any(|window| window == path), "{} holds {path:?}", plugin.name);
        }
    }
}

fn cargo_home() -> PathBuf {
    match std::env::var_os("CARGO_HOME") {
        Some(home) => home.into(),
        None => PathBuf::from(std::env::var_os("HOME").unwrap()).join(".cargo"),
    }
}

/// A home of cargo under another path, which holds what was downloaded already.
fn other_cargo_home(scratch: &Path) -> PathBuf {
    let home = scratch.join("another-home");
    fs::create_dir(&home).unwrap();
    for part in ["registry", "git", "config.toml"] {
        let original = cargo_home().join(part);
        if original.exists() {
            symlink(original, home.join(part)).unwrap();
        }
    }
    home
}

/// Copies the sources; the answer is their digests, as [`digests`] says them.
fn copy(root: &Path, to: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let digests = digests(root);
    for file in digests.keys() {
        let target = to.join(file);
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(root.join(file), target).unwrap();
    }
    digests
}

/// What changed between two looks at the sources, as far as gates are made of it.
fn edited(before: &BTreeMap<PathBuf, Vec<u8>>, after: &BTreeMap<PathBuf, Vec<u8>>) -> Vec<PathBuf> {
    let all: BTreeSet<&PathBuf> = before.keys().chain(after.keys()).collect();
    let of_gates =
        |path: &Path| ["Cargo.toml", "Cargo.lock", ".cargo", "plugins", "wit"].iter().any(|p| path.starts_with(p));
    all.into_iter().filter(|path| of_gates(path) && before.get(*path) != after.get(*path)).cloned().collect()
}

/// Digests of the files that the gates are built from, by path from the root.
fn digests(root: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut waiting: Vec<PathBuf> = SOURCES.iter().map(PathBuf::from).filter(|path| root.join(path).exists()).collect();
    while let Some(path) = waiting.pop() {
        let full = root.join(&path);
        if full.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                waiting.extend(fs::read_dir(full).unwrap().map(|entry| path.join(entry.unwrap().file_name())));
            }
        } else {
            found.insert(path, Sha256::digest(fs::read(full).unwrap()).to_vec());
        }
    }
    found
}
