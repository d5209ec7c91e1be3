//! The gate `staging-verdict`: what the staging suite left behind allows this revision to be promoted (STV-1..4).

mod allowlist;
mod config;
mod glue;
mod judge;
mod results;

pub use allowlist::Infra;
pub use config::Config;
pub use glue::StagingVerdict;
pub use judge::{Expected, judge};
pub use results::{Check, Results, Status};
