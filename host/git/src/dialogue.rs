//! A conversation with one long-lived git process over its pipes: questions are queued, answers are read as they come, and
//! while one waits for either the other goes on, so that any number of questions may be asked at once.
//!
//! Every wait is bounded. After any surprise the process is dropped, never reused: its stream could be out of step.

use crate::call::Call;
use crate::error::GitError;
use crate::process::{Group, RunError, poll_until};
use rustix::buffer::spare_capacity;
use rustix::event::{PollFd, PollFlags};
use rustix::io::Errno;
use std::io::{ErrorKind, Write};
use std::os::fd::AsFd;
use std::process::{ChildStdin, ChildStdout, Stdio};
use std::time::{Duration, Instant};

/// Read at once, at most.
const GULP: usize = 256 * 1024;
/// An echoed name is at most a path; nothing else that is read up to a mark is longer.
const MARK_LIMIT: usize = 64 * 1024;

/// The process, what it has not been told yet, and what it has said but nobody has taken yet.
#[derive(Debug)]
pub(crate) struct Dialogue {
    // Dropped last: the pipes close first, then the group goes.
    stdin: ChildStdin,
    stdout: ChildStdout,
    operation: &'static str,
    unsaid: Vec<u8>,
    said: usize,
    heard: Vec<u8>,
    taken: usize,
    limit: Duration,
    /// Until when the answer that is waited for must have come.
    deadline: Instant,
    _group: Group,
}

impl Dialogue {
    /// Starts `call`, which is for `operation`; each answer may take as long as `limit`; see [`Dialogue::start_clock`].
    pub(crate) fn start(call: &Call<'_>, operation: &'static str, limit: Duration) -> Result<Self, GitError> {
        let pipe = |source| GitError::Pipe { operation: operation.to_owned(), source };
        let mut command = call.command();
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut group = Group::start(&mut command).map_err(|error| match error {
            RunError::Start(source) => call.could_not_start(source),
            RunError::Pipe(source) => pipe(source),
            RunError::Timeout | RunError::TooMuchOutput => pipe(ErrorKind::TimedOut.into()),
        })?;
        let (Some(stdin), Some(stdout)) = (group.child().stdin.take(), group.child().stdout.take()) else {
            return Err(pipe(ErrorKind::NotConnected.into()));
        };
        for fd in [stdin.as_fd(), stdout.as_fd()] {
            rustix::io::ioctl_fionbio(fd, true).map_err(|error| pipe(error.into()))?;
        }
        let (unsaid, heard) = (Vec::new(), Vec::new());
        let deadline = Instant::now() + limit;
        Ok(Self { stdin, stdout, operation, unsaid, said: 0, heard, taken: 0, limit, deadline, _group: group })
    }

    /// From now on the answer to a question, or to all that were asked together, is waited for as long as the limit says.
    pub(crate) fn start_clock(&mut self) {
        self.deadline = Instant::now() + self.limit;
    }

    /// As if the last question had been asked as long ago as the limit says.
    #[cfg(test)]
    pub(crate) fn run_out(&mut self) {
        self.deadline = Instant::now();
    }

    /// Queues a question.
    pub(crate) fn say(&mut self, words: &[&[u8]]) {
        for word in words {
            self.unsaid.extend_from_slice(word);
        }
    }

    /// Tells the process as much of what is queued as it takes without waiting.
    ///
    /// # Errors
    /// It has gone.
    pub(crate) fn speak(&mut self) -> Result<(), GitError> {
        while self.said < self.unsaid.len() {
            match self.stdin.write(&self.unsaid[self.said..]) {
                Ok(written) => self.said += written,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(self.broken(error)),
            }
        }
        self.unsaid.clear();
        self.said = 0;
        Ok(())
    }

    /// What has been heard and not been taken.
    pub(crate) fn heard(&self) -> &[u8] {
        &self.heard[self.taken..]
    }

    /// Takes `count` bytes of what was heard off.
    pub(crate) fn take(&mut self, count: usize) {
        self.taken = (self.taken + count).min(self.heard.len());
        if self.taken == self.heard.len() {
            self.heard.clear();
            self.taken = 0;
        }
    }

    /// Waits until `enough` of what was heard.
    ///
    /// # Errors
    /// The process has ended, or the deadline has come.
    pub(crate) fn listen(&mut self, enough: impl Fn(&[u8]) -> bool) -> Result<(), GitError> {
        while !enough(self.heard()) {
            self.hear()?;
        }
        Ok(())
    }

    /// Waits for what ends with `mark`, and answers how long it is without it.
    ///
    /// # Errors
    /// As for [`Dialogue::listen`], and when it is longer than anything that git says.
    pub(crate) fn listen_to(&mut self, mark: u8) -> Result<usize, GitError> {
        let mut looked = 0;
        loop {
            let heard = self.heard();
            if let Some(at) = heard[looked..].iter().position(|&byte| byte == mark) {
                return Ok(looked + at);
            }
            looked = heard.len();
            if looked > MARK_LIMIT {
                return Err(self.out_of_step("a line without an end"));
            }
            self.hear()?;
        }
    }

    /// Hears at least one byte more, and goes on telling meanwhile.
    fn hear(&mut self) -> Result<(), GitError> {
        // A process that always has something to say would hide the deadline from the wait below.
        if Instant::now() >= self.deadline {
            return Err(self.late());
        }
        if self.taken > 0 {
            self.heard.drain(..self.taken);
            self.taken = 0;
        }
        loop {
            self.speak()?;
            self.heard.reserve(GULP);
            match rustix::io::read(&self.stdout, spare_capacity(&mut self.heard)) {
                Ok(0) => return Err(self.broken(ErrorKind::UnexpectedEof.into())),
                Ok(_) => return Ok(()),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => self.wait()?,
                Err(error) => return Err(self.broken(error.into())),
            }
        }
    }

    fn wait(&self) -> Result<(), GitError> {
        let mut waits = vec![PollFd::new(&self.stdout, PollFlags::IN)];
        if !self.unsaid.is_empty() {
            waits.push(PollFd::new(&self.stdin, PollFlags::OUT));
        }
        match poll_until(&mut waits, self.deadline) {
            Ok(true) => Ok(()),
            Ok(false) => Err(self.late()),
            Err(error) => Err(self.broken(error)),
        }
    }

    fn late(&self) -> GitError {
        let limit_ms = u64::try_from(self.limit.as_millis()).unwrap_or(u64::MAX);
        GitError::Timeout { operation: self.operation.to_owned(), limit_ms }
    }

    fn broken(&self, source: std::io::Error) -> GitError {
        GitError::Pipe { operation: self.operation.to_owned(), source }
    }

    /// The process said what answers no question.
    pub(crate) fn out_of_step(&self, detail: &str) -> GitError {
        GitError::Malformed { operation: self.operation.to_owned(), detail: detail.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where its set-up fails")]
    use super::*;
    use crate::git::GitSettings;

    const SHORT: Duration = Duration::from_millis(50);
    const LONG: Duration = Duration::from_secs(120);

    /// With a shell that runs `script`, in git's place.
    fn dialogue(script: &str, limit: Duration) -> Dialogue {
        let settings = GitSettings { program: "/bin/sh".into(), ..GitSettings::default() };
        let mut dialogue = Dialogue::start(&Call::new(&settings, "-c").arg(script), "cat-file", limit).unwrap();
        dialogue.start_clock();
        dialogue
    }

    #[test]
    fn a_process_that_does_not_answer_is_given_up_at_the_limit() {
        let mut dialogue = dialogue("sleep 1; exec echo late", SHORT);
        dialogue.say(&[b"question\n"]);
        let late = dialogue.listen(|heard| !heard.is_empty()).unwrap_err();
        assert!(matches!(late, GitError::Timeout { limit_ms: 50, .. }), "{late:?}");
    }

    #[test]
    fn a_process_that_does_not_take_its_questions_is_given_up_at_the_limit() {
        let mut dialogue = dialogue("sleep 1; exec cat", SHORT);
        // More than any pipe holds.
        dialogue.say(&[&[b'q'; 8 << 20]]);
        let late = dialogue.listen(|heard| !heard.is_empty()).unwrap_err();
        assert!(matches!(late, GitError::Timeout { .. }), "{late:?}");
    }

    #[test]
    fn an_answer_that_comes_bit_by_bit_has_one_limit_and_not_one_for_each_bit() {
        // Each bit comes well within the limit, all of them take twenty times as long.
        let mut dialogue = dialogue("while echo; do sleep 0.01; done", SHORT);
        let late = dialogue.listen(|heard| heard.len() >= 100).unwrap_err();
        assert!(matches!(late, GitError::Timeout { .. }), "{late:?}");
    }

    #[test]
    fn the_limit_holds_even_if_there_is_always_something_to_hear() {
        let mut dialogue = dialogue("exec yes", LONG);
        assert!(poll_until(&mut [PollFd::new(&dialogue.stdout, PollFlags::IN)], dialogue.deadline).unwrap());
        dialogue.run_out();
        let late = dialogue.listen(|heard| !heard.is_empty()).unwrap_err();
        assert!(matches!(late, GitError::Timeout { .. }), "{late:?}");
    }

    #[test]
    fn each_question_starts_the_clock_anew() {
        let mut dialogue = dialogue("exec cat", LONG);
        dialogue.run_out();
        dialogue.start_clock();
        dialogue.say(&[b"question\n"]);
        assert_eq!(dialogue.listen_to(b'\n').unwrap(), 8);
    }
}
