//! Gates that the operator demands and no manifest can remove (PLG-4).
//!
//! Removing has many faces: leaving the gate out, switching it off or to shadow, opening the edge on its faults, or
//! moving it behind the merge, where its verdict comes too late. Each is refused.

use super::{Manifest, ManifestError, Problem};
use portcullis_core::gate::{Mode, OnFault};
use portcullis_core::ids::PluginName;
use portcullis_core::pipeline::{Edge, GateSpec};

impl Manifest {
    /// Gives the manifest back if every plugin in `demanded` guards it.
    ///
    /// A plugin guards a manifest if a gate of it enforces and closes on faults, on an edge up to the one that merges (on
    /// any edge, if none merges).
    ///
    /// # Errors
    /// The first plugin that does not, with the lines that are missing or in the way.
    pub fn with_mandatory(self, demanded: &[PluginName]) -> Result<Self, ManifestError> {
        demanded.iter().try_for_each(|plugin| self.guarded_by(plugin))?;
        Ok(self)
    }

    fn guarded_by(&self, plugin: &PluginName) -> Result<(), ManifestError> {
        let way: Vec<&Edge> = self.pipeline.way().into_iter().filter_map(|s| self.pipeline.edge_from(s)).collect();
        let merge_at = way.iter().position(|edge| edge.merge);
        let mut first_problem = None;
        for (at, edge) in way.iter().enumerate() {
            for spec in edge.gates.iter().filter(|spec| spec.plugin == *plugin) {
                let late = merge_at.filter(|merge_at| at > *merge_at).map(|merge_at| way[merge_at]);
                match shortfall(plugin, edge, spec, late) {
                    None => return Ok(()),
                    Some(problem) => {
                        let place = self.places.get(&(edge.from.clone(), spec.name.clone())).copied();
                        first_problem.get_or_insert_with(|| ManifestError::new(place, problem));
                    }
                }
            }
        }
        Err(first_problem.unwrap_or_else(|| {
            // A sound pipeline has at least two stages, so there is an edge; the merging one is the last chance.
            let edge = merge_at.or(way.len().checked_sub(1)).map(|at| way[at]);
            let (from, to) = edge.map_or(("".into(), "".into()), |edge| (edge.from.clone(), edge.to.clone()));
            let gate = plugin.as_str().rsplit('/').next().unwrap_or_default().to_owned();
            ManifestError::new(None, Problem::MandatoryMissing { plugin: plugin.clone(), gate, from, to })
        }))
    }
}

/// What keeps this gate from guarding, if anything.
fn shortfall(plugin: &PluginName, edge: &Edge, spec: &GateSpec, merged_before: Option<&Edge>) -> Option<Problem> {
    let (plugin, gate) = (plugin.clone(), spec.name.clone());
    let (from, to) = (edge.from.clone(), edge.to.clone());
    if let Some(merge) = merged_before {
        let (merge_from, merge_to) = (merge.from.clone(), merge.to.clone());
        return Some(Problem::MandatoryTooLate { plugin, gate, from, to, merge_from, merge_to });
    }
    let weakening = match (spec.mode, spec.on_fault) {
        (Mode::Enforce, OnFault::Closed) => return None,
        (Mode::Shadow, _) => "mode = \"shadow\"",
        (Mode::Off, _) => "mode = \"off\"",
        (Mode::Enforce, OnFault::Open) => "on-fault = \"open\"",
    };
    Some(Problem::MandatoryWeakened { plugin, gate, from, to, weakening })
}
