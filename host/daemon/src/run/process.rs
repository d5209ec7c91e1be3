//! Which process is which, and when it is gone.
//!
//! A pid is reused; pid, start time and machine boot together are not. Nothing here signals a process that it has not
//! just proven to be the one that was meant: open the pidfd, compare the start time, then act on the pidfd.

use portcullis_core::job::ProcessIdentity;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};
use std::os::fd::OwnedFd;
use std::time::Duration;
use tokio::io::unix::AsyncFd;

/// A process that was there a moment ago, pinned so that its pid cannot come to mean another.
#[derive(Debug)]
pub struct Pinned {
    fd: AsyncFd<OwnedFd>,
}

/// The identity of a running process; none if there is none of this pid.
pub fn identify(pid: u32) -> Option<ProcessIdentity> {
    let machine_boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id").ok()?.trim().to_owned();
    Some(ProcessIdentity { pid, start_ticks: start_ticks(pid)?, machine_boot })
}

/// How long a process has run, by the machine's own uptime; none if that cannot be told.
pub fn age(process: &ProcessIdentity) -> Option<Duration> {
    let uptime = std::fs::read_to_string("/proc/uptime").ok()?;
    let uptime: f64 = uptime.split_ascii_whitespace().next()?.parse().ok()?;
    let started = process.start_ticks as f64 / rustix::param::clock_ticks_per_second() as f64;
    Some(Duration::from_secs_f64((uptime - started).max(0.0)))
}

/// Whose child a process is now.
pub(super) fn parent(pid: u32) -> Option<u32> {
    stat(pid, 4)?.try_into().ok()
}

fn start_ticks(pid: u32) -> Option<u64> {
    stat(pid, 22)
}

/// A field of `/proc/PID/stat`, counted from 1; the fourth or a later one. The second is the program's name in
/// parentheses and may hold anything, also parentheses and spaces, so counting begins behind the last one.
fn stat(pid: u32, field: usize) -> Option<u64> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat[stat.rfind(')')? + 1..].split_ascii_whitespace().nth(field.checked_sub(3)?)?.parse().ok()
}

impl Pinned {
    /// Pins the process, if it is still the one that was meant.
    pub fn open(identity: &ProcessIdentity) -> Option<Self> {
        let pid = Pid::from_raw(i32::try_from(identity.pid).ok()?)?;
        let fd = pidfd_open(pid, PidfdFlags::NONBLOCK).ok()?;
        // Only now: whoever has this pid keeps it at least as long as the pidfd shows it.
        (identify(identity.pid).as_ref() == Some(identity)).then_some(())?;
        // SAFETY: the `OwnedFd` is moved into the `AsyncFd`, which closes it only after taking it out of the reactor; nobody
        // else holds it, so its number cannot come to mean another file meanwhile.
        let fd = unsafe { AsyncFd::register(fd) };
        Some(Self { fd: fd.ok()? })
    }

    /// Returns once the process has ended.
    pub async fn gone(&self) {
        // A pidfd becomes readable when its process ends, and stays so.
        let _ready = self.fd.readable().await;
    }

    /// Asks it to end: the shim passes it on to the whole group and follows with SIGKILL after its grace.
    pub fn terminate(&self) {
        if let Err(error) = pidfd_send_signal(self.fd.get_ref(), Signal::TERM) {
            tracing::debug!(%error, "the run had ended before it was asked to");
        }
    }

    /// Ends it at once.
    pub fn kill(&self) {
        if let Err(error) = pidfd_send_signal(self.fd.get_ref(), Signal::KILL) {
            tracing::debug!(%error, "the process had ended before it was killed");
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests start processes to look at")]
    use super::*;

    #[tokio::test]
    async fn a_process_is_told_from_a_stranger_with_its_pid() {
        // LAU-1
        let mine = identify(std::process::id()).unwrap();
        assert!(Pinned::open(&mine).is_some());
        for stranger in [
            ProcessIdentity { start_ticks: mine.start_ticks + 1, ..mine.clone() },
            ProcessIdentity { machine_boot: "another".into(), ..mine.clone() },
        ] {
            assert!(Pinned::open(&stranger).is_none(), "{stranger:?}");
        }
    }

    #[test]
    fn a_process_ages_by_the_machine_s_uptime() {
        // REA-4: whoever sets the clock makes no run too old.
        let mine = identify(std::process::id()).unwrap();
        let first = age(&mine).unwrap();
        assert!(first < Duration::from_secs(3600), "{first:?}");
        assert!(age(&ProcessIdentity { start_ticks: 0, ..mine }).unwrap() > first);
    }

    #[tokio::test]
    async fn the_end_of_a_process_is_noticed_without_polling() {
        // LAU-2
        let mut child = tokio::process::Command::new("cat").stdin(std::process::Stdio::piped()).spawn().unwrap();
        let pinned = Pinned::open(&identify(child.id().unwrap()).unwrap()).unwrap();
        drop(child.stdin.take());
        pinned.gone().await;
        assert!(child.wait().await.unwrap().success());
    }
}
