//! The whole way, through the interfaces that people have.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod gitea;
mod plane;
mod queue;
mod way;
mod webhooks;
