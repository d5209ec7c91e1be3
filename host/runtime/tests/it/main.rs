//! The runtime with real components: every way in which a gate can fail, and that nobody else notices (GAT-1, I5).
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed test is the point")]

mod artifacts;
mod faults;
mod host_calls;
mod isolation;
mod loading;
mod network;
mod support;
