//! Asking one gate about one subject, and making an evaluation of whatever comes back.

use crate::app::App;
use crate::crash;
use crate::gate_acts::GateActs;
use crate::gate_reads::GateReads;
use crate::gatehouse::BoundGate;
use crate::project::Project;
use portcullis_core::gate::{Call, Evaluation, Fault, Outcome, PluginRef, Report, Subject, Verdict};
use portcullis_core::ids::Revision;
use portcullis_core::lease::Fence;
use portcullis_core::task::Task;
use portcullis_runtime::{CallInput, Gate};
use std::sync::Arc;
use std::time::Duration;

/// What asking came to.
pub struct Asked {
    /// The evaluation, to be stored.
    pub evaluation: Evaluation,
    /// The head that the gate published, where it acted and did.
    pub published: Option<Revision>,
}

/// How a gate is asked.
pub enum Asking {
    /// To judge: it can read and nothing else.
    Evaluate,
    /// To mend what it judges: only under the task's drive lease.
    Act {
        /// That lease.
        under: Fence,
    },
}

impl Asking {
    fn call(&self) -> Call {
        match self {
            Self::Evaluate => Call::Evaluate,
            Self::Act { .. } => Call::Act,
        }
    }
}

/// Asks. Never fails: whatever goes wrong is a fault on the evaluation (GAT-1).
pub async fn ask(
    app: &App,
    project: &Arc<Project>,
    task: &Task,
    bound: &BoundGate,
    subject: Subject,
    asking: Asking,
) -> Asked {
    let call = asking.call();
    let at = app.now();
    let reads = Arc::new(GateReads::new(app, project.clone(), task, subject.clone()));
    let mut published = None;
    let report = match load(app, &bound.plugin).await {
        Err(fault) => faulted(fault),
        Ok(gate) => {
            let input = CallInput {
                subject: subject.clone(),
                config: bound.config.clone(),
                limits: bound.spec.limits,
                grants: bound.spec.grants.clone(),
                at,
                outbound: Some(project.outbound.clone()),
            };
            match asking {
                Asking::Evaluate => {
                    let report = app.runtime.evaluate(&gate, input, reads).await;
                    crash::point("gate/evaluated");
                    report
                }
                Asking::Act { under } => {
                    crash::point("gate/act/before");
                    let wall = Duration::from_millis(bound.spec.limits.wall_ms);
                    let acts = Arc::new(GateActs::new(app, project.clone(), task, &subject, wall, under));
                    let mut report = app.runtime.act(&gate, input, reads, acts.clone()).await;
                    crash::point("gate/act/after");
                    if matches!(&report.outcome, Outcome::Judged(judgement) if judgement.verdict == Verdict::Pass)
                        && let Err(detail) = acts.settle().await
                    {
                        let detail = format!("failed to publish the documents that its commands wrote: {detail}");
                        report.outcome = Outcome::Faulted(Fault::Host { detail });
                    }
                    published = acts.published();
                    report
                }
            }
        }
    };
    let evaluation = Evaluation {
        id: None,
        gate: bound.spec.name.clone(),
        plugin: bound.plugin.clone(),
        config_digest: bound.config_digest.clone(),
        subject,
        call,
        mode: bound.spec.mode,
        on_fault: bound.spec.on_fault,
        report,
        at,
        rings: task.rings,
    };
    Asked { evaluation, published }
}

/// The gate's code: compiled once per digest, then from memory or from the artifact cache.
///
/// # Errors
/// The fault that the evaluation ends with.
pub async fn load(app: &App, plugin: &PluginRef) -> Result<Arc<Gate>, Fault> {
    if let Some(gate) = app.runtime.load_cached(plugin).await {
        return Ok(gate);
    }
    let registry = app.registry.clone();
    let wanted = plugin.clone();
    let read = tokio::task::spawn_blocking(move || registry.load(&wanted).map_err(|error| error.fault()));
    let bytes = read.await.map_err(|error| Fault::Host { detail: error.to_string() })??;
    app.runtime.load(plugin, &bytes).await
}

fn faulted(fault: Fault) -> Report {
    Report {
        outcome: Outcome::Faulted(fault),
        duration: Duration::ZERO,
        memory_peak_bytes: 0,
        host_calls: 0,
        transcript: Vec::new(),
        log: String::new(),
    }
}
