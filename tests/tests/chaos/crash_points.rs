//! The daemon dies once at each crash point, and the next one brings everything to its end.

use portcullis_e2e::chaos::hosted::Hosted;
use portcullis_e2e::chaos::local::Local;
use portcullis_e2e::chaos::points::{Begin, Deaths, Reference, die, reference};
use std::sync::OnceLock;

const LOCAL: Begin = || Box::new(Local::default());
const HOSTED: Begin = || Box::new(Hosted::default());
/// Fewer points than these would mean that some have got lost.
const LEAST_LOCAL: usize = 70;
/// See [`LEAST_LOCAL`].
const LEAST_HOSTED: usize = 50;

fn local() -> &'static Reference {
    static REFERENCE: OnceLock<Reference> = OnceLock::new();
    REFERENCE.get_or_init(|| reference(LOCAL))
}

fn survive(begin: Begin, reference: &Reference, least: usize, deaths: Vec<Deaths>) {
    let points = reference.whole.len() + reference.after_restart.len();
    assert!(points >= least, "only {points} points: {reference:#?}");
    let report = die(begin, deaths, 2, &|_, _| {});
    println!("{points} points: {}", report.summary());
    assert!(report.violations.is_empty(), "{}", report.complaints());
    assert!(report.missed.len() * 10 <= report.told, "too many deaths did not happen: {:?}", report.missed);
}

#[test]
fn a_daemon_that_dies_at_any_place_of_a_local_story_leaves_nothing_stuck_doubled_or_lost() {
    // I1, I2, I6, I7, I8, QUE-1, LAU-6, MRG-3
    survive(LOCAL, local(), LEAST_LOCAL, local().once());
}

#[test]
fn a_daemon_that_dies_at_any_place_of_a_hosted_story_leaves_nothing_stuck_doubled_or_lost() {
    // I1, I2, I3, I6, I7, I8, WEB-2, WEB-3, MRG-3
    let hosted = reference(HOSTED);
    survive(HOSTED, &hosted, LEAST_HOSTED, hosted.beside(local()));
}
