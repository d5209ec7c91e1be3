//! The real rules, asked about states of the model. Answers are remembered: the same question comes up a million times.

use crate::search::Fast;
use crate::state::{Answer, Resting, Row, Said};
use crate::support::{self, Scene};
use portcullis_core::gate::{Call, Verdict};
use portcullis_core::ids::{RoleName, StageName};
use portcullis_core::job::JobState;
use portcullis_core::pipeline::{Edge, Pipeline, Stage};
use portcullis_core::reaper::{Fate, Probe, ReaperRules, Reaping, Watch, reap};
use portcullis_core::step::{Rest, Rules, Step, next_step};
use portcullis_core::task::{Held, MergeIntent};
use std::cell::RefCell;
use std::collections::HashMap;
use std::hash::BuildHasherDefault;
use std::time::Duration;

/// Names of the stages; a scene uses the last ones of them.
const STAGES: [&str; 3] = ["build", "ship", "end"];

/// What the model wants to know about a task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Question {
    stage: u8,
    has_head: bool,
    intends: bool,
    returns: u8,
    held: bool,
    job: Option<JobState>,
    said: Said,
    /// It speaks about the present heads.
    valid: bool,
    ripe: bool,
    rung: bool,
    merged: bool,
}

/// What the rules say, as far as the model tells it apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Next {
    Rest(Resting, bool),
    Enqueue,
    Judge,
    Act,
    Intend,
    Merge,
    Advance,
    Return,
    Hold,
}

/// The real core.
pub(crate) struct Oracle {
    pipeline: Pipeline,
    rules: Rules,
    pub(crate) reaper: ReaperRules,
    known: RefCell<HashMap<Question, Next, BuildHasherDefault<Fast>>>,
}

impl Oracle {
    /// A pipeline whose first edge has a gate if `gated` and merges if `merges`; with `ships`, a role works behind it.
    pub(crate) fn new(gated: bool, merges: bool, ships: bool) -> Self {
        let stage = |name: &str, role: Option<&str>| Stage {
            name: StageName::new(name),
            role: role.map(RoleName::new),
            acts: false,
        };
        let gates = if gated { vec![support::gate("check")] } else { Vec::new() };
        let deadline = |mut edge: Edge| {
            edge.gates.iter_mut().for_each(|gate| gate.deadline = Duration::ZERO);
            edge
        };
        let edge = |from: &str, to: &str, gates| Edge { on_fail: "build".into(), ..support::edge(from, to, gates) };
        let first_to = if ships { "ship" } else { "end" };
        let mut stages = vec![stage("build", Some("developer")), stage("end", None)];
        let mut edges = vec![Edge { merge: merges, ..deadline(edge("build", first_to, gates)) }];
        if ships {
            stages.insert(1, stage("ship", Some("deployer")));
            edges.push(edge("ship", "end", Vec::new()));
        }
        Self {
            pipeline: Pipeline::new(stages, edges).unwrap(),
            rules: Rules { max_returns: 2, ..Rules::default() },
            reaper: ReaperRules::default(),
            known: RefCell::default(),
        }
    }

    /// The stage behind `stage`.
    pub(crate) fn behind(&self, stage: u8) -> u8 {
        let name = StageName::new(STAGES[usize::from(stage)]);
        let edge = self.pipeline.edge_from(&name).unwrap();
        let to = STAGES.iter().position(|name| edge.to == StageName::new(*name)).unwrap();
        u8::try_from(to).unwrap()
    }

    pub(crate) fn has_role(&self, stage: u8) -> bool {
        self.pipeline.stage(&STAGES[usize::from(stage)].into()).unwrap().role.is_some()
    }

    /// Whether the edge that leaves `stage` has a gate, and whether it merges.
    pub(crate) fn edge(&self, stage: u8) -> (bool, bool) {
        let edge = self.pipeline.edge_from(&STAGES[usize::from(stage)].into());
        (edge.is_some_and(|edge| !edge.gates.is_empty()), edge.is_some_and(|edge| edge.merge))
    }

    /// What `next_step` says about a task as it was read.
    pub(crate) fn next(&self, row: &Row, job: Option<JobState>, answer: &Answer, target: u8, merged: bool) -> Next {
        let is_known = answer.said != Said::Nothing;
        let question = Question {
            stage: row.stage,
            has_head: row.head.number > 0,
            intends: row.intent.is_some(),
            returns: row.returns,
            held: row.held,
            job,
            said: answer.said,
            valid: is_known && answer.head == row.head && answer.target == target,
            ripe: is_known && answer.ripe,
            rung: is_known && answer.rung,
            merged,
        };
        *self.known.borrow_mut().entry(question).or_insert_with(|| self.ask(&question))
    }

    fn ask(&self, question: &Question) -> Next {
        let stage = STAGES[usize::from(question.stage)];
        let mut scene = Scene::on(self.pipeline.clone(), stage);
        scene.rules = self.rules;
        scene.task.returns = question.returns.into();
        scene.task.head = question.has_head.then(|| support::rev(1));
        if question.held {
            scene.task.held = Some(Held { reason: String::new(), by: String::new(), since: support::START });
        }
        if question.intends {
            scene.task.merging = Some(MergeIntent { head: support::rev(1), target_head: support::rev(9) });
        }
        scene.merged = question.merged.then(|| support::rev(8));
        scene.job = question.job.map(|state| support::job(stage, "developer", state));
        let (call, outcome) = match question.said {
            Said::Nothing => (Call::Evaluate, None),
            Said::Pass => (Call::Evaluate, Some(support::judged(Verdict::Pass))),
            Said::Fail => (Call::Evaluate, Some(support::judged(Verdict::Fail))),
            Said::Pending => (Call::Evaluate, Some(support::judged(Verdict::Pending))),
            Said::Actionable => (Call::Evaluate, Some(support::judged(Verdict::Actionable))),
            Said::Fault => (Call::Act, Some(support::transient_fault())),
        };
        if let (Some(outcome), true, true) = (outcome, question.has_head, self.edge(question.stage).0) {
            let mut evaluation = scene.evaluation("check", call, outcome);
            if !question.valid {
                evaluation.subject.head = support::rev(2);
            }
            scene.evaluations.push(evaluation);
        }
        scene.wait(Duration::from_millis(1));
        if question.rung {
            scene.task.rings += 1;
        }
        scene.wait(if question.ripe { support::secs(100_000) } else { Duration::from_millis(1) });
        told(scene.with_view(|view, rules| next_step(view, rules, scene.now)))
    }

    /// What `reap` says about a running job. Silence is none, or longer than the grace.
    pub(crate) fn reap(&self, fate: Fate, silent: Option<bool>, gone_before: u8) -> Reaping {
        let job = support::job("build", "developer", JobState::Running);
        let watch = match silent {
            None => Watch::Nobody,
            Some(false) => Watch::By { silent_for: Duration::ZERO },
            Some(true) => Watch::By { silent_for: self.reaper.finalize_grace },
        };
        reap(&job, &Probe { fate, watch, gone_before: gone_before.into() }, &self.reaper)
    }
}

fn told(step: Step) -> Next {
    match step {
        Step::Rest { rest, next_look_at } => {
            let later = next_look_at.is_some();
            let resting = match rest {
                Rest::Finished => Resting::Finished,
                Rest::Held { .. } => Resting::Held,
                Rest::JobQueued { .. } | Rest::JobRunning { .. } => Resting::Job,
                Rest::GatePending { .. } | Rest::GateFault { .. } => Resting::Gate,
                Rest::NoHead { .. } => Resting::NoHead,
                other => panic!("the model knows no such rest: {other:?}"),
            };
            Next::Rest(resting, later)
        }
        Step::Enqueue { .. } => Next::Enqueue,
        Step::Judge { .. } => Next::Judge,
        Step::Act { .. } => Next::Act,
        Step::BeginMerge { .. } => Next::Intend,
        Step::Merge { .. } => Next::Merge,
        Step::Advance { .. } => Next::Advance,
        Step::Return { .. } => Next::Return,
        Step::Hold { .. } => Next::Hold,
    }
}
