//! Clock, repositories, container images and waiting for the tests of Portcullis; a dev-dependency only.
//!
//! Everything here panics with a sentence when the test's own set-up fails: a test that cannot be set up has no answer.
//! It starts git itself rather than through `portcullis-git`, so that what is tested is not what builds the test.
#![allow(clippy::expect_used, clippy::panic, reason = "a test's set-up that fails must end the test")]

mod clock;
pub mod images;
mod repo;
mod wait;

pub use clock::FakeClock;
pub use repo::TempRepo;
pub use wait::{eventually, eventually_some};
