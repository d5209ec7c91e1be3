//! What the end-to-end tests are made with: a real daemon as a process of its own, on a real repository, with the
//! first-party gates from the workspace's registry.
//!
//! Every test has a home, a repository and a port of its own. Deliberately absent: any way past the interfaces that people
//! have (settings, git, HTTP, signals).
#![allow(
    clippy::expect_used,
    clippy::unwrap_used,
    clippy::missing_panics_doc,
    reason = "a test that cannot go on panics"
)]

pub mod chaos;
pub mod daemon;
pub mod fake;
pub mod gitea;
pub mod invariants;
pub mod latch;
pub mod payload;
pub mod plane;
pub mod registry;
pub mod scene;

pub use daemon::{Answer, Daemon, portcullis_with};
pub use latch::Latch;
pub use registry::OwnRegistry;
pub use scene::{Scene, SceneBuilder};
