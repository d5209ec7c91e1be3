//! Looking at and signalling processes, for tests about what becomes of them.

use portcullis_e2e::Daemon;
use std::path::Path;
use std::process::Command;

/// Whether a process runs; a zombie does not.
pub(crate) fn runs(pid: &str) -> bool {
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !stat.contains(") Z "))
}

/// What a script has written to a file beside it, once its last line is there.
pub(crate) fn told(daemon: &Daemon, file: &Path) -> String {
    daemon
        .eventually("the role says who it is", || std::fs::read_to_string(file).is_ok_and(|text| text.ends_with('\n')));
    std::fs::read_to_string(file).unwrap().trim().to_owned()
}

/// The process ids in such a file.
pub(crate) fn pids_in(daemon: &Daemon, file: &Path) -> Vec<String> {
    told(daemon, file).split(' ').map(str::to_owned).collect()
}

/// Sends a signal by name.
pub(crate) fn signal(name: &str, pid: &str) {
    let sent = Command::new("kill").args([&format!("-{name}"), pid]).status().expect("kill runs");
    assert!(sent.success(), "kill -{name} {pid}");
}
