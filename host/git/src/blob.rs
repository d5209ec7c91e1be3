//! A blob's bytes in pieces, whatever its size.
//!
//! A small blob is one piece and comes through the reader's session; a large one is streamed by a process of its own,
//! so that several can be read side by side and none is ever held in memory whole.

use crate::error::GitError;
use crate::process::{Group, RunError, ready};
use crate::reader::ObjectReader;
use portcullis_core::facts::RepositoryError;
use portcullis_core::ids::Revision;
use rustix::event::PollFlags;
use std::io::{ErrorKind, Read};
use std::os::fd::AsFd;
use std::process::{ChildStdout, Stdio};
use std::sync::Arc;
use std::time::Instant;

/// Largest piece.
pub const PIECE_BYTES: usize = 1024 * 1024;
/// Large blobs that one reader may stream at the same time: each is a process.
const STREAM_LIMIT: usize = 16;

/// Reads one blob from its beginning to its end, once.
#[derive(Debug)]
pub struct BlobReader {
    reader: ObjectReader,
    id: Revision,
    size: u64,
    left: u64,
    stream: Option<Stream>,
}

/// Counts the large blobs that a reader streams: its references, less one.
#[derive(Debug, Default)]
pub(crate) struct Streams(Arc<()>);

#[derive(Debug)]
struct Stream {
    stdout: ChildStdout,
    _group: Group,
    _ticket: Arc<()>,
}

impl BlobReader {
    pub(crate) fn new(reader: ObjectReader, id: Revision, size: u64) -> Self {
        Self { reader, id, size, left: size, stream: None }
    }

    /// Bytes in all.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// The next piece, of at most 1 MiB; an empty one says that all has been read.
    ///
    /// # Errors
    /// [`RepositoryError::Failed`] if git ends early, stalls, or 16 large blobs are being read already.
    pub fn next_piece(&mut self) -> Result<Vec<u8>, RepositoryError> {
        if self.left == 0 {
            self.stream = None;
            return Ok(Vec::new());
        }
        let piece = if self.size <= PIECE_BYTES as u64 { self.whole()? } else { self.piece()? };
        self.left -= (piece.len() as u64).min(self.left);
        if self.left == 0 {
            self.stream = None;
        }
        Ok(piece)
    }

    fn whole(&self) -> Result<Vec<u8>, RepositoryError> {
        let found = self.reader.contents(self.id.as_str().as_bytes(), self.size)?;
        let (_, content) = found.ok_or_else(|| RepositoryError::NotFound(format!("blob {}", self.id)))?;
        Ok(content)
    }

    fn piece(&mut self) -> Result<Vec<u8>, GitError> {
        let mut stream = match self.stream.take() {
            Some(stream) => stream,
            None => self.open()?,
        };
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(PIECE_BYTES);
        let limit = self.reader.repository.git().settings().local_limit;
        let deadline = Instant::now() + limit;
        let mut piece = vec![0; wanted];
        let mut filled = 0;
        while filled < wanted {
            match stream.stdout.read(&mut piece[filled..]) {
                Ok(0) => return Err(pipe(ErrorKind::UnexpectedEof.into())),
                Ok(read) => filled += read,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    if !ready(stream.stdout.as_fd(), PollFlags::IN, deadline).map_err(pipe)? {
                        let limit_ms = u64::try_from(limit.as_millis()).unwrap_or(u64::MAX);
                        return Err(GitError::Timeout { operation: "cat-file".to_owned(), limit_ms });
                    }
                }
                Err(error) => return Err(pipe(error)),
            }
        }
        // An error above drops the stream, and with it the process: what follows would have a hole.
        self.stream = Some(stream);
        Ok(piece)
    }

    fn open(&self) -> Result<Stream, GitError> {
        if self.left != self.size {
            return Err(pipe(ErrorKind::UnexpectedEof.into()));
        }
        let ticket = Arc::clone(&self.reader.streams.0);
        // One is the reader's own, one the ticket just taken.
        if Arc::strong_count(&ticket) > STREAM_LIMIT + 1 {
            return Err(GitError::TooMany { what: "large blobs open at once", limit: STREAM_LIMIT });
        }
        let call = self.reader.repository.call("cat-file").args(["blob", self.id.as_str()]);
        let mut command = call.command();
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut group = Group::start(&mut command).map_err(|error| match error {
            RunError::Start(source) => call.could_not_start(source),
            RunError::Pipe(source) => pipe(source),
            RunError::Timeout | RunError::TooMuchOutput => pipe(ErrorKind::TimedOut.into()),
        })?;
        let stdout = group.child().stdout.take().ok_or_else(|| pipe(ErrorKind::NotConnected.into()))?;
        rustix::io::ioctl_fionbio(&stdout, true).map_err(|error| pipe(error.into()))?;
        Ok(Stream { stdout, _group: group, _ticket: ticket })
    }
}

fn pipe(source: std::io::Error) -> GitError {
    GitError::Pipe { operation: "cat-file".to_owned(), source }
}
