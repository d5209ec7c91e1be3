//! The promises of `portcullis-git`, on real git and real repositories.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its set-up fails")]

mod checkouts;
mod hostile;
mod merging;
mod mirrors;
mod odd_merges;
mod publishing;
mod reading;
mod scene;
mod worktrees;
