//! Exhaustive exploration: a model shell carries out every step that the rules name, on a task in memory, and each
//! point at which the world has a choice (how a run ends, what a gate answers, what a merge meets) is taken every way,
//! up to a number of choices; after them the world is kind.
//!
//! Of every course it is asserted that it ends, finished or held, within a bound of steps; that it never rests without
//! something to wake it; that it goes forward one stage at a time, over green gates only; and that it merges at most once
//! for each time it passes the merge.

use crate::support::{Scene, edge, final_fault, gate, job, judged, pending, rev, transient_fault};
use portcullis_core::gate::{Call, Mode, Outcome, Verdict};
use portcullis_core::ids::{RoleName, StageName};
use portcullis_core::job::JobState;
use portcullis_core::pipeline::{Edge, GateSpec, Pipeline, Stage};
use portcullis_core::step::{Rest, Step};
use portcullis_core::task::Held;

/// Choices that are taken every way.
const DEPTH: usize = 8;
/// No course of [`DEPTH`] unkind choices is longer.
const MOST_STEPS: usize = 120;

/// Four stages: one that writes, one where nobody works, one that acts and after whose edge a merge has happened, the end.
fn pipeline() -> Pipeline {
    let stage =
        |name: &str, role: Option<&str>| Stage { name: name.into(), role: role.map(RoleName::new), acts: false };
    let stages = vec![stage("build", Some("developer")), stage("check", None), stage("ship", None), stage("end", None)];
    let shadow = GateSpec { mode: Mode::Shadow, ..gate("trial") };
    let back = |edge: Edge| Edge { on_fail: "build".into(), ..edge };
    let edges = vec![
        back(edge("build", "check", vec![])),
        Edge { merge: true, ..back(edge("check", "ship", vec![shadow, gate("merge")])) },
        back(edge("ship", "end", vec![gate("probe")])),
    ];
    Pipeline::new(stages, edges).unwrap()
}

/// The choices of one course: the first ones prescribed, the rest kind (0).
struct Choices {
    prescribed: Vec<usize>,
    /// How many ways each choice had, in order.
    ways: Vec<usize>,
}

impl Choices {
    fn one_of(&mut self, ways: usize) -> usize {
        let index = self.ways.len();
        self.ways.push(ways);
        self.prescribed.get(index).copied().unwrap_or(0)
    }

    /// The next course in order; none after the last.
    fn following(&self) -> Option<Vec<usize>> {
        let depth = DEPTH.min(self.ways.len());
        let mut next: Vec<usize> = (0..depth).map(|i| self.prescribed.get(i).copied().unwrap_or(0)).collect();
        while let Some(last) = next.pop() {
            if last + 1 < self.ways[next.len()] {
                next.push(last + 1);
                return Some(next);
            }
        }
        None
    }
}

/// The model shell and its world.
struct Model {
    scene: Scene,
    choices: Choices,
    /// Stages entered, with the step's kind, for the message of a failed assertion.
    log: Vec<String>,
    heads: u8,
    targets: u8,
    merges: u32,
    merges_needed: u32,
}

impl Model {
    fn new(prescribed: Vec<usize>) -> Self {
        let mut scene = Scene::on(pipeline(), "build");
        scene.task.head = None;
        scene.job = None;
        let choices = Choices { prescribed, ways: Vec::new() };
        Self { scene, choices, log: Vec::new(), heads: 0, targets: 0, merges: 0, merges_needed: 1 }
    }

    /// Runs the course to its end; true if the task finished.
    fn run(&mut self) -> bool {
        for _ in 0..MOST_STEPS {
            let step = self.scene.step();
            self.log.push(format!("{} {step:?}", self.scene.task.stage));
            if let Some(finished) = self.carry_out(step) {
                return finished;
            }
        }
        panic!("goes round and round:\n{}", self.log.join("\n"));
    }

    fn carry_out(&mut self, step: Step) -> Option<bool> {
        match step {
            Step::Rest { rest: Rest::Finished, .. } => return Some(true),
            Step::Rest { rest: Rest::JobQueued { .. }, .. } => self.work(),
            Step::Rest { rest, next_look_at } => {
                let at = next_look_at.unwrap_or_else(|| panic!("nothing wakes it: {rest}\n{}", self.log.join("\n")));
                assert!(at > self.scene.now, "looks again at once: {rest}\n{}", self.log.join("\n"));
                self.scene.now = at;
            }
            Step::Enqueue { role } => self.enqueue(Some(role)),
            Step::Judge { gate } => self.evaluate(gate.as_str()),
            Step::Act { gate } => self.act(gate.as_str()),
            Step::BeginMerge { intent } => {
                assert!(self.scene.task.merging.is_none(), "decided twice");
                self.assert_green();
                self.scene.task.merging = Some(intent);
            }
            Step::Merge { intent } => {
                assert!(intent.stands(self.scene.task.head.as_ref(), &self.scene.target_head), "nothing moved since");
                self.merge();
            }
            Step::Advance { from, to, role } => {
                let edge = self.scene.pipeline.edge_from(&self.scene.task.stage).unwrap().clone();
                assert_eq!((&from, &to), (&edge.from, &edge.to), "one stage at a time");
                if edge.merge {
                    assert!(self.scene.merged.is_some(), "crosses the merge's edge unmerged");
                } else {
                    self.assert_green();
                }
                self.enter(to, role);
            }
            Step::Return { to, role, forget_merge, .. } => {
                self.scene.task.returns += 1;
                assert!(self.scene.task.returns < self.scene.rules.max_returns);
                assert_eq!(forget_merge, self.scene.task.stage.as_str() == "ship");
                self.merges_needed += u32::from(forget_merge);
                self.enter(to, role);
            }
            Step::Hold { reason, .. } => {
                let held = Held { reason, by: "portcullis".to_owned(), since: self.scene.now };
                self.scene.task.held = Some(held);
                let rests = matches!(self.scene.step(), Step::Rest { rest: Rest::Held { .. }, next_look_at: None });
                assert!(rests, "a held task is left alone");
                return Some(false);
            }
        }
        None
    }

    /// The role's run ends: it has pushed, or it failed for good.
    fn work(&mut self) {
        let ends_badly = self.choices.one_of(2) == 1;
        if !ends_badly {
            self.push();
        }
        let job = self.scene.job.as_mut().unwrap();
        job.state = if ends_badly { JobState::Failed } else { JobState::Done };
    }

    fn evaluate(&mut self, gate: &str) {
        let way = self.choices.one_of(7);
        let outcome = match way {
            0 => judged(Verdict::Pass),
            1 => judged(Verdict::Fail),
            2 => judged(Verdict::Pending),
            3 => judged(Verdict::Actionable),
            4 => transient_fault(),
            5 => final_fault(),
            _ => pending(3600),
        };
        self.scene.answer(gate, outcome);
    }

    fn act(&mut self, gate: &str) {
        assert_ne!(gate, "trial", "a shadow gate never acts");
        let way = self.choices.one_of(5);
        let outcome = match way {
            0 | 1 => judged(Verdict::Pass),
            2 => judged(Verdict::Fail),
            3 => judged(Verdict::Actionable),
            _ => transient_fault(),
        };
        self.scene.acted(gate, outcome);
        if way == 0 {
            self.push();
        }
    }

    fn merge(&mut self) {
        match self.choices.one_of(3) {
            0 => {
                self.merges += 1;
                assert!(self.merges <= self.merges_needed, "merged twice\n{}", self.log.join("\n"));
                self.scene.merged = Some(rev(8));
            }
            1 => {
                self.push();
                self.scene.task.merging = None;
            }
            _ => {
                self.targets += 1;
                self.scene.target_head = rev(9 + self.targets % 6);
                self.scene.task.merging = None;
            }
        }
    }

    /// The branch has a head that nobody has judged yet.
    fn push(&mut self) {
        self.heads = (self.heads + 1) % 7;
        self.scene.task.head = Some(rev(self.heads));
    }

    fn enter(&mut self, stage: StageName, role: Option<RoleName>) {
        let task = &mut self.scene.task;
        task.stage = stage;
        task.visit += 1;
        task.stage_since = self.scene.now;
        task.fresh_from = self.scene.now;
        task.merging = None;
        self.scene.merged = None;
        self.scene.evaluations.clear();
        let next = Scene::on(self.scene.pipeline.clone(), self.scene.task.stage.as_str());
        self.scene.bindings = next.bindings;
        self.enqueue(role);
    }

    fn enqueue(&mut self, role: Option<RoleName>) {
        let stage = self.scene.task.stage.clone();
        self.scene.job = role.map(|role| job(stage.as_str(), role.as_str(), JobState::Queued));
    }

    /// Every gate that counts has answered with a pass, last of all, about the head and target of now.
    fn assert_green(&self) {
        let edge = self.scene.pipeline.edge_from(&self.scene.task.stage).unwrap();
        for spec in edge.gates.iter().filter(|g| g.mode == Mode::Enforce) {
            let last = self.scene.evaluations.iter().rev().find(|e| e.gate == spec.name).unwrap();
            let green = matches!(&last.report.outcome, Outcome::Judged(j) if j.verdict == Verdict::Pass);
            assert!(green && last.call == Call::Evaluate, "{} is not green:\n{}", spec.name, self.log.join("\n"));
            assert_eq!(Some(&last.subject.head), self.scene.task.head.as_ref());
            assert_eq!(last.subject.target_head, self.scene.target_head);
        }
    }
}

#[test]
fn every_course_of_eight_unkind_choices_ends_finished_or_held() {
    // STG-2, MRG-3, I8
    let (mut courses, mut finished, mut longest) = (0_u32, 0_u32, 0);
    let mut next = Some(Vec::new());
    while let Some(prescribed) = next {
        let mut model = Model::new(prescribed);
        finished += u32::from(model.run());
        courses += 1;
        longest = longest.max(model.log.len());
        next = model.choices.following();
    }
    assert!(courses > 50_000, "the exploration has become shallow: {courses} courses");
    assert!(finished > 0 && finished < courses, "{finished} of {courses} finished");
    assert!(longest < MOST_STEPS, "{longest} steps");
}
