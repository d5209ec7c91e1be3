//! The manifest's shape as TOML has it, before anything is judged. Unknown keys are errors at every level; names keep
//! the place where they stand, so that later errors can point there.

use portcullis_core::gate::{Grants, Limits, Mode, OnFault};
use serde::Deserialize;
use toml::Spanned;

/// Only the format number: it decides who may read the rest.
#[derive(Deserialize)]
pub(super) struct FormatOnly {
    pub(super) format: Option<Spanned<toml::Value>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawManifest {
    #[expect(dead_code, reason = "read by FormatOnly before; named here so that it is no unknown key")]
    pub(super) format: toml::Value,
    pub(super) stage: Option<Vec<RawStage>>,
    #[serde(default)]
    pub(super) edge: Vec<RawEdge>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawStage {
    pub(super) name: Spanned<String>,
    pub(super) role: Option<Spanned<String>>,
    #[serde(default)]
    pub(super) acts: bool,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawEdge {
    pub(super) from: Spanned<String>,
    pub(super) to: Spanned<String>,
    pub(super) on_fail: Option<Spanned<String>>,
    pub(super) merge: Option<bool>,
    #[serde(default)]
    pub(super) gate: Vec<RawGate>,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub(super) struct RawGate {
    pub(super) name: Spanned<String>,
    pub(super) plugin: Spanned<String>,
    pub(super) version: Spanned<String>,
    #[serde(default)]
    pub(super) mode: Mode,
    #[serde(default)]
    pub(super) on_fault: OnFault,
    pub(super) grant: Option<Spanned<Grants>>,
    pub(super) limits: Option<Spanned<Limits>>,
    pub(super) deadline_s: Option<Spanned<u64>>,
    pub(super) config: Option<Spanned<toml::Table>>,
}
