//! Stages and edges of a manifest, with what it leaves out filled in, and which line is to blame for an unsound table.

use super::raw::{RawEdge, RawManifest, RawStage};
use super::{ManifestError, Problem, Reader, gates};
use crate::place::Place;
use portcullis_core::ids::{GateName, RoleName, StageName};
use portcullis_core::pipeline::{Edge, Pipeline, PipelineError, Stage};
use std::collections::BTreeMap;
use toml::Spanned;

const MAX_STAGES: usize = 64;
const MAX_EDGES: usize = MAX_STAGES;
/// The edge that merges where the manifest says nothing about merging.
const DEFAULT_MERGE: (&str, &str) = ("deploy-staging", "deploy");

/// The stages that the manifest names, or the default ones.
pub(super) fn stages(reader: Reader<'_>, raw: Option<&[RawStage]>) -> Result<Vec<Stage>, ManifestError> {
    let Some(raw) = raw else { return Ok(Pipeline::default_stages()) };
    at_most("stages", raw.len(), MAX_STAGES)?;
    raw.iter()
        .map(|stage| {
            Ok(Stage {
                name: StageName::new(reader.word("stage", &stage.name)?),
                role: stage.role.as_ref().map(|role| reader.word("role", role).map(RoleName::new)).transpose()?,
                acts: stage.acts,
            })
        })
        .collect()
}

type Places = BTreeMap<(StageName, GateName), Place>;

/// The edges that the manifest names, and for every stage without one the edge to the stage that follows it.
pub(super) fn edges(
    reader: Reader<'_>,
    stages: &[Stage],
    raw: &[RawEdge],
) -> Result<(Vec<Edge>, Places), ManifestError> {
    at_most("edges", raw.len(), MAX_EDGES)?;
    let mut edges = Vec::new();
    let mut places = Places::new();
    for raw in raw {
        let from = StageName::new(reader.word("stage", &raw.from)?);
        let on_fail = match &raw.on_fail {
            Some(name) => StageName::new(reader.word("stage", name)?),
            None => default_on_fail(stages, &from),
        };
        let to = StageName::new(reader.word("stage", &raw.to)?);
        at_most("gates on one edge", raw.gate.len(), gates::MAX_PER_EDGE)?;
        let gates = raw.gate.iter().map(|gate| gates::gate(reader, gate)).collect::<Result<Vec<_>, _>>()?;
        for (spec, raw) in gates.iter().zip(&raw.gate) {
            places.insert((from.clone(), spec.name.clone()), reader.place(&raw.name));
        }
        edges.push(Edge { from, to, on_fail, merge: raw.merge.unwrap_or(false), gates });
    }
    for pair in stages.windows(2) {
        if edges.iter().all(|e| e.from != pair[0].name) {
            let (from, to) = (pair[0].name.clone(), pair[1].name.clone());
            edges.push(Edge { on_fail: default_on_fail(stages, &from), from, to, merge: false, gates: Vec::new() });
        }
    }
    if raw.iter().all(|e| e.merge != Some(true)) {
        let refused =
            |edge: &Edge| raw.iter().any(|e| e.from.get_ref() == edge.from.as_str() && e.merge == Some(false));
        for edge in &mut edges {
            edge.merge = (edge.from.as_str(), edge.to.as_str()) == DEFAULT_MERGE && !refused(edge);
        }
    }
    Ok((edges, places))
}

/// The core's default, or the stage itself where the manifest's own stages lack the one that the core names.
fn default_on_fail(stages: &[Stage], from: &StageName) -> StageName {
    let back = Pipeline::default_on_fail(from);
    let place = |name: &StageName| stages.iter().position(|s| s.name == *name);
    match (place(&back), place(from)) {
        (Some(back_at), Some(from_at)) if back_at <= from_at => back,
        _ => from.clone(),
    }
}

fn at_most(what: &'static str, count: usize, limit: usize) -> Result<(), ManifestError> {
    if count <= limit { Ok(()) } else { Err(ManifestError::new(None, Problem::TooMany { what, count, limit })) }
}

/// The place that a reader should look at for what the core found wrong with the whole table.
pub(super) fn blame(reader: Reader<'_>, raw: &RawManifest, problem: &PipelineError) -> Option<Place> {
    let named = |spanned: &Spanned<String>, name: &StageName| spanned.get_ref() == name.as_str();
    let edge = |from: &StageName, to: &StageName| raw.edge.iter().rfind(|e| named(&e.from, from) && named(&e.to, to));
    let stage = |name: &StageName| raw.stage.iter().flatten().rfind(|s| named(&s.name, name));
    let place = |spanned: &Spanned<String>| Some(reader.place(spanned));
    match problem {
        PipelineError::NoStages => None,
        PipelineError::DuplicateStage(name) => place(&stage(name)?.name),
        PipelineError::UnknownStage { from, to, missing, .. } => {
            let edge = edge(from, to)?;
            let ends = [Some(&edge.from), Some(&edge.to), edge.on_fail.as_ref()];
            place(ends.into_iter().flatten().find(|end| named(end, missing))?)
        }
        PipelineError::DuplicateEdge { from, to } => place(&edge(from, to)?.from),
        PipelineError::TwoWaysForward { from, second, .. } => place(&edge(from, second)?.from),
        PipelineError::Cycle(_) => place(&odd_edge(raw, |from, to| to <= from)?.to),
        PipelineError::Unreachable(name) => {
            let skips = odd_edge(raw, |from, to| to != from + 1).map(|e| &e.to);
            place(skips.or_else(|| stage(name).map(|s| &s.name))?)
        }
        PipelineError::OnFailNotBehind { from, to, .. } => place(edge(from, to)?.on_fail.as_ref()?),
        PipelineError::DuplicateGate { gate, from, to } => {
            place(&edge(from, to)?.gate.iter().rfind(|g| g.name.get_ref() == gate.as_str())?.name)
        }
        PipelineError::TwoMerges { second, .. } => place(&raw.edge.iter().rfind(|e| named(&e.from, second))?.from),
    }
}

/// The first edge whose ends lie in the stages' order as `is_odd` says.
fn odd_edge(raw: &RawManifest, is_odd: impl Fn(usize, usize) -> bool) -> Option<&RawEdge> {
    let default = Pipeline::default_stages();
    let names: Vec<&str> = match &raw.stage {
        Some(stages) => stages.iter().map(|s| s.name.get_ref().as_str()).collect(),
        None => default.iter().map(|s| s.name.as_str()).collect(),
    };
    let place = |name: &Spanned<String>| names.iter().position(|n| n == name.get_ref());
    raw.edge.iter().find(|e| match (place(&e.from), place(&e.to)) {
        (Some(from), Some(to)) => is_odd(from, to),
        _ => false,
    })
}
