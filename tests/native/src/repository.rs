//! The host's reader of git objects as the gate's [`Source`]. Objects are read ahead on a thread, as the host does it.

use portcullis_core::facts;
use portcullis_core::ids::Revision;
use portcullis_gate_sdk::Refusal;
use portcullis_gate_security::source::{Blob, ChangeKind, Commit, EntryKind, Source, TreeChange};
use portcullis_git::{BlobStream, ObjectReader, Repository};
use std::sync::mpsc::{Receiver, sync_channel};

/// As much as the host opens in one call.
const AT_ONCE: usize = 10_000;
/// As much as the host reads in one call.
const FILE_BYTES: u64 = 16 << 20;

pub(crate) struct Objects(ObjectReader);

impl Objects {
    pub(crate) fn of(repository: &Repository) -> Self {
        Self(repository.reader())
    }
}

fn refused(error: facts::RepositoryError) -> Refusal {
    Refusal::Unavailable(error.to_string())
}

fn revision(name: &str) -> Result<Revision, Refusal> {
    Revision::parse(name).map_err(|error| Refusal::BadInput(error.to_string()))
}

impl Source for Objects {
    fn merge_base(&self, a: &str, b: &str) -> Result<String, Refusal> {
        Ok(self.0.merge_base(&revision(a)?, &revision(b)?).map_err(refused)?.to_string())
    }

    fn commits(&self, base: &str, head: &str) -> Result<Vec<Commit>, Refusal> {
        let commits = self.0.commits(&revision(base)?, &revision(head)?).map_err(refused)?;
        let commit = |facts::Commit { id, parents, message, committed_at_s }| Commit {
            id: id.to_string(),
            parents: parents.iter().map(Revision::to_string).collect(),
            message,
            committed_at_s,
        };
        Ok(commits.into_iter().map(commit).collect())
    }

    fn changes(&self, before: Option<&str>, after: &str) -> Result<Vec<TreeChange>, Refusal> {
        let before = before.map(revision).transpose()?;
        let changes = self.0.changes(before.as_ref(), &revision(after)?).map_err(refused)?;
        let change = |facts::TreeChange { path, kind, entry, before, after, size }| TreeChange {
            path,
            kind: match kind {
                facts::ChangeKind::Added => ChangeKind::Added,
                facts::ChangeKind::Modified => ChangeKind::Modified,
                facts::ChangeKind::Deleted => ChangeKind::Deleted,
                facts::ChangeKind::TypeChanged => ChangeKind::TypeChanged,
            },
            entry: match entry {
                facts::EntryKind::File => EntryKind::File,
                facts::EntryKind::Executable => EntryKind::Executable,
                facts::EntryKind::Symlink => EntryKind::Symlink,
                facts::EntryKind::Submodule => EntryKind::Submodule,
            },
            before: before.map(|id| id.to_string()),
            after: after.map(|id| id.to_string()),
            size,
        };
        Ok(changes.into_iter().map(change).collect())
    }

    fn blobs(&self, ids: Vec<String>, most: u64) -> Box<dyn Iterator<Item = Result<Blob, Refusal>> + '_> {
        let ids: Result<Vec<Revision>, Refusal> = ids.iter().map(|id| revision(id)).collect();
        match ids {
            Ok(ids) => {
                Box::new(Blobs { objects: &self.0, ids, most, at: 0, pieces: None, rest: Vec::new().into_iter() })
            }
            Err(refusal) => Box::new(std::iter::once(Err(refusal))),
        }
    }

    fn file(&self, at: &str, path: &str) -> Result<Option<Vec<u8>>, Refusal> {
        match self.0.read_file(&revision(at)?, path.as_bytes(), FILE_BYTES) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(facts::RepositoryError::NotFound(_)) => Ok(None),
            Err(error) => Err(refused(error)),
        }
    }
}

type Answer = Result<Vec<facts::Piece>, facts::RepositoryError>;

/// Objects in order; ends with the first refusal.
struct Blobs<'a> {
    objects: &'a ObjectReader,
    ids: Vec<Revision>,
    most: u64,
    /// The object that comes next.
    at: usize,
    /// What is read ahead, if anything is open.
    pieces: Option<Receiver<Answer>>,
    rest: std::vec::IntoIter<facts::Piece>,
}

/// Reads answers until there are no more, or until nobody wants them.
fn read_ahead(mut stream: BlobStream) -> Receiver<Answer> {
    let (answers, wanted) = sync_channel(0);
    std::thread::spawn(move || {
        loop {
            let answer = stream.next_pieces();
            let is_last = stream.is_at_its_end() || answer.is_err();
            if answers.send(answer).is_err() || is_last {
                return;
            }
        }
    });
    wanted
}

impl Blobs<'_> {
    fn piece(&mut self) -> Result<facts::Piece, Refusal> {
        loop {
            if let Some(piece) = self.rest.next() {
                return Ok(piece);
            }
            let open = match self.pieces.take() {
                Some(open) => open,
                None => {
                    let end = self.ids.len().min(self.at + AT_ONCE);
                    read_ahead(self.objects.open_blobs(self.ids[self.at..end].to_vec()).map_err(refused)?)
                }
            };
            // Its thread has ended: the next objects are to be opened.
            let Ok(answer) = open.recv() else { continue };
            self.rest = answer.map_err(refused)?.into_iter();
            self.pieces = Some(open);
        }
    }

    fn object(&mut self) -> Result<Blob, Refusal> {
        let facts::Piece { size, mut bytes, .. } = self.piece()?;
        while (bytes.len() as u64) < size && size <= self.most {
            bytes.extend_from_slice(&self.piece()?.bytes);
        }
        self.at = if (bytes.len() as u64) < size { self.ids.len() } else { self.at + 1 };
        Ok(Blob { announced: size, bytes })
    }
}

impl Iterator for Blobs<'_> {
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
