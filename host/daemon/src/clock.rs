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
        UnixMillis(i64::try_from(since.as_millis()).unwrap_or(i64::MAX))
    }
}

/// `at` as people read it: RFC 3339, UTC, whole seconds.
pub fn rfc3339(at: UnixMillis) -> String {
    jiff::Timestamp::from_second(at.0.div_euclid(1000)).map_or_else(|_| format!("{} ms", at.0), |t| t.to_string())
}
