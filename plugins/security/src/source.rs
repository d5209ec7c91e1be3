//! Where commits and objects come from: the host in a component, a small model in tests.

use portcullis_gate_sdk::Refusal;
pub use portcullis_gate_sdk::host::repository::{ChangeKind, Commit, EntryKind, TreeChange};
use portcullis_gate_sdk::text::short;

/// An object as it arrived, and how long the host said it is.
#[derive(Clone, Debug, Default)]
pub struct Blob {
    /// Bytes that the host announced.
    pub announced: u64,
    /// Bytes that came.
    pub bytes: Vec<u8>,
}

/// The repository under judgement. Every error is a refusal: what cannot be read has not been looked at.
pub trait Source {
    /// The newest common ancestor.
    ///
    /// # Errors
    /// There is none, or it can't be found out.
    fn merge_base(&self, a: &str, b: &str) -> Result<String, Refusal>;
    /// Every commit reachable from `head` and not from `base`, parents first.
    ///
    /// # Errors
    /// They can't be listed.
    fn commits(&self, base: &str, head: &str) -> Result<Vec<Commit>, Refusal>;
    /// What `after` changed against `before` (none: the empty tree).
    ///
    /// # Errors
    /// One of them can't be read.
    fn changes(&self, before: Option<&str>, after: &str) -> Result<Vec<TreeChange>, Refusal>;
    /// Objects, in the order of `ids`, each or why it can't be read. An object of more than `most` bytes may come cut; after
    /// that, and after an error, nothing more comes.
    fn blobs(&self, ids: Vec<String>, most: u64) -> Box<dyn Iterator<Item = Result<Blob, Refusal>> + '_>;
    /// One object; see [`Source::blobs`].
    ///
    /// # Errors
    /// It can't be read.
    fn blob(&self, id: &str, most: u64) -> Result<Blob, Refusal> {
        let none = || Refusal::BadInput(format!("object {} did not come", short(id)));
        self.blobs(vec![id.to_owned()], most).next().ok_or_else(none)?
    }
    /// A file's content at a revision; none if it holds no such file.
    ///
    /// # Errors
    /// It can't be read.
    fn file(&self, revision: &str, path: &str) -> Result<Option<Vec<u8>>, Refusal>;
}
