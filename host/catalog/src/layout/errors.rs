//! Everything that can go wrong with a layout on disk. Each message names the thing, the place and the remedy.

use super::{INDEX, MARKER};
use portcullis_core::digest::Digest;
use std::io;
use std::path::PathBuf;

/// Why a layout could not be read or written.
#[derive(Debug, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant is its documentation")]
pub enum LayoutError {
    #[error("failed to {doing} `{}`", path.display())]
    Io { doing: &'static str, path: PathBuf, source: io::Error },
    #[error("`{}` is no OCI image layout: {detail}; give the folder that holds `{MARKER}` and `{INDEX}`", dir.display())]
    NotALayout { dir: PathBuf, detail: String },
    #[error("blob {digest} is missing from `{}`; publish or install it again", dir.display())]
    Missing { digest: Digest, dir: PathBuf },
    #[error("blob {listed} in `{}` has digest {found}: it is damaged; publish or install it again", dir.display())]
    Damaged { listed: Digest, found: Digest, dir: PathBuf },
    #[error("`{}` has more than {limit} bytes, the limit for it", path.display())]
    TooLarge { path: PathBuf, limit: u64 },
    #[error("{what} in `{}` is malformed: {detail}", dir.display())]
    Malformed { what: String, dir: PathBuf, detail: String },
    #[error("`{reference}` is not in `{}`; it lists {known}", dir.display())]
    UnknownReference { reference: String, dir: PathBuf, known: String },
    #[error("`{reference}` has no image for linux/amd64; it has {found}")]
    NoPlatform { reference: String, found: String },
}
