//! Builds the hostile guest, once for each set of features, with the cargo that runs the tests.

#![allow(clippy::disallowed_methods, reason = "a test may start cargo")]

use std::path::Path;
use std::process::Command;
use std::sync::{LazyLock, Mutex};

static BUILDING: Mutex<()> = Mutex::new(());

/// Exports `evaluate` and `act`.
pub(crate) fn actor() -> &'static [u8] {
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| build(""));
    &BYTES
}

/// Exports `evaluate` alone.
pub(crate) fn judge() -> &'static [u8] {
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| build("judge"));
    &BYTES
}

/// Exports `evaluate` alone and imports `wasi:http`.
pub(crate) fn courier() -> &'static [u8] {
    static BYTES: LazyLock<Vec<u8>> = LazyLock::new(|| build("judge,http"));
    &BYTES
}

fn build(features: &str) -> Vec<u8> {
    let _one = BUILDING.lock().unwrap();
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    // A folder of its own for each: they have one file name. Cargo's own lock keeps other test processes apart.
    let target = workspace.join("target/guests").join(if features.is_empty() { "actor" } else { features });
    let output = Command::new(env!("CARGO"))
        .current_dir(workspace)
        .args(["build", "--package", "portcullis-hostile-guest", "--target", "wasm32-wasip2", "--profile", "guest"])
        .args(["--features", features])
        .arg("--target-dir")
        .arg(&target)
        // Flags for the host's code say nothing about a guest's.
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS")
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(target.join("wasm32-wasip2/guest/portcullis_hostile_guest.wasm")).unwrap()
}
