//! Everything that can be wrong with a manifest. Each message names the thing, the place and the remedy.

use super::MANIFEST_PATH;
use crate::names::NotAPluginName;
use crate::place::Place;
use crate::requirement::RequirementError;
use portcullis_core::ids::{GateName, PluginName, StageName};
use portcullis_core::pipeline::PipelineError;
use std::fmt;

/// A manifest that cannot be used, and where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ManifestError {
    place: Option<Place>,
    problem: Box<Problem>,
}

impl ManifestError {
    pub(super) fn new(place: Option<Place>, problem: impl Into<Problem>) -> Self {
        Self { place, problem: Box::new(problem.into()) }
    }

    /// Where in the file, if one place is to blame.
    pub fn place(&self) -> Option<Place> {
        self.place
    }

    /// What is wrong.
    pub fn problem(&self) -> &Problem {
        &self.problem
    }
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.place {
            Some(place) => write!(f, "{MANIFEST_PATH}, {place}: {}", self.problem),
            None => write!(f, "{MANIFEST_PATH}: {}", self.problem),
        }
    }
}

// The problem is part of the message already, so it is not offered again as a source.
impl std::error::Error for ManifestError {}

/// What can be wrong.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant is its documentation")]
pub enum Problem {
    #[error("the file has {bytes} bytes, the limit is {limit}; move long lists into files that the gates read")]
    TooLarge { bytes: usize, limit: usize },
    #[error("{detail}")]
    Syntax { detail: String },
    #[error("the file does not say its format; write `format = 1` as its first line")]
    NoFormat,
    #[error("the file has format {found}, this version reads format 1; write `format = 1`, or use a newer Portcullis")]
    UnknownFormat { found: String },
    #[error("{what} `{text}` is not a usable name; use lower-case letters, digits and single hyphens, 64 at most")]
    BadName { what: &'static str, text: String },
    #[error("there are {count} {what}, the limit is {limit}")]
    TooMany { what: &'static str, count: usize, limit: usize },
    #[error("gate `{gate}`: {why}")]
    BadPlugin { gate: String, why: NotAPluginName },
    #[error("gate `{gate}`: version {why}")]
    BadRequirement { gate: String, why: RequirementError },
    #[error("gate `{gate}`: `{key} = {value}` is out of range; give it a value from {lowest} to {highest}")]
    OutOfRange { gate: String, key: &'static str, value: u64, lowest: u64, highest: u64 },
    #[error(
        "gate `{gate}`: `{host}` in `grant.network` is no host name; write the bare name, for example `api.osv.dev`"
    )]
    BadHost { gate: String, host: String },
    #[error("gate `{gate}`: `config.{key}` is {value}, which JSON cannot hold; use a finite number")]
    BadConfigNumber { gate: String, key: String, value: String },
    #[error(transparent)]
    Pipeline(#[from] PipelineError),
    #[error(
        "the operator demands plugin `{plugin}`, and no edge up to the merge has it; add to edge `{from}` → `{to}`:\n\
         [[edge.gate]]\nname = \"{gate}\"\nplugin = \"{plugin}\"\nversion = \"*\""
    )]
    MandatoryMissing { plugin: PluginName, gate: String, from: StageName, to: StageName },
    #[error(
        "the operator demands plugin `{plugin}`, but gate `{gate}` on edge `{from}` → `{to}` says `{weakening}`; \
         remove that line"
    )]
    MandatoryWeakened { plugin: PluginName, gate: GateName, from: StageName, to: StageName, weakening: &'static str },
    #[error(
        "the operator demands plugin `{plugin}`, but gate `{gate}` stands on edge `{from}` → `{to}`, after the merge \
         on `{merge_from}` → `{merge_to}`; move it to that edge or before it"
    )]
    MandatoryTooLate {
        plugin: PluginName,
        gate: GateName,
        from: StageName,
        to: StageName,
        merge_from: StageName,
        merge_to: StageName,
    },
}
