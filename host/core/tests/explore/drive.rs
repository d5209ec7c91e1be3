//! The drivers: each atomic step of `drive(task)`, from taking the lease to giving it back.

use crate::oracle::Next;
use crate::scene::{Flaw, Mishap, Scene};
use crate::search::Steps;
use crate::state::{Answer, Driver, Head, LeaseRow, Look, Phase, Plan, Resting, Row, Said, State};

impl Scene {
    /// What driver number `d` may do next.
    pub(crate) fn drive(&self, state: &State, d: usize, steps: &mut Steps<State>) {
        let driver = state.drivers[d];
        let t = usize::from(driver.task);
        match driver.phase {
            Phase::Idle => self.begin(state, d, steps),
            Phase::Read => {
                let mut next = *state;
                // Heads asked for before somebody else changed the task may be older than what he knew.
                let changed = driver.seen.version != state.tasks[t].row.version;
                let heads = driver.heads.filter(|_| !changed || self.has(Flaw::OldHeads));
                let seen =
                    Row { look: Look::Never, resting: Resting::No, answer: Answer::default(), ..state.tasks[t].row };
                next.drivers[d] = Driver { phase: Phase::Look, seen, heads, ..driver };
                steps.kind(next, format_args!("driver {d} reads task {t}: version {}", seen.version));
            }
            Phase::Look => self.look(state, d, steps),
            Phase::Judge => self.judge(state, d, steps),
            Phase::LeaseToAct | Phase::LeaseToIntend | Phase::LeaseToMerge => self.take_merge_lease(state, d, steps),
            Phase::Act => self.act(state, d, steps),
            Phase::AskForge => self.ask_forge(state, d, steps),
            Phase::CallForge => self.call_forge(state, d, steps),
            Phase::Write => self.write(state, d, steps),
            Phase::Tell => {
                let mut next = *state;
                next.tasks[t].tell(driver.seen.version);
                next.drivers[d].phase = Phase::Read;
                steps.kind(next, format_args!("driver {d} writes the effect of task {t}'s move"));
            }
            Phase::Leave => self.leave(state, d, steps),
        }
    }

    /// Takes the drive lease of a task that is due.
    fn begin(&self, state: &State, d: usize, steps: &mut Steps<State>) {
        for (t, task) in state.tasks.iter().enumerate().filter(|(_, task)| task.row.look == Look::Now) {
            let mut next = *state;
            let lease = &mut next.tasks[t].drive;
            if !self.has(Flaw::NoDriveLease) && !lease.grant() {
                continue;
            }
            let number = lease.number;
            let kept = state.drivers[d].kept;
            let task_number = u8::try_from(t).unwrap_or(0);
            next.drivers[d] = Driver { phase: Phase::Read, task: task_number, number, kept, ..Driver::default() };
            steps.kind(
                next,
                format_args!("driver {d} takes the drive lease of task {t}, which is due: {:?}", task.drive),
            );
        }
    }

    /// Reads heads, job and evaluations, and decides.
    fn look(&self, state: &State, d: usize, steps: &mut Steps<State>) {
        let mut next = *state;
        let driver = &mut next.drivers[d];
        let t = usize::from(driver.task);
        let task = &state.tasks[t];
        let heads = driver.heads.unwrap_or((task.world.branch, state.target));
        driver.heads = Some(heads);
        let job = (task.job.visit == task.row.visit).then_some(task.job.state);
        let at_work = job == Some(portcullis_core::job::JobState::Running);
        if !at_work && !driver.seen.held && heads.0.number > 0 && heads.0 != driver.seen.head {
            driver.write(Plan::Head(heads.0));
            steps.kind(next, format_args!("driver {d} sees that the branch of task {t} was pushed to: {:?}", heads.0));
            return;
        }
        let answer = if driver.fresh.said == Said::Nothing { task.row.answer } else { driver.fresh };
        let decided = self.rules.next(&driver.seen, job, &answer, heads.1, driver.merged);
        match decided {
            Next::Rest(resting, later) => driver.write(Plan::Rest(resting, later)),
            Next::Enqueue => driver.write(Plan::Enqueue),
            Next::Judge => {
                driver.phase = Phase::Judge;
                driver.fresh = Answer::default();
            }
            Next::Act if self.rules.edge(driver.seen.stage).1 => driver.phase = Phase::LeaseToAct,
            Next::Act => driver.phase = Phase::Act,
            Next::Intend => driver.phase = Phase::LeaseToIntend,
            Next::Merge => driver.phase = Phase::LeaseToMerge,
            Next::Advance => driver.write(Plan::Advance(self.rules.behind(driver.seen.stage))),
            Next::Return => driver.write(Plan::Return),
            Next::Hold => driver.write(Plan::Hold),
        }
        steps.kind(next, format_args!("driver {d} looks at task {t} (job {job:?}) and decides: {decided:?}"));
    }

    /// A gate answers. Whatever it says, nothing outside changes.
    fn judge(&self, state: &State, d: usize, steps: &mut Steps<State>) {
        let (t, driver) = (usize::from(state.drivers[d].task), state.drivers[d]);
        let (head, target) = (driver.seen.head, driver.heads.map_or(0, |(_, target)| target));
        let merges = self.rules.edge(driver.seen.stage).1;
        let mut say = |said: Said, mishap: Option<Mishap>| {
            let Some(mut next) = mishap.map_or(Some(*state), |mishap| self.mishap(state, mishap)) else { return };
            let rung = driver.fresh.rung;
            let fresh = Answer { said, head, target, ripe: false, rung };
            next.drivers[d] = Driver { fresh, ..driver };
            next.drivers[d].again();
            let task = &mut next.tasks[t];
            // That it is under way is the world's affair and not the gate's doing.
            task.world.checks |= said == Said::Pending;
            let name = format_args!("the gate says {said:?} to driver {d} about task {t} at {head:?}");
            if mishap.is_none() { steps.kind(next, name) } else { steps.unkind(next, name) }
        };
        if merges && head.base != target {
            say(Said::Actionable, None);
        } else if state.tasks[t].world.checks {
            say(Said::Pending, None);
        } else {
            say(Said::Pass, None);
            say(Said::Fail, Some(Mishap::Red));
            say(Said::Pending, Some(Mishap::Pending));
        }
    }

    fn take_merge_lease(&self, state: &State, d: usize, steps: &mut Steps<State>) {
        let mut next = *state;
        let driver = &mut next.drivers[d];
        let mine = (driver.task + 1, state.merge.number);
        let renewed = driver.kept == mine && state.merge.held;
        if renewed {
            next.merge.lapsed = false;
        } else if next.merge.grant() {
            driver.kept = (driver.task + 1, next.merge.number);
        } else {
            driver.write(Plan::Rest(Resting::LeaseTaken, true));
            steps.kind(next, format_args!("driver {d} finds the merge lease taken"));
            return;
        }
        match driver.phase {
            Phase::LeaseToAct => driver.phase = Phase::Act,
            Phase::LeaseToMerge => driver.phase = Phase::AskForge,
            _ if self.has(Flaw::MergeWithoutIntent) => {
                driver.seen.intent = driver.heads;
                next.tasks[usize::from(driver.task)].green = driver.heads;
                driver.phase = Phase::AskForge;
            }
            _ => {
                let intent = (driver.seen.head, driver.heads.map_or(0, |(_, target)| target));
                driver.write(Plan::Intend(intent));
            }
        }
        steps.kind(next, format_args!("driver {d} has the merge lease"));
    }

    /// The gate's act brings the target in and publishes it, where the branch is as expected.
    fn act(&self, state: &State, d: usize, steps: &mut Steps<State>) {
        let mut next = *state;
        let driver = &mut next.drivers[d];
        let t = usize::from(driver.task);
        self.check_driver(state, d, steps);
        let (seen, target) = (driver.seen.head, driver.heads.map_or(0, |(_, target)| target));
        let branch = &mut next.tasks[t].world.branch;
        driver.heads = None;
        if *branch == seen {
            *branch = Head { number: seen.number + 1, base: target, run: (0, 0) };
            driver.write(Plan::Head(*branch));
        } else {
            driver.fresh = Answer { said: Said::Fault, head: seen, target, ..Answer::default() };
            driver.again();
        }
        let plan = driver.plan;
        steps.kind(next, format_args!("driver {d} lets the gate act on task {t} at {seen:?}: {plan:?}"));
    }

    /// Is it merged already, and does what was judged still stand?
    fn ask_forge(&self, state: &State, d: usize, steps: &mut Steps<State>) {
        let mut next = *state;
        let driver = &mut next.drivers[d];
        let world = &state.tasks[usize::from(driver.task)].world;
        driver.heads = None;
        let intent = driver.seen.intent.unwrap_or_default();
        if world.merges > 0 && !self.has(Flaw::MergeWithoutAsking) {
            if world.merged == intent.0 {
                self.confirm(driver);
            } else {
                driver.write(Plan::HoldOutside);
            }
        } else if state.target != intent.1 {
            driver.write(Plan::Forget);
        } else {
            driver.phase = Phase::CallForge;
        }
        steps.kind(next, format_args!("driver {d} asks the forge about {intent:?}: merged {} times", world.merges));
        if let Some(mut next) = self.mishap(state, Mishap::LostAnswer) {
            next.drivers[d].heads = None;
            next.drivers[d].write(Plan::Rest(Resting::Forge, true));
            steps.unkind(next, format_args!("the forge does not answer driver {d}"));
        }
    }

    /// Merges exactly that head into exactly that target.
    fn call_forge(&self, state: &State, d: usize, steps: &mut Steps<State>) {
        let mut next = *state;
        let driver = &mut next.drivers[d];
        let t = usize::from(driver.task);
        let intent = driver.seen.intent.unwrap_or_default();
        let task = &mut next.tasks[t];
        self.check_driver(state, d, steps);
        if task.world.merges > 0 && (task.world.merged == intent.0 || self.has(Flaw::TrustAlreadyMerged)) {
            self.confirm(driver);
            steps.kind(next, format_args!("driver {d} is told that task {t} is merged already"));
            return;
        }
        if task.world.branch != intent.0 || state.target != intent.1 {
            driver.write(Plan::Forget);
            steps.kind(next, format_args!("driver {d} cannot merge task {t}: something moved"));
            return;
        }
        if task.world.merges > 0 {
            steps.wrong("MRG-3", "a task is merged twice");
        } else if task.green != Some(intent) {
            steps.wrong("I8", "what is merged is not what the gate let through");
        }
        task.world.merges += 1;
        task.world.merged = intent.0;
        next.target += 1;
        self.confirm(driver);
        steps.kind(next, format_args!("driver {d} merges task {t}: {intent:?}"));
        if let Some(lost) = self.mishap(&next, Mishap::LostAnswer) {
            next = lost;
            next.drivers[d].merged = false;
            next.drivers[d].write(Plan::Rest(Resting::Forge, true));
            steps.unkind(next, format_args!("driver {d} merges task {t}: {intent:?}, and the answer is lost"));
        }
    }

    /// The merge is confirmed: on the way to the next stage.
    fn confirm(&self, driver: &mut Driver) {
        driver.merged = true;
        if self.has(Flaw::MergeWithoutIntent) {
            driver.write(Plan::Advance(self.rules.behind(driver.seen.stage)));
        } else {
            driver.again();
        }
    }

    /// Nobody acts under a number that another has, too (I7).
    fn check_driver(&self, state: &State, d: usize, steps: &mut Steps<State>) {
        let me = &state.drivers[d];
        for (other, driver) in state.drivers.iter().enumerate() {
            let drives = driver.phase != Phase::Idle && (driver.task, driver.number) == (me.task, me.number);
            if other != d && (drives || (me.kept.0 > 0 && driver.kept == me.kept)) {
                steps.wrong("I7", "two drivers act under one number");
            }
        }
    }

    /// Gives the leases back; the merge lease only where the task is not on its way to the merge.
    fn leave(&self, state: &State, d: usize, steps: &mut Steps<State>) {
        let mut next = *state;
        let driver = state.drivers[d];
        let t = usize::from(driver.task);
        let mut kept = driver.kept;
        let keeps = matches!(driver.plan, Plan::Rest(Resting::Gate | Resting::Forge, _));
        if !keeps && kept.0 == driver.task + 1 {
            if next.merge.number == kept.1 {
                next.merge.free();
            }
            kept = (0, 0);
        }
        let lease = &mut next.tasks[t].drive;
        if lease.number == driver.number && !self.has(Flaw::NoDriveLease) {
            lease.free();
        }
        next.drivers[d] = Driver { kept, ..Driver::default() };
        steps.kind(next, format_args!("driver {d} gives task {t} back"));
    }
}

impl Driver {
    /// About to read the task again; of what was read, its version matters still.
    pub(crate) fn again(&mut self) {
        self.phase = Phase::Read;
        self.seen = Row { version: self.seen.version, ..Row::default() };
    }

    /// About to write `plan`; whatever else was read no longer matters.
    pub(crate) fn write(&mut self, plan: Plan) {
        self.plan = plan;
        self.phase = Phase::Write;
        self.seen = Row { version: self.seen.version, ..Row::default() };
    }
}

impl LeaseRow {
    /// Grants it under a new number, if it is free or has lapsed.
    pub(crate) fn grant(&mut self) -> bool {
        let free = !self.held || self.lapsed;
        if free {
            *self = Self { number: self.number + 1, held: true, lapsed: false, rung: false };
        }
        free
    }

    pub(crate) fn free(&mut self) {
        *self = Self { number: self.number, ..Self::default() };
    }
}
