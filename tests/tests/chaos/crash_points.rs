//! The daemon dies once at each crash point, and the next one brings everything to its end.

use portcullis_e2e::chaos::hosted::Hosted;
use portcullis_e2e::chaos::local::Local;
use portcullis_e2e::chaos::points::{Begin, die, reference};

/// Fewer points than this would mean that some have got lost.
const LEAST_POINTS: usize = 30;

fn every_point(begin: Begin) {
    let reference = reference(begin);
    let points = reference.whole.len() + reference.after_restart.len();
    assert!(points >= LEAST_POINTS, "only {points} points: {reference:#?}");
    let report = die(begin, reference.once(), 2, &|told, all| {
        if told % 20 == 0 {
            println!("{told} of {all}");
        }
    });
    println!("{points} points: {}", report.summary());
    assert!(report.violations.is_empty(), "{}", report.complaints());
    assert!(report.missed.len() * 10 <= report.told, "too many deaths did not happen: {:?}", report.missed);
}

#[test]
fn a_daemon_that_dies_at_any_place_of_a_local_story_leaves_nothing_stuck_doubled_or_lost() {
    // I1, I2, I6, I7, I8, QUE-1, LAU-6, MRG-3
    every_point(|| Box::new(Local::default()));
}

#[test]
fn a_daemon_that_dies_at_any_place_of_a_hosted_story_leaves_nothing_stuck_doubled_or_lost() {
    // I1, I2, I3, I6, I7, I8, WEB-2, WEB-3, MRG-3
    every_point(|| Box::new(Hosted::default()));
}
