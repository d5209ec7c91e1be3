//! The whole way, through the interfaces that people have.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod bad_input;
mod clocks;
mod demo;
mod dependencies;
mod gate_run;
mod gates;
mod gitea;
mod hardship;
mod images;
mod manifest;
mod merge_gate;
mod partners;
mod plane;
mod plugins;
mod processes;
mod projects;
mod queue;
mod reaper;
mod reconcile;
mod reconcile_board;
mod roles;
mod security;
mod switches;
mod traps;
mod way;
mod webhooks;
mod worktrees;
