//! Every way in which a small Portcullis can go, and whether any of them is wrong.
//!
//! The real core (`next_step`, `reap`, the table of a job's moves) is driven by a model of everything around it: a store
//! with the real one's guards, two drivers, worker, reaper, reconciler and outbox as machines of atomic steps, and a world
//! of processes, a forge and webhooks. [`search`] interleaves all of it in every way, with crashes, pauses and losses
//! between any two steps, to the last state. Each [`scene::Flaw`] takes one protection away; the same search must see it.
//!
//! Taken for granted, because only time can promise it: between the record of a launch, the fork and the exec lies less
//! than the time between two looks of the reaper, and no pause as long as the grace. Each of the two is an order of steps
//! in the daemon: what is slow comes before the launch is recorded. Left out: cancelling, pausing by an operator, CI jobs,
//! the inbox, several gates of one edge, and two ticks of the reaper side by side (one may be late as it likes).
//!
//! What `make test` explores is one thing at a time: runs, gates, merges and effects of one or two tasks with several mishaps,
//! and everything together for one task with one. Two tasks with everything together, and more mishaps, are in
//! `scenes::larger_sizes`, which `cargo xtask chaos --explore` runs.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stdout, reason = "tests say what they found and stop")]

mod commit;
mod drive;
mod flaws;
mod oracle;
mod outside;
mod reaping;
mod rename;
mod run;
mod scene;
mod scenes;
mod search;
mod state;
#[path = "../rules/support.rs"]
#[allow(dead_code, reason = "the builders of the rules' tests; these need a few of them")]
mod support;
