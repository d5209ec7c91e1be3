//! The gate `document-verdict`: a key in the frontmatter of a document that a role left decides.

mod config;
mod glue;
mod judge;

pub use config::Config;
pub use glue::DocumentVerdict;
pub use judge::{Unreadable, judge};
