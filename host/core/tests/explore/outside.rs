//! Everything else that happens: time, webhooks, persons, the reconciler's looks, the outbox, and crashes.

use crate::commit::after;
use crate::oracle::Next;
use crate::scene::{Flaw, Mishap, Scene};
use crate::search::Steps;
use crate::state::{Answer, Doing, Driver, Errand, Hand, LeaseRow, Look, Phase, Process, Reaper, Resting, Said, State};
use std::fmt;

impl Scene {
    /// The reconciler looks at a task at rest as a driver would, and rings it if it would go on.
    pub(crate) fn reconcile(&self, state: &State, steps: &mut Steps<State>) {
        if let Errand::Ring { task, version } = state.reconciler {
            let (mut next, t) = (*state, usize::from(task));
            next.reconciler = Errand::None;
            if self.has(Flaw::ReconcilerMoves) {
                self.move_unguarded(&mut next.tasks[t], version, steps);
            }
            next.ring(t);
            steps.kind(next, format_args!("the reconciler rings task {t}, which it saw in version {version}"));
            return;
        }
        for (t, task) in state.tasks[..self.tasks].iter().enumerate() {
            let (row, head) = (&task.row, task.world.branch);
            if row.resting != Resting::Gate || row.look == Look::Now {
                continue;
            }
            let said = if task.world.checks { Said::Pending } else { Said::Pass };
            let seen = Answer { said, head: row.head, target: state.target, ripe: false, rung: false };
            let job = Some(task.job.state);
            let mut next = *state;
            if self.has(Flaw::ReconcilerActs) {
                next.tasks[t].world.branch = after(head, state.target, (0, 0));
            }
            if next.tasks[t].world != task.world {
                steps.wrong("I4", "a look has changed the world");
            }
            let would = self.rules.next(row, job, &seen, state.target, false);
            if matches!(would, Next::Advance | Next::Intend | Next::Merge | Next::Enqueue) || head != row.head {
                next.reconciler = Errand::Ring { task: u8::try_from(t).unwrap_or(0), version: row.version };
            }
            if next != *state {
                steps.kind(next, format_args!("the reconciler looks at task {t}, which rests: it would {would:?}"));
            }
        }
    }

    /// The outbox sends each effect until it was confirmed.
    pub(crate) fn send(&self, state: &State, steps: &mut Steps<State>) {
        if let Some((task, at)) = state.sender {
            let mut next = *state;
            let effect = &mut next.tasks[usize::from(task)].effects[usize::from(at)];
            next.sender = None;
            if self.has(Flaw::MarkedBeforeSent) {
                effect.received = true;
                steps.kind(next, format_args!("the effect of task {task} that was marked as sent is sent"));
                return;
            }
            effect.sent = true;
            steps.kind(next, format_args!("task {task}'s effect {at} is written down as sent"));
            return;
        }
        for (t, task) in state.tasks[..self.tasks].iter().enumerate() {
            let Some(at) = task.effects.iter().position(|effect| effect.key > 0 && !effect.sent) else { continue };
            let mut next = *state;
            let effect = &mut next.tasks[t].effects[at];
            if self.has(Flaw::MarkedBeforeSent) {
                effect.sent = true;
            } else {
                effect.received = true;
            }
            next.sender = Some((u8::try_from(t).unwrap_or(0), u8::try_from(at).unwrap_or(0)));
            steps.kind(next, format_args!("task {t}'s effect {at} leaves"));
            if let Some(mut lost) = self.mishap(state, Mishap::LostAnswer) {
                // It arrived or not; nobody here knows, so it is sent again. The receiver knows it by its key.
                lost.tasks[t].effects[at].received = true;
                steps.unkind(lost, format_args!("task {t}'s effect {at} arrives, and its answer is lost"));
            }
        }
    }

    /// Time, webhooks, processes and persons.
    pub(crate) fn world(&self, state: &State, steps: &mut Steps<State>) {
        if !self.runs {
            self.work_at_once(state, steps);
        }
        for t in 0..self.tasks {
            self.processes(state, t, steps);
            self.time(state, t, steps);
            self.webhooks(state, t, steps);
            self.person(state, t, steps);
        }
        let keeps = |driver: &Driver| driver.kept.0 > 0 && driver.kept.1 == state.merge.number;
        if let Some((mut next, alive)) = self.lapse(state, &state.merge, keeps) {
            next.merge.lapsed = true;
            self.lapsed(next, alive, format_args!("the merge lease lapses"), steps);
        }
    }

    /// Before a lease lapses. Of one whose holder is alive that takes a pause of his.
    fn lapse(&self, state: &State, lease: &LeaseRow, holds: impl Fn(&Driver) -> bool) -> Option<(State, bool)> {
        if !lease.held || lease.lapsed {
            return None;
        }
        let alive = state.drivers.iter().any(holds);
        let before = if alive { self.mishap(state, Mishap::Pause) } else { Some(*state) };
        before.map(|before| (before, alive))
    }

    fn lapsed(&self, next: State, alive: bool, name: fmt::Arguments<'_>, steps: &mut Steps<State>) {
        if alive { steps.unkind(next, name) } else { steps.kind(next, name) }
    }

    fn time(&self, state: &State, t: usize, steps: &mut Steps<State>) {
        let task = &state.tasks[t];
        if task.row.look == Look::Later && (self.asks_again || task.row.resting != Resting::Gate) {
            let mut next = *state;
            let row = &mut next.tasks[t].row;
            row.look = Look::Now;
            row.answer.ripe |= matches!(row.answer.said, Said::Pending | Said::Fault);
            steps.kind(next, format_args!("it is time to look at task {t} again"));
        }
        let holds = |driver: &Driver| {
            driver.phase != Phase::Idle && (usize::from(driver.task), driver.number) == (t, task.drive.number)
        };
        if let Some((mut next, alive)) = self.lapse(state, &task.drive, holds) {
            next.tasks[t].drive.lapsed = true;
            self.lapsed(next, alive, format_args!("the drive lease of task {t} lapses"), steps);
        }
    }

    fn webhooks(&self, state: &State, t: usize, steps: &mut Steps<State>) {
        let world = &state.tasks[t].world;
        if world.checks {
            let mut next = *state;
            next.tasks[t].world.checks = false;
            next.tasks[t].world.webhook = true;
            steps.kind(next, format_args!("what task {t}'s gate waits for ends well; a webhook leaves"));
        }
        if world.webhook {
            let mut next = *state;
            next.ring(t);
            if let Some(twice) = self.mishap(&next, Mishap::LostWebhook) {
                steps.unkind(twice, format_args!("the webhook rings task {t}, and will come again"));
            }
            next.tasks[t].world.webhook = false;
            steps.kind(next, format_args!("the webhook rings task {t}"));
            if let Some(mut lost) = self.mishap(state, Mishap::LostWebhook) {
                lost.tasks[t].world.webhook = false;
                steps.unkind(lost, format_args!("the webhook for task {t} is lost"));
            }
        }
    }

    fn person(&self, state: &State, t: usize, steps: &mut Steps<State>) {
        let world = &state.tasks[t].world;
        let Some(next) = self.mishap(state, Mishap::Person) else { return };
        if world.branch.number == 0 || world.merges > 0 {
            return;
        }
        let mut pushed = next;
        pushed.tasks[t].world.branch = after(world.branch, world.branch.base, (0, 0));
        pushed.ring(t);
        steps.unkind(pushed, format_args!("a person pushes to task {t}'s branch"));
        let mut merged = pushed;
        let world = &mut merged.tasks[t].world;
        (world.merges, world.merged, world.by_hand) = (1, world.branch, true);
        merged.target += 1;
        steps.unkind(merged, format_args!("a person pushes to task {t}'s branch and merges it by hand"));
    }

    /// Whether a pause as long as the grace fits in before a hand's next step. Between the record of a launch and the
    /// fork, and between fork and exec, it does not: that is what the order of the launch is for.
    fn may_be_silent(&self, state: &State, hand: &Hand) -> bool {
        let unseen = matches!(state.tasks[usize::from(hand.task)].world.process, Process::Unseen { .. });
        match hand.doing {
            Doing::Nothing => false,
            Doing::Fork => !hand.silent && self.has(Flaw::SlowFork),
            Doing::Note => !hand.silent && !unseen,
            _ => !hand.silent,
        }
    }

    /// One actor, or all of them, forget everything; or a hand is silent for longer than the grace.
    pub(crate) fn crash(&self, state: &State, steps: &mut Steps<State>) {
        if let Some(next) = self.mishap(state, Mishap::Pause) {
            for h in (0..state.hands.len()).filter(|h| self.may_be_silent(state, &state.hands[*h])) {
                let mut next = next;
                next.hands[h].silent = true;
                let hand = &state.hands[h];
                steps.unkind(next, format_args!("task {}'s hand is silent before: {:?}", hand.task, hand.doing));
            }
        }
        let Some(next) = self.mishap(state, Mishap::Crash) else { return };
        let idle = Driver::default();
        for d in (0..self.drivers).filter(|d| state.drivers[*d] != idle) {
            let mut next = next;
            next.drivers[d] = idle;
            steps.unkind(next, format_args!("driver {d} crashes before: {:?}", state.drivers[d].phase));
        }
        for h in (0..state.hands.len()).filter(|h| state.hands[*h] != Hand::default()) {
            let mut next = next;
            next.hands[h] = Hand::default();
            let hand = &state.hands[h];
            steps.unkind(next, format_args!("task {}'s hand crashes before: {:?}", hand.task, hand.doing));
        }
        let mut all = State {
            drivers: Default::default(),
            hands: Default::default(),
            reaper: Reaper::Idle,
            reconciler: Errand::None,
            sender: None,
            ..next
        };
        all.tasks.iter_mut().for_each(|task| task.gone = (0, 0, false));
        if all != next {
            steps.unkind(all, format_args!("the whole daemon crashes"));
        }
        if state.reaper != Reaper::Idle {
            steps.unkind(State { reaper: Reaper::Idle, ..next }, format_args!("the reaper crashes"));
        }
        if state.reconciler != Errand::None {
            steps.unkind(State { reconciler: Errand::None, ..next }, format_args!("the reconciler crashes"));
        }
        if state.sender.is_some() {
            steps.unkind(
                State { sender: None, ..next },
                format_args!("the sender crashes before it writes down what left"),
            );
        }
    }
}
