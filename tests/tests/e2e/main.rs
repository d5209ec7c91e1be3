//! The whole way, through the interfaces that people have.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod demo;
mod gates;
mod gitea;
mod plane;
mod queue;
mod roles;
mod way;
mod webhooks;
