//! The wall clock: the only place of the daemon that reads it.

use portcullis_core::time::{Clock, UnixMillis};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A step back of less is not worth a look.
const NOT_WORTH_IT: Duration = Duration::from_secs(5);

/// The machine's clock. It notices when it is set back: every time that is written anywhere was told by it.
#[derive(Debug, Default)]
pub struct SystemClock {
    last: Mutex<Option<(UnixMillis, Instant)>>,
    set_back: AtomicBool,
}

impl SystemClock {
    /// Whether it was set back since this was asked last.
    pub fn was_set_back(&self) -> bool {
        // Asking the time is what notices it.
        self.now();
        self.set_back.swap(false, Ordering::Relaxed)
    }

    /// What follows from it could not be done: it is to be told again.
    pub fn set_back_again(&self) {
        self.set_back.store(true, Ordering::Relaxed);
    }
}

impl Clock for SystemClock {
    fn now(&self) -> UnixMillis {
        // Both clocks are read under the lock, or two threads could look like a step back.
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (now, here) = (machine_time(), Instant::now());
        if let Some((told, at)) = *last
            && is_set_back(told, here.saturating_duration_since(at), now)
        {
            self.set_back.store(true, Ordering::Relaxed);
        }
        *last = Some((now, here));
        now
    }
}

fn is_set_back(last: UnixMillis, passed: Duration, now: UnixMillis) -> bool {
    last.plus(passed).since(now) >= NOT_WORTH_IT
}

#[expect(clippy::disallowed_methods, reason = "everything else takes a `&dyn Clock`; this is what they are given")]
fn machine_time() -> UnixMillis {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let now = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
    UnixMillis(now.saturating_add(set_forward_ms()))
}

/// How far a test has set the clock forward (or back, if negative), while the daemon runs: the number of milliseconds in
/// the file that `PORTCULLIS_CLOCK_FILE` names. Not there in a release.
#[cfg(debug_assertions)]
fn set_forward_ms() -> i64 {
    static FILE: std::sync::OnceLock<Option<std::path::PathBuf>> = std::sync::OnceLock::new();
    let file = FILE.get_or_init(|| std::env::var_os("PORTCULLIS_CLOCK_FILE").map(Into::into));
    let text = file.as_ref().and_then(|file| std::fs::read_to_string(file).ok());
    text.and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

#[cfg(not(debug_assertions))]
const fn set_forward_ms() -> i64 {
    0
}

/// `at` as people read it: RFC 3339, UTC, whole seconds.
pub fn rfc3339(at: UnixMillis) -> String {
    jiff::Timestamp::from_second(at.0.div_euclid(1000)).map_or_else(|_| format!("{} ms", at.0), |t| t.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_goes_on_or_is_set_forward_was_not_set_back() {
        let (last, passed) = (UnixMillis(100_000), Duration::from_secs(5));
        for (now, expected) in [(105_000, false), (500_000, false), (101_000, false), (100_000, true), (45_000, true)] {
            assert_eq!(is_set_back(last, passed, UnixMillis(now)), expected, "{now}");
        }
    }
}
