//! How long does a transaction wait for company? Requests that share one share its fsync, which is what they wait for.
//!
//! Whoever was just answered often has the next request ready a moment later. If the next transaction does not wait for
//! that moment, those who write fall into two halves, each of which waits for the other's fsync. So it waits until as
//! many have come as there were in the last round, but never for long compared with what a commit takes.

use std::time::Duration;

/// The longest wait, whatever a commit takes.
const MOST: Duration = Duration::from_millis(1);
/// Which part of a commit's time the wait may take.
const PART: u32 = 4;

/// What the last transactions were like.
#[derive(Debug, Default)]
pub(super) struct Rhythm {
    crowd: usize,
    commit: Duration,
}

impl Rhythm {
    /// How many requests the next transaction waits for. One: it does not wait.
    pub(super) fn expected(&self) -> usize {
        self.crowd
    }

    /// For how long, at most.
    pub(super) fn patience(&self) -> Duration {
        (self.commit / PART).min(MOST)
    }

    /// So many requests were there in the last round: those that were answered, and those that had come meanwhile.
    pub(super) fn crowd(&mut self, requests: usize) {
        self.crowd = requests;
    }

    /// So long did a commit take. One that took far longer than the others changes little.
    pub(super) fn committed(&mut self, took: Duration) {
        self.commit = (self.commit * 7 + took) / 8;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_writes_alone_waits_for_nobody() {
        let mut rhythm = Rhythm::default();
        assert_eq!((rhythm.expected(), rhythm.patience()), (0, Duration::ZERO));
        rhythm.crowd(1);
        assert_eq!(rhythm.expected(), 1);
    }

    #[test]
    fn the_wait_is_a_small_part_of_a_commit() {
        let mut rhythm = Rhythm::default();
        for _ in 0..100 {
            rhythm.committed(Duration::from_micros(400));
        }
        assert!(rhythm.patience() <= Duration::from_micros(100), "{:?}", rhythm.patience());
        assert!(rhythm.patience() > Duration::from_micros(90), "{:?}", rhythm.patience());
        for _ in 0..100 {
            rhythm.committed(Duration::from_secs(2));
        }
        assert_eq!(rhythm.patience(), MOST);
    }
}
