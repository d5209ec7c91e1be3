//! The wall clock: the only place of the daemon that reads it.

use portcullis_core::time::{Clock, UnixMillis};
use std::time::{SystemTime, UNIX_EPOCH};

/// The machine's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(clippy::disallowed_methods, reason = "everything else takes a `&dyn Clock`; this is what they are given")]
    fn now(&self) -> UnixMillis {
        let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let now = i64::try_from(since.as_millis()).unwrap_or(i64::MAX);
        UnixMillis(now.saturating_add(set_forward_ms()))
    }
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
