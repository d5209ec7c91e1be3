//! Dying at every crash point of a story.
//!
//! Nobody keeps a list of the points, but the sources are read for what [`named`] finds there: a story that is told without any death says which there are, and one that is told
//! with a death in its first run says which more there are after a restart.

use super::play::{Played, play};
use super::story::Story;
use crate::daemon::workspace;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A story of a kind, at its beginning.
pub type Begin = fn() -> Box<dyn Story>;

/// Deaths, one for each daemon in turn: `merge/after`, `store/move-a-task/after#3`.
pub type Deaths = Vec<String>;

/// Where the first daemon dies in the story that tells which points there are after a restart: while a role works.
const MIDST: &str = "run/spawn/after";
/// The point at which a move of a task is durable.
const MOVED: &str = "store/move-a-task/after";

/// What is known of a story.
#[derive(Debug)]
pub struct Reference {
    /// How often each point is reached when nobody dies.
    pub whole: BTreeMap<String, usize>,
    /// Points that only a daemon reaches that was started after a death.
    pub after_restart: BTreeSet<String>,
}

/// What came of it.
#[derive(Debug, Default)]
pub struct Report {
    /// Stories told.
    pub told: usize,
    /// Deaths that happened.
    pub died: usize,
    /// Deaths that were to happen and the sentences that say what went wrong.
    pub violations: Vec<(Deaths, Vec<String>)>,
    /// Deaths that did not happen: the point was not reached (again).
    pub missed: Vec<Deaths>,
}

/// Tells the story without a death, and with one, to learn its points.
///
/// # Panics
/// If even that breaks an invariant.
pub fn reference(begin: Begin) -> Reference {
    let told = |points: &[String]| {
        let Played { reached, violations } = play(&mut *begin(), points);
        assert!(violations.is_empty(), "{points:?}: {}", violations.join("\n"));
        reached
    };
    let mut whole = BTreeMap::new();
    for point in told(&[]).into_iter().flatten() {
        *whole.entry(point).or_insert(0) += 1;
    }
    let again = told(&[MIDST.to_owned()]).into_iter().skip(1).flatten();
    let after_restart = again.filter(|point| !whole.contains_key(point)).collect();
    Reference { whole, after_restart }
}

impl Reference {
    /// Each point once, the first time that it is reached, and each time that a task has just been moved.
    pub fn once(&self) -> Vec<Deaths> {
        let times = |(point, n): (&String, &usize)| {
            let last = if point == MOVED { *n } else { 1 };
            (1..=last).map(|time| vec![format!("{point}#{time}")]).collect::<Vec<_>>()
        };
        self.whole.iter().flat_map(times).chain(self.again()).collect()
    }

    /// Each point once that another story does not reach, or reaches in another way: what goes over the wire.
    pub fn beside(&self, other: &Self) -> Vec<Deaths> {
        let wire =
            ["effect/", "merge/", "push/", "pull-request/", "webhook/", "event/", "store/store-", "store/settle-"];
        let is_new =
            |point: &&String| !other.whole.contains_key(*point) || wire.iter().any(|part| point.starts_with(part));
        self.whole.keys().filter(is_new).map(|point| vec![point.clone()]).collect()
    }

    /// Each point once that none of these stories reaches.
    pub fn only_here(&self, others: &[&Self]) -> Vec<Deaths> {
        let is_new = |point: &&String| !others.iter().any(|other| other.reaches(point));
        let whole = self.whole.keys().filter(is_new).map(|point| vec![point.clone()]);
        whole.chain(self.again().into_iter().filter(|deaths| deaths.last().is_some_and(|p| is_new(&p)))).collect()
    }

    /// Whether a point is reached, also after a restart.
    pub fn reaches(&self, point: &str) -> bool {
        self.whole.contains_key(point) || self.after_restart.contains(point)
    }

    /// Each point each time that it is reached.
    pub fn every_time(&self) -> Vec<Deaths> {
        let times =
            |(point, n): (&String, &usize)| (1..=*n).map(|time| vec![format!("{point}#{time}")]).collect::<Vec<_>>();
        self.whole.iter().flat_map(times).chain(self.again()).collect()
    }

    /// Each point, and any other after it: in the next daemon, or in the same one where it is a shim that dies first.
    pub fn pairs(&self) -> Vec<Deaths> {
        let pair = |first: &String, second: &String| match first.strip_prefix("shim/") {
            Some(_) if first != second => vec![format!("{first},{second}")],
            _ => vec![first.clone(), second.clone()],
        };
        let all = || self.whole.keys().chain(&self.after_restart);
        self.whole.keys().flat_map(|first| all().map(move |second| pair(first, second))).collect()
    }

    fn again(&self) -> Vec<Deaths> {
        self.after_restart.iter().map(|point| vec![MIDST.to_owned(), point.clone()]).collect()
    }
}

/// How often a story is told at most so that somebody dies in it.
const TELLINGS: usize = 3;

/// Tells the story once for each of `deaths`, on `threads` threads; again, if it went past the place.
pub fn die(begin: Begin, deaths: Vec<Deaths>, threads: usize, progress: &(dyn Fn(usize, usize) + Sync)) -> Report {
    let all = deaths.len();
    let queue = Mutex::new(deaths.into_iter().map(|deaths| (deaths, 1)).collect::<VecDeque<_>>());
    let report = Mutex::new(Report::default());
    std::thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let next = queue.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
                    let Some((deaths, telling)) = next else { return };
                    let played = play(&mut *begin(), &deaths);
                    let mut report = report.lock().unwrap_or_else(PoisonError::into_inner);
                    // No two tellings go alike: one that never came to the place says nothing about it.
                    if report.add(&deaths, played) < deaths.len() {
                        if telling < TELLINGS {
                            let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
                            queue.push_back((deaths, telling + 1));
                        } else {
                            report.missed.push(deaths);
                        }
                    }
                    progress(report.told, all);
                }
            });
        }
    });
    report.into_inner().unwrap_or_else(PoisonError::into_inner)
}

/// Whether a death happened: its point was reached as often as it says.
fn has_died(death: &str, reached: &[String]) -> bool {
    death.split(',').all(|death| {
        let (point, time) = death.split_once('#').unwrap_or((death, "1"));
        let times = reached.iter().filter(|reached| *reached == point).count();
        time.parse().is_ok_and(|time: usize| times >= time)
    })
}

/// Every point that the sources name: a daemon has to die at each.
///
/// # Panics
/// If they do not lie where they did, or name none.
pub fn named() -> BTreeSet<String> {
    let host = workspace().join("host");
    let both = |point: String| ["before", "after"].map(|side| format!("{point}/{side}"));
    let store = read(&host.join("store/src/sqlite/store.rs"));
    let writes = ["self.write(", "self.write_once("].into_iter().flat_map(|call| arguments(&store, call));
    let mut named: BTreeSet<String> =
        writes.flat_map(|doing| both(format!("store/{}", doing.replace(' ', "-")))).collect();
    let crash = read(&host.join("daemon/src/crash.rs"));
    let kinds = crash.split_once("let kind = match effect {").and_then(|(_, rest)| rest.split_once("};"));
    let (kinds, _) = kinds.expect("effects are told apart where they were");
    named.extend(arguments(kinds, "=>").flat_map(|kind| both(format!("effect/{kind}"))));
    for source in sources(&host.join("daemon/src")) {
        named.extend(arguments(&read(&source), "crash::point(").map(str::to_owned));
    }
    assert!(named.len() > 100, "the sources name only {named:?}");
    named
}

/// The first argument of each call, where it is a text.
fn arguments<'a>(source: &'a str, call: &'a str) -> impl Iterator<Item = &'a str> {
    let text = |rest: &'a str| rest.trim_start().strip_prefix('"')?.split_once('"').map(|(text, _)| text);
    source.split(call).skip(1).filter_map(text)
}

fn read(source: &Path) -> String {
    std::fs::read_to_string(source).unwrap_or_else(|error| panic!("{}: {error}", source.display()))
}

fn sources(folder: &Path) -> Vec<PathBuf> {
    let entries = std::fs::read_dir(folder).expect("the sources lie where they did");
    let paths = entries.map(|entry| entry.expect("a folder can be read").path());
    paths.flat_map(|path| if path.is_dir() { sources(&path) } else { vec![path] }).collect()
}

impl Report {
    /// Answers how many of the deaths happened.
    fn add(&mut self, deaths: &Deaths, played: Played) -> usize {
        self.told += 1;
        let happened = deaths.iter().zip(&played.reached).filter(|(death, reached)| has_died(death, reached)).count();
        self.died += happened;
        if !played.violations.is_empty() {
            self.violations.push((deaths.clone(), played.violations));
        }
        happened
    }

    /// In a line: how much was tried.
    pub fn summary(&self) -> String {
        let green = if self.violations.is_empty() { "all green" } else { "NOT all green" };
        format!("{} stories told, {} deaths, {} places not come to, {green}", self.told, self.died, self.missed.len())
    }

    /// What went wrong, for people.
    pub fn complaints(&self) -> String {
        let one = |(deaths, wrong): &(Deaths, Vec<String>)| format!("dying at {deaths:?}:\n  {}", wrong.join("\n  "));
        self.violations.iter().map(one).collect::<Vec<_>>().join("\n")
    }
}
