//! The host's reader of git objects as the gate's [`Source`]. Objects are read ahead on a thread, as the host does it.

use portcullis_core::facts;
use portcullis_core::ids::Revision;
use portcullis_gate_sdk::Refusal;
use portcullis_gate_security::source::{Blob, ChangeKind, Commit, EntryKind, Source, TreeChange};
use portcullis_gate_security::stream::{Piece, Stream};
use portcullis_git::{BlobStream, ObjectReader, Repository};
use std::sync::mpsc::{Receiver, sync_channel};

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
        Box::new(Stream::of(ids, most, |ids, _| {
            let ids = ids.iter().map(|id| revision(id)).collect::<Result<_, _>>()?;
            let ahead = read_ahead(self.0.open_blobs(ids).map_err(refused)?);
            // Once the thread has ended there are no more.
            Ok(move |_: &str| ahead.recv().unwrap_or_else(|_| Ok(Vec::new())))
        }))
    }

    fn file(&self, at: &str, path: &str) -> Result<Option<Vec<u8>>, Refusal> {
        match self.0.read_file(&revision(at)?, path.as_bytes(), FILE_BYTES) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(facts::RepositoryError::NotFound(_)) => Ok(None),
            Err(error) => Err(refused(error)),
        }
    }
}

type Answer = Result<Vec<Piece>, Refusal>;

/// Reads answers until there are no more, or until nobody wants them.
fn read_ahead(mut stream: BlobStream) -> Receiver<Answer> {
    let piece = |facts::Piece { index, size, bytes }| Piece { index, size, bytes };
    let (answers, wanted) = sync_channel(0);
    std::thread::spawn(move || {
        loop {
            let answer = stream.next_pieces().map_err(refused);
            let is_last = stream.is_at_its_end() || answer.is_err();
            let answer = answer.map(|pieces| pieces.into_iter().map(piece).collect());
            if answers.send(answer).is_err() || is_last {
                return;
            }
        }
    });
    wanted
}
