//! The security gate of Portcullis: no secret enters the history that is about to be merged, and no known vulnerability
//! its lockfiles.
//!
//! From the bottom up: [`rules`] says what secrets look like, [`scan`] finds them in bytes, [`archive`] hands over what is
//! packed, [`gitleaks`] adds what a team had set up for that tool, [`range`] decides which bytes a range of commits is
//! answerable for, [`report`] words what was found, [`audit`] looks at the lockfiles, [`document`] writes it all down,
//! [`shelf`] sees to it that the head holds that, and [`glue`] joins all to the host.
//!
//! What must always hold: the scan for secrets is offline; whatever could not be looked at is a refusal or a finding, never a pass;
//! no finding, summary or refusal carries a secret; configuration and exceptions come from the target branch alone.

pub mod archive;
pub mod audit;
mod checksum;
pub mod config;
pub mod document;
mod encoded;
mod entropy;
mod generic;
pub mod gitleaks;
pub mod glue;
mod inside;
mod keywords;
mod kube;
mod pass;
pub mod paths;
pub mod range;
pub mod redact;
pub mod report;
pub mod rules;
pub mod scan;
pub mod shelf;
pub mod source;
mod spot;
pub mod stream;
pub mod text;
mod value;
mod versions;
