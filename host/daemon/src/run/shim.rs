//! The shim: parent of one run, started by the daemon, outliving it.
//!
//! It reads `run.json` in the run's folder, starts the command in its own process group, copies what it prints to
//! `output.log` up to a limit, ends the whole group when the time is up or when it is asked to (SIGTERM), and at last
//! writes `exit.json` by rename. It knows no database and no network: what it wrote is what the next daemon believes.

use crate::crash;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

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
/// Only if the folder itself is unusable: everything else is an exit record.
pub fn main(folder: &Path) -> anyhow::Result<()> {
    use anyhow::Context;
    let order: RunOrder =
        serde_json::from_slice(&std::fs::read(folder.join(ORDER)).context("failed to read run.json")?)
            .context("run.json is malformed")?;
    // Orphans of the run come to us instead of to init, so that the group's end is seen.
    if let Err(error) = rustix::process::set_child_subreaper(Some(rustix::process::getpid())) {
        tracing::debug!(%error, "not a sub-reaper");
    }
    let log = File::options().create(true).append(true).open(folder.join(LOG)).context("failed to open output.log")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let exit = runtime.block_on(supervise(&order, log));
    let part = folder.join("exit.part");
    let mut file = File::create(&part)?;
    file.write_all(&serde_json::to_vec(&exit)?)?;
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
    let mut command = tokio::process::Command::new(program);
    command.args(arguments).current_dir(&order.folder).env_clear().envs(&order.env).stdin(Stdio::null());
    command.process_group(0).stdout(writer).stderr(second.map_or_else(|_| Stdio::null(), Stdio::from));
    crash::point("shim/start/before");
    let spawned = command.spawn();
    crash::point("shim/start/after");
    // It holds our ends of the pipe, which would never close otherwise.
    drop(command);
    let mut child = match spawned {
        Ok(child) => child,
        Err(error) => {
            let reason = format!("failed to start `{program}` in {}: {error}", order.folder.display());
            let _best_effort = writeln!(log, "{reason}");
            return failed(reason);
        }
    };
    let group = child.id();
    let limit = order.log_limit_bytes;
    let copying = std::thread::spawn(move || copy(reader, log, limit));
    let mut reason = None;
    let status = tokio::select! {
        status = child.wait() => status,
        () = tokio::time::sleep(Duration::from_millis(order.time_limit_ms)) => {
            reason = Some(format!("it ran longer than its limit of {} s", order.time_limit_ms / 1000));
            end_group(&mut child, group, order.kill_grace_ms).await
        }
        _ = asked.recv() => {
            reason = Some("it was asked to end".to_owned());
            end_group(&mut child, group, order.kill_grace_ms).await
        }
    };
    // Whatever it left behind in its group ends with it, and with that the pipe closes.
    kill_group(group, rustix::process::Signal::KILL);
    crash::point("shim/end");
    let dropped_bytes = copying.join().unwrap_or(0);
    match status {
        Ok(status) => RunExit { exit_code: code(status), started: true, reason, dropped_bytes },
        Err(error) => {
            let reason = Some(format!("failed to wait for it: {error}"));
            RunExit { exit_code: 127, started: true, reason, dropped_bytes }
        }
    }
}

async fn end_group(
    child: &mut tokio::process::Child,
    group: Option<u32>,
    grace_ms: u64,
) -> std::io::Result<ExitStatus> {
    kill_group(group, rustix::process::Signal::TERM);
    match tokio::time::timeout(Duration::from_millis(grace_ms), child.wait()).await {
        Ok(status) => status,
        Err(_) => {
            kill_group(group, rustix::process::Signal::KILL);
            child.wait().await
        }
    }
}

fn kill_group(group: Option<u32>, signal: rustix::process::Signal) {
    let pid = group.and_then(|g| i32::try_from(g).ok()).and_then(rustix::process::Pid::from_raw);
    if let Some(pid) = pid {
        // An error means that nobody of the group is left.
        let _nobody_left = rustix::process::kill_process_group(pid, signal);
    }
}

/// Copies what the run prints; beyond `limit` it is read and dropped, so that the run is never blocked by a full pipe.
fn copy(mut from: impl Read, mut to: File, limit: u64) -> u64 {
    let mut buffer = vec![0; 64 << 10];
    let (mut kept, mut dropped) = (0_u64, 0_u64);
    while let Ok(read @ 1..) = from.read(&mut buffer) {
        let room = usize::try_from(limit.saturating_sub(kept)).unwrap_or(usize::MAX).min(read);
        if to.write_all(&buffer[..room]).is_ok() {
            kept += room as u64;
        }
        dropped += (read - room) as u64;
    }
    if dropped > 0 {
        let _best_effort = writeln!(to, "\n[{dropped} more bytes of output were dropped: the limit is {limit}]");
    }
    dropped
}

fn code(status: ExitStatus) -> i32 {
    status.code().unwrap_or_else(|| 128 + status.signal().unwrap_or(0))
}
