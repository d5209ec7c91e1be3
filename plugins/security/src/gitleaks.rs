//! `.gitleaks.toml` and `.gitleaksignore` of the target branch, so that a team can move over without rewriting.
//!
//! From the bottom up: `dialect` reads Go's patterns, `reader` TOML, `file` a whole file, `allow` and `ignore` say what a
//! finding is excused by, `custom` runs the team's own rules, `ids` knows gitleaks' names for what our rules find, and
//! [`policy`] joins them.
//!
//! What must always hold: the files are the target branch's, never those of the branch under judgement; what cannot be
//! expressed is a remark in the report; what excuses can only take findings away, and an unusable part excuses nothing.
//!
//! Deliberately absent: gitleaks' default allowlist (lockfiles, vendored folders, pictures), which a branch could hide
//! secrets in; `extend.url`, since the gate is offline.

mod allow;
mod custom;
mod dialect;
mod file;
mod ids;
mod ignore;
pub mod policy;
mod reader;

pub(crate) use allow::{Content, Facts};
pub use policy::Policy;
pub use reader::Remark;
