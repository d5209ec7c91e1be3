//! The repository as a list of files, and what cargo says of it.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

/// What may stand at the top beside files whose names begin with a dot.
const TOP: [&str; 13] = [
    "Cargo.lock",
    "Cargo.toml",
    "LICENSE",
    "Makefile",
    "README.md",
    "deny.toml",
    "docs",
    "host",
    "plugins",
    "registry",
    "rustfmt.toml",
    "tests",
    "wit",
];

/// The top of the repository.
pub(crate) fn top() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A file with its path from the top.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

/// Every Rust file under `host`, `plugins` and `tests`, in order.
pub(crate) fn rust_files() -> Vec<Source> {
    let mut paths = BTreeSet::new();
    for folder in ["host", "plugins", "tests"] {
        collect(&top().join(folder), &mut paths);
    }
    assert!(paths.len() > 50, "the walk has gone blind: {} files", paths.len());
    let name = |path: &Path| path.strip_prefix(top()).unwrap().to_string_lossy().replace('\\', "/");
    paths.iter().map(|p| Source { path: name(p), text: std::fs::read_to_string(p).unwrap() }).collect()
}

fn collect(folder: &Path, into: &mut BTreeSet<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() {
            if name != "target" && !name.starts_with('.') {
                collect(&path, into);
            }
        } else if name.ends_with(".rs") {
            into.insert(path);
        }
    }
}

/// `cargo metadata` of this workspace.
pub(crate) fn metadata(arguments: &[&str]) -> serde_json::Value {
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked"])
        .args(arguments)
        .current_dir(top())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

#[test]
fn the_top_holds_only_what_the_architecture_names() {
    for entry in std::fs::read_dir(top()).unwrap() {
        let name = entry.unwrap().file_name().to_string_lossy().into_owned();
        let known = name.starts_with('.') || name == "target" || TOP.contains(&name.as_str());
        assert!(known, "`{name}` stands at the top; its place is inside one of {TOP:?}");
    }
}
