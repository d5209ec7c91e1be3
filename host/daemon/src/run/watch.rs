//! Who sees to which running job (REA-2): the daemon's own record of the jobs in its hands.
//!
//! A job that is in nobody's hands is taken up by the reaper. It gets out of them when its work has ended, or when that
//! ended in an error or a panic: letting go of [`Attended`] is all it takes.

use portcullis_core::ids::JobId;
use portcullis_core::job::{ClaimedJob, Job, Run};
use portcullis_core::reaper::Watch;
use std::collections::HashMap;
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::time::Instant;

/// How often work under way gives a sign of life.
const SIGN_EVERY: Duration = Duration::from_secs(1);

/// The jobs in this daemon's hands.
#[derive(Debug, Clone, Default)]
pub struct Watches(Arc<Mutex<HashMap<JobId, Hand>>>);

#[derive(Debug, Clone, Copy)]
struct Hand {
    /// The number that the job is held under.
    lease: i64,
    /// When it last gave a sign of life.
    sign: Instant,
    /// Whether it is ending the run.
    is_ending: bool,
}

impl Watches {
    fn held(&self) -> MutexGuard<'_, HashMap<JobId, Hand>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sees to a job that was just won.
    pub fn attend(&self, job: ClaimedJob) -> Attended {
        self.held().insert(job.id, Hand { lease: job.lease, sign: Instant::now(), is_ending: false });
        Attended { job, watches: self.clone() }
    }

    /// Who sees to a job.
    pub fn of(&self, job: JobId) -> Watch {
        match self.held().get(&job) {
            // A monotonic clock: whoever sets the machine's time does not make anybody look silent.
            Some(hand) if hand.is_ending => Watch::Ending { silent_for: hand.sign.elapsed() },
            Some(hand) => Watch::By { silent_for: hand.sign.elapsed() },
            None => Watch::Nobody,
        }
    }
}

/// A job in hand: what its run leads to is done by whoever has this.
#[derive(Debug)]
pub struct Attended {
    job: ClaimedJob,
    watches: Watches,
}

impl Attended {
    /// Gives a sign of life: the work on it goes on.
    pub fn sign(&self) {
        self.with_hand(|hand| hand.sign = Instant::now());
    }

    /// Says that the run is being ended from now on.
    pub fn ending(&self) {
        self.with_hand(|hand| (hand.is_ending, hand.sign) = (true, Instant::now()));
    }

    /// Whoever was taken over has no say any more.
    fn with_hand(&self, change: impl FnOnce(&mut Hand)) {
        if let Some(hand) = self.watches.held().get_mut(&self.job.id).filter(|hand| hand.lease == self.job.lease) {
            change(hand);
        }
    }

    /// Does `work` on the job, or waits for its run, and gives signs of life meanwhile. What it does has to be bounded in
    /// time by itself: git and forge calls are, and runs have their shim.
    pub async fn during<T>(&self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        loop {
            self.sign();
            tokio::select! {
                done = &mut work => return done,
                () = tokio::time::sleep(SIGN_EVERY) => {}
            }
        }
    }

    /// The job as it was won, for the store.
    pub fn claimed(&self) -> &ClaimedJob {
        &self.job
    }

    /// With the run that was just launched for it.
    pub fn with_run(mut self, run: Run) -> Self {
        self.job.launched(run);
        self
    }
}

impl Deref for Attended {
    type Target = Job;
    fn deref(&self) -> &Job {
        &self.job
    }
}

impl Drop for Attended {
    fn drop(&mut self) {
        let mut held = self.watches.held();
        // Whoever took it over meanwhile sees to it under a number of his own.
        if held.get(&self.job.id).is_some_and(|hand| hand.lease == self.job.lease) {
            held.remove(&self.job.id);
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]
    use super::*;
    use crate::run::sample_job;

    fn job(lease: i64) -> ClaimedJob {
        ClaimedJob::granted(sample_job(lease))
    }

    /// As if the last sign had been given so long ago.
    fn silent(watches: &Watches, for_: Duration) {
        let mut held = watches.held();
        let hand = held.get_mut(&JobId(1)).unwrap();
        hand.sign = hand.sign.checked_sub(for_).unwrap();
    }

    fn silence(watches: &Watches) -> Duration {
        match watches.of(JobId(1)) {
            Watch::By { silent_for } | Watch::Ending { silent_for } => silent_for,
            Watch::Nobody => panic!("nobody sees to it"),
        }
    }

    const LONG: Duration = Duration::from_secs(40);

    #[test]
    fn a_job_is_watched_until_it_is_let_go_and_silence_is_measured_from_the_last_sign() {
        // REA-2
        let watches = Watches::default();
        let attended = watches.attend(job(1));
        silent(&watches, LONG);
        assert!(silence(&watches) >= LONG);
        attended.sign();
        assert!(silence(&watches) < LONG);
        attended.ending();
        assert!(matches!(watches.of(JobId(1)), Watch::Ending { .. }));
        drop(attended);
        assert_eq!(watches.of(JobId(1)), Watch::Nobody);
    }

    #[tokio::test]
    async fn work_on_a_job_is_a_sign_of_life() {
        // REA-2
        let watches = Watches::default();
        let attended = watches.attend(job(1));
        silent(&watches, LONG);
        assert_eq!(attended.during(std::future::ready(7)).await, 7);
        assert!(silence(&watches) < LONG);
    }

    #[test]
    fn whoever_was_taken_over_neither_speaks_for_the_job_nor_lets_it_go() {
        // REA-3
        let watches = Watches::default();
        let old = watches.attend(job(1));
        let new = watches.attend(job(2));
        silent(&watches, LONG);
        old.sign();
        old.ending();
        assert!(silence(&watches) >= LONG);
        assert!(matches!(watches.of(JobId(1)), Watch::By { .. }));
        drop(old);
        assert_ne!(watches.of(JobId(1)), Watch::Nobody);
        drop(new);
        assert_eq!(watches.of(JobId(1)), Watch::Nobody);
    }
}
