//! The pipeline: a table of stages and edges, checked when it is made (STG-1).
//!
//! A pipeline that exists is sound: every name resolves, the way forward is one path without cycles from the first stage
//! to a terminal one, no edge stands twice. Deliberately absent: versions and digests of plugins (the catalog's affair)
//! and any default for what the manifest left out.

use crate::gate::{Grants, Limits, Mode, OnFault};
use crate::ids::{GateName, PluginName, RoleName, StageName};
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// Where a task can be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// Its name.
    pub name: StageName,
    /// Who works in it. None: nothing runs here, the task only waits for its edge.
    pub role: Option<RoleName>,
    /// True where the role acts instead of writing (deploys), so that no changed file is expected (LAU-4).
    pub acts: bool,
}

/// One gate of one edge, as the manifest asks for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateSpec {
    /// Name within the edge.
    pub name: GateName,
    /// Which plugin.
    pub plugin: PluginName,
    /// Which versions, as a semver requirement, e.g. `^1.2`.
    pub requirement: String,
    /// Whether it counts.
    pub mode: Mode,
    /// What a fault means.
    pub on_fault: OnFault,
    /// What it may reach.
    pub grants: Grants,
    /// What it may use.
    pub limits: Limits,
    /// How long `pending` may last before it counts as a failure (GAT-4).
    pub deadline: Duration,
    /// Its configuration, handed over as JSON.
    pub config: serde_json::Value,
}

/// A stage and the next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Edge {
    /// Stage left.
    pub from: StageName,
    /// Stage entered.
    pub to: StageName,
    /// Where a failed gate sends the task back to (STG-3).
    pub on_fail: StageName,
    /// Whether crossing this edge merges the pull request into the target branch first.
    pub merge: bool,
    /// Its gates, in order.
    pub gates: Vec<GateSpec>,
}

/// A sound pipeline.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Pipeline {
    stages: Vec<Stage>,
    edges: Vec<Edge>,
}

/// Why a table is no pipeline. Each message names the thing and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[allow(missing_docs, reason = "the message of each variant is its documentation")]
pub enum PipelineError {
    #[error("the pipeline has no stages; name at least two")]
    NoStages,
    #[error("stage `{0}` stands twice; give each stage a name of its own")]
    DuplicateStage(StageName),
    #[error("edge `{from}` → `{to}` names stage `{missing}`, which does not exist; the stages are {known}")]
    UnknownStage { from: StageName, to: StageName, missing: StageName, known: String },
    #[error("edge `{from}` → `{to}` stands twice; put the gates of both into one")]
    DuplicateEdge { from: StageName, to: StageName },
    #[error("stage `{from}` has two ways forward, to `{first}` and to `{second}`; a stage has one")]
    TwoWaysForward { from: StageName, first: StageName, second: StageName },
    #[error("the edges run in a cycle: {0}; a pipeline goes forward (a failed gate's way back is `on-fail`)")]
    Cycle(String),
    #[error("stage `{0}` is reached by no edge; connect it or remove it")]
    Unreachable(StageName),
    #[error("edge `{from}` → `{to}` sends failures to `{on_fail}`, which does not lie at or before `{from}`")]
    OnFailNotBehind { from: StageName, to: StageName, on_fail: StageName },
    #[error("gate `{gate}` stands twice on edge `{from}` → `{to}`; give each gate of an edge a name of its own")]
    DuplicateGate { gate: GateName, from: StageName, to: StageName },
    #[error("two edges merge, `{first}` → … and `{second}` → …; a task is merged once")]
    TwoMerges { first: StageName, second: StageName },
}

impl Pipeline {
    /// Checks the table. `stages` are in the order of the pipeline's way; the first is where a task begins.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn new(stages: Vec<Stage>, edges: Vec<Edge>) -> Result<Self, PipelineError> {
        if stages.len() < 2 {
            return Err(PipelineError::NoStages);
        }
        for (index, stage) in stages.iter().enumerate() {
            if stages[..index].iter().any(|s| s.name == stage.name) {
                return Err(PipelineError::DuplicateStage(stage.name.clone()));
            }
        }
        let pipeline = Self { stages, edges };
        pipeline.check_edges()?;
        pipeline.check_path()?;
        pipeline.check_ways_back()?;
        Ok(pipeline)
    }

    fn check_edges(&self) -> Result<(), PipelineError> {
        for (index, edge) in self.edges.iter().enumerate() {
            for name in [&edge.from, &edge.to, &edge.on_fail] {
                if self.stage(name).is_none() {
                    return Err(PipelineError::UnknownStage {
                        from: edge.from.clone(),
                        to: edge.to.clone(),
                        missing: name.clone(),
                        known: self.stages.iter().map(|s| s.name.as_str()).collect::<Vec<_>>().join(", "),
                    });
                }
            }
            if let Some(other) = self.edges[..index].iter().find(|e| e.from == edge.from) {
                let from = edge.from.clone();
                return Err(if other.to == edge.to {
                    PipelineError::DuplicateEdge { from, to: edge.to.clone() }
                } else {
                    PipelineError::TwoWaysForward { from, first: other.to.clone(), second: edge.to.clone() }
                });
            }
            for (at, gate) in edge.gates.iter().enumerate() {
                if edge.gates[..at].iter().any(|g| g.name == gate.name) {
                    return Err(PipelineError::DuplicateGate {
                        gate: gate.name.clone(),
                        from: edge.from.clone(),
                        to: edge.to.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    /// One path from the first stage through all of them.
    fn check_path(&self) -> Result<(), PipelineError> {
        // A cycle anywhere, also one that the path from the first stage never meets.
        for start in &self.stages {
            let mut way = vec![&start.name];
            while let Some(edge) = way.last().and_then(|last| self.edge_from(last)) {
                way.push(&edge.to);
                if edge.to == start.name {
                    let names: Vec<&str> = way.iter().map(|n| n.as_str()).collect();
                    return Err(PipelineError::Cycle(names.join(" → ")));
                }
                if way.len() > self.stages.len() {
                    break; // runs into a cycle that does not hold `start`; found when that one's turn comes
                }
            }
        }
        let reached = self.way();
        match self.stages.iter().find(|s| !reached.contains(&&s.name)) {
            Some(stage) => Err(PipelineError::Unreachable(stage.name.clone())),
            None => Ok(()),
        }
    }

    fn check_ways_back(&self) -> Result<(), PipelineError> {
        let merges: Vec<&Edge> = self.edges.iter().filter(|e| e.merge).collect();
        if let [first, second, ..] = merges.as_slice() {
            return Err(PipelineError::TwoMerges { first: first.from.clone(), second: second.from.clone() });
        }
        let way = self.way();
        let place = |name: &StageName| way.iter().position(|n| *n == name);
        for edge in &self.edges {
            let (from, to, on_fail) = (edge.from.clone(), edge.to.clone(), edge.on_fail.clone());
            if place(&edge.on_fail) > place(&edge.from) {
                return Err(PipelineError::OnFailNotBehind { from, to, on_fail });
            }
        }
        Ok(())
    }

    /// Names from the first stage to the terminal one, in order.
    pub fn way(&self) -> Vec<&StageName> {
        let mut way = vec![&self.stages[0].name];
        while let Some(edge) = way.last().and_then(|last| self.edge_from(last)) {
            way.push(&edge.to);
        }
        way
    }

    /// Where a task begins.
    pub fn first(&self) -> &Stage {
        &self.stages[0]
    }

    /// Every stage.
    pub fn stages(&self) -> &[Stage] {
        &self.stages
    }

    /// Every edge.
    pub fn edges(&self) -> &[Edge] {
        &self.edges
    }

    /// The stage of this name.
    pub fn stage(&self, name: &StageName) -> Option<&Stage> {
        self.stages.iter().find(|s| s.name == *name)
    }

    /// The way forward from `stage`; none where the pipeline ends.
    pub fn edge_from(&self, stage: &StageName) -> Option<&Edge> {
        self.edges.iter().find(|e| e.from == *stage)
    }

    /// Whether the pipeline ends here.
    pub fn is_terminal(&self, stage: &StageName) -> bool {
        self.edge_from(stage).is_none()
    }

    /// The seven working stages and `done`, with their roles (STG-1).
    pub fn default_stages() -> Vec<Stage> {
        let stage = |name: &str, role: Option<&str>, acts: bool| Stage {
            name: StageName::new(name),
            role: role.map(RoleName::new),
            acts,
        };
        vec![
            stage("analysis", Some("analyst"), false),
            stage("architecture", Some("architect"), false),
            stage("development", Some("developer"), false),
            stage("review", Some("reviewer"), false),
            stage("testing", Some("tester"), false),
            stage("deploy-staging", Some("deployer"), true),
            stage("deploy", Some("deployer"), true),
            stage("done", None, false),
        ]
    }

    /// Where a failed gate on the edge that leaves `from` sends the task, unless the manifest says otherwise: the code
    /// stages and the deploys back to development, the two stages before it (and any other name) to themselves.
    pub fn default_on_fail(from: &StageName) -> StageName {
        match from.as_str() {
            "development" | "review" | "testing" | "deploy-staging" | "deploy" => StageName::new("development"),
            other => StageName::new(other),
        }
    }
}
