//! The scenes, each explored to its last state: nothing wrong, and from everywhere a way to a good end.

use crate::oracle::Oracle;
use crate::scene::{Mishap, Scene};
use crate::search::explore;

/// No test has time for more states.
pub(crate) const MOST: usize = 12_000_000;

/// Processes, hands and the reaper: roles that work, and one driver that moves their tasks on.
pub(crate) fn runs(tasks: usize, how_many: u8) -> Scene {
    Scene {
        rules: Oracle::new(false, false, false),
        tasks,
        drivers: 1,
        runs: true,
        cap: tasks,
        effects: false,
        reconciler: false,
        asks_again: true,
        mishaps: &[Mishap::Crash, Mishap::Pause, Mishap::Killed, Mishap::BadExit, Mishap::TooOld],
        how_many,
        flaw: None,
    }
}

/// The same with a second stage, whose role works in the same worktree.
pub(crate) fn ships(tasks: usize, how_many: u8) -> Scene {
    Scene { rules: Oracle::new(false, false, true), ..runs(tasks, how_many) }
}

/// Two drivers, gates, webhooks that get lost, and the reconciler behind them.
pub(crate) fn gates(tasks: usize, how_many: u8) -> Scene {
    Scene {
        rules: Oracle::new(true, false, true),
        drivers: 2,
        runs: false,
        reconciler: true,
        asks_again: false,
        mishaps: &[Mishap::Crash, Mishap::Pause, Mishap::Red, Mishap::Pending, Mishap::LostWebhook],
        ..runs(tasks, how_many)
    }
}

/// The same without the reconciler, but no webhook is lost.
pub(crate) fn rings(tasks: usize, how_many: u8) -> Scene {
    Scene {
        reconciler: false,
        mishaps: &[Mishap::Crash, Mishap::Pause, Mishap::Red, Mishap::Pending],
        ..gates(tasks, how_many)
    }
}

/// Two drivers on the way to the merge: leases, catching up, a forge whose answers get lost, persons who merge by hand.
pub(crate) fn merges(tasks: usize, how_many: u8) -> Scene {
    Scene {
        rules: Oracle::new(true, true, false),
        drivers: 2,
        runs: false,
        mishaps: &[Mishap::Crash, Mishap::Pause, Mishap::Red, Mishap::LostAnswer, Mishap::Person],
        ..runs(tasks, how_many)
    }
}

/// What leaves the house.
pub(crate) fn effects(tasks: usize, how_many: u8) -> Scene {
    Scene {
        effects: true,
        mishaps: &[Mishap::Crash, Mishap::Pause, Mishap::Red, Mishap::LostAnswer],
        ..gates(tasks, how_many)
    }
}

/// All of it at once.
pub(crate) fn whole(tasks: usize, how_many: u8) -> Scene {
    Scene {
        rules: Oracle::new(true, true, true),
        drivers: 2,
        effects: true,
        reconciler: true,
        mishaps: &[
            Mishap::Crash,
            Mishap::Pause,
            Mishap::Killed,
            Mishap::BadExit,
            Mishap::TooOld,
            Mishap::Red,
            Mishap::Pending,
            Mishap::LostAnswer,
            Mishap::LostWebhook,
            Mishap::Person,
        ],
        ..runs(tasks, how_many)
    }
}

fn all_is_well(name: &str, scene: &Scene) {
    let began = std::time::Instant::now();
    let found = explore(scene, MOST);
    println!(
        "{name}: {} tasks, {} mishaps: {} states, {} steps, {} good ends, {:.1} s",
        scene.tasks,
        scene.how_many,
        found.states,
        found.steps,
        found.ends,
        began.elapsed().as_secs_f64()
    );
    if let Some((violation, way)) = &found.violation {
        let way: Vec<String> = way.iter().enumerate().map(|(n, step)| format!("{:>3}. {step}", n + 1)).collect();
        panic!("{name}: {}: {}\n{}", violation.what, violation.why, way.join("\n"));
    }
}

#[test]
fn runs_are_never_lost_doubled_or_reaped_alive() {
    // REA-1, REA-2, REA-4, REA-5, LAU-6, I6, I7
    all_is_well("runs", &runs(1, 2));
}

#[test]
fn runs_of_two_stages_or_two_tasks_do_not_meet() {
    // QUE-3, I6, I7
    all_is_well("runs, two stages", &ships(1, 1));
    all_is_well("runs, pauses only", &Scene { mishaps: &[Mishap::Pause], ..runs(2, 1) });
}

#[test]
fn gates_open_edges_and_nothing_else_does() {
    // STG-2, GAT-8, REC-1, I1, I4, I8
    all_is_well("gates", &gates(2, 2));
    all_is_well("gates, no reconciler", &rings(2, 2));
}

#[test]
fn what_was_judged_is_merged_once() {
    // MRG-2, MRG-3, LSE-1, LSE-2
    all_is_well("merges", &merges(2, 2));
}

#[test]
fn every_committed_effect_arrives_and_one_key_means_one_thing() {
    // I2
    all_is_well("effects", &effects(2, 1));
}

#[test]
fn all_of_it_at_once() {
    // I1, I4, I6, I7, I8
    all_is_well("whole", &whole(1, 1));
}

#[test]
#[ignore = "takes minutes: the same scenes one size larger"]
fn larger_sizes() {
    // I1, I2, I4, I6, I7, I8
    all_is_well("runs", &runs(1, 3));
    all_is_well("runs", &runs(2, 1));
    all_is_well("gates", &gates(1, 4));
    all_is_well("merges", &merges(1, 4));
    all_is_well("effects", &effects(2, 2));
    all_is_well("whole, one place", &Scene { cap: 1, ..whole(2, 0) });
}
