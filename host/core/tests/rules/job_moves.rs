//! The jobs' table of moves, walked through, and the waits between their tries.

use portcullis_core::job::{JobEvent, JobState};
use portcullis_core::retry::Backoff;
use proptest::prelude::*;
use std::time::Duration;

#[test]
fn an_ended_job_is_never_moved_again() {
    // QUE-5
    let events = [JobEvent::Claimed, JobEvent::Succeeded, JobEvent::Retried, JobEvent::GaveUp, JobEvent::CancelAsked];
    for state in [JobState::Done, JobState::Failed, JobState::Cancelled] {
        for event in events {
            assert_eq!(state.after(event), None, "{state:?} {event:?}");
        }
    }
}

#[test]
fn a_job_that_failed_waits_again_until_it_gives_up() {
    // QUE-5
    let mut state = JobState::Queued;
    for _ in 0..3 {
        state = state.after(JobEvent::Claimed).unwrap();
        state = state.after(JobEvent::Retried).unwrap();
        assert_eq!(state, JobState::Queued);
    }
    state = state.after(JobEvent::Claimed).unwrap();
    assert_eq!(state.after(JobEvent::GaveUp), Some(JobState::Failed));
}

#[test]
fn only_a_running_job_can_succeed() {
    for state in [JobState::Queued, JobState::Done, JobState::Failed, JobState::Cancelled] {
        assert_eq!(state.after(JobEvent::Succeeded), None, "{state:?}");
    }
    assert_eq!(JobState::Running.after(JobEvent::Claimed), None, "a claimed job is not claimed twice");
}

proptest! {
    #[test]
    fn a_wait_lies_between_three_quarters_of_its_step_and_the_cap(
        // QUE-5
        first_ms in 0_u64..100_000,
        longest_ms in 0_u64..10_000_000,
        failures in any::<u32>(),
        seed in any::<u64>(),
    ) {
        let backoff =
            Backoff { first: Duration::from_millis(first_ms), longest: Duration::from_millis(longest_ms) };
        let wait = backoff.wait(failures, seed);
        let full = backoff.wait_bounds(failures);
        prop_assert!(wait <= full && wait >= full.mul_f64(0.7499), "{wait:?} of {full:?}");
        prop_assert_eq!(wait, backoff.wait(failures, seed), "the same arguments give the same wait");
    }
}

/// The wait without jitter, as the documentation of [`Backoff::wait`] says it.
trait Unjittered {
    fn wait_bounds(&self, failures: u32) -> Duration;
}

impl Unjittered for Backoff {
    fn wait_bounds(&self, failures: u32) -> Duration {
        let mut full = self.first;
        for _ in 1..failures.min(60) {
            full = full.saturating_mul(2);
        }
        full.min(self.longest)
    }
}
