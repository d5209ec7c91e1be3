//! One `git cat-file --batch-command` process that answers many questions, so that reading an object costs a round
//! trip over a pipe and not a process, and reading many costs one round trip for all.

use crate::dialogue::Dialogue;
use crate::error::GitError;
use crate::kept::Keep;
use crate::repository::Repository;
use crate::wire::{Header, header};

const OPERATION: &str = "cat-file";

/// The process. Answers come in the order of the questions; each question must be answered before the session is used for
/// anything else.
#[derive(Debug)]
pub(crate) struct Session {
    dialogue: Dialogue,
}

impl Keep for Session {}

impl Session {
    pub(crate) fn start(repository: &Repository) -> Result<Self, GitError> {
        let call = repository.reading(OPERATION).args(["--batch-command", "-z"]);
        let limit = repository.git().settings().local_limit;
        Ok(Self { dialogue: Dialogue::start(&call, OPERATION, limit)? })
    }

    /// What `name` is, if it is there.
    pub(crate) fn info(&mut self, name: &[u8]) -> Result<Option<Header>, GitError> {
        self.start_clock();
        self.ask_info(name);
        self.answer(name)
    }

    /// What each of `names` is, in their order; all are asked at once.
    pub(crate) fn infos(&mut self, names: &[&[u8]]) -> Result<Vec<Option<Header>>, GitError> {
        self.start_clock();
        names.iter().for_each(|name| self.ask_info(name));
        names.iter().map(|name| self.answer(name)).collect()
    }

    /// The whole of the object that `name` stands for. It must have been found by [`Session::info`] and be small
    /// enough: `limit` guards against its having grown since.
    pub(crate) fn contents(&mut self, name: &[u8], limit: u64) -> Result<Option<(Header, Vec<u8>)>, GitError> {
        self.start_clock();
        self.ask_contents(name);
        self.contents_answer(name, limit)
    }

    /// See [`Dialogue::start_clock`]; for those who ask and take answers by themselves.
    pub(crate) fn start_clock(&mut self) {
        self.dialogue.start_clock();
    }

    /// Queues the question for an object's bytes.
    pub(crate) fn ask_contents(&mut self, name: &[u8]) {
        self.dialogue.say(&[b"contents ", name, b"\0"]);
    }

    /// Lets git begin to answer.
    pub(crate) fn speak(&mut self) -> Result<(), GitError> {
        self.dialogue.speak()
    }

    /// The answer to [`Session::ask_contents`], for an object of at most `limit` bytes.
    pub(crate) fn contents_answer(&mut self, name: &[u8], limit: u64) -> Result<Option<(Header, Vec<u8>)>, GitError> {
        let Some(header) = self.answer(name)? else { return Ok(None) };
        let size = match usize::try_from(header.size) {
            Ok(size) if header.size <= limit => size,
            _ => return Err(GitError::TooLarge { size: header.size, limit }),
        };
        let content = self.read(size)?;
        self.end_of_object()?;
        Ok(Some((header, content)))
    }

    /// The next `count` bytes of the object whose header was read last.
    pub(crate) fn read(&mut self, count: usize) -> Result<Vec<u8>, GitError> {
        let mut bytes = Vec::with_capacity(count);
        loop {
            let heard = self.dialogue.heard();
            let more = heard.len().min(count - bytes.len());
            bytes.extend_from_slice(&heard[..more]);
            self.dialogue.take(more);
            if bytes.len() == count {
                return Ok(bytes);
            }
            self.dialogue.listen(|heard| !heard.is_empty())?;
        }
    }

    /// Reads what git puts behind an object's last byte.
    pub(crate) fn end_of_object(&mut self) -> Result<(), GitError> {
        match self.read(1)?.as_slice() {
            b"\n" => Ok(()),
            _ => Err(self.dialogue.out_of_step("no line's end after an object")),
        }
    }

    fn ask_info(&mut self, name: &[u8]) {
        self.dialogue.say(&[b"info ", name, b"\0"]);
    }

    /// Reads a header, or the echo that says that there is no such object. The echo repeats the name as it is, line's
    /// ends included, so it is compared and never parsed.
    pub(crate) fn answer(&mut self, name: &[u8]) -> Result<Option<Header>, GitError> {
        let end = self.dialogue.listen_to(b'\n')?;
        if let Some(found) = header(&self.dialogue.heard()[..end]) {
            self.dialogue.take(end + 1);
            return Ok(Some(found));
        }
        let missing = [name, b" missing\n"].concat();
        let differs = |heard: &[u8]| heard.iter().zip(&missing).any(|(heard, wanted)| heard != wanted);
        self.dialogue.listen(|heard| heard.len() >= missing.len() || differs(heard))?;
        if self.dialogue.heard().starts_with(&missing) {
            self.dialogue.take(missing.len());
            return Ok(None);
        }
        // Newer versions say `<id> submodule` for a path at which another repository is mounted.
        let line = self.dialogue.heard()[..end].strip_suffix(b" submodule");
        if line.is_some_and(|id| id.iter().all(u8::is_ascii_hexdigit)) {
            self.dialogue.take(end + 1);
            return Ok(None);
        }
        Err(self.dialogue.out_of_step("an answer to no question"))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test ends where its set-up fails")]
    use super::*;
    use crate::git::{Git, GitSettings};
    use portcullis_testkit::TempRepo;

    #[test]
    fn a_process_that_was_kept_for_long_has_the_whole_limit_for_its_next_question() {
        let repo = TempRepo::with_commit("a.txt", "one\n");
        let head = repo.head();
        let name = head.as_str().as_bytes();
        let repository = Repository::open(&Git::new(GitSettings::default()), &repo.origin()).unwrap();
        let mut session = Session::start(&repository).unwrap();
        session.dialogue.run_out();
        assert!(session.info(name).unwrap().is_some());
        session.dialogue.run_out();
        assert_eq!(session.infos(&[name, name]).unwrap().len(), 2);
        session.dialogue.run_out();
        assert!(session.contents(name, 1_000).unwrap().is_some());

        let reader = repository.reader();
        let blob = reader.changes(None, &head).unwrap().remove(0).after.unwrap();
        session.dialogue.run_out();
        reader.sessions.put_back(session);
        let mut stream = reader.open_blobs(vec![blob]).unwrap();
        assert_eq!(stream.next_pieces().unwrap()[0].bytes, b"one\n");
    }
}
