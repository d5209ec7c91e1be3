//! Jobs: rows, not threads (QUE-1). Their states, the moves between them, and what a run of one is.

use crate::ids::{JobId, ProjectName, Revision, RoleName, RunId, StageName, TaskId};
use crate::lease::{Claimed, Fence};
use crate::time::UnixMillis;
use serde::{Deserialize, Serialize};

/// What kind of work a job is. Each kind has a cap of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Lane {
    /// A role's run for a stage.
    Role,
    /// The project's `ci` command, run by the local forge for a pushed revision.
    Ci,
}

/// Where a job is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobState {
    /// Waits for a free place (and for `not_before`).
    Queued,
    /// Claimed by a daemon.
    Running,
    /// Ended well.
    Done,
    /// Ended badly, for good.
    Failed,
    /// Ended by a person.
    Cancelled,
}

/// What can happen to a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum JobEvent {
    /// A worker won it.
    Claimed,
    /// Its run ended with exit code 0 and everything after it is done.
    Succeeded,
    /// Its run ended otherwise (or was lost) and there are attempts left.
    Retried,
    /// Its run ended otherwise and there are none left.
    GaveUp,
    /// A person ended it.
    CancelAsked,
}

/// Every move a job may make. An absent pair is illegal; there is no catch-all row.
pub const MOVES: &[(JobState, JobEvent, JobState)] = &[
    (JobState::Queued, JobEvent::Claimed, JobState::Running),
    (JobState::Queued, JobEvent::CancelAsked, JobState::Cancelled),
    (JobState::Running, JobEvent::Succeeded, JobState::Done),
    (JobState::Running, JobEvent::Retried, JobState::Queued),
    (JobState::Running, JobEvent::GaveUp, JobState::Failed),
    (JobState::Running, JobEvent::CancelAsked, JobState::Cancelled),
];

impl JobState {
    /// Where `event` leads from here; none if it may not happen here.
    pub fn after(self, event: JobEvent) -> Option<Self> {
        MOVES.iter().find(|(from, e, _)| *from == self && *e == event).map(|(_, _, to)| *to)
    }

    /// Whether nothing happens to it any more.
    pub fn is_final(self) -> bool {
        !MOVES.iter().any(|(from, _, _)| *from == self)
    }
}

/// One job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Job {
    /// Number.
    pub id: JobId,
    /// Its task.
    pub task: TaskId,
    /// The task's project.
    pub project: ProjectName,
    /// Kind of work.
    pub lane: Lane,
    /// Stage that it works for.
    pub stage: StageName,
    /// The task's visit to that stage: a job of an earlier visit means nothing any more.
    pub visit: i64,
    /// Who works. For [`Lane::Ci`] the name `ci`.
    pub role: RoleName,
    /// The revision under test, for [`Lane::Ci`].
    pub revision: Option<Revision>,
    /// State.
    pub state: JobState,
    /// Attempts begun so far.
    pub attempt: u32,
    /// Fencing number: grows with every claim.
    pub lease: i64,
    /// Not to be claimed earlier.
    pub not_before: UnixMillis,
    /// When it was made.
    pub created_at: UnixMillis,
    /// When it ended for good.
    pub ended_at: Option<UnixMillis>,
    /// Why it is where it is, in words: the last failure, or what it waits for.
    pub reason: Option<String>,
    /// Who asked for its end while it was running (QUE-7): however its run ends, unless it has succeeded, it is cancelled.
    pub cancel_asked_by: Option<String>,
    /// The run under way, or the last one.
    pub run: Option<Run>,
}

/// One process started for a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Run {
    /// Number.
    pub id: RunId,
    /// Its job.
    pub job: JobId,
    /// Which attempt.
    pub attempt: u32,
    /// Boot of the daemon that started it.
    pub boot: String,
    /// When launching was made durable, before the fork.
    pub launched_at: UnixMillis,
    /// The process; none until it was spawned.
    pub process: Option<ProcessIdentity>,
    /// Exit code, once it has ended: 128 + signal where a signal ended it.
    pub exit_code: Option<i32>,
    /// When it ended.
    pub exited_at: Option<UnixMillis>,
    /// Folder of the run: log, exit file, task description.
    pub folder: String,
}

/// Which process: a pid alone may belong to a stranger later.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProcessIdentity {
    /// Process id of the shim. The role it started leads a process group of its own.
    pub pid: u32,
    /// Start time in clock ticks since the machine's boot (`/proc/PID/stat`, field 22).
    pub start_ticks: u64,
    /// Boot id of the machine.
    pub machine_boot: String,
}

/// A running job in the hands of whoever has won it, under the fencing number that it was won with. Not `Clone`: there is
/// one such hand. Whatever a run leads to, its launch, what it left, its end, is done by whoever has this.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a job that nobody sees to is taken over by the reaper"]
pub struct ClaimedJob(Job);

impl ClaimedJob {
    /// For the store alone: what a claim or a take-over has just won.
    pub fn granted(job: Job) -> Self {
        Self(job)
    }

    /// The job, already `running`, as it was when it was won.
    pub fn job(&self) -> &Job {
        &self.0
    }

    /// The claim as an effect under it shows it.
    pub fn fence(&self) -> Fence {
        Fence::new(Claimed::Job(self.0.id), self.0.lease)
    }

    /// Notes the run that was just launched for it.
    pub fn launched(&mut self, run: Run) {
        self.0.run = Some(run);
    }
}

impl std::ops::Deref for ClaimedJob {
    type Target = Job;
    fn deref(&self) -> &Job {
        &self.0
    }
}

/// How taking over a running job ended (REA-3, REA-5).
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum TakeOver {
    /// It is ours, under a new fencing number; whoever had it before is told that he is stale.
    Won(Box<ClaimedJob>),
    /// Somebody else has ended it or taken it over: there is nothing to do here any more.
    Lost,
}

/// How asking for a job's end came out (QUE-7).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub enum CancelAsked {
    /// It was waiting and is cancelled now.
    Cancelled,
    /// It is running; that its end was asked for is durable, and its process has to be told.
    Running,
    /// It had ended before.
    Over,
}

/// How a claim ended (QUE-3).
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Claim {
    /// Exactly one rival gets this.
    Won(Box<ClaimedJob>),
    /// Nothing can be claimed now.
    Nothing,
}

#[cfg(test)]
mod tests {
    use super::*;

    const STATES: [JobState; 5] =
        [JobState::Queued, JobState::Running, JobState::Done, JobState::Failed, JobState::Cancelled];

    #[test]
    fn no_pair_of_state_and_event_stands_twice() {
        for (index, (from, event, _)) in MOVES.iter().enumerate() {
            assert!(!MOVES[..index].iter().any(|(f, e, _)| f == from && e == event), "{from:?} {event:?}");
        }
    }

    #[test]
    fn every_state_is_reached_and_only_ended_ones_are_final() {
        for state in STATES {
            let reached = state == JobState::Queued || MOVES.iter().any(|(_, _, to)| *to == state);
            assert!(reached, "{state:?} is never reached");
            let ended = matches!(state, JobState::Done | JobState::Failed | JobState::Cancelled);
            assert_eq!(state.is_final(), ended, "{state:?}");
        }
    }
}
