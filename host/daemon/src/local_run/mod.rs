//! A gate asked by hand, about a repository on this machine: `portcullis gate run`. No daemon, no forge, no tracker.
//!
//! The same runtime and the same component as in the daemon, so what is found here is what will be found there. What only a
//! daemon knows (checks, approvals, test runs) is answered as unavailable, never made up.

mod ask;
mod reads;
mod record;

pub use ask::{Question, ask};
pub use reads::Looked;
pub use record::write;
