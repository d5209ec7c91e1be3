//! The shim: parent of one run, started by the daemon, outliving it.
//!
//! It reads `run.json` in the run's folder, starts the command in its own process group, copies what it prints to
//! `output.log` up to a limit, ends the whole group when the time is up or when it is asked to (SIGTERM), ends whatever
//! the command has left running, and at last writes `exit.json` by rename. It knows no database and no network: what it
//! wrote is what the next daemon believes.

use super::offspring::Offspring;
use crate::{crash, room};
use rustix::process::Signal;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{ErrorKind, Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::oneshot;

/// How long what was killed may take to end, and the pipe to close.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often it is tried to write the exit record, while the disk does not take it.
const RECORD_AGAIN: Duration = Duration::from_secs(1);

/// What to run, as it stands in `run.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunOrder {
    /// Program and arguments.
    pub command: Vec<String>,
    /// Where.
    pub folder: PathBuf,
    /// Its whole environment.
    pub env: BTreeMap<String, String>,
    /// How long it may take.
    pub time_limit_ms: u64,
    /// Between SIGTERM and SIGKILL.
    pub kill_grace_ms: u64,
    /// How much of its output is kept.
    pub log_limit_bytes: u64,
}

/// How it ended, as it stands in `exit.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunExit {
    /// Exit code; 128 + signal where a signal ended it, 127 if it could not be started.
    pub exit_code: i32,
    /// False: the command could not be started at all; trying again will not help.
    pub started: bool,
    /// Why it ended, where that is not the exit code's own affair: time limit, cancelled, could not be started.
    pub reason: Option<String>,
    /// Bytes of output that were dropped.
    pub dropped_bytes: u64,
}

/// File names in a run's folder.
pub const ORDER: &str = "run.json";
/// See [`ORDER`].
pub const EXIT: &str = "exit.json";
/// See [`ORDER`].
pub const LOG: &str = "output.log";

/// The exit record of a run's folder; none while it goes on, or if it was lost.
pub fn read_exit(folder: &Path) -> Option<RunExit> {
    serde_json::from_slice(&std::fs::read(folder.join(EXIT)).ok()?).ok()
}

/// What `portcullis shim FOLDER` does.
///
/// # Errors
/// Only if the folder itself is unusable: everything else is an exit record, which is written as soon as the disk takes it.
pub fn main(folder: &Path) -> anyhow::Result<()> {
    use anyhow::Context;
    let order: RunOrder =
        serde_json::from_slice(&std::fs::read(folder.join(ORDER)).context("failed to read run.json")?)
            .context("run.json is malformed")?;
    let log = File::options().create(true).append(true).open(folder.join(LOG)).context("failed to open output.log")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        room::survive_file_size_limit()?;
        let exit = serde_json::to_vec(&supervise(&order, log).await)?;
        // A full disk must not make a run out to be lost whose end is known: then its role would work once more.
        let mut is_said = false;
        while let Err(error) = record(folder, &exit) {
            if !folder.is_dir() {
                return Err(error).context("the run's folder is gone");
            }
            if !is_said {
                is_said = writeln!(std::io::stderr(), "the exit record cannot be written yet: {error}").is_ok();
            }
            tokio::time::sleep(RECORD_AGAIN).await;
        }
        Ok(())
    })
}

/// Writes the exit record: whole, or not at all.
fn record(folder: &Path, exit: &[u8]) -> std::io::Result<()> {
    let part = folder.join("exit.part");
    let mut file = File::create(&part)?;
    file.write_all(exit)?;
    file.sync_all()?;
    crash::point("shim/exit/before");
    std::fs::rename(&part, folder.join(EXIT))?;
    crash::point("shim/exit/after");
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "the shim is what starts a run")]
async fn supervise(order: &RunOrder, mut log: File) -> RunExit {
    let failed = |reason: String| RunExit { exit_code: 127, started: false, reason: Some(reason), dropped_bytes: 0 };
    let (Some((program, arguments)), Ok(mut asked)) = (order.command.split_first(), signal(SignalKind::terminate()))
    else {
        return failed("no command was given".to_owned());
    };
    let (reader, writer) = match std::io::pipe() {
        Ok(ends) => ends,
        Err(error) => return failed(format!("failed to make a pipe for its output: {error}")),
    };
    let second = writer.try_clone();
    let mut command = std::process::Command::new(program);
    command.args(arguments).current_dir(&order.folder).env_clear().envs(&order.env).stdin(Stdio::null());
    command.stdout(writer).stderr(second.map_or_else(|_| Stdio::null(), Stdio::from));
    crash::point("shim/start/before");
    let started = Offspring::start(&mut command);
    crash::point("shim/start/after");
    // It holds our ends of the pipe, which would never close otherwise.
    drop(command);
    let mut run = match started {
        Ok(run) => run,
        Err(error) => {
            let reason = format!("failed to start `{program}` in {}: {error}", order.folder.display());
            let _best_effort = writeln!(log, "{reason}");
            return failed(reason);
        }
    };
    let dropped = Arc::<AtomicU64>::default();
    let (limit, counted) = (order.log_limit_bytes, dropped.clone());
    let (done, copied) = oneshot::channel();
    std::thread::spawn(move || {
        copy(reader, log, limit, &counted);
        done.send(())
    });
    let mut reason = None;
    tokio::select! {
        () = run.leader_ended() => {}
        () = tokio::time::sleep(Duration::from_millis(order.time_limit_ms)) => {
            reason = Some(format!("it ran longer than its limit of {} s", order.time_limit_ms / 1000));
        }
        _ = asked.recv() => reason = Some("it was asked to end".to_owned()),
    }
    if reason.is_some() {
        end_group(&mut run, order.kill_grace_ms).await;
    }
    // Whatever it left behind ends with it, and with that the pipe closes.
    let status = run.clear_away(PATIENCE).await;
    crash::point("shim/end");
    // Unless it was handed to a stranger: nobody waits for him.
    let _closed = tokio::time::timeout(PATIENCE, copied).await;
    let dropped_bytes = dropped.load(Ordering::Relaxed);
    match status {
        Ok(status) => RunExit { exit_code: code(status), started: true, reason, dropped_bytes },
        Err(error) => {
            let reason = Some(format!("failed to wait for it: {error}"));
            RunExit { exit_code: 127, started: true, reason, dropped_bytes }
        }
    }
}

/// Asks the group to end, and ends it if it does not.
async fn end_group(run: &mut Offspring, grace_ms: u64) {
    run.signal_group(Signal::TERM);
    if tokio::time::timeout(Duration::from_millis(grace_ms), run.leader_ended()).await.is_err() {
        run.signal_group(Signal::KILL);
        run.leader_ended().await;
    }
}

/// Copies what the run prints; beyond `limit`, and while the disk takes none of it, it is read and dropped, so that the
/// run is never blocked by a full pipe.
fn copy(mut from: impl Read, mut to: File, limit: u64, dropped: &AtomicU64) {
    let mut buffer = vec![0; 64 << 10];
    let mut kept = 0_u64;
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let room = usize::try_from(limit.saturating_sub(kept)).unwrap_or(usize::MAX).min(read);
        let written = write(&mut to, &buffer[..room]);
        kept += written as u64;
        dropped.fetch_add((read - written) as u64, Ordering::Relaxed);
    }
    let dropped = dropped.load(Ordering::Relaxed);
    if dropped > 0 {
        let why = if kept < limit { "the disk did not take them".to_owned() } else { format!("the limit is {limit}") };
        let _best_effort = writeln!(to, "\n[{dropped} more bytes of output were dropped: {why}]");
    }
}

/// Writes what can be written. Answers how many bytes that were.
fn write(to: &mut File, mut bytes: &[u8]) -> usize {
    let mut written = 0;
    while !bytes.is_empty() {
        match to.write(bytes) {
            Ok(0) => break,
            Ok(some) => (written, bytes) = (written + some, &bytes[some..]),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(_) => break,
        }
    }
    written
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]
    use super::*;

    fn copied(output: &[u8], to: File, limit: u64) -> u64 {
        let dropped = AtomicU64::default();
        copy(output, to, limit, &dropped);
        dropped.into_inner()
    }

    #[test]
    fn output_beyond_the_limit_and_what_the_disk_does_not_take_counts_as_dropped() {
        // LAU-1
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join(LOG);
        assert_eq!(copied(b"eight...", File::create(&log).unwrap(), 8), 0);
        assert_eq!(std::fs::read(&log).unwrap(), b"eight...");
        assert_eq!(copied(b"eight...", File::create(&log).unwrap(), 5), 3);
        assert!(std::fs::read_to_string(&log).unwrap().starts_with("eight\n[3 more bytes of output were dropped"));
        let full = || File::options().append(true).open("/dev/full").unwrap();
        assert_eq!([copied(b"eight...", full(), 8), copied(b"eight...", full(), 5)], [8, 8]);
    }
}
