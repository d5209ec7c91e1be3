//! The way forward: the stage's work comes first, then its edge, then the next stage.

use crate::support::{START, Scene, WAY, act, advance, approval, gate, held_because, job, judge, judged, rev, secs};
use portcullis_core::gate::Verdict;
use portcullis_core::ids::{JobId, RoleName, RunId};
use portcullis_core::job::{JobState, Run};
use portcullis_core::pipeline::{Pipeline, Stage};
use portcullis_core::step::{Rest, Step};
use portcullis_core::task::Held;

#[test]
fn a_task_without_gates_walks_the_default_way_to_its_end() {
    // STG-1
    let roles = [Some("architect"), Some("developer"), Some("reviewer"), Some("tester"), Some("deployer")];
    let roles = roles.into_iter().chain([Some("deployer"), None]);
    for (pair, role) in WAY.windows(2).zip(roles) {
        assert_eq!(Scene::leaving(pair[0], vec![]).step(), advance(pair[0], pair[1], role));
    }
    let end = Scene::leaving("done", vec![]).step();
    assert_eq!(end, Step::Rest { rest: Rest::Finished, next_look_at: None });
}

#[test]
fn a_stage_without_a_job_gets_one_before_its_gates_are_asked() {
    let mut scene = Scene::leaving("review", vec![gate("ci")]);
    scene.job = None;
    assert_eq!(scene.step(), Step::Enqueue { role: RoleName::new("reviewer") });
}

#[test]
fn a_stage_without_a_role_goes_straight_to_its_gates() {
    let stages = ["wait", "end"].map(|name| Stage { name: name.into(), role: None, acts: false });
    let edges = vec![crate::support::edge("wait", "end", vec![gate("ci")])];
    let scene = Scene::on(Pipeline::new(stages.to_vec(), edges).unwrap(), "wait");
    assert_eq!(scene.step(), judge("ci"));
}

#[test]
fn the_edge_stays_closed_while_the_job_waits_or_runs() {
    // STG-6
    let mut scene = Scene::leaving("review", vec![]);
    let mut waiting = job("review", "reviewer", JobState::Queued);
    waiting.reason = Some("exit code 1".to_owned());
    waiting.not_before = START.plus(secs(10));
    scene.job = Some(waiting);
    let rest = Rest::JobQueued {
        job: JobId(70),
        role: "reviewer".into(),
        reason: Some("exit code 1".to_owned()),
        not_before: START.plus(secs(10)),
    };
    assert_eq!(scene.step(), Step::Rest { rest, next_look_at: None });

    let mut running = job("review", "reviewer", JobState::Running);
    running.run = Some(Run {
        id: RunId(5),
        job: JobId(70),
        attempt: 1,
        boot: "b1".to_owned(),
        launched_at: START.plus(secs(3)),
        process: None,
        exit_code: None,
        exited_at: None,
        folder: "runs/5".to_owned(),
    });
    scene.job = Some(running);
    let rest = Rest::JobRunning { job: JobId(70), role: "reviewer".into(), since: START.plus(secs(3)) };
    assert_eq!(scene.step(), Step::Rest { rest, next_look_at: None });
}

#[test]
fn a_job_that_failed_for_good_holds_the_task_with_its_reason() {
    // QUE-5
    let mut scene = Scene::leaving("review", vec![gate("ci")]);
    scene.task.returns = 2;
    let mut failed = job("review", "reviewer", JobState::Failed);
    failed.reason = Some("exit code 101 in attempt 3".to_owned());
    scene.job = Some(failed);
    let reason = "its reviewer failed (job 70): exit code 101 in attempt 3".to_owned();
    assert_eq!(scene.step(), Step::Hold { reason, returns: 2 }, "earlier returns stay counted");
}

#[test]
fn a_cancelled_job_holds_the_task_and_says_how_to_go_on() {
    let mut scene = Scene::leaving("review", vec![gate("ci")]);
    scene.job = Some(job("review", "reviewer", JobState::Cancelled));
    assert!(held_because(&scene.step()).contains("portcullis task retry"));
}

#[test]
fn nothing_moves_a_held_task() {
    // STG-4
    let mut scenes = vec![Scene::leaving("review", vec![]), Scene::merging("deploy", vec![gate("ci")])];
    scenes[1].merged = Some(rev(5));
    for scene in &mut scenes {
        let held = Held { reason: "sent back 3 times".to_owned(), by: "portcullis".to_owned(), since: START };
        scene.task.held = Some(held.clone());
        scene.task.rings = 1;
        scene.wait(secs(86_400));
        let rest = Rest::Held { reason: held.reason, by: held.by, since: held.since };
        assert_eq!(scene.step(), Step::Rest { rest, next_look_at: None });
    }
}

#[test]
fn a_task_whose_stage_has_left_the_pipeline_is_held_with_a_remedy() {
    // STG-1
    let mut scene = Scene::leaving("review", vec![]);
    scene.task.stage = "qa".into();
    scene.task.returns = 1;
    let Step::Hold { reason, returns: 1 } = scene.step() else { panic!("not held") };
    assert!(reason.contains("`qa`") && reason.contains("manifest"), "{reason}");
}

#[test]
fn a_branch_that_nobody_has_pushed_is_waited_for() {
    // STG-6
    let mut scene = Scene::leaving("development", vec![gate("ci")]);
    scene.task.head = None;
    let rest = Rest::NoHead { role: Some("developer".into()) };
    assert_eq!(scene.step(), Step::Rest { rest, next_look_at: None });
}

#[test]
fn the_last_stages_role_works_before_the_task_is_finished() {
    let mut stages = Pipeline::default_stages();
    stages[7].role = Some("archivist".into());
    let pipeline = Pipeline::new(stages, crate::support::bare_edges()).unwrap();
    let mut scene = Scene::on(pipeline, "done");
    scene.job = Some(job("done", "archivist", JobState::Running));
    assert!(matches!(scene.step(), Step::Rest { rest: Rest::JobRunning { .. }, .. }), "{:?}", scene.step());
    scene.job = Some(job("done", "archivist", JobState::Done));
    assert_eq!(scene.step(), Step::Rest { rest: Rest::Finished, next_look_at: None });
}

#[test]
fn analysis_is_not_left_while_its_approval_gate_waits_for_a_person() {
    // STG-5
    let mut scene = Scene::leaving("analysis", vec![gate("approval")]);
    scene.answer("approval", judged(Verdict::Pending));
    for _ in 0..3 {
        scene.wait(secs(9));
        assert!(matches!(scene.step(), Step::Rest { rest: Rest::GatePending { .. }, .. }), "{:?}", scene.step());
    }
}

#[test]
fn a_persons_decision_makes_every_earlier_answer_void() {
    // STG-5
    let mut scene = Scene::leaving("analysis", vec![gate("approval")]);
    scene.answer("approval", judged(Verdict::Pass));
    assert_eq!(scene.step(), advance("analysis", "architecture", Some("architect")));
    scene.wait(secs(1));
    scene.decision = Some((approval(false, rev(1)), scene.now));
    assert_eq!(scene.step(), judge("approval"), "the approval was taken back before the task moved");
    scene.answer("approval", judged(Verdict::Fail));
    assert!(matches!(scene.step(), Step::Return { .. }), "{:?}", scene.step());
}

#[test]
fn an_approval_is_asked_for_again_when_the_branch_moves_on() {
    // STG-5
    let mut scene = Scene::leaving("analysis", vec![gate("approval")]);
    scene.decision = Some((approval(true, rev(1)), scene.now));
    scene.answer("approval", judged(Verdict::Pass));
    assert_eq!(scene.step(), advance("analysis", "architecture", Some("architect")));
    scene.task.head = Some(rev(2));
    assert_eq!(scene.step(), judge("approval"));
}

#[test]
fn every_rest_says_in_words_what_it_waits_for() {
    // STG-6
    let at = START;
    let text = |text: &str| text.to_owned();
    let table: Vec<(Rest, &str)> = vec![
        (Rest::Finished, "finished"),
        (
            Rest::Held { reason: text("r"), by: text("ada"), since: at },
            "held by ada: r. A person moves it on: `portcullis task release`",
        ),
        (
            Rest::JobQueued { job: JobId(1), role: "tester".into(), reason: None, not_before: at },
            "waits for a free place for its tester (job 1)",
        ),
        (
            Rest::JobQueued { job: JobId(1), role: "tester".into(), reason: Some(text("lost")), not_before: at },
            "waits to start its tester again (job 1): lost",
        ),
        (Rest::JobRunning { job: JobId(1), role: "tester".into(), since: at }, "its tester is at work (job 1)"),
        (
            Rest::GatePending { gate: "ci".into(), summary: text("2 of 3"), since: at, deadline: None },
            "gate ci is not decided yet: 2 of 3",
        ),
        (
            Rest::GateFault { gate: "ci".into(), fault: text("no slot"), tries: 2 },
            "gate ci could not judge (2 tries so far): no slot",
        ),
        (
            Rest::NoHead { role: Some("tester".into()) },
            "its tester has not pushed anything yet; a push or `portcullis task retry` moves it on",
        ),
        (Rest::NoHead { role: None }, "its branch has no revision yet; a push moves it on"),
        (Rest::ManifestUnusable { reason: text("r") }, "the target branch has no usable manifest: r"),
        (Rest::LeaseTaken { lease: text("merge/a"), by: text("task 8") }, "waits for `merge/a`, which task 8 holds"),
        (Rest::ForgeUnavailable { reason: text("502") }, "the forge does not answer: 502"),
        (Rest::RepositoryUnavailable { reason: text("gone") }, "the repository cannot be read: gone"),
        (
            Rest::ClockBehind { until: at },
            "the machine's clock is behind this task's last decision; it goes on when the clock has caught up",
        ),
    ];
    for (rest, words) in table {
        assert_eq!(rest.to_string(), words);
        let stored = serde_json::to_string(&rest).unwrap();
        assert_eq!(serde_json::from_str::<Rest>(&stored).unwrap(), rest);
    }
}

#[test]
fn a_clock_that_was_set_back_is_waited_out_instead_of_asking_for_ever() {
    let later = START.plus(secs(3600));
    let mut scene = Scene::leaving("analysis", vec![gate("approval")]);
    scene.decision = Some((approval(true, rev(1)), later));
    // An answer given now would be older than the decision, and so void at once.
    scene.answer("approval", judged(Verdict::Pass));
    let expected = Step::Rest { rest: Rest::ClockBehind { until: later }, next_look_at: Some(later) };
    assert_eq!(scene.step(), expected);
    // Neither may a gate act then: its acts would not be counted, and it would act for ever.
    scene.now = later;
    scene.answer("approval", judged(Verdict::Actionable));
    scene.now = START;
    assert_eq!(scene.step(), expected);
    scene.now = later;
    assert_eq!(scene.step(), act("approval"));
    scene.evaluations.clear();
    assert_eq!(scene.step(), judge("approval"));
}
