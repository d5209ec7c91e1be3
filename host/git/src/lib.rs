//! The only code of Portcullis that starts git.
//!
//! Bounded, synchronous calls for the daemon's blocking threads: a [`Mirror`] of each project's remote, one worktree a
//! task, commits and pushes in the daemon's name, merges for the local forge, and an [`ObjectReader`] for gates.
//!
//! Always: no hook, driver, prompt or configuration of a repository starts a program; no credential reaches a command
//! line, an error or a log; every process has a limit of time and of output and ends with its whole group.
//! Deliberately absent: submodules and LFS (their entries are left as they are), forges' HTTP APIs, and any memory of
//! tasks or leases.

mod blobs;
mod branch;
mod call;
mod catch_up;
mod changes;
mod checkout;
mod commit;
mod dialogue;
mod error;
mod first_commit;
mod git;
mod kept;
mod merge;
mod mirror;
mod process;
mod push;
mod reader;
mod redact;
mod registration;
mod remote;
mod repository;
mod session;
mod wire;
mod worktree;

pub use blobs::{BLOB_LIMIT, BlobStream, PIECE_BYTES};
pub use branch::Branch;
pub use catch_up::CatchUpStyle;
pub use checkout::Checkout;
pub use error::GitError;
pub use git::{Git, GitSettings};
pub use merge::{MergeOutcome, MergeStyle};
pub use mirror::Mirror;
pub use push::PushOutcome;
pub use reader::ObjectReader;
pub use remote::Remote;
pub use repository::Repository;
pub use worktree::Worktree;
