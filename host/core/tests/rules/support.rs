//! Builders: a scene with one task, ready to be asked for its next step. Everything in it is sound and at rest; a test
//! changes only what it is about.

use portcullis_core::digest::Digest;
use portcullis_core::facts::Approval;
use portcullis_core::gate::{
    Call, Evaluation, Fault, Finding, Grants, Judgement, Limits, Mode, OnFault, Outcome, PluginRef, Report, Severity,
    Subject, Verdict,
};
use portcullis_core::ids::{GateName, JobId, PluginName, ProjectName, Revision, RoleName, StageName, TaskId, WorkItem};
use portcullis_core::job::{Job, JobState, Lane};
use portcullis_core::pause::Pauses;
use portcullis_core::pipeline::{Edge, GateSpec, Pipeline};
use portcullis_core::step::{GateBinding, Rules, Step, View, next_step};
use portcullis_core::task::Task;
use portcullis_core::time::UnixMillis;
use std::time::Duration;

/// When every scene begins.
pub(crate) const START: UnixMillis = UnixMillis(1_000_000);

/// The way of [`Pipeline::default_stages`].
pub(crate) const WAY: [&str; 8] =
    ["analysis", "architecture", "development", "review", "testing", "deploy-staging", "deploy", "done"];

/// The revision whose name is this hexadecimal digit over and over.
pub(crate) fn rev(digit: u8) -> Revision {
    Revision::parse(&char::from_digit(u32::from(digit), 16).unwrap().to_string().repeat(40)).unwrap()
}

pub(crate) fn digest(byte: u8) -> Digest {
    Digest::from_sha256([byte; 32])
}

pub(crate) fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// An enforcing gate, closed on a fault, whose `pending` may last ten minutes.
pub(crate) fn gate(name: &str) -> GateSpec {
    GateSpec {
        name: name.into(),
        plugin: PluginName::new(format!("portcullis/{name}")),
        requirement: "^1".to_owned(),
        mode: Mode::Enforce,
        on_fault: OnFault::Closed,
        grants: Grants::default(),
        limits: Limits::default(),
        deadline: secs(600),
        config: serde_json::json!({}),
    }
}

pub(crate) fn edge(from: &str, to: &str, gates: Vec<GateSpec>) -> Edge {
    let on_fail = Pipeline::default_on_fail(&from.into());
    Edge { from: from.into(), to: to.into(), on_fail, merge: false, gates }
}

/// The edges between the default stages, without gates.
pub(crate) fn bare_edges() -> Vec<Edge> {
    WAY.windows(2).map(|pair| edge(pair[0], pair[1], Vec::new())).collect()
}

pub(crate) fn binding(spec: &GateSpec) -> GateBinding {
    let plugin = PluginRef { name: spec.plugin.clone(), version: "1.0.0".to_owned(), digest: digest(1) };
    GateBinding { gate: spec.name.clone(), plugin, config_digest: digest(2) }
}

pub(crate) fn job(stage: &str, role: &str, state: JobState) -> Job {
    Job {
        id: JobId(70),
        task: TaskId(7),
        project: ProjectName::new("sample"),
        lane: Lane::Role,
        stage: stage.into(),
        visit: 1,
        role: role.into(),
        revision: None,
        state,
        attempt: 1,
        lease: 1,
        not_before: START,
        created_at: START,
        ended_at: None,
        reason: None,
        cancel_asked_by: None,
        run: None,
    }
}

pub(crate) fn judged(verdict: Verdict) -> Outcome {
    Outcome::Judged(Judgement {
        verdict,
        summary: format!("says {verdict:?}"),
        findings: Vec::new(),
        evidence: Vec::new(),
        retry_after_s: None,
    })
}

pub(crate) fn pending(retry_after_s: u32) -> Outcome {
    Outcome::Judged(Judgement {
        verdict: Verdict::Pending,
        summary: "2 of 3 checks are still running".to_owned(),
        findings: Vec::new(),
        evidence: Vec::new(),
        retry_after_s: Some(retry_after_s),
    })
}

pub(crate) fn finding() -> Finding {
    Finding {
        rule: "aws-access-key".to_owned(),
        severity: Severity::Error,
        message: "an access key stands in the code".to_owned(),
        path: Some("src/config.rs".to_owned()),
        line: Some(12),
        fingerprint: "aws-access-key:src/config.rs:12".to_owned(),
    }
}

pub(crate) fn transient_fault() -> Outcome {
    Outcome::Faulted(Fault::WallLimit { limit_ms: 60_000 })
}

pub(crate) fn final_fault() -> Outcome {
    Outcome::Faulted(Fault::Trap { trap: "unreachable".to_owned() })
}

pub(crate) fn approval(approved: bool, revision: Revision) -> Approval {
    Approval { approved, by: "ada".to_owned(), at_s: START.0 / 1000, revision, comment: String::new() }
}

/// One task and everything that a decision about it rests on.
#[derive(Debug, Clone)]
pub(crate) struct Scene {
    pub(crate) task: Task,
    pub(crate) pipeline: Pipeline,
    pub(crate) target_head: Revision,
    pub(crate) bindings: Vec<GateBinding>,
    pub(crate) job: Option<Job>,
    pub(crate) evaluations: Vec<Evaluation>,
    pub(crate) decision: Option<(Approval, UnixMillis)>,
    pub(crate) merged: Option<Revision>,
    pub(crate) pauses: Pauses,
    pub(crate) rules: Rules,
    pub(crate) now: UnixMillis,
}

impl Scene {
    /// A task of the default pipeline in `stage`, whose role is done there and has pushed; the edge that leaves the
    /// stage carries `gates`, each bound to a plugin and not asked yet.
    pub(crate) fn leaving(stage: &str, gates: Vec<GateSpec>) -> Self {
        let mut edges = bare_edges();
        if let Some(edge) = edges.iter_mut().find(|e| e.from.as_str() == stage) {
            edge.gates = gates;
        }
        Self::on(Pipeline::new(Pipeline::default_stages(), edges).unwrap(), stage)
    }

    /// The same, but crossing the edge merges.
    pub(crate) fn merging(stage: &str, gates: Vec<GateSpec>) -> Self {
        let mut edges = bare_edges();
        let edge = edges.iter_mut().find(|e| e.from.as_str() == stage).unwrap();
        edge.gates = gates;
        edge.merge = true;
        Self::on(Pipeline::new(Pipeline::default_stages(), edges).unwrap(), stage)
    }

    /// A task in `stage` of `pipeline`.
    pub(crate) fn on(pipeline: Pipeline, stage: &str) -> Self {
        let name = StageName::new(stage);
        let role = pipeline.stage(&name).and_then(|s| s.role.clone());
        let specs = pipeline.edge_from(&name).map_or(&[][..], |edge| &edge.gates);
        let bindings = specs.iter().filter(|g| g.mode != Mode::Off).map(binding).collect();
        Self {
            task: task(stage),
            target_head: rev(9),
            bindings,
            job: role.map(|role| job(stage, role.as_str(), JobState::Done)),
            evaluations: Vec::new(),
            decision: None,
            merged: None,
            pauses: Pauses::default(),
            rules: Rules::default(),
            now: START,
            pipeline,
        }
    }

    /// What the rules say.
    pub(crate) fn step(&self) -> Step {
        self.with_view(|view, rules| next_step(view, rules, self.now))
    }

    /// What `ask` makes of the view.
    pub(crate) fn with_view<T>(&self, ask: impl FnOnce(&View<'_>, &Rules) -> T) -> T {
        let view = View {
            task: &self.task,
            pipeline: &self.pipeline,
            target_head: &self.target_head,
            bindings: &self.bindings,
            job: self.job.as_ref(),
            evaluations: &self.evaluations,
            decision: self.decision.as_ref().map(|(approval, at)| (approval, *at)),
            merged: self.merged.as_ref(),
            pauses: &self.pauses,
        };
        ask(&view, &self.rules)
    }

    /// `gate` answers now, about what stands now; returned for a test that wants another answer.
    pub(crate) fn answer(&mut self, gate: &str, outcome: Outcome) -> &mut Evaluation {
        let evaluation = self.evaluation(gate, Call::Evaluate, outcome);
        self.evaluations.push(evaluation);
        self.evaluations.last_mut().unwrap()
    }

    /// `gate` acts now.
    pub(crate) fn acted(&mut self, gate: &str, outcome: Outcome) -> &mut Evaluation {
        let evaluation = self.evaluation(gate, Call::Act, outcome);
        self.evaluations.push(evaluation);
        self.evaluations.last_mut().unwrap()
    }

    /// An evaluation of what stands now.
    pub(crate) fn evaluation(&self, gate: &str, call: Call, outcome: Outcome) -> Evaluation {
        let bound = self.bindings.iter().find(|b| b.gate.as_str() == gate).unwrap();
        let edge = self.pipeline.edge_from(&self.task.stage).unwrap();
        let spec = edge.gates.iter().find(|g| g.name.as_str() == gate).unwrap();
        Evaluation {
            id: None,
            gate: GateName::new(gate),
            plugin: bound.plugin.clone(),
            config_digest: bound.config_digest.clone(),
            subject: Subject {
                repository: "acme/sample".to_owned(),
                work_item: self.task.work_item.clone(),
                from: edge.from.clone(),
                to: edge.to.clone(),
                branch: self.task.branch.clone(),
                head: self.task.head.clone().unwrap(),
                target: "main".to_owned(),
                target_head: self.target_head.clone(),
                pull_request: self.task.pull_request,
            },
            call,
            mode: spec.mode,
            on_fault: spec.on_fault,
            report: Report {
                outcome,
                duration: Duration::ZERO,
                memory_peak_bytes: 0,
                host_calls: 0,
                transcript: Vec::new(),
                log: String::new(),
            },
            at: self.now,
            rings: self.task.rings,
        }
    }

    /// Time goes by.
    pub(crate) fn wait(&mut self, by: Duration) {
        self.now = self.now.plus(by);
    }
}

fn task(stage: &str) -> Task {
    Task {
        id: TaskId(7),
        project: ProjectName::new("sample"),
        work_item: WorkItem::new("SAM-7"),
        tracker_id: None,
        title: "a task".to_owned(),
        description: String::new(),
        stage: stage.into(),
        visit: 1,
        version: 1,
        branch: "task/SAM-7".to_owned(),
        head: Some(rev(1)),
        head_since: Some(START),
        pull_request: Some(3),
        merging: None,
        merge_commit: None,
        returns: 0,
        held: None,
        feedback: None,
        overlay: serde_json::Value::Null,
        stage_since: START,
        fresh_from: START,
        created_at: START,
        rings: 0,
        next_look_at: None,
        rest: None,
    }
}

pub(crate) fn judge(gate: &str) -> Step {
    Step::Judge { gate: gate.into() }
}

pub(crate) fn act(gate: &str) -> Step {
    Step::Act { gate: gate.into() }
}

pub(crate) fn advance(from: &str, to: &str, role: Option<&str>) -> Step {
    Step::Advance { from: from.into(), to: to.into(), role: role.map(RoleName::new) }
}

/// The reason of a hold; panics on any other step.
pub(crate) fn held_because(step: &Step) -> &str {
    match step {
        Step::Hold { reason, .. } => reason,
        other => panic!("not held: {other:?}"),
    }
}
