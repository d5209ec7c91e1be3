//! What a pause keeps from happening, and what not (QUE-7).

use crate::support::{START, Scene, gate, job, judged};
use portcullis_core::gate::{Mode, Verdict};
use portcullis_core::ids::{ProjectName, RoleName};
use portcullis_core::job::JobState;
use portcullis_core::pause::{Pause, PauseScope, Pauses};
use portcullis_core::step::{Rest, Step};

fn paused(scope: PauseScope) -> Pauses {
    Pauses(vec![Pause { scope, by: "ada".to_owned(), why: "a release is on".to_owned(), since: START }])
}

fn rests_paused(scene: &Scene) -> bool {
    matches!(scene.step(), Step::Rest { rest: Rest::Paused { .. }, next_look_at: None })
}

#[test]
fn a_paused_daemon_or_project_moves_no_task() {
    // QUE-7
    for (scope, pauses) in [
        (PauseScope::Daemon, true),
        (PauseScope::Project(ProjectName::new("sample")), true),
        (PauseScope::Project(ProjectName::new("other")), false),
        (PauseScope::Role(RoleName::new("reviewer")), false),
    ] {
        let mut scene = Scene::leaving("review", vec![gate("ci")]);
        scene.answer("ci", judged(Verdict::Pass));
        scene.pauses = paused(scope.clone());
        assert_eq!(rests_paused(&scene), pauses, "{scope}");
    }
}

#[test]
fn a_paused_role_s_waiting_job_says_so_and_its_running_one_goes_on() {
    // QUE-7, STG-6
    let mut scene = Scene::leaving("review", vec![]);
    scene.pauses = paused(PauseScope::Role(RoleName::new("reviewer")));
    scene.job = Some(job("review", "reviewer", JobState::Queued));
    assert!(rests_paused(&scene));
    scene.job = Some(job("review", "reviewer", JobState::Running));
    assert!(matches!(scene.step(), Step::Rest { rest: Rest::JobRunning { .. }, .. }));
}

#[test]
fn a_paused_gate_is_not_asked_and_stays_closed() {
    // QUE-7, I8: by its own name or its plugin's.
    for name in ["ci", "portcullis/ci"] {
        let mut scene = Scene::leaving("review", vec![gate("ci")]);
        scene.pauses = paused(PauseScope::Gate(name.to_owned()));
        assert!(rests_paused(&scene), "{name}");
        // What it said before it was paused still holds.
        scene.answer("ci", judged(Verdict::Pass));
        assert!(matches!(scene.step(), Step::Advance { .. }), "{name}");
    }
}

#[test]
fn a_paused_gate_in_shadow_keeps_nothing_closed() {
    // QUE-7, GAT-7
    let mut spec = gate("ci");
    spec.mode = Mode::Shadow;
    let mut scene = Scene::leaving("review", vec![spec]);
    scene.pauses = paused(PauseScope::Gate("ci".to_owned()));
    assert!(matches!(scene.step(), Step::Advance { .. }));
}

#[test]
fn the_explanation_names_who_paused_what_and_why() {
    // STG-6
    let pauses = paused(PauseScope::Daemon);
    let text = Rest::from(&pauses.0[0]).to_string();
    assert_eq!(text, "the whole daemon was paused by ada: a release is on. `portcullis resume` lets it go on");
}
