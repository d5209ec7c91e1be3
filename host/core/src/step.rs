//! What should happen to a task next: the one place that decides.
//!
//! [`next_step`] is pure. The shell does the step it names, adds what it learnt to the view, and asks again. What it
//! answers when nothing can be done, [`Rest`], is also what `explain` shows (STG-6), so the two cannot drift apart.
//!
//! Deliberately absent: a second way to move a task. Worker, webhook, reaper, reconciler and operator all come here.

use crate::digest::Digest;
use crate::facts::Approval;
use crate::gate::{Call, Evaluation, Fault, Finding, Judgement, Mode, OnFault, Outcome, PluginRef, Severity, Verdict};
use crate::ids::{GateName, JobId, Revision, RoleName, StageName};
use crate::job::{Job, JobState};
use crate::pause::{Pause, Pauses};
use crate::pipeline::{Edge, GateSpec, Pipeline};
use crate::retry::Backoff;
use crate::task::{Feedback, MergeIntent, Task};
use crate::time::UnixMillis;
use serde::{Deserialize, Serialize};
use std::time::Duration;

/// The rules' numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rules {
    /// Failed gates' returns at which a task is escalated (STG-4).
    pub max_returns: u32,
    /// Transient faults of one gate on one subject before the task is held.
    pub max_faults: u32,
    /// Calls of one gate's `act` in one visit before the task is held.
    pub max_acts: u32,
    /// Wait between tries after a transient fault.
    pub fault_backoff: Backoff,
    /// Wait before asking a pending gate again that names no time itself.
    pub pending_retry: Duration,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            max_returns: 3,
            max_faults: 5,
            max_acts: 5,
            fault_backoff: Backoff { first: Duration::from_secs(10), longest: Duration::from_secs(600) },
            pending_retry: Duration::from_secs(30),
        }
    }
}

/// However soon a pending gate wants to be asked again, this much time passes.
const SHORTEST_RETRY: Duration = Duration::from_secs(1);

/// Which code with which configuration stands at a gate now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GateBinding {
    /// The gate's name within its edge.
    pub gate: GateName,
    /// The locked plugin.
    pub plugin: PluginRef,
    /// Digest of everything that shapes its answer: configuration, limits, grants.
    pub config_digest: Digest,
}

/// Everything that a decision rests on.
#[derive(Debug, Clone)]
pub struct View<'a> {
    /// The task.
    pub task: &'a Task,
    /// Its project's pipeline, from the target branch.
    pub pipeline: &'a Pipeline,
    /// Head of the target branch.
    pub target_head: &'a Revision,
    /// What stands at the gates of the task's edge, in the edge's order (gates that are off may be left out).
    pub bindings: &'a [GateBinding],
    /// The newest job of this visit.
    pub job: Option<&'a Job>,
    /// Evaluations of this visit, oldest first.
    pub evaluations: &'a [Evaluation],
    /// The newest decision of a person on leaving this stage, and when it was made.
    pub decision: Option<(&'a Approval, UnixMillis)>,
    /// The merge commit, where the shell has just confirmed one.
    pub merged: Option<&'a Revision>,
    /// What an operator has paused (QUE-7).
    pub pauses: &'a Pauses,
}

/// What to do next.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Nothing, and why. `next_look_at` is when that may change by time alone.
    Rest {
        /// Why.
        rest: Rest,
        /// When to look again.
        next_look_at: Option<UnixMillis>,
    },
    /// Make a job for the stage.
    Enqueue {
        /// Who works.
        role: RoleName,
    },
    /// Ask this gate.
    Judge {
        /// Which.
        gate: GateName,
    },
    /// Let this gate mend what it judges.
    Act {
        /// Which.
        gate: GateName,
    },
    /// Write down that the merge is decided, then merge.
    BeginMerge {
        /// What was judged.
        intent: MergeIntent,
    },
    /// Ask the forge whether it is merged already (MRG-3); if not, merge, but only while the intent
    /// [still stands](MergeIntent::stands): what was judged may have moved since (GAT-8).
    Merge {
        /// What was judged.
        intent: MergeIntent,
    },
    /// Move forward.
    Advance {
        /// The stage left.
        from: StageName,
        /// The stage entered.
        to: StageName,
        /// Who works there.
        role: Option<RoleName>,
    },
    /// Send back.
    Return {
        /// The stage entered.
        to: StageName,
        /// Who works there.
        role: Option<RoleName>,
        /// What the gate said.
        feedback: Feedback,
        /// Whether the way back leads over the merge, so that a new one will be needed.
        forget_merge: bool,
    },
    /// Hold for a person.
    Hold {
        /// Why.
        reason: String,
        /// Returns to be counted with it.
        returns: u32,
    },
}

impl Step {
    /// Whether it asks a gate something.
    fn asks(&self) -> bool {
        matches!(self, Self::Judge { .. } | Self::Act { .. })
    }
}

/// Why a task rests: what it waits for, since when, and what would move it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind")]
#[allow(missing_docs, reason = "Display says each")]
pub enum Rest {
    Finished,
    Held { reason: String, by: String, since: UnixMillis },
    JobQueued { job: JobId, role: RoleName, reason: Option<String>, not_before: UnixMillis },
    JobRunning { job: JobId, role: RoleName, since: UnixMillis },
    GatePending { gate: GateName, summary: String, since: UnixMillis, deadline: Option<UnixMillis> },
    GateFault { gate: GateName, fault: String, tries: u32 },
    NoHead { role: Option<RoleName> },
    ManifestUnusable { reason: String },
    LeaseTaken { lease: String, by: String },
    ForgeUnavailable { reason: String },
    RepositoryUnavailable { reason: String },
    ClockBehind { until: UnixMillis },
    Paused { what: String, by: String, why: String, since: UnixMillis },
}

impl Rest {
    /// What a task rests for whose role is at work.
    pub fn of_running(job: &Job, now: UnixMillis) -> Self {
        let since = job.run.as_ref().map_or(now, |run| run.launched_at);
        Self::JobRunning { job: job.id, role: job.role.clone(), since }
    }
}

impl From<&Pause> for Rest {
    fn from(pause: &Pause) -> Self {
        let Pause { scope, by, why, since } = pause;
        Self::Paused { what: scope.to_string(), by: by.clone(), why: why.clone(), since: *since }
    }
}

impl std::fmt::Display for Rest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Finished => write!(f, "finished"),
            Self::Held { reason, by, .. } => {
                write!(f, "held by {by}: {reason}. A person moves it on: `portcullis task release`")
            }
            Self::JobQueued { job, role, reason: None, .. } => {
                write!(f, "waits for a free place for its {role} (job {job})")
            }
            Self::JobQueued { job, role, reason: Some(reason), .. } => {
                write!(f, "waits to start its {role} again (job {job}): {reason}")
            }
            Self::JobRunning { job, role, .. } => write!(f, "its {role} is at work (job {job})"),
            Self::GatePending { gate, summary, .. } => write!(f, "gate {gate} is not decided yet: {summary}"),
            Self::GateFault { gate, fault, tries } => {
                write!(f, "gate {gate} could not judge ({tries} tries so far): {fault}")
            }
            Self::NoHead { role: Some(role) } => {
                write!(f, "its {role} has not pushed anything yet; a push or `portcullis task retry` moves it on")
            }
            Self::NoHead { role: None } => write!(f, "its branch has no revision yet; a push moves it on"),
            Self::ManifestUnusable { reason } => write!(f, "the target branch has no usable manifest: {reason}"),
            Self::LeaseTaken { lease, by } => write!(f, "waits for `{lease}`, which {by} holds"),
            Self::ForgeUnavailable { reason } => write!(f, "the forge does not answer: {reason}"),
            Self::RepositoryUnavailable { reason } => write!(f, "the repository cannot be read: {reason}"),
            Self::Paused { what, by, why, .. } => {
                write!(f, "{what} was paused by {by}: {why}. `portcullis resume` lets it go on")
            }
            Self::ClockBehind { .. } => {
                write!(
                    f,
                    "the machine's clock is behind this task's last decision; it goes on when the clock has caught up"
                )
            }
        }
    }
}

/// Decides what happens to a task next.
pub fn next_step(view: &View<'_>, rules: &Rules, now: UnixMillis) -> Step {
    let task = view.task;
    let rest = |rest| Step::Rest { rest, next_look_at: None };
    if let Some(held) = &task.held {
        return rest(Rest::Held { reason: held.reason.clone(), by: held.by.clone(), since: held.since });
    }
    if let Some(pause) = view.pauses.of_project(&task.project) {
        return rest(pause.into());
    }
    let Some(stage) = view.pipeline.stage(&task.stage) else {
        return Step::Hold {
            reason: format!(
                "its stage `{}` is no longer in the pipeline; put it back into the manifest or cancel the task",
                task.stage
            ),
            returns: task.returns,
        };
    };
    let left = stage.role.as_ref().and_then(|role| work_left(view, role, now));
    let Some(edge) = view.pipeline.edge_from(&task.stage) else {
        return left.unwrap_or_else(|| rest(Rest::Finished));
    };
    // A merge that was decided may have happened: nothing else is looked at before the forge was asked.
    if edge.merge
        && view.merged.is_none()
        && let Some(intent) = &task.merging
    {
        return Step::Merge { intent: intent.clone() };
    }
    if let Some(step) = left {
        return step;
    }
    // Only a merge that was decided here opens the edge; one that somebody made by hand has not been judged (I8).
    if edge.merge && view.merged.is_some() && task.merging.is_some() {
        return advance(view, edge);
    }
    let Some(head) = &task.head else {
        return rest(Rest::NoHead { role: stage.role.clone() });
    };
    let attempt = Attempt { view, rules, now, edge, head };
    for spec in edge.gates.iter().filter(|g| g.mode != Mode::Off) {
        match attempt.standing(spec) {
            Standing::Open => {}
            Standing::Step(step) if step.asks() => match attempt.pause_of(spec) {
                Some(_) if spec.mode == Mode::Shadow => {}
                Some(pause) => return rest(pause.into()),
                None => return attempt.unless_behind(step),
            },
            Standing::Step(step) => return step,
        }
    }
    if edge.merge {
        return Step::BeginMerge { intent: MergeIntent { head: head.clone(), target_head: view.target_head.clone() } };
    }
    advance(view, edge)
}

/// What to do when every gate was green and the forge could not merge all the same, because these paths conflict: as if a
/// gate named `merge` had failed, so that the developer is told which paths.
pub fn after_conflict(view: &View<'_>, rules: &Rules, paths: &[String]) -> Step {
    let edge = view.pipeline.edge_from(&view.task.stage);
    let Some(edge) = edge else {
        return Step::Hold { reason: "its merge conflicts".to_owned(), returns: view.task.returns };
    };
    let judgement = Judgement {
        verdict: Verdict::Fail,
        summary: format!("{} paths conflict with {}", paths.len(), view.target_head.short()),
        findings: paths
            .iter()
            .map(|path| Finding {
                rule: "merge-conflict".to_owned(),
                severity: Severity::Error,
                message: "conflicts with the target branch".to_owned(),
                path: Some(path.clone()),
                line: None,
                fingerprint: format!("merge-conflict:{path}"),
            })
            .collect(),
        evidence: Vec::new(),
        retry_after_s: None,
    };
    send_back(view, rules, edge, &GateName::new("merge"), &judgement)
}

fn advance(view: &View<'_>, edge: &Edge) -> Step {
    Step::Advance {
        from: edge.from.clone(),
        to: edge.to.clone(),
        role: view.pipeline.stage(&edge.to).and_then(|s| s.role.clone()),
    }
}

/// What the stage's job still has to do; none once it is done.
fn work_left(view: &View<'_>, role: &RoleName, now: UnixMillis) -> Option<Step> {
    let task = view.task;
    let Some(job) = view.job else {
        return Some(Step::Enqueue { role: role.clone() });
    };
    match job.state {
        JobState::Done => None,
        JobState::Queued => Some(Step::Rest {
            rest: view.pauses.of_role(&job.role).map_or_else(
                || Rest::JobQueued {
                    job: job.id,
                    role: job.role.clone(),
                    reason: job.reason.clone(),
                    not_before: job.not_before,
                },
                Rest::from,
            ),
            next_look_at: None,
        }),
        JobState::Running => Some(Step::Rest { rest: Rest::of_running(job, now), next_look_at: None }),
        JobState::Failed => Some(Step::Hold {
            reason: format!(
                "its {role} failed (job {}): {}",
                job.id,
                job.reason.as_deref().unwrap_or("no reason was recorded")
            ),
            returns: task.returns,
        }),
        JobState::Cancelled => Some(Step::Hold {
            reason: format!("job {} of its {role} was cancelled; `portcullis task retry` starts it again", job.id),
            returns: task.returns,
        }),
    }
}

enum Standing {
    /// Does not keep the edge closed.
    Open,
    /// Something has to happen first.
    Step(Step),
}

/// One attempt to cross the edge, as it stands now.
struct Attempt<'a> {
    view: &'a View<'a>,
    rules: &'a Rules,
    now: UnixMillis,
    edge: &'a Edge,
    head: &'a Revision,
}

impl Attempt<'_> {
    /// Whether `evaluation` speaks about what stands here now (GAT-8): same edge, head, target, code and configuration,
    /// and no person has decided anything since. One that is dated later than now was given before the clock was set back:
    /// nobody can tell what has happened since, and waiting for its time could take for ever.
    fn is_valid(&self, evaluation: &Evaluation, binding: &GateBinding) -> bool {
        evaluation.gate == binding.gate
            && evaluation.plugin == binding.plugin
            && evaluation.config_digest == binding.config_digest
            && evaluation.subject.from == self.edge.from
            && evaluation.subject.to == self.edge.to
            && evaluation.subject.head == *self.head
            && evaluation.subject.target_head == *self.view.target_head
            && evaluation.at >= self.fresh_from()
            && evaluation.at <= self.now
    }

    /// Evaluations made earlier than this are void.
    fn fresh_from(&self) -> UnixMillis {
        let decided = self.view.decision.map_or(UnixMillis(i64::MIN), |(_, at)| at);
        self.view.task.fresh_from.max(decided)
    }

    /// The pause that keeps this gate from being asked.
    fn pause_of(&self, spec: &GateSpec) -> Option<&Pause> {
        self.view.pauses.of_gate(&spec.name, &spec.plugin)
    }

    /// `step`, which asks for an answer, unless that would be void as soon as it is given, because the clock was set back to
    /// before the last decision: that would go round for ever.
    fn unless_behind(&self, step: Step) -> Step {
        let until = self.fresh_from();
        if self.now < until {
            return Step::Rest { rest: Rest::ClockBehind { until }, next_look_at: Some(until) };
        }
        step
    }

    fn standing(&self, spec: &GateSpec) -> Standing {
        let judge = Standing::Step(Step::Judge { gate: spec.name.clone() });
        let Some(binding) = self.view.bindings.iter().find(|b| b.gate == spec.name) else {
            if spec.mode == Mode::Shadow {
                return Standing::Open;
            }
            // The shell binds every gate that is not off; one that it could not bind is closed (I8).
            return Standing::Step(Step::Hold {
                reason: format!("gate {} has no plugin; install it or change the manifest", spec.name),
                returns: self.view.task.returns,
            });
        };
        let Some(last) = self.view.evaluations.iter().rev().find(|e| self.is_valid(e, binding)) else {
            return judge;
        };
        if spec.mode == Mode::Shadow {
            return Standing::Open;
        }
        match &last.report.outcome {
            // A fault while mending opens nothing: the gate has judged, and not with a pass.
            Outcome::Faulted(_) if spec.on_fault == OnFault::Open && last.call == Call::Evaluate => Standing::Open,
            Outcome::Faulted(fault) => self.after_fault(spec, binding, fault, last),
            Outcome::Judged(judgement) => match (judgement.verdict, last.call) {
                (Verdict::Pass, Call::Evaluate) => Standing::Open,
                // Mending is not judging: whoever acted is asked again.
                (Verdict::Pass, Call::Act) => judge,
                (Verdict::Fail, _) => Standing::Step(self.send_back(spec, judgement)),
                (Verdict::Pending, _) => self.after_pending(spec, judgement, last),
                (Verdict::Actionable, _) => self.act(spec),
            },
        }
    }

    fn act(&self, spec: &GateSpec) -> Standing {
        let fresh_from = self.view.task.fresh_from;
        let is_act = |e: &&Evaluation| e.gate == spec.name && e.call == Call::Act && e.at >= fresh_from;
        let acts = self.view.evaluations.iter().filter(is_act).count();
        if acts >= self.rules.max_acts as usize {
            return Standing::Step(Step::Hold {
                reason: format!("gate {} acted {acts} times and is still not green", spec.name),
                returns: self.view.task.returns,
            });
        }
        Standing::Step(Step::Act { gate: spec.name.clone() })
    }

    fn after_fault(&self, spec: &GateSpec, binding: &GateBinding, fault: &Fault, last: &Evaluation) -> Standing {
        let is_fault = |e: &&Evaluation| self.is_valid(e, binding) && matches!(e.report.outcome, Outcome::Faulted(_));
        let tries = u32::try_from(
            self.view
                .evaluations
                .iter()
                .rev()
                .take_while(|e| is_fault(e) || e.gate != spec.name)
                .filter(is_fault)
                .count(),
        )
        .unwrap_or(u32::MAX);
        if !fault.is_transient() || tries >= self.rules.max_faults {
            return Standing::Step(Step::Hold {
                reason: format!("gate {} could not judge: {fault}", spec.name),
                returns: self.view.task.returns,
            });
        }
        let again = ended(last).plus(self.rules.fault_backoff.wait(tries, self.view.task.id.0.unsigned_abs()));
        if again <= self.now {
            return Standing::Step(Step::Judge { gate: spec.name.clone() });
        }
        Standing::Step(Step::Rest {
            rest: Rest::GateFault { gate: spec.name.clone(), fault: fault.to_string(), tries },
            next_look_at: Some(again),
        })
    }

    fn after_pending(&self, spec: &GateSpec, judgement: &Judgement, last: &Evaluation) -> Standing {
        let since = self.pending_since(spec, last);
        let deadline = (!spec.deadline.is_zero()).then(|| since.plus(spec.deadline));
        let wanted = judgement.retry_after_s.map(|s| Duration::from_secs(u64::from(s)));
        let again = ended(last).plus(wanted.unwrap_or(self.rules.pending_retry).max(SHORTEST_RETRY));
        let rung = self.view.task.rings > last.rings;
        // Time runs out only over an answer that was given after the deadline: after downtime it may be another one.
        if deadline.is_some_and(|d| d <= last.at) {
            let late = Judgement {
                summary: format!("not decided within {} s: {}", spec.deadline.as_secs(), judgement.summary),
                ..judgement.clone()
            };
            return Standing::Step(self.send_back(spec, &late));
        }
        if again <= self.now || rung || deadline.is_some_and(|d| d <= self.now) {
            return Standing::Step(Step::Judge { gate: spec.name.clone() });
        }
        Standing::Step(Step::Rest {
            rest: Rest::GatePending { gate: spec.name.clone(), summary: judgement.summary.clone(), since, deadline },
            next_look_at: Some(deadline.map_or(again, |d| again.min(d))),
        })
    }

    /// When the gate first said "not yet" about this head without having said anything else since. A target that moves
    /// wins no more time, and neither do faults in between.
    fn pending_since(&self, spec: &GateSpec, last: &Evaluation) -> UnixMillis {
        self.view
            .evaluations
            .iter()
            .rev()
            .filter(|e| e.gate == spec.name && e.subject.head == *self.head)
            .filter(|e| e.at >= self.view.task.fresh_from && e.at <= self.now)
            .filter_map(|e| match &e.report.outcome {
                Outcome::Judged(judgement) => Some((judgement.verdict, e.at)),
                Outcome::Faulted(_) => None,
            })
            .take_while(|(verdict, _)| *verdict == Verdict::Pending)
            .last()
            .map_or(last.at, |(_, at)| at)
    }

    fn send_back(&self, spec: &GateSpec, judgement: &Judgement) -> Step {
        send_back(self.view, self.rules, self.edge, &spec.name, judgement)
    }
}

/// Back to where the edge sends failures, or held once that has happened too often (STG-3, STG-4).
fn send_back(view: &View<'_>, rules: &Rules, edge: &Edge, gate: &GateName, judgement: &Judgement) -> Step {
    let returns = view.task.returns.saturating_add(1);
    if returns >= rules.max_returns {
        return Step::Hold {
            reason: format!(
                "sent back {returns} times; last by gate {gate} on leaving {}: {}",
                edge.from, judgement.summary
            ),
            returns,
        };
    }
    let way = view.pipeline.way();
    let place = |name: &StageName| way.iter().position(|n| *n == name);
    let merge = view.pipeline.edges().iter().find(|e| e.merge);
    Step::Return {
        to: edge.on_fail.clone(),
        role: view.pipeline.stage(&edge.on_fail).and_then(|s| s.role.clone()),
        feedback: Feedback {
            gate: gate.clone(),
            from: edge.from.clone(),
            summary: judgement.summary.clone(),
            findings: judgement.findings.clone(),
        },
        forget_merge: merge.is_some_and(|m| place(&edge.on_fail) < place(&m.to) && place(&m.to) <= place(&edge.from)),
    }
}

/// Waits are counted from here, not from the beginning: a gate that takes its time would otherwise never be let rest.
fn ended(evaluation: &Evaluation) -> UnixMillis {
    evaluation.at.plus(evaluation.report.duration)
}
