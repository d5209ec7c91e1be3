//! Objects as a host streams them: pieces in, whole objects out.

use crate::source::Blob;
use portcullis_gate_sdk::Refusal;
pub use portcullis_gate_sdk::host::repository::Piece;
use portcullis_gate_sdk::text::short;

/// Most objects that the host opens in one call.
const AT_ONCE: usize = 10_000;

/// Reads objects in order. Ends with the first refusal, and with the first piece of an object that is larger than wanted.
pub struct Stream<O, N> {
    ids: Vec<String>,
    most: u64,
    /// The object that comes next.
    at: usize,
    open: O,
    /// What answers the next pieces of what is open, and which object is its first.
    opened: Option<(N, usize)>,
    pieces: std::vec::IntoIter<Piece>,
}

impl<O, N> Stream<O, N>
where
    O: FnMut(&[String], &str) -> Result<N, Refusal>,
    N: FnMut(&str) -> Result<Vec<Piece>, Refusal>,
{
    /// The objects `ids`, of which none is wanted that has more than `most` bytes. `open` opens some of them and answers what
    /// reads on; both are told in words what for.
    pub fn of(ids: Vec<String>, most: u64, open: O) -> Self {
        Self { ids, most, at: 0, open, opened: None, pieces: Vec::new().into_iter() }
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
        let (mut next, first) = match self.opened.take() {
            Some((next, first)) if self.at < first + AT_ONCE => (next, first),
            _ => {
                let end = self.ids.len().min(self.at + AT_ONCE);
                ((self.open)(&self.ids[self.at..end], &wanted())?, self.at)
            }
        };
        let piece = match self.pieces.next() {
            Some(piece) => Some(piece),
            None => {
                self.pieces = next(&wanted())?.into_iter();
                self.pieces.next()
            }
        };
        self.opened = Some((next, first));
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

impl<O, N> Iterator for Stream<O, N>
where
    O: FnMut(&[String], &str) -> Result<N, Refusal>,
    N: FnMut(&str) -> Result<Vec<Piece>, Refusal>,
{
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
