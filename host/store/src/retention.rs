//! How long is what kept? (QUE-6) Ages that an operator sets become points in time that the store prunes up to.

use portcullis_core::time::UnixMillis;
use std::time::Duration;

/// How long rows are kept after they have ended. What is active is kept whatever its age.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Ended jobs, with their runs and the runs' folders.
    pub jobs: Duration,
    /// Evaluations of visits that are over, and observations.
    pub evaluations: Duration,
    /// Events that were handled or ignored. Within this time a redelivery is known for one (WEB-3).
    pub inbox: Duration,
    /// Events that were given up: longer, because a person may still want to replay them.
    pub inbox_parked: Duration,
    /// Effects that were sent.
    pub outbox: Duration,
    /// Effects that were given up.
    pub outbox_parked: Duration,
    /// The audit trail.
    pub audit: Duration,
}

const DAY: Duration = Duration::from_secs(24 * 60 * 60);

impl Default for Retention {
    fn default() -> Self {
        Self {
            jobs: DAY * 30,
            evaluations: DAY * 90,
            inbox: DAY * 30,
            inbox_parked: DAY * 180,
            outbox: DAY * 30,
            outbox_parked: DAY * 180,
            audit: DAY * 365,
        }
    }
}

impl Retention {
    /// Up to when rows are pruned at `now`.
    pub fn cutoffs(&self, now: UnixMillis) -> Cutoffs {
        let before =
            |age: Duration| UnixMillis(now.0.saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX)));
        Cutoffs {
            jobs: before(self.jobs),
            evaluations: before(self.evaluations),
            inbox: before(self.inbox),
            inbox_parked: before(self.inbox_parked),
            outbox: before(self.outbox),
            outbox_parked: before(self.outbox_parked),
            audit: before(self.audit),
        }
    }
}

/// Rows that ended at these times or earlier may go. Fields as in [`Retention`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "fields named as in Retention")]
pub struct Cutoffs {
    pub jobs: UnixMillis,
    pub evaluations: UnixMillis,
    pub inbox: UnixMillis,
    pub inbox_parked: UnixMillis,
    pub outbox: UnixMillis,
    pub outbox_parked: UnixMillis,
    pub audit: UnixMillis,
}

impl Cutoffs {
    /// The same point in time for all.
    pub fn all(at: UnixMillis) -> Self {
        Self { jobs: at, evaluations: at, inbox: at, inbox_parked: at, outbox: at, outbox_parked: at, audit: at }
    }
}

/// What one go at pruning removed.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Pruned {
    /// Jobs.
    pub jobs: usize,
    /// Their runs.
    pub runs: usize,
    /// Evaluations.
    pub evaluations: usize,
    /// Events.
    pub inbox: usize,
    /// Effects.
    pub outbox: usize,
    /// Rows of the audit trail.
    pub audit: usize,
    /// Folders of those runs: nothing names them any more, and they can be removed.
    pub folders: Vec<String>,
}

impl Pruned {
    /// Rows removed, of every kind.
    pub fn rows(&self) -> usize {
        let Self { jobs, runs, evaluations, inbox, outbox, audit, folders: _ } = self;
        jobs + runs + evaluations + inbox + outbox + audit
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parked_rows_are_kept_longer_than_settled_ones() {
        // QUE-6
        let now = UnixMillis(1_767_603_600_000);
        let cutoffs = Retention::default().cutoffs(now);
        assert_eq!(cutoffs.jobs, UnixMillis(now.0 - 30 * 86_400_000));
        assert!(cutoffs.inbox_parked < cutoffs.inbox && cutoffs.outbox_parked < cutoffs.outbox);
    }

    #[test]
    fn an_age_without_end_prunes_nothing() {
        let forever = Retention { jobs: Duration::MAX, ..Retention::default() };
        assert!(forever.cutoffs(UnixMillis(5)).jobs < UnixMillis(-1_000_000_000_000_000));
    }
}
