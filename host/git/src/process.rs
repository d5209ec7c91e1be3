//! How one process is run so that it can neither hang nor flood the daemon.
//!
//! Each process leads its own group. It is waited for through a pidfd and its pipes are polled, so a limit holds even
//! when a grandchild keeps a pipe open. Past the limit the group gets SIGTERM, which lets git remove its lock files,
//! then SIGKILL. The group is killed before its leader is reaped, because until then its number cannot be reused.

use rustix::event::{PollFd, PollFlags, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};
use std::io::{ErrorKind, Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

/// After SIGTERM, before SIGKILL.
const GRACE: Duration = Duration::from_millis(2_000);
/// Bytes of standard error that are kept: its end says why.
const COMPLAINT_LIMIT: usize = 8 * 1024;
const PIECE: usize = 64 * 1024;

/// What a process left behind.
#[derive(Debug)]
pub(crate) struct Output {
    pub(crate) status: ExitStatus,
    pub(crate) stdout: Vec<u8>,
    /// Only the end of it.
    pub(crate) stderr: Vec<u8>,
}

/// Why there is no [`Output`].
#[derive(Debug)]
pub(crate) enum RunError {
    Start(std::io::Error),
    Pipe(std::io::Error),
    Timeout,
    TooMuchOutput,
}

/// A child that is killed with its whole group when this value goes.
#[derive(Debug)]
pub(crate) struct Group {
    child: Child,
    ended: OwnedFd,
    reaped: Option<ExitStatus>,
}

impl Group {
    /// Starts `command` as the leader of a new group.
    pub(crate) fn start(command: &mut Command) -> Result<Self, RunError> {
        let mut child = command.process_group(0).spawn().map_err(RunError::Start)?;
        match pidfd_open(pid_of(&child), PidfdFlags::empty()) {
            Ok(ended) => Ok(Self { child, ended, reaped: None }),
            Err(error) => {
                let _ = child.kill();
                let _ = child.wait();
                Err(RunError::Start(error.into()))
            }
        }
    }

    pub(crate) fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    /// Ends whatever is left of the group and reaps its leader.
    fn reap(&mut self) -> Result<ExitStatus, RunError> {
        if let Some(status) = self.reaped {
            return Ok(status);
        }
        self.signal(Signal::KILL);
        let status = self.child.wait().map_err(RunError::Pipe)?;
        self.reaped = Some(status);
        Ok(status)
    }

    /// Asks first, then insists.
    fn end(&mut self) {
        self.signal(Signal::TERM);
        let mut wait = [PollFd::new(&self.ended, PollFlags::IN)];
        // An interrupted wait only shortens the grace.
        let _ = poll_until(&mut wait, Instant::now() + GRACE);
        let _ = self.reap();
    }

    fn signal(&self, signal: Signal) {
        // A group that has gone is what was wanted.
        let _ = kill_process_group(pid_of(&self.child), signal);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        let _ = self.reap();
    }
}

/// Runs `command` to its end, feeding it `input`, for at most `limit` and at most `stdout_limit` bytes.
pub(crate) fn run(
    command: &mut Command,
    input: &[u8],
    limit: Duration,
    stdout_limit: usize,
) -> Result<Output, RunError> {
    let deadline = Instant::now() + limit;
    let stdin = if input.is_empty() { Stdio::null() } else { Stdio::piped() };
    command.stdin(stdin).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut group = Group::start(command)?;
    let result = exchange(&mut group, input, deadline, stdout_limit);
    match result {
        Ok((stdout, stderr)) => Ok(Output { status: group.reap()?, stdout, stderr }),
        Err(error) => {
            group.end();
            Err(error)
        }
    }
}

/// Moves bytes until the process has ended.
fn exchange(
    group: &mut Group,
    mut input: &[u8],
    deadline: Instant,
    stdout_limit: usize,
) -> Result<(Vec<u8>, Vec<u8>), RunError> {
    let mut stdin = group.child.stdin.take();
    let mut stdout = group.child.stdout.take();
    let mut stderr = group.child.stderr.take();
    let pipes = [stdin.as_ref().map(AsFd::as_fd), stdout.as_ref().map(AsFd::as_fd), stderr.as_ref().map(AsFd::as_fd)];
    for pipe in pipes.into_iter().flatten() {
        rustix::io::ioctl_fionbio(pipe, true).map_err(|error| RunError::Pipe(error.into()))?;
    }
    let (mut out, mut complaint) = (Vec::new(), Vec::new());
    loop {
        let mut waits = vec![PollFd::new(&group.ended, PollFlags::IN)];
        waits.extend(stdout.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        waits.extend(stderr.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::IN)));
        waits.extend(stdin.as_ref().map(|pipe| PollFd::new(pipe, PollFlags::OUT)));
        // The clock is asked again because a pipe that is always ready would hide the deadline from the poll.
        if !poll_until(&mut waits, deadline).map_err(RunError::Pipe)? || Instant::now() >= deadline {
            return Err(RunError::Timeout);
        }
        // Asked before the pipes are drained, so that nothing written before the end is missed.
        let ended = !waits[0].revents().is_empty();
        drop(waits);
        if let Some(pipe) = &mut stdin
            && !feed(pipe, &mut input).map_err(RunError::Pipe)?
        {
            stdin = None;
        }
        // One pipe that never runs dry must not starve the deadline: each round takes a bounded bite.
        let more = drain(&mut stdout, &mut out, stdout_limit.saturating_add(1)).map_err(RunError::Pipe)?;
        if out.len() > stdout_limit {
            return Err(RunError::TooMuchOutput);
        }
        drain(&mut stderr, &mut complaint, usize::MAX).map_err(RunError::Pipe)?;
        if complaint.len() > 2 * COMPLAINT_LIMIT {
            complaint.drain(..complaint.len() - COMPLAINT_LIMIT);
        }
        if ended && !more {
            return Ok((out, complaint));
        }
    }
}

/// Writes what fits. False: nothing is left to write, or nobody reads any more.
fn feed(pipe: &mut impl Write, input: &mut &[u8]) -> std::io::Result<bool> {
    while !input.is_empty() {
        match pipe.write(input) {
            Ok(written) => *input = &input[written..],
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(true),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            // The process will say by its exit status why it read no further.
            Err(error) if error.kind() == ErrorKind::BrokenPipe => return Ok(false),
            Err(error) => return Err(error),
        }
    }
    Ok(false)
}

/// Reads what is there, up to 16 pieces and up to `limit` bytes in all. True: there may be more at once. The pipe is
/// dropped at its end.
fn drain<R: Read>(pipe: &mut Option<R>, into: &mut Vec<u8>, limit: usize) -> std::io::Result<bool> {
    let mut piece = [0; PIECE];
    for _ in 0..16 {
        let Some(open) = pipe else { return Ok(false) };
        if into.len() >= limit {
            return Ok(true);
        }
        match open.read(&mut piece) {
            Ok(0) => *pipe = None,
            Ok(read) => into.extend_from_slice(&piece[..read]),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

/// Waits until one of `fds` is ready. False: the deadline came first.
pub(crate) fn poll_until(fds: &mut [PollFd<'_>], deadline: Instant) -> std::io::Result<bool> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        // A span too long for the system call is cut: the loop then waits again.
        let left = left.min(Duration::from_secs(3_600)).try_into().unwrap_or_default();
        match poll(fds, Some(&left)) {
            Ok(0) if Instant::now() >= deadline => return Ok(false),
            Ok(0) | Err(rustix::io::Errno::INTR) => {}
            Ok(_) => return Ok(true),
            Err(error) => return Err(error.into()),
        }
    }
}

fn pid_of(child: &Child) -> Pid {
    Pid::from_child(child)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its set-up fails")]
    use super::*;

    #[expect(clippy::disallowed_methods, reason = "a process that misbehaves as no git would")]
    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    const LONG: Duration = Duration::from_secs(60);

    #[test]
    fn a_process_gets_its_input_and_its_output_comes_back() {
        let input = vec![b'x'; 3_000_000];
        let output = run(&mut shell("cat; echo oops >&2; exit 3"), &input, LONG, 4_000_000).unwrap();
        assert_eq!(output.stdout, input);
        assert_eq!(output.stderr, b"oops\n");
        assert_eq!(output.status.code(), Some(3));
    }

    #[test]
    fn a_process_past_its_limit_is_ended_with_all_that_it_started() {
        let folder = tempfile::tempdir().unwrap();
        let note = folder.path().join("pid");
        // The grandchild ignores the polite signal and keeps both pipes open.
        let script = format!("(trap '' TERM; while :; do sleep 600; done) & echo $! > '{}'; wait", note.display());
        // Long enough for the shell to write the note on a busy machine.
        let result = run(&mut shell(&script), b"", Duration::from_secs(3), 1_000);
        assert!(matches!(result, Err(RunError::Timeout)), "{result:?}");
        let grandchild: i32 = std::fs::read_to_string(&note).unwrap().trim().parse().unwrap();
        portcullis_testkit::eventually("the grandchild is gone", LONG, || {
            let state = std::fs::read_to_string(format!("/proc/{grandchild}/stat")).unwrap_or_default();
            state.is_empty() || state.contains(") Z ")
        });
    }

    #[test]
    fn a_process_that_ends_is_not_waited_for_because_a_grandchild_holds_its_pipes() {
        let output = run(&mut shell("sleep 600 & echo done"), b"", LONG, 1_000).unwrap();
        assert_eq!(output.stdout, b"done\n");
    }

    #[test]
    fn a_flood_is_cut_at_the_limit_and_a_flood_of_complaints_keeps_its_end() {
        let result = run(&mut shell("yes"), b"", LONG, 100_000);
        assert!(matches!(result, Err(RunError::TooMuchOutput)), "{result:?}");
        let output = run(&mut shell("yes | head -c 3000000 >&2; echo the end >&2"), b"", LONG, 10).unwrap();
        assert!(output.stderr.ends_with(b"the end\n"));
        assert!(output.stderr.len() <= 2 * COMPLAINT_LIMIT + 16 * PIECE);
    }
}
