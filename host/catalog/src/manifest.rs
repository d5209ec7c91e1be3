//! A repository's manifest, `.portcullis/gates.toml`: which stages and edges, and on each edge which gates (PLG-3).
//!
//! A [`Manifest`] that exists is sound: known keys only, usable names, satisfiable requirements, limits within bounds and
//! a pipeline that the core has checked. Which branch it is read from (the target's, PLG-4) is the caller's affair, and
//! whether the plugins exist is the lock's (`lock.rs`).

mod edges;
mod errors;
mod gates;
mod mandatory;
mod raw;

pub use errors::{ManifestError, Problem};

use crate::names::{is_word, shown};
use crate::place::Place;
use portcullis_core::gate::Mode;
use portcullis_core::ids::{GateName, StageName};
use portcullis_core::pipeline::{Edge, GateSpec, Pipeline};
use raw::{FormatOnly, RawManifest};
use std::collections::BTreeMap;
use std::fmt;
use toml::Spanned;

/// Where a repository keeps its manifest.
pub const MANIFEST_PATH: &str = ".portcullis/gates.toml";
/// Where it may keep its lock file.
pub const LOCK_PATH: &str = ".portcullis/gates.lock";
/// A manifest to begin with: the default pipeline with every first-party gate.
pub const STARTER: &str = include_str!("starter.toml");

/// Largest manifest, in bytes.
const MAX_BYTES: usize = 256 * 1024;

/// A sound manifest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Manifest {
    pipeline: Pipeline,
    places: BTreeMap<(StageName, GateName), Place>,
}

/// One gate, with its edge and where the manifest names it.
#[derive(Debug, Clone, Copy)]
pub struct GateUse<'a> {
    /// The edge that it guards.
    pub edge: &'a Edge,
    /// What the manifest asks for.
    pub spec: &'a GateSpec,
    /// Where in the manifest its name stands.
    pub place: Place,
}

impl fmt::Display for GateUse<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { edge, spec, place } = self;
        write!(f, "{MANIFEST_PATH}, {place}: gate `{}` on edge `{}` → `{}`", spec.name, edge.from, edge.to)
    }
}

impl Manifest {
    /// Reads a manifest.
    ///
    /// # Errors
    /// The first thing that is wrong, with its place.
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        if text.len() > MAX_BYTES {
            let problem = Problem::TooLarge { bytes: text.len(), limit: MAX_BYTES };
            return Err(ManifestError::new(None, problem));
        }
        check_format(text)?;
        let raw: RawManifest = toml::from_str(text).map_err(|e| syntax(text, &e))?;
        let reader = Reader { text };
        let stages = edges::stages(reader, raw.stage.as_deref())?;
        let (edges, places) = edges::edges(reader, &stages, &raw.edge)?;
        let pipeline = Pipeline::new(stages, edges)
            .map_err(|problem| ManifestError::new(edges::blame(reader, &raw, &problem), problem))?;
        Ok(Self { pipeline, places })
    }

    /// The pipeline that it describes.
    pub fn pipeline(&self) -> &Pipeline {
        &self.pipeline
    }

    /// The pipeline alone.
    pub fn into_pipeline(self) -> Pipeline {
        self.pipeline
    }

    /// Every gate, in the order in which a task meets them; those that are switched off are left out.
    pub fn gates(&self) -> impl Iterator<Item = GateUse<'_>> {
        let way = self.pipeline.way();
        way.into_iter().filter_map(|stage| self.pipeline.edge_from(stage)).flat_map(move |edge| {
            edge.gates.iter().filter(|spec| spec.mode != Mode::Off).filter_map(move |spec| {
                let place = *self.places.get(&(edge.from.clone(), spec.name.clone()))?;
                Some(GateUse { edge, spec, place })
            })
        })
    }
}

/// The text beside what was read from it, to turn spans into places.
#[derive(Clone, Copy)]
struct Reader<'t> {
    text: &'t str,
}

impl Reader<'_> {
    fn place<T>(self, spanned: &Spanned<T>) -> Place {
        Place::of(self.text, spanned.span().start)
    }

    fn error<T>(self, at: &Spanned<T>, problem: impl Into<Problem>) -> ManifestError {
        ManifestError::new(Some(self.place(at)), problem)
    }

    /// The word that stands at `at`; `what` names its part in the manifest.
    fn word(self, what: &'static str, at: &Spanned<String>) -> Result<String, ManifestError> {
        if is_word(at.get_ref()) {
            Ok(at.get_ref().clone())
        } else {
            Err(self.error(at, Problem::BadName { what, text: shown(at.get_ref()) }))
        }
    }
}

/// Answers before the rest is read, so that a newer file says "newer" and not "unknown key".
fn check_format(text: &str) -> Result<(), ManifestError> {
    let only: FormatOnly = toml::from_str(text).map_err(|e| syntax(text, &e))?;
    match only.format {
        None => Err(ManifestError::new(None, Problem::NoFormat)),
        Some(format) if *format.get_ref() == toml::Value::Integer(1) => Ok(()),
        Some(format) => {
            let found = match format.get_ref() {
                toml::Value::Integer(number) => number.to_string(),
                other => format!("of type {}", other.type_str()),
            };
            Err(Reader { text }.error(&format, Problem::UnknownFormat { found }))
        }
    }
}

fn syntax(text: &str, error: &toml::de::Error) -> ManifestError {
    let detail = error.message().chars().take(400).map(|c| if c.is_control() { ' ' } else { c }).collect();
    ManifestError::new(error.span().map(|span| Place::of(text, span.start)), Problem::Syntax { detail })
}

#[cfg(test)]
mod tests;
