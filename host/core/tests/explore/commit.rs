//! The store's guarded transactions on a task: the commit, and the ring.

use crate::scene::{Flaw, Scene};
use crate::search::Steps;
use crate::state::{Answer, Driver, Effect, Head, Job, Launch, Look, Phase, Plan, Resting, Row, Said, State, Task};
use portcullis_core::job::JobState;

/// A move: the stage it leads to (none: held), and whether it counts as a return.
struct Move {
    to: Option<u8>,
    returns: bool,
}

impl Scene {
    /// The driver's transaction: guarded by the task's version and the drive lease's number.
    pub(crate) fn write(&self, state: &State, d: usize, steps: &mut Steps<State>) {
        let mut next = *state;
        let driver = &mut next.drivers[d];
        let (t, version) = (usize::from(driver.task), driver.seen.version);
        let task = &mut next.tasks[t];
        let unleased = self.has(Flaw::NoDriveLease) || self.has(Flaw::NoGuards);
        let stands = unleased || (task.drive.held && task.drive.number == driver.number);
        let unversioned = self.has(Flaw::NoVersionGuard) || self.has(Flaw::NoGuards);
        if !stands || !(unversioned || task.row.version == version) {
            (driver.phase, driver.plan, driver.merged) = (Phase::Leave, Plan::None, false);
            driver.forget();
            steps.kind(next, format_args!("driver {d} is told that it is stale about task {t}"));
            return;
        }
        if version != task.row.version {
            steps.wrong("I1", "one version of a task is changed twice");
        }
        let merges = self.rules.edge(task.row.stage).1;
        if let Plan::Rest(resting, later) = driver.plan {
            self.rest(task, driver.fresh, resting, later);
        } else {
            task.store(driver.fresh);
            (task.row.resting, task.row.look) = (Resting::No, Look::Now);
            self.check_plan(task, driver, merges, steps);
            match driver.plan {
                Plan::None | Plan::Rest(..) => {}
                Plan::Enqueue => task.enqueue(),
                Plan::Advance(to) => self.move_task(task, version, &Move { to: Some(to), returns: false }, steps),
                Plan::Return => self.move_task(task, version, &Move { to: Some(0), returns: true }, steps),
                Plan::Hold | Plan::HoldOutside => {
                    self.move_task(task, version, &Move { to: None, returns: false }, steps);
                }
                Plan::Intend(intent) => (task.row.intent, task.green) = (Some(intent), Some(intent)),
                Plan::Forget => task.row.intent = None,
                Plan::Head(head) => task.row.head = head,
            }
            task.row.version += 1;
        }
        let is_move = matches!(driver.plan, Plan::Advance(_) | Plan::Return | Plan::Hold | Plan::HoldOutside);
        let plan = driver.plan;
        driver.phase = match driver.plan {
            Plan::Rest(..) => Phase::Leave,
            _ if is_move && self.effects && self.has(Flaw::EffectsApart) => Phase::Tell,
            _ => Phase::Read,
        };
        driver.fresh = Answer::default();
        if driver.phase == Phase::Leave {
            driver.forget();
        } else {
            driver.merged &= !is_move;
            driver.plan = Plan::None;
            if driver.phase == Phase::Read {
                driver.seen.version = task.row.version;
            }
        }
        steps.kind(next, format_args!("driver {d} commits on version {version} of task {t}: {plan:?}"));
    }

    /// A rest never silences a ring that came since the lease was granted.
    fn rest(&self, task: &mut Task, fresh: Answer, resting: Resting, later: bool) {
        let given = if later { Look::Later } else { Look::Never };
        let rung = task.drive.rung && !self.has(Flaw::RestsOverRings);
        let due = if task.row.look == Look::Never { Look::Now } else { task.row.look };
        let look = if rung { given.min(due) } else { given };
        task.drive.rung = false;
        let is_known = (task.row.resting, task.row.look) == (resting, look) && fresh.said == Said::Nothing;
        if !is_known {
            task.store(fresh);
            (task.row.resting, task.row.look) = (resting, look);
            task.row.version += 1;
        }
    }

    /// What must hold of a decision that has just won its guards.
    fn check_plan(&self, task: &Task, driver: &Driver, merges: bool, steps: &mut Steps<State>) {
        let gated = self.rules.edge(task.row.stage).0;
        match driver.plan {
            Plan::Advance(_) if merges => {
                let judged = task.row.intent.or(driver.heads).is_some_and(|(head, _)| head == task.world.merged);
                if task.world.merges == 0 || !(judged || self.has(Flaw::MergeWithoutIntent)) {
                    steps.wrong("I8", "a task crosses the merge's edge, and what was judged is not what was merged");
                }
            }
            Plan::Advance(_) | Plan::Intend(_) if gated && !task.is_green() => {
                steps.wrong("I8", "an edge opens, and its gate has not let this head through");
            }
            Plan::Advance(_) if task.job.state != JobState::Done => {
                steps.wrong("I8", "a task leaves a stage whose role has not done its work");
            }
            Plan::Head(head) if head.number < task.row.head.number => {
                steps.wrong("GAT-8", "an older head takes the place of a newer one");
            }
            Plan::HoldOutside if !task.world.by_hand => {
                steps.wrong("MRG-3", "a task is held as merged by hand, but it was its own merge");
            }
            _ => {}
        }
    }

    /// The one place where a task is moved (STG-2).
    fn move_task(&self, task: &mut Task, version: u8, to: &Move, steps: &mut Steps<State>) {
        if version <= task.moved {
            steps.wrong("I1", "one version of a task is moved twice");
        }
        task.moved = version;
        if self.effects {
            if !self.has(Flaw::EffectsApart) {
                let key = if self.has(Flaw::SharedKeys) { 1 } else { version };
                if task.effects.iter().any(|effect| effect.key == key) {
                    steps.wrong("I2", "two effects with different contents have one key");
                }
                task.tell(key);
            }
            task.moves += 1;
        }
        let Some(stage) = to.to else {
            (task.row.held, task.row.resting, task.row.look) = (true, Resting::Held, Look::Never);
            return;
        };
        let row = &mut task.row;
        (row.stage, row.visit, row.intent, row.answer) = (stage, row.visit + 1, None, Answer::default());
        row.returns += u8::from(to.returns);
        task.green = None;
        if self.rules.has_role(stage) {
            task.enqueue();
        }
    }

    /// The reconciler's mistake: it moves the task by itself.
    pub(crate) fn move_unguarded(&self, task: &mut Task, version: u8, steps: &mut Steps<State>) {
        let to = self.rules.behind(task.row.stage);
        self.move_task(task, version, &Move { to: Some(to), returns: false }, steps);
        task.row.version += 1;
    }
}

impl State {
    /// Asks for a look at a task; whoever drives it now will not rest over it.
    pub(crate) fn ring(&mut self, t: usize) {
        let task = &mut self.tasks[t];
        task.row.look = Look::Now;
        task.drive.rung |= task.drive.held;
        task.row.answer.rung |= task.row.answer.said != Said::Nothing;
        for driver in self.drivers.iter_mut().filter(|driver| usize::from(driver.task) == t) {
            driver.fresh.rung |= driver.fresh.said != Said::Nothing || driver.phase == Phase::Judge;
        }
    }
}

impl Task {
    /// Whether the newest answer is a pass about the head that is expected.
    fn is_green(&self) -> bool {
        self.row.answer.said == Said::Pass && self.row.answer.head == self.row.head
    }

    fn store(&mut self, fresh: Answer) {
        if fresh.said != Said::Nothing {
            self.row.answer = fresh;
        }
    }

    /// Makes the job of the visit that the task is in.
    fn enqueue(&mut self) {
        let visit = self.row.visit;
        self.job = Job { visit, state: JobState::Queued, attempt: 0, lease: 0, run: Launch::None, exit: None };
        self.gone = (0, 0, false);
    }

    /// Writes an effect into the outbox.
    pub(crate) fn tell(&mut self, key: u8) {
        let content = self.moves;
        if let Some(free) = self.effects.iter_mut().find(|effect| effect.key == 0) {
            *free = Effect { key, content, ..Effect::default() };
        }
    }
}

impl Driver {
    /// On the way out: only the leases matter still.
    fn forget(&mut self) {
        (self.seen, self.heads, self.fresh, self.merged) = (Row::default(), None, Answer::default(), false);
    }
}

/// A head that nobody has pushed yet.
pub(crate) fn after(head: Head, base: u8, run: (u8, u8)) -> Head {
    Head { number: head.number + 1, base, run }
}
