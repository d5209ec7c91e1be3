//! The one place where bytes become a digest.

use portcullis_core::digest::Digest;
use sha2::{Digest as _, Sha256};

/// The sha256 of `bytes`.
pub fn digest_of(bytes: &[u8]) -> Digest {
    Digest::from_sha256(Sha256::digest(bytes).into())
}
