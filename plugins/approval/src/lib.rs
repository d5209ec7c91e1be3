//! The gate `approval`: a stage is left only by a person's approval of exactly this revision (STG-5).

mod glue;
mod judge;

pub use glue::Approval;
pub use judge::{Config, judge};
