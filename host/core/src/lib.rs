//! The pure domain: what stages, gates, verdicts, jobs and leases are, and the rules that decide what happens next.
//!
//! Everything here is a function from values to values. Deliberately absent: tokio, SQL, wasmtime, files, processes, the
//! network and the clock (time is an argument). That is what lets the rules be tested by table, by property and by
//! exhaustive exploration.
#![warn(clippy::wildcard_enum_match_arm)]

pub mod digest;
pub mod effect;
pub mod event;
pub mod facts;
pub mod gate;
pub mod ids;
pub mod job;
pub mod lease;
pub mod pause;
pub mod pipeline;
pub mod reaper;
pub mod reconcile;
pub mod retry;
pub mod step;
pub mod task;
pub mod time;
