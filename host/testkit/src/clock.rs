//! A clock that stands still until a test moves it.

use portcullis_core::time::{Clock, UnixMillis};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

/// Tells the time that the test set. Clones share one time.
#[derive(Debug, Clone)]
pub struct FakeClock {
    millis: Arc<AtomicI64>,
}

impl FakeClock {
    /// A clock at an RFC 3339 time such as `2026-01-05T09:00:00Z`.
    ///
    /// # Panics
    /// If `time` is none.
    pub fn at(time: &str) -> Self {
        let time: jiff::Timestamp = time.parse().expect("the test gives an RFC 3339 time");
        Self::at_millis(time.as_millisecond())
    }

    /// A clock at this many milliseconds since 1970 UTC.
    pub fn at_millis(millis: i64) -> Self {
        Self { millis: Arc::new(AtomicI64::new(millis)) }
    }

    /// Moves the time on.
    ///
    /// # Panics
    /// If `by` does not fit into 64 bits of milliseconds.
    pub fn advance(&self, by: Duration) {
        let by = i64::try_from(by.as_millis()).expect("the test advances by less than an age of the world");
        self.millis.fetch_add(by, Ordering::SeqCst);
    }

    /// Sets the time, backwards too: real clocks jump.
    pub fn set(&self, to: UnixMillis) {
        self.millis.store(to.0, Ordering::SeqCst);
    }
}

impl Clock for FakeClock {
    fn now(&self) -> UnixMillis {
        UnixMillis(self.millis.load(Ordering::SeqCst))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fake_clock_moves_only_when_told_and_its_clones_with_it() {
        let clock = FakeClock::at("2026-01-05T09:00:00Z");
        let twin = clock.clone();
        assert_eq!(clock.now(), UnixMillis(1_767_603_600_000));
        clock.advance(Duration::from_millis(1_500));
        assert_eq!(twin.now(), UnixMillis(1_767_603_601_500));
        twin.set(UnixMillis(7));
        assert_eq!(clock.now(), UnixMillis(7));
    }
}
