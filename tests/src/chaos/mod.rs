//! Trying hard to make the daemon lose, double or forget something.
//!
//! A [`story::Story`] is a scene with everything around the daemon: senders that repeat what was not answered, people who
//! approve, a CI that reports. [`play`] tells a story to its end through any number of daemons that die on the way, and has
//! the invariants checked. [`points`] makes them die at every crash point, [`random`] kills daemon, shims and roles
//! at random moments.

pub mod cuts;
pub mod hosted;
pub mod local;
pub mod mail;
pub mod operator;
pub mod play;
pub mod points;
pub mod processes;
pub mod random;
pub mod story;
