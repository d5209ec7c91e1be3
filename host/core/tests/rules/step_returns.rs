//! The way back: where a failed gate sends the task, what it takes along, and when that ends.

use crate::support::{Scene, finding, gate, held_because, judged, secs};
use portcullis_core::gate::{Judgement, Mode, Outcome, Verdict};
use portcullis_core::pipeline::GateSpec;
use portcullis_core::step::Step;
use portcullis_core::task::Feedback;

fn red() -> Outcome {
    Outcome::Judged(Judgement {
        verdict: Verdict::Fail,
        summary: "1 secret".to_owned(),
        findings: vec![finding()],
        evidence: vec![("rules".to_owned(), "42".to_owned())],
        retry_after_s: None,
    })
}

#[test]
fn a_failed_gate_sends_the_task_back_with_its_findings_word_for_word() {
    // STG-3
    let mut scene = Scene::leaving("deploy-staging", vec![gate("security")]);
    scene.answer("security", red());
    let feedback = Feedback {
        gate: "security".into(),
        from: "deploy-staging".into(),
        summary: "1 secret".to_owned(),
        findings: vec![finding()],
    };
    let expected =
        Step::Return { to: "development".into(), role: Some("developer".into()), feedback, forget_merge: false };
    assert_eq!(scene.step(), expected);
}

#[test]
fn each_edge_sends_back_to_the_stage_that_its_table_names() {
    // STG-3
    for (from, to, role) in [
        ("analysis", "analysis", "analyst"),
        ("architecture", "architecture", "architect"),
        ("development", "development", "developer"),
        ("review", "development", "developer"),
        ("testing", "development", "developer"),
        ("deploy", "development", "developer"),
    ] {
        let mut scene = Scene::leaving(from, vec![gate("verdict")]);
        scene.answer("verdict", red());
        let Step::Return { to: stage, role: who, .. } = scene.step() else { panic!("{from}: {:?}", scene.step()) };
        assert_eq!((stage.as_str(), who), (to, Some(role.into())), "{from}");
    }
}

#[test]
fn the_third_return_escalates_instead() {
    // STG-4
    for returns in 0..5 {
        let mut scene = Scene::leaving("review", vec![gate("security")]);
        scene.task.returns = returns;
        scene.answer("security", red());
        match scene.step() {
            Step::Return { .. } => assert!(returns < 2, "after {returns} returns"),
            Step::Hold { reason, returns: counted } => {
                assert!(returns >= 2, "after {returns} returns");
                assert_eq!(counted, returns + 1, "the return that led to the hold is counted");
                let expected = format!("sent back {counted} times; last by gate security on leaving review: 1 secret");
                assert_eq!(reason, expected);
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn the_cap_on_returns_is_a_setting() {
    // STG-4
    for (max_returns, holds) in [(0, true), (1, true), (2, false)] {
        let mut scene = Scene::leaving("review", vec![gate("security")]);
        scene.rules.max_returns = max_returns;
        scene.answer("security", red());
        assert_eq!(matches!(scene.step(), Step::Hold { .. }), holds, "{max_returns}");
    }
}

#[test]
fn a_count_of_returns_at_its_very_end_does_not_overflow() {
    let mut scene = Scene::leaving("review", vec![gate("security")]);
    scene.task.returns = u32::MAX;
    scene.answer("security", red());
    assert!(held_because(&scene.step()).starts_with("sent back"));
}

#[test]
fn a_shadow_gates_failure_costs_no_return() {
    // GAT-7
    let mut scene = Scene::leaving("review", vec![GateSpec { mode: Mode::Shadow, ..gate("trial") }, gate("ci")]);
    scene.task.returns = 2;
    scene.answer("trial", red());
    scene.answer("ci", judged(Verdict::Pass));
    assert!(matches!(scene.step(), Step::Advance { .. }), "{:?}", scene.step());
}

#[test]
fn a_deadline_that_passed_counts_as_a_return_like_any_failure() {
    // STG-4
    let mut scene = Scene::leaving("review", vec![gate("ci")]);
    scene.task.returns = 2;
    scene.answer("ci", judged(Verdict::Pending));
    scene.wait(secs(600));
    scene.answer("ci", judged(Verdict::Pending));
    let Step::Hold { reason, returns: 3 } = scene.step() else { panic!("{:?}", scene.step()) };
    assert!(reason.contains("not decided within 600 s"), "{reason}");
}

#[test]
fn only_a_way_back_over_the_merge_forgets_it() {
    // MRG-3
    // Which edge merges, which edge's gate fails, whether the merge is behind the task when it does.
    for (merges, fails, forgotten) in [
        ("deploy-staging", "deploy", true),
        ("development", "deploy", true),
        ("deploy", "deploy", false),
        ("deploy", "testing", false),
        ("analysis", "deploy", false),
        ("architecture", "deploy", false),
    ] {
        let mut scene = Scene::merging(merges, vec![]);
        let mut edges = scene.pipeline.edges().to_vec();
        edges.iter_mut().find(|e| e.from.as_str() == fails).unwrap().gates = vec![gate("ci")];
        let pipeline = portcullis_core::pipeline::Pipeline::new(scene.pipeline.stages().to_vec(), edges).unwrap();
        scene = Scene::on(pipeline, fails);
        scene.answer("ci", red());
        let Step::Return { forget_merge, .. } = scene.step() else { panic!("{:?}", scene.step()) };
        assert_eq!(forget_merge, forgotten, "merge on leaving {merges}, failure on leaving {fails}");
    }
}
