//! The rules of the core, tested by table, by property and by exhaustive exploration. One binary, so that the builders
//! in `support` are compiled once and a builder that nobody uses is noticed.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should say so and stop")]

mod effects;
mod job_moves;
mod names;
mod pauses;
mod pipeline;
mod reaper;
mod reconcile;
mod simulation;
mod step_forward;
mod step_gates;
mod step_merge;
mod step_pending;
mod step_properties;
mod step_returns;
mod support;
