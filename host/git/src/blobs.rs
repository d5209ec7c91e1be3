//! Many objects' bytes in pieces, in the order in which they were asked for, whatever their size.
//!
//! All are asked for at once and come through one process, which works ahead as far as its pipe holds. Small ones share an
//! answer, large ones take several: no more than an answer is ever held in memory.

use crate::error::GitError;
use crate::reader::ObjectReader;
use crate::session::Session;
use portcullis_core::facts::{Piece, RepositoryError};
use portcullis_core::ids::Revision;
use std::sync::Arc;

/// Most bytes of one answer.
pub const PIECE_BYTES: usize = 1024 * 1024;
/// Counted for each piece besides its bytes: without it an answer could hold any number of empty ones.
const PIECE_COST: usize = 64;
/// Most objects of one question.
pub const BLOB_LIMIT: usize = 10_000;
/// Streams that one reader may have open at the same time: each is a process.
const STREAM_LIMIT: usize = 16;

/// Reads blobs from the first to the last, once. One that failed, or is dropped before its end, takes its process along.
#[derive(Debug)]
pub struct BlobStream {
    reader: ObjectReader,
    ids: Vec<Revision>,
    /// The object that comes next, or is being read.
    at: usize,
    /// Its size, and how much of it is still to come, once its header has been read.
    open: Option<(u64, u64)>,
    session: Option<Session>,
    _ticket: Arc<()>,
}

/// Counts a reader's open streams: its references, less one.
#[derive(Debug, Default)]
pub(crate) struct Streams(Arc<()>);

impl ObjectReader {
    /// Opens files' contents by their object names, to be read in pieces.
    ///
    /// # Errors
    /// [`RepositoryError::Failed`] past 10 000 names, if 16 streams are open already, or if git cannot be started. What is
    /// not there is told when its turn comes.
    pub fn open_blobs(&self, ids: Vec<Revision>) -> Result<BlobStream, RepositoryError> {
        if ids.len() > BLOB_LIMIT {
            return Err(GitError::TooMany { what: "objects", limit: BLOB_LIMIT }.into());
        }
        let ticket = Arc::clone(&self.streams.0);
        if ids.is_empty() {
            return Ok(BlobStream { reader: self.clone(), ids, at: 0, open: None, session: None, _ticket: ticket });
        }
        // One is the reader's own, one the ticket just taken.
        if Arc::strong_count(&ticket) > STREAM_LIMIT + 1 {
            return Err(GitError::TooMany { what: "streams of objects open at once", limit: STREAM_LIMIT }.into());
        }
        let mut session = self.sessions.check_out(|| Session::start(&self.repository))?;
        ids.iter().for_each(|id| session.ask_contents(id.as_str().as_bytes()));
        session.speak()?;
        Ok(BlobStream { reader: self.clone(), ids, at: 0, open: None, session: Some(session), _ticket: ticket })
    }
}

impl BlobStream {
    /// Whether all has been read.
    pub fn is_at_its_end(&self) -> bool {
        self.at == self.ids.len()
    }

    /// The next pieces, of at most 1 MiB together; none says that all has been read. An empty object is one empty piece.
    ///
    /// # Errors
    /// [`RepositoryError::NotFound`] if an object is not there or no blob; [`RepositoryError::Failed`] if git ends early or
    /// stalls. Nothing more comes after that.
    pub fn next_pieces(&mut self) -> Result<Vec<Piece>, RepositoryError> {
        if self.is_at_its_end() {
            return Ok(Vec::new());
        }
        let Some(mut session) = self.session.take() else {
            return Err(RepositoryError::Failed("reading these objects has failed before".to_owned()));
        };
        // An error drops the session: what would follow has a hole.
        let pieces = self.fill(&mut session)?;
        if self.is_at_its_end() {
            self.reader.sessions.put_back(session);
        } else {
            self.session = Some(session);
        }
        Ok(pieces)
    }

    fn fill(&mut self, session: &mut Session) -> Result<Vec<Piece>, RepositoryError> {
        session.start_clock();
        let mut pieces = Vec::new();
        let mut room = PIECE_BYTES;
        while room > 0
            && let Some(id) = self.ids.get(self.at)
        {
            let (size, left) = match self.open.take() {
                Some(open) => open,
                None => {
                    let size = size_of(id, session)?;
                    (size, size)
                }
            };
            let count = usize::try_from(left).unwrap_or(usize::MAX).min(room);
            let bytes = session.read(count)?;
            room = room.saturating_sub(count + PIECE_COST);
            let left = left - count as u64;
            let index = u32::try_from(self.at).unwrap_or(u32::MAX);
            pieces.push(Piece { index, size, bytes });
            if left == 0 {
                session.end_of_object()?;
                self.at += 1;
            } else {
                self.open = Some((size, left));
            }
        }
        Ok(pieces)
    }
}

fn size_of(id: &Revision, session: &mut Session) -> Result<u64, RepositoryError> {
    match session.answer(id.as_str().as_bytes())? {
        Some(found) if found.kind == "blob" => Ok(found.size),
        Some(found) => Err(RepositoryError::NotFound(format!("blob {id} (it is a {})", found.kind))),
        None => Err(RepositoryError::NotFound(format!("blob {id}"))),
    }
}
