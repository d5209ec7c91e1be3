//! The checker of what must always hold (I1–I8 in `docs/ARCHITECTURE.md`), run when a daemon has come to rest after
//! whatever was done to it.
//!
//! [`History`] is what the daemon remembers, read from its database; [`Outside`] is what the rest of the world saw: the
//! roles, the repository, the forge, the board, the operator. [`violations`] compares the two, purely. What it refuses is
//! tested with broken histories in `broken.rs`.

#[cfg(test)]
mod broken;
mod check;
pub mod edit;
mod history;
mod judged;
mod outside;
mod read;

pub use check::{broken_at_any_time, violations};
pub use history::{Card, Course, Edge, Effect, Entry, Evaluation, Event, History, Job, Lease, PullRequest, Run, Task};
pub use outside::{Delivery, Merge, Note, Outside, merges, note, notes};
pub use read::{history, history_of_a_copy, reading_on};
