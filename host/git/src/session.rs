//! One `git cat-file --batch-command` process that answers many questions, so that reading an object costs a round
//! trip over a pipe and not a process.
//!
//! Every answer is bounded in time and size. After any surprise the process is dropped, never reused: its stream could
//! be out of step.

use crate::error::GitError;
use crate::process::{Group, RunError, ready};
use crate::repository::Repository;
use crate::wire::{Header, header};
use rustix::event::PollFlags;
use std::io::{ErrorKind, Read, Write};
use std::os::fd::AsFd;
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

const OPERATION: &str = "cat-file";
/// An echoed name is at most a path; no header is longer.
const LINE_LIMIT: usize = 64 * 1024;

/// The process and the bytes that it has said but nobody has asked for yet.
#[derive(Debug)]
pub(crate) struct Session {
    // Dropped last: the pipes close first, then the group goes.
    stdin: ChildStdin,
    stdout: ChildStdout,
    heard: Vec<u8>,
    limit: Duration,
    _group: Group,
}

impl Session {
    pub(crate) fn start(repository: &Repository) -> Result<Self, GitError> {
        let call = repository.call(OPERATION).args(["--batch-command", "-z"]);
        let mut command = call.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut group = Group::start(&mut command).map_err(|error| match error {
            RunError::Start(source) => call.could_not_start(source),
            RunError::Pipe(source) => pipe(source),
            RunError::Timeout | RunError::TooMuchOutput => pipe(std::io::Error::from(ErrorKind::TimedOut)),
        })?;
        let (Some(stdin), Some(stdout)) = (group.child().stdin.take(), group.child().stdout.take()) else {
            return Err(pipe(std::io::Error::from(ErrorKind::NotConnected)));
        };
        for fd in [stdin.as_fd(), stdout.as_fd()] {
            rustix::io::ioctl_fionbio(fd, true).map_err(|error| pipe(error.into()))?;
        }
        let limit = repository.git().settings().local_limit;
        Ok(Self { stdin, stdout, heard: Vec::new(), limit, _group: group })
    }

    /// What `name` is, if it is there.
    pub(crate) fn info(&mut self, name: &[u8]) -> Result<Option<Header>, GitError> {
        let deadline = Instant::now() + self.limit;
        self.ask(b"info ", name, deadline)?;
        self.answer(name, deadline)
    }

    /// The whole of the object that `name` stands for. It must have been found by [`Session::info`] and be small
    /// enough: `limit` guards against its having grown since.
    pub(crate) fn contents(&mut self, name: &[u8], limit: u64) -> Result<Option<(Header, Vec<u8>)>, GitError> {
        let deadline = Instant::now() + self.limit;
        self.ask(b"contents ", name, deadline)?;
        let Some(header) = self.answer(name, deadline)? else { return Ok(None) };
        let size = match usize::try_from(header.size) {
            Ok(size) if header.size <= limit => size,
            _ => return Err(GitError::TooLarge { size: header.size, limit }),
        };
        self.listen(deadline, |heard| heard.len() > size)?;
        let mut content = std::mem::take(&mut self.heard);
        self.heard = content.split_off(size + 1);
        if content.pop() != Some(b'\n') {
            return Err(out_of_step("no line's end after an object"));
        }
        Ok(Some((header, content)))
    }

    fn ask(&mut self, verb: &[u8], name: &[u8], deadline: Instant) -> Result<(), GitError> {
        let question = [verb, name, b"\0"].concat();
        let mut left = question.as_slice();
        while !left.is_empty() {
            match self.stdin.write(left) {
                Ok(written) => left = &left[written..],
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    self.wait(PollFlags::OUT, deadline)?;
                }
                Err(error) => return Err(pipe(error)),
            }
        }
        Ok(())
    }

    /// Reads a header, or the echo that says that there is no such object. The echo repeats the name as it is, line's
    /// ends included, so it is compared and never parsed.
    fn answer(&mut self, name: &[u8], deadline: Instant) -> Result<Option<Header>, GitError> {
        let end = self.listen(deadline, |heard| heard.contains(&b'\n') || heard.len() > LINE_LIMIT)?;
        if let Some(end) = end
            && let Some(found) = header(&self.heard[..end])
        {
            self.heard.drain(..=end);
            return Ok(Some(found));
        }
        let missing = [name, b" missing\n"].concat();
        self.listen(deadline, |heard| heard.len() >= missing.len() || !missing.starts_with(heard))?;
        if self.heard == missing {
            self.heard.clear();
            return Ok(None);
        }
        // Newer versions say `<id> submodule` for a path at which another repository is mounted.
        let line = self.heard.strip_suffix(b" submodule\n");
        if line.is_some_and(|id| id.iter().all(u8::is_ascii_hexdigit)) {
            self.heard.clear();
            return Ok(None);
        }
        Err(out_of_step("an answer to no question"))
    }

    /// Reads until `enough`; answers where the first line ends, if one does.
    fn listen(&mut self, deadline: Instant, enough: impl Fn(&[u8]) -> bool) -> Result<Option<usize>, GitError> {
        let mut piece = vec![0; 64 * 1024];
        while !enough(&self.heard) {
            match self.stdout.read(&mut piece) {
                Ok(0) => return Err(pipe(ErrorKind::UnexpectedEof.into())),
                Ok(read) => self.heard.extend_from_slice(&piece[..read]),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.wait(PollFlags::IN, deadline)?,
                Err(error) => return Err(pipe(error)),
            }
        }
        Ok(self.heard.iter().position(|&byte| byte == b'\n'))
    }

    fn wait(&self, what: PollFlags, deadline: Instant) -> Result<(), GitError> {
        let fd = if what == PollFlags::OUT { self.stdin.as_fd() } else { self.stdout.as_fd() };
        match ready(fd, what, deadline) {
            Ok(true) => Ok(()),
            Ok(false) => {
                let limit_ms = u64::try_from(self.limit.as_millis()).unwrap_or(u64::MAX);
                Err(GitError::Timeout { operation: OPERATION.to_owned(), limit_ms })
            }
            Err(error) => Err(pipe(error)),
        }
    }
}

fn pipe(source: std::io::Error) -> GitError {
    GitError::Pipe { operation: OPERATION.to_owned(), source }
}

fn out_of_step(detail: &str) -> GitError {
    GitError::Malformed { operation: OPERATION.to_owned(), detail: detail.to_owned() }
}
