//! The protocol with one mistake at a time: the same search sees each, and which promise it breaks.

use crate::scene::{Flaw, Mishap, Scene};
use crate::scenes::{MOST, effects, gates, merges, rings, runs, ships};
use crate::search::explore;

/// Each mistake, a scene in which it shows, and what is found broken first.
fn table() -> Vec<(Flaw, Scene, &'static str)> {
    let mut no_dead_ticks = runs(1, 2);
    no_dead_ticks.rules.reaper.dead_ticks = 0;
    vec![
        (Flaw::ActBeforeClaim, runs(1, 2), "I7"),
        (Flaw::StateGuardOnly, runs(1, 2), "I6"),
        (Flaw::NoGrace, runs(1, 1), "REA-2"),
        (Flaw::SilenceFromTheWait, runs(1, 1), "REA-2"),
        (Flaw::NoDeadTicks, no_dead_ticks, "I6"),
        (Flaw::CountsOutliveTheClaim, runs(1, 2), "I6"),
        (Flaw::KeptNumber, runs(1, 2), "I7"),
        (Flaw::UnseenRun, runs(1, 1), "I6"),
        (Flaw::LaunchAfterFork, runs(1, 2), "I6"),
        (Flaw::SlowFork, runs(1, 2), "I6"),
        (Flaw::UncheckedLanding, Scene { mishaps: &[Mishap::Pause], ..ships(1, 1) }, "I7"),
        (Flaw::NoSweep, runs(1, 2), "I6"),
        (Flaw::OldHeads, gates(1, 1), "GAT-8"),
        (Flaw::NoVersionGuard, gates(1, 3), "I1"),
        (Flaw::NoGuards, gates(1, 3), "I1"),
        (Flaw::NoDriveLease, merges(1, 2), "I7"),
        (Flaw::RestsOverRings, rings(1, 2), "stuck"),
        (Flaw::ReconcilerMoves, gates(1, 2), "I1"),
        (Flaw::ReconcilerActs, gates(1, 2), "I4"),
        (Flaw::NoReconciler, gates(1, 2), "stuck"),
        (Flaw::MergeWithoutAsking, merges(1, 2), "MRG-3"),
        (Flaw::MergeWithoutIntent, merges(1, 2), "I8"),
        (Flaw::MergeWithoutIntent, Scene { mishaps: &[Mishap::Crash], ..merges(1, 1) }, "MRG-3"),
        (Flaw::TrustAlreadyMerged, merges(1, 2), "I8"),
        (Flaw::SharedKeys, effects(1, 1), "I2"),
        (Flaw::EffectsApart, effects(1, 1), "stuck"),
        (Flaw::MarkedBeforeSent, effects(1, 1), "stuck"),
    ]
}

#[test]
fn each_missing_protection_is_seen() {
    // REA-1, REA-2, REA-3, REA-5, LSE-1, MRG-3, REC-1, I1, I2, I4, I6, I7, I8
    let mut missed = Vec::new();
    for (flaw, scene, what) in table() {
        let found = explore(&Scene { flaw: Some(flaw), ..scene }, MOST);
        let (seen, way) = found.violation.map_or(("nothing", Vec::new()), |(violation, way)| (violation.what, way));
        println!("{flaw:?}: {seen} after {} steps, {} states", way.len(), found.states);
        if seen != what {
            let way: Vec<String> = way.iter().enumerate().map(|(n, step)| format!("{:>3}. {step}", n + 1)).collect();
            missed.push(format!("{flaw:?} breaks {what}, but what was seen is {seen}:\n{}", way.join("\n")));
        }
    }
    assert!(missed.is_empty(), "{}", missed.join("\n\n"));
}
