//! What a gate may do in `act`: the host's half of `wit/act`, in the core's own types.
//!
//! The daemon implements [`Acts`] for the holder of the task's drive lease and hands it to [`crate::Runtime::act`] alone;
//! no path leads from an observing evaluation to one (GAT-3).

use async_trait::async_trait;
use portcullis_core::facts::{ActError, CaughtUp, CommandOutcome};
use portcullis_core::ids::Revision;

/// One method per function of `wit/act`.
#[async_trait]
pub trait Acts: Send + Sync {
    /// `workspace.catch-up`: brings the target branch's head into the branch, locally.
    ///
    /// # Errors
    /// [`ActError`]: not allowed, or tried and failed.
    async fn catch_up(&self) -> Result<CaughtUp, ActError>;

    /// `workspace.run`: runs a command that the operator named.
    ///
    /// # Errors
    /// [`ActError`]: not allowed (no such name), or could not be started.
    async fn run(&self, name: &str) -> Result<CommandOutcome, ActError>;

    /// `workspace.publish`: publishes the branch if its remote head is still the one the attempt started from.
    ///
    /// # Errors
    /// [`ActError`]: not allowed, or the remote head has moved.
    async fn publish(&self) -> Result<Revision, ActError>;

    /// `documents.write`: writes a document into the work item's folder on the branch, or replaces it. It is committed and
    /// published once the gate has passed.
    ///
    /// # Errors
    /// [`ActError`]: not allowed (no file name, too large), or could not be written.
    async fn write_document(&self, name: &str, content: &[u8]) -> Result<(), ActError>;
}
