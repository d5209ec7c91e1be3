//! "Not yet": asked again later, on a timer, until a deadline.

use crate::support::{START, Scene, final_fault, gate, judge, judged, pending, rev, secs, transient_fault};
use portcullis_core::gate::Verdict;
use portcullis_core::pipeline::GateSpec;
use portcullis_core::step::{Rest, Step};
use portcullis_core::time::UnixMillis;

/// A scene whose only gate may be pending for `deadline_s`.
fn waiting(deadline_s: u64) -> Scene {
    Scene::leaving("review", vec![GateSpec { deadline: secs(deadline_s), ..gate("ci") }])
}

/// When the task is looked at next; panics unless it rests over a pending gate.
fn looked_at(scene: &Scene) -> UnixMillis {
    match scene.step() {
        Step::Rest { rest: Rest::GatePending { .. }, next_look_at: Some(at) } => at,
        other => panic!("does not wait: {other:?}"),
    }
}

#[test]
fn a_pending_gate_is_asked_again_when_it_wants_to_be() {
    // GAT-4
    let mut scene = waiting(600);
    scene.answer("ci", pending(45));
    assert_eq!(looked_at(&scene), START.plus(secs(45)));
    let Step::Rest { rest, .. } = scene.step() else { panic!() };
    let deadline = Some(START.plus(secs(600)));
    let summary = "2 of 3 checks are still running".to_owned();
    assert_eq!(rest, Rest::GatePending { gate: "ci".into(), summary, since: START, deadline });
    scene.wait(secs(44));
    assert_eq!(looked_at(&scene), START.plus(secs(45)));
    scene.wait(secs(1));
    assert_eq!(scene.step(), judge("ci"));
}

#[test]
fn a_pending_gate_that_names_no_time_is_asked_after_the_rules_wait() {
    // GAT-4
    let mut scene = waiting(600);
    scene.answer("ci", judged(Verdict::Pending));
    assert_eq!(looked_at(&scene), START.plus(scene.rules.pending_retry));
}

#[test]
fn a_gate_that_wants_to_be_asked_at_once_still_waits_a_second() {
    // GAT-4
    let mut scene = waiting(600);
    scene.rules.pending_retry = secs(0);
    scene.answer("ci", pending(0));
    assert_eq!(looked_at(&scene), START.plus(secs(1)));
    scene.evaluations.clear();
    scene.answer("ci", judged(Verdict::Pending));
    assert_eq!(looked_at(&scene), START.plus(secs(1)));
}

#[test]
fn a_slow_gate_is_left_alone_between_its_answers() {
    // GAT-4
    let mut scene = waiting(600);
    scene.answer("ci", pending(5)).report.duration = secs(60);
    scene.wait(secs(60));
    assert_eq!(looked_at(&scene), START.plus(secs(65)), "the wait is counted from the end of the evaluation");
}

#[test]
fn a_ring_asks_a_pending_gate_at_once() {
    // GAT-4
    let mut scene = waiting(600);
    scene.answer("ci", pending(300));
    scene.wait(secs(2));
    scene.task.rings += 1;
    assert_eq!(scene.step(), judge("ci"));
    scene.answer("ci", pending(300));
    assert_eq!(looked_at(&scene), START.plus(secs(302)), "and only once for each ring");
}

#[test]
fn a_ring_is_answered_once_whatever_the_clock_says() {
    // GAT-4: a ring before the clock was set back must neither be lost nor make the task ask for ever.
    let mut scene = waiting(600);
    scene.wait(secs(86_400));
    scene.answer("ci", pending(300));
    scene.task.rings += 1;
    scene.now = START.plus(secs(1));
    assert_eq!(scene.step(), judge("ci"), "nobody knows what has happened since an answer of tomorrow");
    scene.answer("ci", pending(300));
    assert_eq!(looked_at(&scene), START.plus(secs(301)));
    scene.task.rings += 1;
    assert_eq!(scene.step(), judge("ci"), "a ring within the same millisecond");
}

#[test]
fn at_the_deadline_the_gate_is_asked_once_more_and_then_not_yet_is_no() {
    // GAT-4
    let mut scene = waiting(100);
    scene.answer("ci", pending(400));
    assert_eq!(looked_at(&scene), START.plus(secs(100)));
    scene.wait(secs(100));
    assert_eq!(scene.step(), judge("ci"));
    scene.answer("ci", pending(400));
    let Step::Return { feedback, .. } = scene.step() else { panic!("{:?}", scene.step()) };
    assert_eq!(feedback.summary, "not decided within 100 s: 2 of 3 checks are still running");
}

#[test]
fn an_answer_that_came_while_the_daemon_was_down_beats_the_deadline() {
    // GAT-4
    let mut scene = waiting(100);
    scene.answer("ci", pending(30));
    scene.wait(secs(86_400));
    assert_eq!(scene.step(), judge("ci"));
    scene.answer("ci", judged(Verdict::Pass));
    assert!(matches!(scene.step(), Step::Advance { .. }), "{:?}", scene.step());
}

#[test]
fn without_a_deadline_a_gate_may_be_pending_for_good() {
    // GAT-4
    let mut scene = waiting(0);
    for _ in 0..50 {
        scene.answer("ci", pending(3600));
        let at = looked_at(&scene);
        scene.now = at;
        assert_eq!(scene.step(), judge("ci"));
    }
}

#[test]
fn a_moving_target_and_faults_win_a_pending_gate_no_time() {
    // GAT-4
    let mut scene = waiting(100);
    scene.answer("ci", pending(30));
    scene.wait(secs(30));
    scene.target_head = rev(3);
    scene.answer("ci", pending(30));
    scene.wait(secs(30));
    scene.answer("ci", transient_fault());
    scene.wait(secs(30));
    scene.answer("ci", pending(30));
    assert_eq!(looked_at(&scene), START.plus(secs(100)));
}

#[test]
fn a_new_head_and_a_persons_release_start_the_time_anew() {
    // GAT-4
    let mut scene = waiting(100);
    scene.answer("ci", pending(1000));
    scene.wait(secs(90));
    scene.task.head = Some(rev(2));
    scene.answer("ci", pending(1000));
    assert_eq!(looked_at(&scene), START.plus(secs(190)));
    scene.wait(secs(50));
    scene.task.fresh_from = scene.now;
    scene.answer("ci", pending(1000));
    assert_eq!(looked_at(&scene), START.plus(secs(240)));
}

#[test]
fn time_in_which_the_gate_was_green_is_no_time_of_waiting() {
    // GAT-4
    let mut scene = waiting(100);
    scene.answer("ci", pending(1000));
    scene.wait(secs(10));
    scene.answer("ci", judged(Verdict::Pass));
    scene.wait(secs(86_400));
    scene.target_head = rev(3);
    scene.answer("ci", pending(1000));
    assert_eq!(looked_at(&scene), scene.now.plus(secs(100)));
}

#[test]
fn a_pending_shadow_gate_sets_no_timer() {
    // GAT-7
    let shadow = GateSpec { mode: portcullis_core::gate::Mode::Shadow, ..gate("trial") };
    let mut scene = Scene::leaving("review", vec![shadow, gate("ci")]);
    scene.answer("trial", pending(1));
    scene.answer("ci", pending(300));
    assert_eq!(looked_at(&scene), START.plus(secs(300)));
    scene.evaluations[0].report.outcome = final_fault();
    assert_eq!(looked_at(&scene), START.plus(secs(300)));
}
