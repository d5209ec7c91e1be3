//! A plugin registry of a test's own: the first-party gates, and a guest that misbehaves on request.
//!
//! The guest's configuration says how it misbehaves, e.g. `{"do": "trap"}`; `tests/guests/hostile` has the list. What is
//! published goes through `portcullis plugin publish`, as everybody's plugins do.

use crate::daemon::{cargo, portcullis, workspace};
use std::path::{Path, PathBuf};
use std::process::Output;
use std::sync::{Mutex, OnceLock};
use tempfile::TempDir;

/// Name of the guest that misbehaves.
pub const HOSTILE: &str = "test/hostile";

/// A registry in a folder that goes with this value.
pub struct OwnRegistry {
    folder: TempDir,
}

impl OwnRegistry {
    /// An empty one.
    pub fn empty() -> Self {
        Self { folder: tempfile::tempdir().expect("a folder can be made") }
    }

    /// The first-party gates, and [`HOSTILE`] 1.0.0.
    pub fn with_hostile() -> Self {
        let registry = Self::empty();
        copy(&workspace().join("registry"), registry.folder());
        let published = registry.publish(hostile_actor(), HOSTILE, "1.0.0");
        assert!(published.status.success(), "{}", String::from_utf8_lossy(&published.stderr));
        registry
    }

    /// Its folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// Publishes a file.
    pub fn publish(&self, component: &Path, name: &str, version: &str) -> Output {
        let (component, folder) = (text(component), text(self.folder()));
        portcullis(["plugin", "publish", &component, "--name", name, "--version", version, "--registry", &folder])
    }

    /// Digest of a published version, as `plugin list` shows it.
    pub fn digest(&self, name: &str, version: &str) -> String {
        let listed = portcullis(["plugin", "list", "--json", "--registry", &text(self.folder())]);
        let listed: serde_json::Value = serde_json::from_slice(&listed.stdout).expect("the list is JSON");
        let plugins = listed["plugins"].as_array().expect("the list has plugins");
        let found = plugins.iter().find(|plugin| plugin["name"] == name && plugin["version"] == version);
        found.and_then(|plugin| plugin["digest"].as_str()).expect("the version is published").to_owned()
    }

    /// File of a published version's bytes.
    pub fn blob(&self, name: &str, version: &str) -> PathBuf {
        let digest = self.digest(name, version);
        self.folder().join("blobs").join(digest.replace(':', "/"))
    }
}

/// The guest that misbehaves, with `evaluate` and `act`.
pub fn hostile_actor() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| build("actor", ""))
}

/// The guest that misbehaves, with `evaluate` alone: other bytes under the same name.
pub fn hostile_judge() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| build("judge", "judge"))
}

/// The guest that misbehaves, with `evaluate` alone, calling out over HTTP.
pub fn hostile_courier() -> &'static Path {
    static FILE: OnceLock<PathBuf> = OnceLock::new();
    FILE.get_or_init(|| build("judge,http", "judge,http"))
}

fn build(folder: &str, features: &str) -> PathBuf {
    static BUILDING: Mutex<()> = Mutex::new(());
    let _one = BUILDING.lock().expect("nobody panicked while building");
    let target = workspace().join("target/guests").join(folder);
    let output = cargo()
        .current_dir(workspace())
        .args(["build", "--locked", "--package", "portcullis-hostile-guest", "--target", "wasm32-wasip2"])
        .args(["--profile", "guest", "--features", features, "--target-dir"])
        .arg(&target)
        // Flags for the host's code say nothing about a guest's.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .expect("cargo can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    target.join("wasm32-wasip2/guest/portcullis_hostile_guest.wasm")
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).expect("a folder can be made");
    for entry in std::fs::read_dir(from).expect("the registry is built; `cargo xtask plugins` does it") {
        let entry = entry.expect("a folder can be read");
        let to = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &to);
        } else {
            std::fs::copy(entry.path(), to).expect("a file can be copied");
        }
    }
}

fn text(path: &Path) -> String {
    path.to_str().expect("the tests' folders have plain names").to_owned()
}
