//! What the host offers a gate. Every function here is an import of the component; off wasm it panics when called.

pub use crate::bindings::acting::portcullis::act::{documents as own_documents, workspace};
pub use crate::bindings::judge::portcullis::read::{
    advisories, approvals, documents, forge, images, repository, test_runs, web,
};

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
