//! A real registry of container images on loopback (Debian's `docker-registry`), and real images in it, made by `umoci`
//! and brought there by `skopeo`.
//!
//! A machine without these programs is told what to install; nothing is ever skipped.

mod certificate;
mod make;
mod serve;

pub use certificate::Certificate;
pub use make::ToMake;
pub use serve::{Door, ImageRegistry, PASSWORD, USER};

use std::path::Path;
use std::process::Command;

/// What a machine needs for these tests.
const PACKAGES: &str = "apt-get install docker-registry skopeo umoci openssl";

/// A program that touches nothing but `home`, whatever user runs the tests.
#[expect(clippy::disallowed_methods, reason = "a test's registry and its images are made by programs of their own")]
fn program(name: &str, home: &Path) -> Command {
    let mut command = Command::new(name);
    command.env_clear().env("HOME", home).env("TMPDIR", home);
    command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).current_dir(home);
    command
}

/// Runs it to its end, and answers its output.
fn run(command: &mut Command) -> Vec<u8> {
    let name = command.get_program().to_string_lossy().into_owned();
    let output = command.output().unwrap_or_else(|error| panic!("{}", cannot_start(&name, &error)));
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "`{name}` failed: {said}");
    output.stdout
}

fn cannot_start(name: &str, error: &std::io::Error) -> String {
    format!("`{name}` cannot be started ({error}); tests of container images need it: {PACKAGES}")
}
