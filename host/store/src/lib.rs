//! The only SQL of Portcullis.
//!
//! [`Store`] is the trait: one method per question asked. [`sqlite::SqliteStore`] answers it from one SQLite file;
//! `conformance` holds the tests that every implementation has to pass.

#[cfg(feature = "conformance")]
pub mod conformance;
pub mod crash;
pub mod model;
pub mod retention;
pub mod sqlite;
mod store;

pub use model::*;
pub use retention::{Cutoffs, Pruned, Retention};
pub use store::Store;
