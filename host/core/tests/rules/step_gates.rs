//! Gates of an edge: their order, their modes, their faults, and what makes an answer void.

use crate::support::{
    Scene, act, advance, digest, final_fault, gate, held_because, judge, judged, rev, secs, transient_fault,
};
use portcullis_core::gate::{Fault, Mode, OnFault, Outcome, Refusal, Verdict};
use portcullis_core::pipeline::GateSpec;
use portcullis_core::step::{Rest, Step};

fn with_mode(name: &str, mode: Mode) -> GateSpec {
    GateSpec { mode, ..gate(name) }
}

fn forward() -> Step {
    advance("review", "testing", Some("tester"))
}

#[test]
fn gates_are_asked_in_the_manifests_order_one_after_the_other() {
    // GAT-2
    let mut scene = Scene::leaving("review", vec![gate("cheap"), gate("dear"), gate("dearest")]);
    for name in ["cheap", "dear", "dearest"] {
        assert_eq!(scene.step(), judge(name));
        scene.answer(name, judged(Verdict::Pass));
    }
    assert_eq!(scene.step(), forward());
}

#[test]
fn the_first_gate_that_is_not_green_ends_the_asking() {
    // GAT-2
    let not_green = [
        judged(Verdict::Fail),
        judged(Verdict::Pending),
        judged(Verdict::Actionable),
        transient_fault(),
        final_fault(),
    ];
    for outcome in not_green {
        let mut scene = Scene::leaving("review", vec![gate("first"), gate("second")]);
        scene.answer("first", outcome.clone());
        let step = scene.step();
        assert!(step != judge("second") && step != forward(), "{outcome:?} → {step:?}");
    }
}

#[test]
fn only_the_newest_answer_of_a_gate_counts() {
    let mut scene = Scene::leaving("review", vec![gate("ci")]);
    scene.answer("ci", judged(Verdict::Pass));
    scene.wait(secs(1));
    scene.answer("ci", judged(Verdict::Fail));
    assert!(matches!(scene.step(), Step::Return { .. }), "{:?}", scene.step());
    scene.evaluations.reverse();
    scene.evaluations[0].at = scene.evaluations[1].at;
    assert_eq!(scene.step(), forward(), "of two answers given at one moment the one stored later is the newer");
}

#[test]
fn an_answer_about_anything_else_than_what_stands_here_now_is_void() {
    // GAT-8
    type Upset = fn(&mut Scene);
    let upsets: [(&str, Upset); 9] = [
        ("the head moved", |s| s.task.head = Some(rev(2))),
        ("the target moved", |s| s.target_head = rev(3)),
        ("the configuration changed", |s| s.bindings[0].config_digest = digest(9)),
        ("the plugin was upgraded", |s| s.bindings[0].plugin.version = "1.1.0".to_owned()),
        ("the plugin's bytes changed", |s| s.bindings[0].plugin.digest = digest(9)),
        ("another plugin stands there", |s| s.bindings[0].plugin.name = "acme/other".into()),
        ("a person released the task", |s| {
            s.wait(secs(1));
            s.task.fresh_from = s.now;
        }),
        ("it was about another edge's end", |s| s.evaluations[0].subject.to = "deploy".into()),
        ("it was about another edge's beginning", |s| s.evaluations[0].subject.from = "testing".into()),
    ];
    for (what, upset) in upsets {
        for verdict in [Verdict::Pass, Verdict::Fail, Verdict::Pending, Verdict::Actionable] {
            let mut scene = Scene::leaving("review", vec![gate("ci"), gate("other")]);
            scene.answer("ci", judged(verdict));
            scene.answer("other", judged(Verdict::Pass));
            assert_ne!(scene.step(), judge("ci"), "{verdict:?} counts before");
            upset(&mut scene);
            assert_eq!(scene.step(), judge("ci"), "{what}: {verdict:?} is void");
        }
    }
}

#[test]
fn an_answer_that_was_void_counts_again_when_the_target_returns_to_what_was_judged() {
    // GAT-8
    let mut scene = Scene::leaving("review", vec![gate("ci")]);
    scene.answer("ci", judged(Verdict::Pass));
    let judged_against = std::mem::replace(&mut scene.target_head, rev(3));
    assert_eq!(scene.step(), judge("ci"));
    scene.target_head = judged_against;
    assert_eq!(scene.step(), forward());
}

#[test]
fn a_shadow_gate_is_asked_and_recorded_but_never_blocks() {
    // GAT-7
    let every_outcome = [
        judged(Verdict::Pass),
        judged(Verdict::Fail),
        judged(Verdict::Pending),
        judged(Verdict::Actionable),
        transient_fault(),
        final_fault(),
    ];
    for outcome in every_outcome {
        let mut scene = Scene::leaving("review", vec![with_mode("trial", Mode::Shadow)]);
        assert_eq!(scene.step(), judge("trial"));
        scene.answer("trial", outcome.clone());
        assert_eq!(scene.step(), forward(), "{outcome:?}");
    }
}

#[test]
fn a_shadow_gate_without_a_plugin_is_passed_over() {
    // GAT-7
    let mut scene = Scene::leaving("review", vec![with_mode("trial", Mode::Shadow), gate("ci")]);
    scene.bindings.remove(0);
    assert_eq!(scene.step(), judge("ci"));
}

#[test]
fn a_gate_that_is_off_is_not_even_asked() {
    // GAT-7
    let scene = Scene::leaving("review", vec![with_mode("off", Mode::Off), gate("ci")]);
    assert_eq!(scene.step(), judge("ci"));
}

#[test]
fn an_enforcing_gate_without_a_plugin_holds_the_task() {
    // I8
    for on_fault in [OnFault::Closed, OnFault::Open] {
        let mut scene = Scene::leaving("review", vec![GateSpec { on_fault, ..gate("ci") }]);
        scene.bindings.clear();
        assert!(held_because(&scene.step()).contains("gate ci has no plugin"), "{on_fault:?}");
    }
}

#[test]
fn a_fault_that_time_cannot_mend_holds_the_task_at_once() {
    // GAT-1
    let mut scene = Scene::leaving("review", vec![gate("ci")]);
    scene.task.returns = 1;
    scene.answer("ci", final_fault());
    let reason = "gate ci could not judge: the gate trapped: unreachable".to_owned();
    assert_eq!(scene.step(), Step::Hold { reason, returns: 1 }, "a fault is no return");
}

#[test]
fn a_passing_fault_is_tried_again_ever_later_and_then_holds_the_task() {
    // GAT-1
    let mut scene = Scene::leaving("review", vec![gate("ci")]);
    let mut waits = Vec::new();
    for tries in 1..scene.rules.max_faults {
        assert_eq!(scene.step(), judge("ci"));
        scene.answer("ci", transient_fault());
        let Step::Rest { rest: Rest::GateFault { tries: seen, .. }, next_look_at: Some(at) } = scene.step() else {
            panic!("try {tries}: {:?}", scene.step());
        };
        assert_eq!(seen, tries);
        waits.push(at.since(scene.now));
        scene.now = at;
    }
    assert!(waits.windows(2).all(|pair| pair[1] > pair[0]), "{waits:?}");
    assert_eq!(scene.step(), judge("ci"));
    scene.answer("ci", transient_fault());
    assert!(held_because(&scene.step()).contains("gate ci could not judge"));
}

#[test]
fn the_wait_after_a_fault_begins_when_the_evaluation_ended() {
    // GAT-1
    let mut scene = Scene::leaving("review", vec![gate("ci")]);
    scene.answer("ci", transient_fault()).report.duration = secs(60);
    scene.wait(secs(60));
    assert!(matches!(scene.step(), Step::Rest { .. }), "no try follows straight upon the other: {:?}", scene.step());
}

#[test]
fn an_answer_in_between_starts_the_count_of_faults_anew() {
    let mut scene = Scene::leaving("review", vec![gate("ci"), gate("other")]);
    let mut tries_after = |outcome: Outcome| {
        scene.answer("ci", outcome);
        let step = scene.step();
        scene.wait(secs(1000));
        match step {
            Step::Rest { rest: Rest::GateFault { tries, .. }, .. } => tries,
            _ => 0,
        }
    };
    let counted: Vec<u32> = [transient_fault(), transient_fault(), judged(Verdict::Pending), transient_fault()]
        .map(&mut tries_after)
        .into();
    assert_eq!(counted, [1, 2, 0, 1]);
}

#[test]
fn faults_of_other_gates_and_of_other_revisions_are_not_counted() {
    let mut scene = Scene::leaving("review", vec![gate("ci"), gate("other")]);
    scene.answer("ci", transient_fault());
    scene.task.head = Some(rev(2));
    scene.answer("ci", judged(Verdict::Pass));
    scene.answer("other", transient_fault());
    let Step::Rest { rest: Rest::GateFault { gate, tries, .. }, .. } = scene.step() else {
        panic!("{:?}", scene.step());
    };
    assert_eq!((gate.as_str(), tries), ("other", 1));
}

#[test]
fn a_fault_opens_the_edge_only_where_the_manifest_says_so() {
    // GAT-1
    for outcome in [transient_fault(), final_fault()] {
        let mut scene = Scene::leaving("review", vec![GateSpec { on_fault: OnFault::Open, ..gate("ci") }]);
        scene.answer("ci", outcome);
        assert_eq!(scene.step(), forward());
    }
}

#[test]
fn a_fault_while_mending_opens_nothing() {
    // I8
    let mut scene = Scene::leaving("review", vec![GateSpec { on_fault: OnFault::Open, ..gate("merge") }]);
    scene.answer("merge", judged(Verdict::Actionable));
    scene.acted("merge", transient_fault());
    assert!(matches!(scene.step(), Step::Rest { rest: Rest::GateFault { .. }, .. }), "{:?}", scene.step());
    scene.wait(secs(60));
    assert_eq!(scene.step(), judge("merge"), "it is asked again, not trusted");
    scene.acted("merge", final_fault());
    assert!(held_because(&scene.step()).contains("trapped"));
}

#[test]
fn an_actionable_gate_acts_and_is_then_asked_again() {
    let mut scene = Scene::leaving("deploy-staging", vec![gate("merge")]);
    scene.answer("merge", judged(Verdict::Actionable));
    assert_eq!(scene.step(), act("merge"));
    scene.acted("merge", judged(Verdict::Pass));
    assert_eq!(scene.step(), judge("merge"), "mending is not judging");
    scene.answer("merge", judged(Verdict::Pass));
    assert_eq!(scene.step(), advance("deploy-staging", "deploy", Some("deployer")));
}

#[test]
fn what_a_gate_publishes_while_acting_is_judged_by_every_gate_again() {
    // GAT-8
    let mut scene = Scene::leaving("deploy-staging", vec![gate("security"), gate("merge")]);
    scene.answer("security", judged(Verdict::Pass));
    scene.answer("merge", judged(Verdict::Actionable));
    scene.acted("merge", judged(Verdict::Pass));
    scene.task.head = Some(rev(2));
    assert_eq!(scene.step(), judge("security"));
}

#[test]
fn an_act_that_fails_sends_the_task_back() {
    // MRG-1
    let mut scene = Scene::leaving("deploy-staging", vec![gate("merge")]);
    scene.answer("merge", judged(Verdict::Actionable));
    scene.acted("merge", judged(Verdict::Fail));
    assert!(matches!(scene.step(), Step::Return { .. }), "{:?}", scene.step());
}

#[test]
fn a_gate_that_keeps_acting_without_getting_green_holds_the_task() {
    let mut scene = Scene::leaving("deploy-staging", vec![gate("merge")]);
    for _ in 0..scene.rules.max_acts {
        scene.answer("merge", judged(Verdict::Actionable));
        assert_eq!(scene.step(), act("merge"));
        scene.acted("merge", judged(Verdict::Pass));
        assert_eq!(scene.step(), judge("merge"));
    }
    scene.answer("merge", judged(Verdict::Actionable));
    assert_eq!(held_because(&scene.step()), "gate merge acted 5 times and is still not green");
}

#[test]
fn acts_before_a_person_released_the_task_are_forgiven() {
    let mut scene = Scene::leaving("deploy-staging", vec![gate("merge")]);
    for _ in 0..scene.rules.max_acts {
        scene.acted("merge", judged(Verdict::Pass));
    }
    scene.wait(secs(1));
    scene.task.fresh_from = scene.now;
    scene.answer("merge", judged(Verdict::Actionable));
    assert_eq!(scene.step(), act("merge"));
}

#[test]
fn only_faults_of_the_surroundings_are_worth_trying_again() {
    // GAT-1
    let text = || "x".to_owned();
    let table = [
        (Fault::WallLimit { limit_ms: 1 }, true),
        (Fault::PoolExhausted, true),
        (Fault::Host { detail: text() }, true),
        (Fault::PluginMissing { digest: text() }, true),
        (Fault::Refused { refusal: Refusal::Unavailable(text()) }, true),
        (Fault::Refused { refusal: Refusal::BadConfig(text()) }, false),
        (Fault::Refused { refusal: Refusal::BadInput(text()) }, false),
        (Fault::Trap { trap: text() }, false),
        (Fault::CpuLimit { limit_ms: 1 }, false),
        (Fault::MemoryLimit { limit_mib: 1 }, false),
        (Fault::StackOverflow { limit_kib: 1 }, false),
        (Fault::OutputLimit { what: text(), limit: 1 }, false),
        (Fault::HostCallLimit { limit: 1 }, false),
        (Fault::MissingImport { import: text(), offered: text() }, false),
        (Fault::NotGranted { import: text(), remedy: text() }, false),
        (Fault::WrongContract { found: text(), supported: text() }, false),
        (Fault::NotAComponent { detail: text() }, false),
        (Fault::MalformedAnswer { detail: text() }, false),
        (Fault::DigestMismatch { listed: text(), found: text() }, false),
    ];
    for (fault, transient) in table {
        assert_eq!(fault.is_transient(), transient, "{fault}");
    }
}
