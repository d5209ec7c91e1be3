//! The processes of one scene: its shims and their roles, found by what the kernel says of them.

use std::path::Path;
use std::process::Command;

/// Pids of the shims whose runs lie below `home`.
pub fn shims(home: &Path) -> Vec<u32> {
    let home = home.to_string_lossy().into_owned();
    let is_ours = |pid: &u32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<_> = line.split(|byte| *byte == 0).map(String::from_utf8_lossy).collect();
        matches!(&words[..], [_, verb, folder, ..] if verb == "shim" && folder.starts_with(&home))
    };
    pids().filter(is_ours).collect()
}

/// Pids of what those shims have started.
pub fn roles(home: &Path) -> Vec<u32> {
    let shims = shims(home);
    pids().filter(|pid| parent(*pid).is_some_and(|parent| shims.contains(&parent))).collect()
}

/// SIGKILL, or any other signal by its name.
pub fn signal(pid: u32, name: &str) {
    // It may have ended by itself meanwhile.
    let _gone =
        Command::new("kill").args([&format!("-{name}"), &pid.to_string()]).stderr(std::process::Stdio::null()).status();
}

fn pids() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").expect("there is a /proc");
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

fn parent(pid: u32) -> Option<u32> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat[stat.rfind(')')? + 1..].split_ascii_whitespace().nth(1)?.parse().ok()
}
