//! Properties of `next_step` over random views, hostile ones included. The alphabets are small on purpose: two heads, two
//! targets, a few moments, so that matching and clashing facts both come up often.

use crate::support::{
    Scene, approval, bare_edges, digest, edge, final_fault, finding, gate, job, judge, judged, pending, rev, secs,
    transient_fault,
};
use portcullis_core::gate::{Call, Evaluation, Mode, OnFault, Outcome, Verdict};
use portcullis_core::job::JobState;
use portcullis_core::pipeline::{GateSpec, Pipeline};
use portcullis_core::step::{Rest, Step};
use portcullis_core::task::{Held, MergeIntent, Task};
use portcullis_core::time::UnixMillis;
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::time::Duration;

fn moment() -> impl Strategy<Value = UnixMillis> {
    prop_oneof![
        20 => (0_i64..30).prop_map(|s| UnixMillis(s * 1000)),
        1 => Just(UnixMillis(i64::MAX)),
        1 => Just(UnixMillis(i64::MIN)),
    ]
}

fn outcome() -> impl Strategy<Value = Outcome> {
    prop_oneof![
        4 => Just(judged(Verdict::Pass)),
        1 => Just(judged(Verdict::Fail)),
        1 => Just(judged(Verdict::Pending)),
        1 => (0_u32..20).prop_map(pending),
        1 => Just(pending(u32::MAX)),
        1 => Just(judged(Verdict::Actionable)),
        1 => Just(transient_fault()),
        1 => Just(final_fault()),
    ]
}

fn spec(name: &'static str) -> impl Strategy<Value = GateSpec> {
    let mode = prop_oneof![3 => Just(Mode::Enforce), 1 => Just(Mode::Shadow), 1 => Just(Mode::Off)];
    let on_fault = prop_oneof![2 => Just(OnFault::Closed), 1 => Just(OnFault::Open)];
    (mode, on_fault, 0_u64..20).prop_map(move |(mode, on_fault, deadline_s)| GateSpec {
        mode,
        on_fault,
        deadline: secs(deadline_s),
        ..gate(name)
    })
}

const GATES: [&str; 3] = ["first", "second", "third"];

prop_compose! {
    /// An answer of one of the gates about something that may or may not stand here now.
    fn answer()(
        gate in 0_usize..GATES.len(),
        outcome in outcome(),
        acted in prop::bool::weighted(0.2),
        (head, target, version, config) in (1_u8..3, 1_u8..3, 1_u8..3, 1_u8..3),
        elsewhere in prop::bool::weighted(0.05),
        at in moment(),
        duration_s in prop_oneof![9 => 0_u64..3, 1 => Just(u64::MAX)],
    ) -> Evaluation {
        // Built on a scene of its own in which every gate stands and counts.
        let scene = Scene::leaving("review", GATES.map(self::gate).into());
        let call = if acted { Call::Act } else { Call::Evaluate };
        let mut evaluation = scene.evaluation(GATES[gate], call, outcome);
        evaluation.subject.head = rev(head);
        evaluation.subject.target_head = rev(target);
        evaluation.plugin.digest = digest(version);
        evaluation.config_digest = digest(config);
        if elsewhere {
            evaluation.subject.to = "deploy".into();
        }
        evaluation.report.duration = Duration::from_secs(duration_s);
        evaluation.at = at;
        evaluation
    }
}

prop_compose! {
    /// A scene on the edge that leaves `review`.
    fn scene()(
        specs in (spec("first"), spec("second"), spec("third")),
        count in 0_usize..=3,
        merge in any::<bool>(),
        bound in vec(prop::bool::weighted(0.95), 3),
        evaluations in vec(answer(), 0..10),
        state in prop_oneof![
            9 => Just(Some(JobState::Done)),
            1 => Just(Some(JobState::Failed)),
            1 => Just(Some(JobState::Running)),
            1 => Just(Some(JobState::Queued)),
            1 => Just(Some(JobState::Cancelled)),
            1 => Just(None),
        ],
        head in option::weighted(0.95, 1_u8..3),
        target in 1_u8..3,
        merging in option::weighted(0.1, Just(MergeIntent { head: rev(1), target_head: rev(1) })),
        merged in option::weighted(0.1, Just(rev(5))),
        decision in option::weighted(0.2, (any::<bool>(), moment())),
        held in prop::bool::weighted(0.03),
        (fresh_from, rings, now) in (moment(), 0_i64..3, moment()),
        returns in prop_oneof![9 => 0_u32..4, 1 => Just(u32::MAX)],
        (max_returns, max_faults, max_acts) in (0_u32..4, 0_u32..4, 0_u32..4),
    ) -> Scene {
        let gates: Vec<GateSpec> = [specs.0, specs.1, specs.2].into_iter().take(count).collect();
        let mut scene = if merge { Scene::merging("review", gates) } else { Scene::leaving("review", gates) };
        let mut keep = bound.iter();
        scene.bindings.retain(|_| *keep.next().unwrap());
        scene.evaluations = evaluations;
        scene.job = state.map(|state| job("review", "reviewer", state));
        scene.task.head = head.map(rev);
        scene.target_head = rev(target);
        for bound in &mut scene.bindings {
            bound.plugin.digest = digest(1);
            bound.config_digest = digest(1);
        }
        scene.task.merging = merging;
        scene.merged = merged;
        scene.decision = decision.map(|(yes, at)| (approval(yes, rev(1)), at));
        scene.task.held =
            held.then(|| Held { reason: "r".to_owned(), by: "ada".to_owned(), since: UnixMillis(0) });
        scene.task.fresh_from = fresh_from;
        scene.task.rings = rings;
        scene.task.returns = returns;
        scene.rules.max_returns = max_returns;
        scene.rules.max_faults = max_faults;
        scene.rules.max_acts = max_acts;
        scene.now = now;
        scene
    }
}

/// Written apart from the rules: whether every gate that counts has a valid green answer as its last one.
fn all_green(scene: &Scene) -> bool {
    let edge = scene.pipeline.edge_from(&scene.task.stage).unwrap();
    edge.gates.iter().filter(|spec| spec.mode == Mode::Enforce).all(|spec| {
        let Some(bound) = scene.bindings.iter().find(|b| b.gate == spec.name) else { return false };
        let speaks = |e: &&Evaluation| {
            let decided = scene.decision.as_ref().map(|(_, at)| *at);
            (&e.gate, &e.plugin, &e.config_digest) == (&spec.name, &bound.plugin, &bound.config_digest)
                && Some(&e.subject.head) == scene.task.head.as_ref()
                && (&e.subject.target_head, &e.subject.from, &e.subject.to)
                    == (&scene.target_head, &edge.from, &edge.to)
                && e.at >= scene.task.fresh_from
                && e.at <= scene.now
                && Some(e.at) >= decided
        };
        match scene.evaluations.iter().rfind(speaks) {
            None => false,
            Some(last) if last.call == Call::Act => false,
            Some(last) => match &last.report.outcome {
                Outcome::Judged(judgement) => judgement.verdict == Verdict::Pass,
                Outcome::Faulted(_) => spec.on_fault == OnFault::Open,
            },
        }
    })
}

fn crosses(step: &Step) -> bool {
    matches!(step, Step::Advance { .. } | Step::BeginMerge { .. })
}

/// The gate that a step asks, if it asks one.
fn asked(step: &Step) -> Option<&str> {
    match step {
        Step::Judge { gate } | Step::Act { gate } => Some(gate.as_str()),
        _ => None,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_view_makes_the_rules_panic_and_the_same_view_gets_the_same_answer(scene in scene()) {
        prop_assert_eq!(scene.step(), scene.step());
    }

    #[test]
    fn an_edge_with_an_unanswered_faulty_or_void_gate_is_never_crossed(scene in scene()) {
        // I8
        let decided_before = scene.task.merging.is_some();
        if crosses(&scene.step()) && !decided_before {
            prop_assert!(all_green(&scene));
            prop_assert!(scene.task.held.is_none() && scene.task.head.is_some());
            prop_assert_eq!(scene.job.as_ref().map(|job| job.state), Some(JobState::Done));
        }
    }

    #[test]
    fn an_edge_whose_gates_are_all_green_is_crossed(scene in scene()) {
        let mut scene = scene;
        scene.task.held = None;
        scene.task.merging = None;
        scene.job = Some(job("review", "reviewer", JobState::Done));
        // Shadow gates that were not asked yet are asked first; they are not what this is about.
        scene = without_shadow_and_off(&scene);
        if scene.task.head.is_some() && all_green(&scene) {
            prop_assert!(crosses(&scene.step()), "{:?}", scene.step());
        }
    }

    #[test]
    fn shadow_and_off_gates_change_nothing_but_that_they_are_asked(scene in scene()) {
        // GAT-7
        let step = scene.step();
        let edge = scene.pipeline.edge_from(&scene.task.stage).unwrap();
        let asks_shadow = asked(&step)
            .is_some_and(|gate| edge.gates.iter().any(|g| g.name.as_str() == gate && g.mode == Mode::Shadow));
        let waits_for_clock = matches!(step, Step::Rest { rest: Rest::ClockBehind { .. }, .. });
        if asks_shadow {
            prop_assert!(matches!(step, Step::Judge { .. }), "a shadow gate never acts");
        } else if !waits_for_clock {
            prop_assert_eq!(step, without_shadow_and_off(&scene).step());
        }
    }

    #[test]
    fn whatever_was_judged_is_void_once_head_target_plugin_or_configuration_changes(
        // GAT-8
        scene in scene(),
        what in 0_u8..4,
    ) {
        let mut scene = without_shadow_and_off(&scene);
        let gates: Vec<String> = scene.bindings.iter().map(|b| b.gate.to_string()).collect();
        let all_bound = gates.len() == scene.pipeline.edge_from(&"review".into()).unwrap().gates.len();
        if gates.is_empty() || !all_bound {
            return Ok(());
        }
        scene.task = Task { head: Some(rev(1)), held: None, merging: None, ..scene.task };
        scene.job = Some(job("review", "reviewer", JobState::Done));
        scene.now = UnixMillis(i64::MAX);
        for gate in &gates {
            scene.answer(gate, judged(Verdict::Pass));
        }
        prop_assert!(crosses(&scene.step()));
        match what {
            0 => scene.task.head = Some(rev(7)),
            1 => scene.target_head = rev(7),
            2 => scene.bindings.iter_mut().for_each(|b| b.plugin.digest = digest(7)),
            _ => scene.bindings.iter_mut().for_each(|b| b.config_digest = digest(7)),
        }
        prop_assert_eq!(scene.step(), judge(&gates[0]));
    }

    #[test]
    fn an_answer_given_now_is_never_asked_for_again_at_once(scene in scene(), outcome in outcome()) {
        // GAT-4
        let mut scene = scene;
        // Moments at the very end of time cannot be waited for.
        prop_assume!(scene.now < UnixMillis(i64::MAX));
        scene.rules.fault_backoff.first = secs(10);
        if let Step::Judge { gate } = scene.step() {
            scene.answer(gate.as_str(), outcome);
            prop_assert_ne!(scene.step(), Step::Judge { gate });
        }
    }

    #[test]
    fn a_rest_over_a_gate_ends_by_time_and_every_other_waits_for_something_that_rings(scene in scene()) {
        // STG-6
        prop_assume!(scene.now < UnixMillis(i64::MAX) && scene.now > UnixMillis(i64::MIN));
        if let Step::Rest { rest, next_look_at } = scene.step() {
            match rest {
                Rest::GatePending { .. } | Rest::GateFault { .. } | Rest::ClockBehind { .. } => {
                    prop_assert!(next_look_at.is_some_and(|at| at > scene.now), "{:?}", next_look_at);
                }
                Rest::Finished
                | Rest::Held { .. }
                | Rest::JobQueued { .. }
                | Rest::JobRunning { .. }
                | Rest::Paused { .. }
                | Rest::NoHead { .. } => prop_assert_eq!(next_look_at, None),
                Rest::ManifestUnusable { .. }
                | Rest::LeaseTaken { .. }
                | Rest::ForgeUnavailable { .. }
                | Rest::RepositoryUnavailable { .. } => prop_assert!(false, "only the shell can know this: {}", rest),
            }
        }
    }

    #[test]
    fn a_return_takes_the_findings_along_and_is_counted(scene in scene(), returns in 0_u32..4) {
        // STG-3, STG-4
        let mut scene = Scene { evaluations: Vec::new(), merged: None, ..scene };
        scene.task.merging = None;
        scene.task.fresh_from = scene.now;
        scene.task.returns = returns;
        scene.decision = None;
        if let Step::Judge { gate } = scene.step() {
            let mode = scene.pipeline.edges().iter().flat_map(|e| &e.gates).find(|g| g.name == gate).unwrap().mode;
            prop_assume!(mode == Mode::Enforce);
            let evaluation = scene.answer(gate.as_str(), judged(Verdict::Fail));
            if let Outcome::Judged(judgement) = &mut evaluation.report.outcome {
                judgement.findings.push(finding());
            }
            match scene.step() {
                Step::Return { feedback, .. } => {
                    prop_assert!(returns + 1 < scene.rules.max_returns);
                    prop_assert_eq!(feedback.findings, vec![finding()]);
                    prop_assert_eq!(feedback.gate, gate);
                }
                Step::Hold { returns: counted, .. } => {
                    prop_assert!(returns + 1 >= scene.rules.max_returns);
                    prop_assert_eq!(counted, returns + 1);
                }
                other => prop_assert!(false, "{:?}", other),
            }
        }
    }
}

/// The same scene on an edge that has only the gates that count.
fn without_shadow_and_off(scene: &Scene) -> Scene {
    let old = scene.pipeline.edge_from(&scene.task.stage).unwrap();
    let gates: Vec<GateSpec> = old.gates.iter().filter(|g| g.mode == Mode::Enforce).cloned().collect();
    let mut edges = bare_edges();
    let new = edges.iter_mut().find(|e| e.from == old.from).unwrap();
    *new = portcullis_core::pipeline::Edge { merge: old.merge, ..edge(old.from.as_str(), old.to.as_str(), gates) };
    let mut scene = scene.clone();
    scene.bindings.retain(|b| new.gates.iter().any(|g| g.name == b.gate));
    scene.pipeline = Pipeline::new(Pipeline::default_stages(), edges).unwrap();
    scene
}
