//! Container images in a registry, as its HTTP interface (OCI distribution) shows them: what is known of one, and the
//! same one under another name.
//!
//! Held always: bytes count only if their sha256 is the digest that they were asked by, so that a registry, its cache or
//! whoever answers in its name can at worst say nothing; everything is bounded in size, number and time; the password
//! goes to the registry and to a token service that the operator named, never to one that only the registry named.
//!
//! Deliberately absent: layers (nobody here looks into them), deleting, listing, and every registry but the project's
//! own: a gate names an image, never a host to be asked.

mod access;
mod challenge;
mod document;
mod errors;
mod inspect;
mod mount;
mod promote;
mod reference;
mod registry;
mod transport;

pub use document::{Platform, Platforms};
pub use errors::RegistryError;
pub use inspect::{DIFFERING, Inspected, PlatformImage};
pub use promote::{Order, PromoteError, Promoted};
pub use reference::{Reference, ReferenceError};
pub use registry::{Credentials, Registry, RegistrySettings};
