//! One state of the model: what the store holds, what each actor remembers, and how the world outside is.
//!
//! Everything is small and `Copy`. Fencing numbers and versions are real numbers that grow; [`State::canonical`] renames
//! them by rank, because only which is which and which is newer ever matters.

use portcullis_core::job::JobState;
use std::hash::{Hash, Hasher};

pub(crate) const TASKS: usize = 2;

/// A head of a task's branch. Number 0: none yet.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Head {
    /// Grows with every push.
    pub(crate) number: u8,
    /// The target's head that it builds on.
    pub(crate) base: u8,
    /// Which run pushed it (visit, attempt); none for a gate or a person.
    pub(crate) run: (u8, u8),
}

/// What the gate of the edge said.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Said {
    #[default]
    Nothing,
    Pass,
    Fail,
    Pending,
    Actionable,
    Fault,
}

/// An evaluation: the newest one of the visit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Answer {
    pub(crate) said: Said,
    pub(crate) head: Head,
    pub(crate) target: u8,
    /// It was given so long ago that asking again makes sense.
    pub(crate) ripe: bool,
    /// Somebody rang since.
    pub(crate) rung: bool,
}

/// Why a task rests, as far as it matters.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Resting {
    #[default]
    No,
    Finished,
    Held,
    Job,
    Gate,
    NoHead,
    LeaseTaken,
    Forge,
}

/// When a task is looked at next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Look {
    Now,
    Later,
    #[default]
    Never,
}

/// A task as the store has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Row {
    pub(crate) stage: u8,
    pub(crate) visit: u8,
    pub(crate) version: u8,
    pub(crate) head: Head,
    pub(crate) intent: Option<(Head, u8)>,
    pub(crate) returns: u8,
    pub(crate) held: bool,
    pub(crate) resting: Resting,
    pub(crate) look: Look,
    pub(crate) answer: Answer,
}

/// A task's newest job as the store has it, with its run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Job {
    /// The visit that it was made for: its name.
    pub(crate) visit: u8,
    pub(crate) state: JobState,
    pub(crate) attempt: u8,
    pub(crate) lease: u8,
    pub(crate) run: Launch,
    /// The exit code, once recorded: true for 0.
    pub(crate) exit: Option<bool>,
}

/// How far the store knows of a run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Launch {
    #[default]
    None,
    Launching,
    Known,
}

/// A lease as the store has it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct LeaseRow {
    pub(crate) number: u8,
    pub(crate) held: bool,
    /// Its deadline has passed.
    pub(crate) lapsed: bool,
    pub(crate) rung: bool,
}

/// The newest process that was started for a task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Process {
    #[default]
    None,
    /// Between fork and exec: it is there and nobody can tell it from another.
    Unseen {
        looked: bool,
    },
    Alive {
        too_old: bool,
    },
    /// It ended and left its record: true for exit code 0.
    Exited(bool),
    /// Its shim was killed, the role goes on.
    Orphan,
    /// It ended without one.
    Gone,
}

impl Process {
    /// Whether the role is at work, whoever sees it.
    pub(crate) fn works(self) -> bool {
        matches!(self, Self::Unseen { .. } | Self::Alive { .. } | Self::Orphan)
    }
}

/// What lies outside the store, for one task.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct World {
    pub(crate) process: Process,
    /// Which run it is: visit and attempt.
    pub(crate) run: (u8, u8),
    /// The branch's head at the remote.
    pub(crate) branch: Head,
    /// How often the pull request was merged, and at which head last.
    pub(crate) merges: u8,
    pub(crate) merged: Head,
    /// A person has merged by hand.
    pub(crate) by_hand: bool,
    /// What the gate waits for is still under way.
    pub(crate) checks: bool,
    /// A webhook is on its way here.
    pub(crate) webhook: bool,
}

/// An effect and what became of it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Effect {
    /// The version in its key.
    pub(crate) key: u8,
    /// Which move it tells.
    pub(crate) content: u8,
    pub(crate) sent: bool,
    pub(crate) received: bool,
}

/// Everything about one task.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Task {
    pub(crate) row: Row,
    pub(crate) job: Job,
    pub(crate) drive: LeaseRow,
    pub(crate) world: World,
    pub(crate) effects: [Effect; 4],
    /// In how many looks in a row the reaper has counted its process as gone, and of which job's number and launch.
    pub(crate) gone: (u8, u8, bool),
    /// Only for the checks: the last version that was moved, how many moves there were, what was decided to be merged.
    pub(crate) moved: u8,
    pub(crate) moves: u8,
    pub(crate) green: Option<(Head, u8)>,
}

/// What a driver is about to write.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Plan {
    #[default]
    None,
    Rest(Resting, bool),
    Enqueue,
    /// Into this stage.
    Advance(u8),
    Return,
    Hold,
    /// The pull request was merged or closed by hand.
    HoldOutside,
    Intend((Head, u8)),
    Forget,
    Head(Head),
}

/// Where a driver is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Phase {
    #[default]
    Idle,
    /// About to read the task.
    Read,
    /// About to read the rest and to decide.
    Look,
    Judge,
    /// About to take the merge lease, for the next of these.
    LeaseToAct,
    LeaseToIntend,
    LeaseToMerge,
    Act,
    AskForge,
    CallForge,
    Write,
    /// About to tell what it wrote (only a broken variant does that apart).
    Tell,
    Leave,
}

/// A driver's memory.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Driver {
    pub(crate) phase: Phase,
    pub(crate) task: u8,
    /// Of the drive lease.
    pub(crate) number: u8,
    /// The task as it was read.
    pub(crate) seen: Row,
    /// The remote's heads (branch, target), as this drive asked for them.
    pub(crate) heads: Option<(Head, u8)>,
    pub(crate) fresh: Answer,
    pub(crate) merged: bool,
    pub(crate) plan: Plan,
    /// The merge lease that it keeps between drives: for which task + 1, and its number.
    pub(crate) kept: (u8, u8),
}

/// What a hand does next.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Doing {
    #[default]
    Nothing,
    Launch,
    Fork,
    /// Write down which process it is.
    Note,
    /// Wait for its end; with true, it was ended because it was too old.
    Wait(bool),
    /// Write the exit code down.
    Record(bool),
    /// Take the worktree and see whether it is still allowed to.
    Enter,
    Land(Head),
    Kill,
    /// End whatever its shim left behind.
    Sweep,
    /// End the job: well, to be tried again, or lost.
    Finish(Ending),
}

/// How a hand ends its job.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Ending {
    Done(Head),
    Failed,
    Lost,
}

/// Whoever has a claimed job in his hands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Hand {
    pub(crate) doing: Doing,
    pub(crate) task: u8,
    pub(crate) visit: u8,
    pub(crate) attempt: u8,
    pub(crate) lease: u8,
    /// It has given no sign of life for longer than the grace.
    pub(crate) silent: bool,
    /// The reaper has looked between its launch and its fork.
    pub(crate) looked: bool,
}

/// The reaper's memory of the look under way.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Reaper {
    #[default]
    Idle,
    /// Its process is not there; about to look for the record. The row was read before that (with a recorded launch or
    /// without), and who sees to it was asked (with true, he was silent).
    Absent { task: u8, visit: u8, lease: u8, launched: bool, watch: Option<bool> },
    /// About to take it over, to do this.
    Taking { task: u8, visit: u8, lease: u8, launched: bool, next: Doing },
}

/// Of the loops that have a memory of one thing only.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Errand {
    #[default]
    None,
    /// The reconciler is about to ring this task, which it saw in this version.
    Ring { task: u8, version: u8 },
}

/// Everything.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct State {
    pub(crate) tasks: [Task; TASKS],
    pub(crate) merge: LeaseRow,
    /// The target branch's head.
    pub(crate) target: u8,
    pub(crate) drivers: [Driver; 2],
    pub(crate) hands: [Hand; 3],
    pub(crate) reaper: Reaper,
    pub(crate) reconciler: Errand,
    /// The outbox's sender has sent this task's effect and is about to write that down.
    pub(crate) sender: Option<(u8, u8)>,
    /// Things that may still go wrong.
    pub(crate) left: u8,
}

// The three that stand in a state most often are hashed in one go: field by field takes most of a search's time.

impl Hash for Head {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u32(u32::from_le_bytes([self.number, self.base, self.run.0, self.run.1]));
    }
}

impl Hash for LeaseRow {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u32(u32::from_le_bytes([self.number, self.held.into(), self.lapsed.into(), self.rung.into()]));
    }
}

impl Hash for Effect {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        hasher.write_u32(u32::from_le_bytes([self.key, self.content, self.sent.into(), self.received.into()]));
    }
}
