//! Crash points: named places where something has just become durable or is about to be acted on.
//!
//! With debug assertions, `PORTCULLIS_CRASH_AT=NAME` ends the process there by SIGKILL: nothing is unwound, flushed or
//! cleaned up, as when the machine loses its power. `NAME#3` means the third time that the place is reached; several are
//! separated by commas. `PORTCULLIS_CRASH_LOG=FILE` gets a line for each place reached; if it is set, times are counted in
//! it, over all processes that share it, so that a place within a shim can be reached more than once. Otherwise, and in a
//! build without debug assertions, [`point`] does nothing.

use portcullis_core::effect::Effect;
use std::collections::HashMap;
use std::fs::File;
use std::io::{Read, Seek, Write};
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

/// Names the places at which to end, e.g. `merge/after#2`.
pub const AT: &str = "PORTCULLIS_CRASH_AT";
/// Names the file to log to.
pub const LOG: &str = "PORTCULLIS_CRASH_LOG";

/// What the environment asked for.
struct Plan {
    /// Place and the time at which it is the last one.
    at: Vec<(String, usize)>,
    log: Option<PathBuf>,
    reached: Mutex<HashMap<String, usize>>,
}

/// This process is here. It may be its end.
pub fn point(name: &str) {
    if cfg!(debug_assertions)
        && let Some(plan) = plan()
        && plan.is_last(name)
    {
        end();
    }
}

/// The place before or after an effect leaves, named by its kind.
pub fn effect(effect: &Effect, side: &str) {
    let kind = match effect {
        Effect::SetTrackerState { .. } => "tracker-state",
        Effect::TrackerComment { .. } => "tracker-comment",
        Effect::ForgeStatus { .. } => "forge-status",
        Effect::PullRequestComment { .. } => "pull-request-comment",
        Effect::Notify { .. } => "notify",
    };
    point(&format!("effect/{kind}/{side}"));
}

/// What a shim is told of this: it has no other environment.
pub fn handed_on() -> impl Iterator<Item = (&'static str, std::ffi::OsString)> {
    let names = if cfg!(debug_assertions) { &[AT, LOG][..] } else { &[] };
    names.iter().filter_map(|name| Some((*name, std::env::var_os(name)?)))
}

fn plan() -> Option<&'static Plan> {
    static PLAN: OnceLock<Option<Plan>> = OnceLock::new();
    PLAN.get_or_init(|| Plan::new(std::env::var(AT).unwrap_or_default(), std::env::var_os(LOG).map(PathBuf::from)))
        .as_ref()
}

impl Plan {
    fn new(at: String, log: Option<PathBuf>) -> Option<Self> {
        let one = |text: &str| match text.rsplit_once('#') {
            Some((name, time)) => (name.to_owned(), time.parse().unwrap_or(1)),
            None => (text.to_owned(), 1),
        };
        let at: Vec<_> = at.split(',').filter(|text| !text.is_empty()).map(one).collect();
        (!at.is_empty() || log.is_some()).then(|| Self { at, log, reached: Mutex::default() })
    }

    /// Notes that `name` was reached; whether the process ends there.
    fn is_last(&self, name: &str) -> bool {
        // Held to the end, so that two threads of this process end in an order.
        let mut reached = self.reached.lock().unwrap_or_else(PoisonError::into_inner);
        let here = reached.entry(name.to_owned()).or_default();
        *here += 1;
        let time = self.log.as_ref().and_then(|log| noted(log, name).ok()).unwrap_or(*here);
        self.at.iter().any(|(at, last)| at == name && *last == time)
    }
}

/// Appends `name` to the log; how often it stands there now.
fn noted(log: &PathBuf, name: &str) -> std::io::Result<usize> {
    let mut file = File::options().create(true).read(true).append(true).open(log)?;
    // Other processes write here too. The kernel gives the lock back when we end.
    file.lock()?;
    writeln!(file, "{name}")?;
    file.rewind()?;
    let mut text = String::new();
    file.read_to_string(&mut text)?;
    Ok(text.lines().filter(|line| *line == name).count())
}

fn end() {
    let _impossible = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
    // The signal is delivered at the latest when this thread would go on; nobody gets past here.
    loop {
        std::thread::park();
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]
    use super::*;

    #[test]
    fn a_place_is_the_last_one_at_the_time_that_was_named() {
        let plan = Plan::new("a#2,b".to_owned(), None).unwrap();
        assert_eq!([plan.is_last("a"), plan.is_last("a"), plan.is_last("a")], [false, true, false]);
        assert_eq!([plan.is_last("b"), plan.is_last("c")], [true, false]);
        assert!(Plan::new(String::new(), None).is_none());
    }

    #[test]
    fn with_a_log_times_are_counted_over_all_processes_that_share_it() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        let process = || Plan::new("a#2".to_owned(), Some(log.clone())).unwrap();
        assert_eq!([process().is_last("a"), process().is_last("b"), process().is_last("a")], [false, false, true]);
        assert_eq!(std::fs::read_to_string(&log).unwrap(), "a\nb\na\n");
    }
}
