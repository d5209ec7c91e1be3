//! Objects as the host streams them: pieces in, whole objects out.

use crate::source::Blob;
use portcullis_gate_sdk::Refusal;
use portcullis_gate_sdk::host::repository::{self, Piece};
use portcullis_gate_sdk::prelude::*;
use portcullis_gate_sdk::text::short;

/// Most objects that the host opens in one call.
const AT_ONCE: usize = 10_000;

/// Reads objects in order. Ends with the first refusal, and with the first piece of an object that is larger than wanted.
pub(crate) struct Stream {
    ids: Vec<String>,
    most: u64,
    /// The object that comes next.
    at: usize,
    /// What the host has open, and which object is its first.
    open: Option<(repository::Blobs, usize)>,
    pieces: std::vec::IntoIter<Piece>,
}

impl Stream {
    pub(crate) fn of(ids: Vec<String>, most: u64) -> Self {
        Self { ids, most, at: 0, open: None, pieces: Vec::new().into_iter() }
    }

    fn object(&mut self) -> Result<Blob, Refusal> {
        let Piece { size, mut bytes, .. } = self.piece()?;
        // Nearly every object is one piece, and that is kept as it came.
        while (bytes.len() as u64) < size && size <= self.most {
            let more = self.piece()?;
            if more.bytes.is_empty() {
                return Err(self.wrong("ended early"));
            }
            bytes.reserve_exact(usize::try_from(size).unwrap_or(0).saturating_sub(bytes.len()));
            bytes.extend_from_slice(&more.bytes);
        }
        let came = bytes.len() as u64;
        self.at = if came < size { self.ids.len() } else { self.at + 1 };
        Ok(Blob { announced: size, bytes })
    }

    /// The next piece of the object whose turn it is.
    fn piece(&mut self) -> Result<Piece, Refusal> {
        let id = &self.ids[self.at];
        let wanted = || format!("read object {}", short(id));
        let (blobs, first) = match self.open.take() {
            Some((blobs, first)) if self.at < first + AT_ONCE => (blobs, first),
            _ => {
                let end = self.ids.len().min(self.at + AT_ONCE);
                (repository::open_blobs(&self.ids[self.at..end]).or_refuse(&wanted())?, self.at)
            }
        };
        let piece = match self.pieces.next() {
            Some(piece) => Some(piece),
            None => {
                self.pieces = blobs.next().or_refuse(&wanted())?.into_iter();
                self.pieces.next()
            }
        };
        self.open = Some((blobs, first));
        match piece {
            Some(piece) if usize::try_from(piece.index).is_ok_and(|index| first + index == self.at) => Ok(piece),
            Some(_) => Err(self.wrong("came out of turn")),
            None => Err(self.wrong("did not come")),
        }
    }

    fn wrong(&self, what: &str) -> Refusal {
        Refusal::BadInput(format!("object {} {what}", short(&self.ids[self.at])))
    }
}

impl Iterator for Stream {
    type Item = Result<Blob, Refusal>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at == self.ids.len() {
            return None;
        }
        let object = self.object();
        if object.is_err() {
            self.at = self.ids.len();
        }
        Some(object)
    }
}
