//! The offline database of known vulnerabilities: made from OSV's dumps, read by package.
//!
//! It is one file that is never changed: an import writes a new one beside it and renames it into place, so whoever has it
//! open goes on with the old one. It holds what a judgement needs of each record and no more, found by
//! (ecosystem, package) with two positioned reads.
//!
//! Deliberately absent: fetching the dumps, and judging versions, which is the gate's.

mod format;
mod import;
mod reader;
mod record;

pub use import::{ImportError, Imported, import};
pub use reader::{Database, OpenError};

#[cfg(test)]
mod tests;
