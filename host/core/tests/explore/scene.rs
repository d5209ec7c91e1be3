//! A scene: which actors there are, what may go wrong and how often, and which protection is missing, if one is.

use crate::oracle::Oracle;
use crate::search::{Model, Steps, Violation};
use crate::state::{
    Driver, Effect, Errand, Hand, Head, Job, Launch, LeaseRow, Look, Reaper, Resting, Row, State, TASKS, Task, World,
};
use portcullis_core::job::JobState;

/// What may go wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Mishap {
    /// One actor, or the whole daemon, loses its memory between any two steps.
    Crash,
    /// An actor pauses: its lease lapses, or it gives no sign of life for longer than the grace; and then it goes on.
    Pause,
    /// A shim is killed: no record, and its role may go on or not.
    Killed,
    /// A role ends badly.
    BadExit,
    /// A role runs for too long.
    TooOld,
    /// A gate says no.
    Red,
    /// A gate says not yet.
    Pending,
    /// The answer to a call is lost, or the call itself.
    LostAnswer,
    /// A webhook gets lost, or comes twice.
    LostWebhook,
    /// A person pushes, or merges by hand.
    Person,
}

/// A protection that is missing: each variant is the protocol with one mistake.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Flaw {
    /// The reaper acts under the number that it has read, and never wins the take-over.
    ActBeforeClaim,
    /// The end of a job is guarded by its state alone.
    StateGuardOnly,
    /// Tier 2 does not ask whether somebody is finishing.
    NoGrace,
    /// The silence of whoever waits counts from the beginning of his wait.
    SilenceFromTheWait,
    /// A commit does not look at the version.
    NoVersionGuard,
    /// Nor at the lease.
    NoGuards,
    /// A driver neither takes the drive lease nor is checked for it.
    NoDriveLease,
    /// The launch is recorded after the fork.
    LaunchAfterFork,
    /// Something slow comes between the launch's record and the fork.
    SlowFork,
    /// Nobody looks again, nor locks the worktree, before landing.
    UncheckedLanding,
    /// A lost run's orphans are left alone.
    NoSweep,
    /// Gone once is gone.
    NoDeadTicks,
    /// The looks that found a process gone are counted on for the job's next attempt.
    CountsOutliveTheClaim,
    /// Whoever wins a job does not look whether its run is the one that he has looked at.
    UnseenRun,
    /// A drive goes on with the heads that it asked for when somebody else has changed the task.
    OldHeads,
    /// A take-over leaves the number as it was.
    KeptNumber,
    /// The forge is not asked whether it is merged before it is told to merge.
    MergeWithoutAsking,
    /// The merge is not recorded before it is done.
    MergeWithoutIntent,
    /// Merged already is taken for merged as judged.
    TrustAlreadyMerged,
    /// An effect's key does not hold the version.
    SharedKeys,
    /// Effects are written after the move, in a transaction of their own.
    EffectsApart,
    /// Effects are marked as sent before they are sent.
    MarkedBeforeSent,
    /// The reconciler moves the task by itself.
    ReconcilerMoves,
    /// The reconciler lets a gate act.
    ReconcilerActs,
    /// There is no reconciler behind the webhooks.
    NoReconciler,
    /// A rest does not mind a ring since the task was read.
    RestsOverRings,
}

/// One scene.
pub(crate) struct Scene {
    pub(crate) rules: Oracle,
    pub(crate) tasks: usize,
    pub(crate) drivers: usize,
    /// Roles are processes with hands, a worker and a reaper. Otherwise a role's work is one step.
    pub(crate) runs: bool,
    pub(crate) cap: usize,
    pub(crate) effects: bool,
    pub(crate) reconciler: bool,
    /// Whether waiting for a pending gate ends by itself.
    pub(crate) asks_again: bool,
    pub(crate) mishaps: &'static [Mishap],
    /// How many of them, in all.
    pub(crate) how_many: u8,
    pub(crate) flaw: Option<Flaw>,
}

impl Scene {
    pub(crate) fn has(&self, flaw: Flaw) -> bool {
        self.flaw == Some(flaw)
    }

    /// The state after one more mishap of this kind, where that may happen.
    pub(crate) fn mishap(&self, state: &State, mishap: Mishap) -> Option<State> {
        (state.left > 0 && self.mishaps.contains(&mishap)).then(|| State { left: state.left - 1, ..*state })
    }

    fn task(&self) -> Task {
        let head = if self.runs { Head::default() } else { Head { number: 1, ..Head::default() } };
        let state = if self.runs { JobState::Queued } else { JobState::Done };
        Task {
            row: Row { visit: 1, version: 1, look: Look::Now, head, ..Row::default() },
            job: Job { visit: 1, state, attempt: 0, lease: 0, run: Launch::None, exit: None },
            drive: LeaseRow::default(),
            world: World { branch: head, ..World::default() },
            effects: [Effect::default(); 4],
            gone: (0, 0, false),
            moved: 0,
            moves: 0,
            green: None,
        }
    }
}

impl Model for Scene {
    type State = State;

    fn initial(&self) -> State {
        let mut tasks = [self.task(); TASKS];
        for task in &mut tasks[self.tasks..] {
            task.row.resting = Resting::Finished;
            task.row.look = Look::Never;
            task.job.state = JobState::Done;
        }
        State {
            tasks,
            merge: LeaseRow::default(),
            target: 0,
            drivers: [Driver::default(); 2],
            hands: [Hand::default(); 3],
            reaper: Reaper::Idle,
            reconciler: Errand::None,
            sender: None,
            left: self.how_many,
        }
    }

    fn steps(&self, state: &State, steps: &mut Steps<State>) {
        for driver in 0..self.drivers {
            self.drive(state, driver, steps);
        }
        if self.runs {
            self.work(state, steps);
            for hand in 0..state.hands.len() {
                self.hand(state, hand, steps);
            }
            self.reap(state, steps);
        }
        if self.reconciler && !self.has(Flaw::NoReconciler) {
            self.reconcile(state, steps);
        }
        if self.effects {
            self.send(state, steps);
        }
        self.world(state, steps);
        self.crash(state, steps);
    }

    fn canonical(&self, state: &State) -> State {
        state.canonical(self.drivers, self.tasks == TASKS)
    }

    fn check(&self, state: &State) -> Option<Violation> {
        let bounded = |task: usize| {
            let unseen = self.runs && state.hands == [Hand::default(); 3] && state.reaper == Reaper::Idle;
            let dead = state.tasks[task].job.state == JobState::Running && !state.tasks[task].world.process.works();
            !(unseen && dead) || self.leaves_running(state, task)
        };
        let why = "its process is gone and nobody sees to it, and dead_ticks + 1 looks later it still says running";
        (!(0..self.tasks).all(bounded)).then_some(Violation { what: "I6", why })
    }

    fn is_good_end(&self, state: &State) -> bool {
        state.tasks[..self.tasks].iter().all(|task| {
            let told = task.effects.iter().filter(|effect| effect.key > 0 && effect.received && effect.sent).count();
            let rests = matches!(task.row.resting, Resting::Finished | Resting::Held) && task.row.look == Look::Never;
            rests && !task.world.process.works() && (!self.effects || told == usize::from(task.moves))
        })
    }
}
