//! What the host offers a gate. Every function here is an import of the component; off wasm all but
//! the clock panic when called.

pub use crate::bindings::acting::portcullis::act::{documents as own_documents, workspace};
pub use crate::bindings::judge::portcullis::read::{
    advisories, approvals, documents, forge, images, repository, test_runs, web,
};

/// When the evaluation began, in seconds since 1970 UTC. The host's clock stands still while a gate judges, so asking
/// twice gives one answer, and a replay gives the same.
pub fn began_at_s() -> i64 {
    // A host whose clock is before 1970 has no use for what a gate makes of its time.
    let since_1970 = std::time::SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default();
    i64::try_from(since_1970.as_secs()).unwrap_or(i64::MAX)
}

/// Lines for whoever debugs the gate. Kept with the evaluation, bounded, never part of the verdict.
pub mod log {
    use crate::bindings::judge::portcullis::gate::log::{Level, log};

    /// For whoever follows every step.
    pub fn debug(message: impl AsRef<str>) {
        log(Level::Debug, message.as_ref());
    }

    /// Worth reading when something puzzles.
    pub fn info(message: impl AsRef<str>) {
        log(Level::Info, message.as_ref());
    }

    /// Worth reading anyway.
    pub fn warn(message: impl AsRef<str>) {
        log(Level::Warn, message.as_ref());
    }
}
