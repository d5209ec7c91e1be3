//! The gate `image-freshness`: the staging image was built from the revision that is about to be promoted (IMG-1).

mod act;
mod config;
mod glue;
mod judge;

pub use act::{Staging, act};
pub use config::Config;
pub use glue::ImageFreshness;
pub use judge::{Standing, judge};
