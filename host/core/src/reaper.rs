//! Dead jobs: what becomes of a job that says `running` (REA).
//!
//! [`reap`] is pure: what was found out about the job's process goes in, what to do comes out. Durations are measured by
//! clocks that nobody sets (the machine's uptime, a monotonic clock), so that a clock that jumps ends nobody's work.
//!
//! Whatever it answers, acting on it begins with taking the job over under a new fencing number. That one guarded write
//! decides (REA-5); whoever loses it has nothing to do any more.

use crate::job::{Job, JobState};
use std::time::Duration;

/// The reaper's numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ReaperRules {
    /// Looks in a row at which a process must be gone before its run counts as lost (REA-1).
    pub dead_ticks: u32,
    /// How long whoever finishes an ended run may give no sign of life before it is finished for him (REA-2).
    pub finalize_grace: Duration,
    /// The longest that any run may take, whatever its own limit says (REA-4).
    pub max_running: Duration,
}

impl Default for ReaperRules {
    fn default() -> Self {
        Self { dead_ticks: 2, finalize_grace: Duration::from_secs(300), max_running: Duration::from_secs(7200) }
    }
}

/// What is known of a running job's process.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fate {
    /// It runs, and has for so long by the machine's own uptime.
    Alive {
        /// How long.
        age: Duration,
    },
    /// It has ended, and how is recorded.
    Exited,
    /// There is no such process (any more, or yet) and no record of its end. A pid that belongs to a stranger now counts
    /// as gone.
    Gone,
}

/// Who in this house sees to a running job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Watch {
    /// Somebody does, and last gave a sign of it so long ago.
    By {
        /// How long ago.
        silent_for: Duration,
    },
    /// Somebody is just ending it, for its age or because he was asked to, and last gave a sign so long ago.
    Ending {
        /// How long ago.
        silent_for: Duration,
    },
    /// Nobody: the daemon that did is gone, or its work ended in an error.
    Nobody,
}

/// What one look at a running job found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Probe {
    /// Its process.
    pub fate: Fate,
    /// Who sees to it.
    pub watch: Watch,
    /// In how many looks in a row, right before this one, it was [`Fate::Gone`].
    pub gone_before: u32,
}

/// What to do about a running job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reaping {
    /// Nothing: it is seen to.
    Leave,
    /// Nothing yet, but count: it has to be gone in more looks than this one.
    Count,
    /// Take it over and see to its live run again (LAU-6).
    Adopt,
    /// Tier 1: its process is gone without a record; it ends as lost and follows the retry rule (REA-1).
    Lost,
    /// Tier 2: its end is known and nobody finishes it; take it over and finish it (REA-2, REA-3).
    Finish,
    /// Tier 3: it has run for too long; take it over, end its process group, and end it as timed out (REA-4).
    TimeOut,
}

/// Decides about one job.
pub fn reap(job: &Job, probe: &Probe, rules: &ReaperRules) -> Reaping {
    if job.state != JobState::Running {
        return Reaping::Leave;
    }
    let watched = |patience: Duration| match probe.watch {
        Watch::By { silent_for } | Watch::Ending { silent_for } => silent_for < patience,
        Watch::Nobody => false,
    };
    let is_being_ended = matches!(probe.watch, Watch::Ending { .. }) && watched(rules.finalize_grace);
    match probe.fate {
        Fate::Alive { .. } if is_being_ended => Reaping::Leave,
        Fate::Alive { age } if age > rules.max_running => Reaping::TimeOut,
        Fate::Alive { .. } if watched(Duration::MAX) => Reaping::Leave,
        Fate::Alive { .. } => Reaping::Adopt,
        Fate::Exited if watched(rules.finalize_grace) => Reaping::Leave,
        Fate::Exited => Reaping::Finish,
        Fate::Gone if watched(rules.finalize_grace) => Reaping::Leave,
        Fate::Gone if probe.gone_before.saturating_add(1) >= rules.dead_ticks => Reaping::Lost,
        Fate::Gone => Reaping::Count,
    }
}
