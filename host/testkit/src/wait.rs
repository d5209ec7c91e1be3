//! Waiting for a condition: the one place in the tests where time passes by sleeping.
//!
//! The bound only says when to give up; no test asserts how long something took.

use std::time::{Duration, Instant};

/// Between two looks. Short enough not to slow a test down, long enough not to starve what is waited for.
const PAUSE: Duration = Duration::from_millis(5);

/// Returns when `condition` holds; `what` finishes the sentence "gave up waiting until …".
///
/// # Panics
/// If it does not hold within `bound`.
#[track_caller]
pub fn eventually(what: &str, bound: Duration, mut condition: impl FnMut() -> bool) {
    eventually_some(what, bound, || condition().then_some(()));
}

/// Returns what `look` finds as soon as it finds something.
///
/// # Panics
/// If it finds nothing within `bound`.
#[track_caller]
pub fn eventually_some<T>(what: &str, bound: Duration, mut look: impl FnMut() -> Option<T>) -> T {
    let started = Instant::now();
    loop {
        if let Some(found) = look() {
            return found;
        }
        assert!(started.elapsed() < bound, "gave up waiting until {what}");
        #[expect(clippy::disallowed_methods, reason = "the one place in the tests that lets time pass")]
        std::thread::sleep(PAUSE);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waiting_ends_with_the_condition_and_gives_up_at_the_bound() {
        let mut looks = 0;
        let found = eventually_some("three looks are taken", Duration::from_secs(10), || {
            looks += 1;
            (looks == 3).then_some(looks)
        });
        assert_eq!(found, 3);
        let gave_up = std::panic::catch_unwind(|| eventually("never", Duration::ZERO, || false));
        assert!(gave_up.is_err());
    }
}
