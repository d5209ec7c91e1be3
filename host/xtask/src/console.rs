//! What a person sees of a task: one line a step, on standard error, so that standard output stays for programs.

use std::fmt::Display;
use std::io::{IsTerminal, Write};

/// Writes one line. A closed standard error is no reason to stop building.
pub(crate) fn say(line: impl Display) {
    let _ = writeln!(std::io::stderr(), "xtask: {line}");
}

/// Whether somebody watches, so that progress bars make sense.
pub(crate) fn is_watched() -> bool {
    std::io::stderr().is_terminal()
}
