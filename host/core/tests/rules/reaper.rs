//! The three tiers of the reaper, by table and by property.

use crate::support::{job, secs};
use portcullis_core::job::JobState;
use portcullis_core::reaper::{Fate, Probe, ReaperRules, Reaping, Watch, reap};
use proptest::prelude::*;

fn rules() -> ReaperRules {
    ReaperRules { dead_ticks: 2, finalize_grace: secs(300), max_running: secs(7200) }
}

fn decide(fate: Fate, watch: Watch, gone_before: u32) -> Reaping {
    reap(&job("review", "reviewer", JobState::Running), &Probe { fate, watch, gone_before }, &rules())
}

const NOBODY: Watch = Watch::Nobody;

fn by(silent_s: u64) -> Watch {
    Watch::By { silent_for: secs(silent_s) }
}

fn alive(age_s: u64) -> Fate {
    Fate::Alive { age: secs(age_s) }
}

#[test]
fn every_tier_by_table() {
    // REA-1, REA-2, REA-4, LAU-6
    for (fate, watch, gone_before, expected) in [
        // Tier 1: gone in two looks in a row, and nobody sees to it.
        (Fate::Gone, NOBODY, 0, Reaping::Count),
        (Fate::Gone, NOBODY, 1, Reaping::Lost),
        (Fate::Gone, by(10), 5, Reaping::Leave),
        (Fate::Gone, by(300), 0, Reaping::Count),
        (Fate::Gone, by(300), 1, Reaping::Lost),
        // Tier 2: ended, and whoever finished it has fallen silent. Where nobody does, waiting would help nobody.
        (Fate::Exited, by(0), 0, Reaping::Leave),
        (Fate::Exited, by(299), 0, Reaping::Leave),
        (Fate::Exited, by(300), 0, Reaping::Finish),
        (Fate::Exited, NOBODY, 0, Reaping::Finish),
        (Fate::Exited, NOBODY, 9, Reaping::Finish),
        // Tier 3: too old, whoever sees to it.
        (alive(7200), by(0), 0, Reaping::Leave),
        (alive(7201), by(0), 0, Reaping::TimeOut),
        (alive(7201), NOBODY, 0, Reaping::TimeOut),
        // … unless it is being ended already, by somebody who gives signs of it.
        (alive(7201), Watch::Ending { silent_for: secs(299) }, 0, Reaping::Leave),
        (alive(7201), Watch::Ending { silent_for: secs(300) }, 0, Reaping::TimeOut),
        (Fate::Exited, Watch::Ending { silent_for: secs(0) }, 0, Reaping::Leave),
        // Alive within its limits: never ended; where nobody sees to it, taken over.
        (alive(0), NOBODY, 1, Reaping::Adopt),
        (alive(10), by(7000), 0, Reaping::Leave),
    ] {
        assert_eq!(decide(fate, watch, gone_before), expected, "{fate:?} {watch:?} {gone_before}");
    }
}

#[test]
fn only_a_running_job_is_reaped() {
    // REA-5
    for state in [JobState::Queued, JobState::Done, JobState::Failed, JobState::Cancelled] {
        for fate in [Fate::Gone, Fate::Exited, alive(99_999)] {
            let probe = Probe { fate, watch: NOBODY, gone_before: 9 };
            assert_eq!(reap(&job("review", "reviewer", state), &probe, &rules()), Reaping::Leave, "{state:?}");
        }
    }
}

fn any_watch() -> impl Strategy<Value = Watch> {
    let ending = |silent| Watch::Ending { silent_for: secs(silent) };
    prop_oneof![Just(NOBODY), any::<u64>().prop_map(by), any::<u64>().prop_map(ending)]
}

fn any_rules() -> impl Strategy<Value = ReaperRules> {
    (0_u32..6, any::<u64>(), any::<u64>()).prop_map(|(dead_ticks, grace, max)| ReaperRules {
        dead_ticks,
        finalize_grace: secs(grace),
        max_running: secs(max),
    })
}

proptest! {
    #[test]
    fn what_is_alive_within_its_limits_never_leaves_running(
        age in any::<u64>(), watch in any_watch(), gone_before: u32, rules in any_rules()
    ) {
        // I6
        prop_assume!(secs(age) <= rules.max_running);
        let running = job("review", "reviewer", JobState::Running);
        let reaping = reap(&running, &Probe { fate: alive(age), watch, gone_before }, &rules);
        prop_assert!(matches!(reaping, Reaping::Leave | Reaping::Adopt), "{:?}", reaping);
    }

    #[test]
    fn what_is_gone_and_seen_to_by_nobody_leaves_running_within_dead_ticks_looks(rules in any_rules()) {
        // I6, REA-1: counted as the shell counts.
        let running = job("review", "reviewer", JobState::Running);
        let mut gone_before = 0;
        for look in 1..=rules.dead_ticks.max(1) {
            let reaping = reap(&running, &Probe { fate: Fate::Gone, watch: NOBODY, gone_before }, &rules);
            if look < rules.dead_ticks {
                prop_assert_eq!(reaping, Reaping::Count);
                gone_before += 1;
            } else {
                prop_assert_eq!(reaping, Reaping::Lost);
            }
        }
    }

    #[test]
    fn a_run_that_is_still_finishing_is_never_reaped(silent in any::<u64>(), gone_before: u32, rules in any_rules()) {
        // REA-2
        prop_assume!(secs(silent) < rules.finalize_grace);
        let running = job("review", "reviewer", JobState::Running);
        for fate in [Fate::Exited, Fate::Gone] {
            let probe = Probe { fate, watch: by(silent), gone_before };
            prop_assert_eq!(reap(&running, &probe, &rules), Reaping::Leave);
        }
    }
}
