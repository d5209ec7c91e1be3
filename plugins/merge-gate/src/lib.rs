//! The gate `merge-gate`: the branch holds its target and is tested as it stands; if not, it is brought up to date, tested
//! and published (MRG-1).

mod act;
mod config;
mod glue;
mod judge;

pub use act::{Branch, act};
pub use config::Config;
pub use glue::MergeGate;
pub use judge::{Standing, judge};
