//! The daemon dies once at each crash point, and the next one brings everything to its end.

use portcullis_e2e::chaos::hosted::Hosted;
use portcullis_e2e::chaos::local::Local;
use portcullis_e2e::chaos::operator::Operated;
use portcullis_e2e::chaos::points::{Begin, Deaths, Reference, die, named, reference};
use std::collections::BTreeSet;
use std::sync::OnceLock;

/// Places at which no story dies, and why not.
const ELSEWHERE: &[(&str, &str)] = &[
    ("store/hold-a-damaged-task/", "`damage` dies there"),
    ("store/fail-a-damaged-job/", "`damage` dies there"),
    ("store/park-damaged-events/", "`damage` dies there"),
    ("store/park-damaged-effects/", "`damage` dies there"),
    ("store/write-a-probe/", "written while the disk is full, and read by nobody"),
    ("store/write-the-audit-trail/", "the daemon has nothing to write there that is no part of another change"),
];

/// Places that a telling comes to or not: whether the reconciler is the first to find what is stuck, and whether a daemon dies
/// with a lease in hand, are races that nobody decides. Where one is reached, the daemon dies there as anywhere.
const PERHAPS: &[&str] = &["store/count/", "store/write-an-effect/", "store/reclaim-leases/"];

fn local() -> &'static Reference {
    static REFERENCE: OnceLock<Reference> = OnceLock::new();
    REFERENCE.get_or_init(|| reference(LOCAL))
}

fn hosted() -> &'static Reference {
    static REFERENCE: OnceLock<Reference> = OnceLock::new();
    REFERENCE.get_or_init(|| reference(HOSTED))
}

fn operated() -> &'static Reference {
    static REFERENCE: OnceLock<Reference> = OnceLock::new();
    REFERENCE.get_or_init(|| reference(OPERATED))
}

const LOCAL: Begin = || Box::new(Local::default());
const HOSTED: Begin = || Box::new(Hosted::default());
const OPERATED: Begin = || Box::new(Operated::default());

fn survive(name: &str, begin: Begin, reference: &Reference, deaths: Vec<Deaths>) {
    let points = reference.whole.len() + reference.after_restart.len();
    let report = die(begin, deaths, 2, &|_, _| {});
    println!("{name}: {points} points: {}", report.summary());
    assert!(report.violations.is_empty(), "{}", report.complaints());
    assert!(report.missed.len() * 10 <= report.told, "too many deaths did not happen: {:?}", report.missed);
}

/// What is named and never reached, and what is said to be reached elsewhere and is not so.
fn forgotten(named: &BTreeSet<String>, reached: &dyn Fn(&str) -> bool) -> Vec<String> {
    let elsewhere = ELSEWHERE.iter().map(|(place, _)| *place);
    let is_elsewhere = |point: &String| elsewhere.clone().chain(PERHAPS.iter().copied()).any(|p| point.starts_with(p));
    let never = named.iter().filter(|point| !reached(point) && !is_elsewhere(point));
    let mut wrong: Vec<String> = never.map(|point| format!("no story reaches {point}")).collect();
    let stale = |place: &str| named.iter().all(|point| !point.starts_with(place) || reached(point));
    wrong.extend(
        ELSEWHERE.iter().filter(|(place, _)| stale(place)).map(|(place, _)| format!("{place} is no exception")),
    );
    wrong
}

#[test]
fn a_daemon_that_dies_at_any_place_of_a_local_story_leaves_nothing_stuck_doubled_or_lost() {
    // I1, I2, I6, I7, I8, QUE-1, LAU-6, MRG-3
    survive("local", LOCAL, local(), local().once());
}

#[test]
fn a_daemon_that_dies_at_any_place_of_a_hosted_story_leaves_nothing_stuck_doubled_or_lost() {
    // I1, I2, I3, I6, I7, I8, WEB-2, WEB-3, MRG-3
    survive("hosted", HOSTED, hosted(), hosted().beside(local()));
}

#[test]
fn a_daemon_that_dies_at_any_place_of_an_operators_story_leaves_nothing_stuck_doubled_or_lost() {
    // I1, I2, I3, I6, I8, QUE-5, QUE-6, QUE-7, REC-1, REC-5, WEB-4
    survive("operated", OPERATED, operated(), operated().only_here(&[local(), hosted()]));
}

#[test]
fn every_place_that_the_sources_name_is_reached_by_a_story_or_is_an_exception_with_its_reason() {
    // I1, I2, I3, I6, I7, I8
    let named = named();
    let told = |point: &str| [local(), hosted(), operated()].iter().any(|story| story.reaches(point));
    println!("{} places are named: {} exceptions", named.len(), ELSEWHERE.len());
    // No two tellings go alike: what the first ones went past, another may come to.
    let mut again: Vec<Reference> = Vec::new();
    for begin in [LOCAL, OPERATED, HOSTED, LOCAL, OPERATED] {
        if forgotten(&named, &|point| told(point) || again.iter().any(|story| story.reaches(point))).is_empty() {
            break;
        }
        again.push(reference(begin));
    }
    let reached = |point: &str| told(point) || again.iter().any(|story| story.reaches(point));
    assert_eq!(forgotten(&named, &reached), Vec::<String>::new());
    // That the check would see it: a place that nobody reaches, and an exception that is none.
    let mut more = named.clone();
    more.insert("store/do-something-new/before".to_owned());
    assert_eq!(forgotten(&more, &reached), ["no story reaches store/do-something-new/before"]);
    assert_eq!(forgotten(&named, &|_| true).len(), ELSEWHERE.len());
}
