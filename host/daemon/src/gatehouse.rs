//! The gates of a project as they stand on one revision of its target branch: pipeline, locked plugins, configuration.
//!
//! The manifest is read from the target branch alone, never from the branch under judgement (PLG-4).

use crate::settings::Gates;
use portcullis_catalog::lock::Lock;
use portcullis_catalog::manifest::Manifest;
use portcullis_catalog::registry::Registry;
use portcullis_core::digest::Digest;
use portcullis_core::gate::{Mode, OnFault, PluginRef};
use portcullis_core::ids::{GateName, StageName};
use portcullis_core::pipeline::{Edge, GateSpec, Pipeline};
use portcullis_core::step::GateBinding;
use serde_json::Value;
use sha2::{Digest as _, Sha256};

/// The gate that asks a person.
pub const APPROVAL: &str = "portcullis/approval";

/// What stands at a project's edges.
#[derive(Debug)]
pub struct Gatehouse {
    /// The table of stages and edges.
    pub pipeline: Pipeline,
    locked: Vec<(StageName, GateName, PluginRef)>,
    /// The lock that was resolved, as text, where the target branch has none of its own that suffices.
    pub resolved_lock: Option<String>,
}

/// One gate, ready to be asked.
#[derive(Debug, Clone)]
pub struct BoundGate {
    /// What the manifest says.
    pub spec: GateSpec,
    /// Which code.
    pub plugin: PluginRef,
    /// The configuration that it is given, as JSON.
    pub config: String,
    /// Digest of everything that shapes its answer.
    pub config_digest: Digest,
}

impl BoundGate {
    /// What the core needs of it.
    pub fn binding(&self) -> GateBinding {
        GateBinding {
            gate: self.spec.name.clone(),
            plugin: self.plugin.clone(),
            config_digest: self.config_digest.clone(),
        }
    }
}

impl Gatehouse {
    /// Builds it from the manifest's text, the target branch's lock, and the lock that the daemon keeps.
    ///
    /// # Errors
    /// One sentence that names the thing, the place and the remedy.
    pub fn build(
        manifest: &str,
        lock_in_branch: Option<&str>,
        lock_kept: Option<&str>,
        gates: &Gates,
        registry: &Registry,
    ) -> Result<Self, String> {
        let manifest = Manifest::parse(manifest).map_err(|error| chain(&error))?;
        let manifest = manifest.with_mandatory(&gates.mandatory).map_err(|error| chain(&error))?;
        for stage in &gates.approved_stages {
            check_approval(manifest.pipeline(), stage)?;
        }
        let previous = match lock_in_branch.or(lock_kept) {
            Some(text) => Some(Lock::parse(text).map_err(|error| chain(&error))?),
            None => None,
        };
        let lock = Lock::resolve(&manifest, registry, previous.as_ref()).map_err(|error| chain(&error))?;
        let mut locked = Vec::new();
        for used in manifest.gates() {
            if used.spec.mode == Mode::Off {
                continue;
            }
            let plugin = lock
                .plugin(used.spec)
                .ok_or_else(|| format!("gate {} has no locked plugin; run `portcullis gates lock`", used.spec.name))?;
            locked.push((used.edge.from.clone(), used.spec.name.clone(), plugin));
        }
        let rendered = lock.render();
        let resolved_lock = (lock_in_branch.or(lock_kept) != Some(rendered.as_str())).then_some(rendered);
        Ok(Self { pipeline: manifest.into_pipeline(), locked, resolved_lock })
    }

    /// The gates of an edge that are not off, with the task's and then the operator's configuration laid over the
    /// manifest's (STV-3).
    pub fn bind(&self, edge: &Edge, gates: &Gates, task_overlay: &Value) -> Vec<BoundGate> {
        edge.gates
            .iter()
            .filter_map(|spec| {
                let (_, _, plugin) =
                    self.locked.iter().find(|(from, name, _)| *from == edge.from && *name == spec.name)?;
                let mut config = spec.config.clone();
                if let Some(over) = task_overlay.get(spec.name.as_str()) {
                    lay_over(&mut config, over);
                }
                // The operator's comes last: no task switches back on what is off for the whole daemon.
                if let Some(over) = gates.overlay.get(plugin.name.as_str()) {
                    lay_over(&mut config, over);
                }
                let shape = serde_json::json!({ "config": config, "limits": spec.limits, "grants": spec.grants });
                let config_digest = Digest::from_sha256(Sha256::digest(shape.to_string()).into());
                Some(BoundGate {
                    spec: spec.clone(),
                    plugin: plugin.clone(),
                    config: config.to_string(),
                    config_digest,
                })
            })
            .collect()
    }

    /// Every plugin that stands at some edge.
    pub fn plugins(&self) -> impl Iterator<Item = &PluginRef> {
        self.locked.iter().map(|(_, _, plugin)| plugin)
    }
}

/// A person's approval must stand between this stage and the next, and nothing may stand in for it (STG-5).
fn check_approval(pipeline: &Pipeline, stage: &StageName) -> Result<(), String> {
    let Some(edge) = pipeline.edge_from(stage) else { return Ok(()) };
    let asks_a_person = |gate: &GateSpec| {
        gate.plugin.as_str() == APPROVAL && gate.mode == Mode::Enforce && gate.on_fault == OnFault::Closed
    };
    if edge.gates.iter().any(asks_a_person) {
        return Ok(());
    }
    Err(format!(
        "edge `{stage}` → `{}` has no enforcing gate of `{APPROVAL}`, and only a person lets a task leave `{stage}`; add \
         [[edge.gate]] name = \"approval\" plugin = \"{APPROVAL}\" version = \"^0.1\" (or take the stage out of \
         `gates.approved_stages`)",
        edge.to
    ))
}

/// Lays `over` over `config`, key by key; tables are merged, anything else is replaced.
fn lay_over(config: &mut Value, over: &Value) {
    match (config, over) {
        (Value::Object(config), Value::Object(over)) => {
            for (key, value) in over {
                lay_over(config.entry(key.clone()).or_insert(Value::Null), value);
            }
        }
        (config, over) => *config = over.clone(),
    }
}

/// An error with its causes, in one line.
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(next) = cause {
        text.push_str(": ");
        text.push_str(&next.to_string());
        cause = next.source();
    }
    text
}
