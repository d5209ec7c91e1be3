//! House rules, as tests: the arrows between crates, what may stand in which file, the licences of what we build on, and
//! that `docs/behaviours.md` is true. They read the tree; they build and start nothing.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on should say so and stop")]

mod arrows;
mod behaviours;
mod policy;
mod sources;
mod tree;
