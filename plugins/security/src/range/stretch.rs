//! Commits whose objects are asked for together.

use crate::source::{Blob, Commit, TreeChange};
use portcullis_gate_sdk::Refusal;
use std::collections::HashSet;

/// Under which conditions an object is scanned: its name, whether guesses are made, and its path if that makes a difference.
pub(super) type Key = (String, bool, Vec<u8>);

/// Commits whose objects are asked for together: each question costs a round trip.
#[derive(Default)]
pub(super) struct Stretch<'c> {
    /// What each commit changed against each of its parents.
    pub(super) commits: Vec<(&'c Commit, Vec<Vec<TreeChange>>)>,
    /// Objects that are asked for, in the order of their first use.
    pub(super) wanted: Vec<String>,
    pub(super) keys: HashSet<Key>,
    /// Objects that it replaces: each may be one that it brought in earlier.
    pub(super) replaced: HashSet<String>,
    /// Changes of all commits.
    pub(super) changes: usize,
}

impl Stretch<'_> {
    /// Whether there is enough to do for a round trip not to matter. Bounds what is remembered of the commits.
    pub(super) fn is_enough(&self) -> bool {
        self.wanted.len() >= 4_000 || self.commits.len() >= 1_000 || self.changes >= 20_000
    }
}

/// The objects of a stretch as they come.
pub(super) struct Coming<'s> {
    pub(super) blobs: Box<dyn Iterator<Item = Result<Blob, Refusal>> + 's>,
    /// Those that have not been used yet.
    pub(super) keys: HashSet<Key>,
    /// See [`Stretch::replaced`].
    pub(super) replaced: HashSet<String>,
}
