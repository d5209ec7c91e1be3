//! What a range of commits is answerable for, and what stands in it.
//!
//! Every commit is looked at, not the net difference: a secret added and removed again is in the history for good. In a
//! commit, every object that it brought in is read whole, and a hit counts if one of its lines stood in none of the parents'
//! versions. Of a merge only what differs from *every* parent is its own; the rest belongs to the commits it merges.
//!
//! What must hold: every object that should have been read was, to the byte that the host announced, or is reported as
//! not scanned, or there is a refusal. Nothing that leaves this module holds a secret.
//!
//! Deliberately absent: diffs. They depend on attributes that the branch writes, and they hide what they call binary.

mod brought;
mod looked;
mod stretch;

use crate::gitleaks::Policy;
use crate::paths;
use crate::scan::{ScanError, Scanner};
use crate::source::{ChangeKind, Commit, EntryKind, Source, TreeChange};
use crate::versions::Versions;
use brought::Brought;
pub use looked::{Crowded, Leak, Looked, Place, Reconfigured, Skipped, Unread};
use portcullis_gate_sdk::Refusal;
use portcullis_gate_sdk::text::short;
use std::collections::{HashMap, HashSet};
use stretch::{Coming, Key, Stretch};

/// Looks at everything that `head` adds to `target`.
///
/// # Errors
/// Anything could not be read, or was not what the host had announced.
pub fn look<S: Source>(
    source: &S,
    scanner: &Scanner,
    policy: &Policy,
    repository: &str,
    target: &str,
    head: &str,
    max_blob: u64,
) -> Result<Looked, Refusal> {
    let base = source.merge_base(target, head)?;
    let commits = source.commits(&base, head)?;
    check_complete(&base, head, &commits)?;
    let looked = Looked { base, commits: commits.len(), ..Looked::default() };
    let mut walk = Walk {
        source,
        scanner,
        policy,
        repository,
        max_blob,
        looked,
        expected: (0, 0),
        clean: HashSet::new(),
        versions: Versions::default(),
        paths: HashSet::new(),
    };
    let mut stretch = Stretch::default();
    for commit in &commits {
        walk.plan(commit, &mut stretch)?;
        if stretch.is_enough() {
            walk.stretch(std::mem::take(&mut stretch))?;
        }
    }
    walk.stretch(stretch)?;
    walk.settle()
}

/// An empty or cut list of commits would be the easiest way to find nothing.
fn check_complete(base: &str, head: &str, commits: &[Commit]) -> Result<(), Refusal> {
    let known: HashSet<&str> = commits.iter().map(|commit| commit.id.as_str()).collect();
    if known.len() != commits.len() {
        return Err(Refusal::BadInput("the range of commits names one of them twice".into()));
    }
    if (base == head) != commits.is_empty() || base != head && !known.contains(head) {
        let (base, head, count) = (short(base), short(head), commits.len());
        return Err(Refusal::BadInput(format!(
            "the range {base}..{head} came with {count} commits, {head} not among them"
        )));
    }
    Ok(())
}

/// A file that a commit brought in, with its versions in the parents.
struct Candidate<'a> {
    change: &'a TreeChange,
    after: &'a str,
    before: Vec<&'a str>,
}

/// A walk over the commits, and what it has come to so far.
struct Walk<'a, S> {
    source: &'a S,
    scanner: &'a Scanner,
    policy: &'a Policy,
    repository: &'a str,
    max_blob: u64,
    looked: Looked,
    /// Objects and bytes that changes announced, to be compared with what was scanned.
    expected: (u64, u64),
    /// Objects without any hit.
    clean: HashSet<Key>,
    versions: Versions,
    paths: HashSet<Vec<u8>>,
}

impl<S: Source> Walk<'_, S> {
    /// Finds out what a commit changed, and which objects that asks for.
    fn plan<'c>(&self, commit: &'c Commit, stretch: &mut Stretch<'c>) -> Result<(), Refusal> {
        let per_parent: Vec<Vec<TreeChange>> = match commit.parents.as_slice() {
            [] => vec![self.source.changes(None, &commit.id)?],
            parents => {
                parents.iter().map(|parent| self.source.changes(Some(parent), &commit.id)).collect::<Result<_, _>>()?
            }
        };
        for candidate in candidates(&per_parent) {
            if self.unread(&candidate).is_some() {
                continue;
            }
            stretch.replaced.extend(candidate.before.iter().map(|id| (*id).to_owned()));
            let key = self.key(&candidate);
            if !self.clean.contains(&key) && stretch.keys.insert(key) {
                stretch.wanted.push(candidate.after.to_owned());
            }
        }
        stretch.changes += per_parent.iter().map(Vec::len).sum::<usize>();
        stretch.commits.push((commit, per_parent));
        Ok(())
    }

    fn stretch(&mut self, stretch: Stretch<'_>) -> Result<(), Refusal> {
        let blobs = self.source.blobs(stretch.wanted, self.max_blob);
        let mut coming = Coming { blobs, keys: stretch.keys, replaced: stretch.replaced };
        for (commit, per_parent) in &stretch.commits {
            Brought::look(self, &mut coming, commit, per_parent)?;
        }
        Ok(())
    }

    fn key(&self, candidate: &Candidate<'_>) -> Key {
        let path = &candidate.change.path;
        let as_path = if self.policy.depends_on_path() { path.clone() } else { Vec::new() };
        (candidate.after.to_owned(), !paths::is_full_of_hashes(path), as_path)
    }

    /// Why a candidate is not scanned at all.
    fn unread(&self, candidate: &Candidate<'_>) -> Option<Unread> {
        let TreeChange { entry, size, .. } = candidate.change;
        match entry {
            EntryKind::Submodule => Some(Unread::Submodule),
            _ if *size > self.max_blob => Some(Unread::TooLarge(*size)),
            _ => None,
        }
    }

    /// The last check of all: what was read is what was announced.
    fn settle(mut self) -> Result<Looked, Refusal> {
        let (objects, bytes) = self.expected;
        if (self.looked.objects, self.looked.bytes) != (objects, bytes) {
            return Err(Refusal::BadInput(format!(
                "{} objects of {} bytes were scanned, but the changes named {objects} of {bytes} bytes",
                self.looked.objects, self.looked.bytes
            )));
        }
        self.looked.files = self.paths.len();
        Ok(self.looked)
    }
}

fn fault(error: ScanError) -> Refusal {
    Refusal::Unavailable(format!("the scanner is broken: {error}"))
}

/// What differs from every parent and still exists.
fn candidates(per_parent: &[Vec<TreeChange>]) -> Vec<Candidate<'_>> {
    let [first, others @ ..] = per_parent else { return Vec::new() };
    let others: Vec<HashMap<&[u8], &TreeChange>> =
        others.iter().map(|changes| changes.iter().map(|change| (change.path.as_slice(), change)).collect()).collect();
    first
        .iter()
        .filter_map(|change| {
            let after = change.after.as_deref()?;
            let mut before: Vec<&str> =
                change.before.as_deref().filter(|_| is_blob_before(change)).into_iter().collect();
            for changes in &others {
                let other = changes.get(change.path.as_slice())?;
                before.extend(other.before.as_deref().filter(|_| is_blob_before(other)));
            }
            Some(Candidate { change, after, before })
        })
        .collect()
}

/// After a change of type the earlier object may be a submodule's commit, which is in no object store here: it excuses
/// nothing.
fn is_blob_before(change: &TreeChange) -> bool {
    change.kind == ChangeKind::Modified && change.entry != EntryKind::Submodule
}
