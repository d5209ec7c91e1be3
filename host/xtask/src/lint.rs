//! `cargo xtask lint`: everything that is checked without running the product. Warnings are errors here and nowhere else,
//! so that a half-written change can still be tried out.

use crate::cargo::cargo;
use crate::console::say;
use std::path::Path;

/// One call of cargo.
struct Step {
    arguments: &'static [&'static str],
    environment: &'static [(&'static str, &'static str)],
}

/// What takes a moment comes first. All of them choose the whole workspace, because another choice would mean other
/// features, and so a second build of the same dependencies.
const STEPS: [Step; 4] = [
    Step { arguments: &["fmt", "--all", "--check"], environment: &[] },
    Step {
        arguments: &["clippy", "--workspace", "--all-targets", "--locked", "--", "-D", "warnings"],
        environment: &[],
    },
    Step {
        arguments: &["doc", "--workspace", "--no-deps", "--locked"],
        environment: &[("RUSTDOCFLAGS", "-D warnings")],
    },
    // House rules and dependency policy.
    Step { arguments: &["test", "--workspace", "--locked", "--test", "tidy"], environment: &[] },
];

/// Runs the task; ends with the first step that fails.
pub(crate) fn run(root: &Path) -> anyhow::Result<()> {
    for step in &STEPS {
        cargo(root, step.arguments, step.environment)?;
    }
    say("nothing to complain about");
    Ok(())
}
