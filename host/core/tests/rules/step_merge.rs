//! Merging: decided once, written down before it is tried, asked about before anything else, never done twice.

use crate::support::{Scene, advance, gate, job, judge, judged, pending, rev, secs};
use portcullis_core::gate::Verdict;
use portcullis_core::job::JobState;
use portcullis_core::step::{Rest, Step, after_conflict};
use portcullis_core::task::MergeIntent;

fn intent() -> MergeIntent {
    MergeIntent { head: rev(1), target_head: rev(9) }
}

/// Ready to be merged: its gate is green.
fn green() -> Scene {
    let mut scene = Scene::merging("deploy-staging", vec![gate("merge")]);
    scene.answer("merge", judged(Verdict::Pass));
    scene
}

fn forward() -> Step {
    advance("deploy-staging", "deploy", Some("deployer"))
}

#[test]
fn a_merge_is_decided_written_down_asked_about_and_only_then_is_the_edge_crossed() {
    // MRG-3
    let mut scene = Scene::merging("deploy-staging", vec![gate("merge")]);
    assert_eq!(scene.step(), judge("merge"));
    scene.answer("merge", judged(Verdict::Pass));
    assert_eq!(scene.step(), Step::BeginMerge { intent: intent() });
    scene.task.merging = Some(intent());
    assert_eq!(scene.step(), Step::Merge { intent: intent() });
    scene.merged = Some(rev(5));
    assert_eq!(scene.step(), forward());
}

#[test]
fn a_merge_that_may_have_happened_is_asked_about_before_anything_else() {
    // MRG-3
    let mut scene = green();
    scene.task.merging = Some(intent());
    let upsets: [fn(&mut Scene); 5] = [
        |s| s.task.head = Some(rev(2)),
        |s| s.target_head = rev(5),
        |s| s.evaluations.clear(),
        |s| s.job = Some(job("deploy-staging", "deployer", JobState::Failed)),
        |s| s.task.head = None,
    ];
    for upset in upsets {
        upset(&mut scene);
        assert_eq!(scene.step(), Step::Merge { intent: intent() });
    }
}

#[test]
fn a_confirmed_merge_is_never_repeated_whatever_moved_since() {
    // MRG-3
    let mut scene = green();
    scene.task.merging = Some(intent());
    scene.merged = Some(rev(5));
    scene.target_head = rev(5);
    scene.task.head = Some(rev(2));
    scene.evaluations.clear();
    assert_eq!(scene.step(), forward());
}

#[test]
fn a_merge_that_was_called_off_is_judged_again_if_anything_moved() {
    // GAT-8
    let mut scene = green();
    scene.task.merging = None;
    scene.target_head = rev(3);
    assert_eq!(scene.step(), judge("merge"));
    scene.answer("merge", judged(Verdict::Pass));
    let again = MergeIntent { head: rev(1), target_head: rev(3) };
    assert_eq!(scene.step(), Step::BeginMerge { intent: again });
}

#[test]
fn a_merge_made_by_hand_does_not_open_an_edge_that_was_not_judged() {
    // I8
    let mut scene = Scene::merging("deploy-staging", vec![gate("merge")]);
    scene.merged = Some(rev(5));
    assert_eq!(scene.step(), judge("merge"));
    scene.answer("merge", judged(Verdict::Fail));
    assert!(matches!(scene.step(), Step::Return { .. }), "{:?}", scene.step());
}

#[test]
fn no_merge_is_decided_while_a_gate_waits() {
    // I8
    let mut scene = Scene::merging("deploy-staging", vec![gate("merge"), gate("ci")]);
    scene.answer("merge", judged(Verdict::Pass));
    scene.answer("ci", pending(30));
    assert!(matches!(scene.step(), Step::Rest { rest: Rest::GatePending { .. }, .. }), "{:?}", scene.step());
}

#[test]
fn an_edge_that_does_not_merge_pays_no_heed_to_merges() {
    let mut scene = Scene::leaving("review", vec![gate("ci")]);
    scene.task.merging = Some(intent());
    assert_eq!(scene.step(), judge("ci"));
    scene.merged = Some(rev(5));
    assert_eq!(scene.step(), judge("ci"));
    scene.wait(secs(1));
    scene.answer("ci", judged(Verdict::Pass));
    assert_eq!(scene.step(), advance("review", "testing", Some("tester")));
}

#[test]
fn an_intent_stands_only_for_the_head_and_the_target_that_were_judged() {
    // GAT-8
    assert!(intent().stands(Some(&rev(1)), &rev(9)));
    for (head, target) in [(Some(rev(2)), rev(9)), (Some(rev(1)), rev(8)), (None, rev(9))] {
        assert!(!intent().stands(head.as_ref(), &target), "{head:?} {target}");
    }
}

#[test]
fn a_merge_that_conflicts_after_all_sends_the_task_back_with_the_paths() {
    // MRG-1
    let mut scene = green();
    scene.task.merging = Some(intent());
    let conflicting = ["src/a.rs".to_owned(), "src/b.rs".to_owned()];
    let Step::Return { to, feedback, forget_merge: false, .. } =
        scene.with_view(|view, rules| after_conflict(view, rules, &conflicting))
    else {
        panic!("not sent back");
    };
    assert_eq!((to.as_str(), feedback.gate.as_str()), ("development", "merge"));
    assert_eq!(feedback.summary, "2 paths conflict with 9999999999");
    let paths: Vec<Option<&str>> = feedback.findings.iter().map(|f| f.path.as_deref()).collect();
    assert_eq!(paths, [Some("src/a.rs"), Some("src/b.rs")]);
}

#[test]
fn a_conflict_counts_as_a_return_and_escalates_at_the_cap() {
    // STG-4
    let mut scene = green();
    scene.task.returns = 2;
    let step = scene.with_view(|view, rules| after_conflict(view, rules, &["a".to_owned()]));
    assert!(matches!(step, Step::Hold { returns: 3, .. }), "{step:?}");
}
