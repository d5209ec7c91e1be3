//! The gate `ci-green`: the required checks of exactly the head revision are green (CIG-1..4).

mod config;
mod context;
mod glue;
mod judge;

pub use config::{Config, Exception, Meaning, Undated};
pub use glue::CiGreen;
pub use judge::{Facts, judge};
