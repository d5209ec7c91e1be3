//! The security gate of Portcullis: no secret enters the history that is about to be merged, and no known vulnerability
//! its lockfiles.
//!
//! From the bottom up: [`rules`] says what secrets look like, [`scan`] finds them in bytes, [`range`] decides which bytes a
//! range of commits is answerable for, [`report`] words what was found, [`audit`] looks at the lockfiles, and [`glue`] joins
//! that to the host.
//!
//! What must always hold: the scan for secrets is offline; whatever could not be looked at is a refusal or a finding, never a pass;
//! no finding, summary or refusal carries a secret; configuration and exceptions come from the target branch alone.

pub mod audit;
pub mod config;
mod entropy;
mod generic;
pub mod glue;
mod kube;
pub mod paths;
pub mod range;
pub mod redact;
pub mod report;
pub mod rules;
pub mod scan;
pub mod source;
pub mod text;
mod value;
