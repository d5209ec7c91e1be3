//! The reaper: a look at one job's process, its record and who sees to it; the real `reap`; and the take-over that decides.

use crate::scene::{Flaw, Scene};
use crate::search::Steps;
use crate::state::{Doing, Hand, Launch, Process, Reaper, State};
use portcullis_core::job::JobState;
use portcullis_core::reaper::{Fate, Reaping};
use std::time::Duration;

impl Scene {
    /// What the reaper may do next.
    pub(crate) fn reap(&self, state: &State, steps: &mut Steps<State>) {
        match state.reaper {
            Reaper::Idle => {
                for t in (0..self.tasks).filter(|t| state.tasks[*t].job.state == JobState::Running) {
                    self.look_for_process(state, t, steps);
                }
            }
            Reaper::Absent { task, visit, lease, launched, watch } => {
                let (mut next, t) = (*state, usize::from(task));
                next.reaper = Reaper::Idle;
                let job = &state.tasks[t].job;
                if job.state == JobState::Running && (job.visit, job.lease) == (visit, lease) {
                    let world = &state.tasks[t].world;
                    let mine = world.run == (job.visit, job.attempt) && launched;
                    let fate =
                        if mine && matches!(world.process, Process::Exited(_)) { Fate::Exited } else { Fate::Gone };
                    self.decide(&mut next, t, fate, (launched, watch), steps);
                }
                steps.kind(next, format_args!("the reaper looks for the record of task {t}'s run: {:?}", next.reaper));
            }
            Reaper::Taking { task, visit, lease, launched, next: doing } => {
                let (mut next, t) = (*state, usize::from(task));
                let Some(free) = state.hands.iter().position(|hand| *hand == Hand::default()) else { return };
                next.reaper = Reaper::Idle;
                let job = &mut next.tasks[t].job;
                let won = job.state == JobState::Running && (job.visit, job.lease) == (visit, lease);
                if won || self.has(Flaw::ActBeforeClaim) {
                    job.lease += u8::from(!self.has(Flaw::KeptNumber) && !self.has(Flaw::ActBeforeClaim));
                    let number = if self.has(Flaw::ActBeforeClaim) { lease } else { job.lease };
                    // Another run than the one that was looked at: it is left to the next looks, under the new number.
                    let same = (job.run != Launch::None) == launched || self.has(Flaw::UnseenRun);
                    if same {
                        next.hands[free] = Hand { lease: number, visit, ..Hand::of(t, job, doing) };
                    }
                }
                let end = if won { "wins" } else { "loses" };
                steps.kind(next, format_args!("the reaper {end} task {t}'s job: {doing:?}"));
            }
        }
    }

    fn look_for_process(&self, state: &State, t: usize, steps: &mut Steps<State>) {
        let mut next = *state;
        // Asked first: whoever dies after that has forked already, or never will.
        let watch = self.watch(state, t);
        let task = &mut next.tasks[t];
        let launched = task.job.run != Launch::None;
        let mine = task.world.run == (task.job.visit, task.job.attempt) && launched;
        // Between two looks lies more time than between the record of a launch, the fork and the exec.
        let launches = |hand: &&mut Hand| usize::from(hand.task) == t && hand.doing == Doing::Fork;
        for hand in next.hands.iter_mut().filter(launches) {
            if hand.looked && !self.has(Flaw::SlowFork) {
                return;
            }
            hand.looked = true;
        }
        match &mut task.world.process {
            Process::Alive { too_old } if mine => {
                let limit = self.rules.reaper.max_running;
                let age = if *too_old { limit + Duration::from_secs(1) } else { Duration::ZERO };
                self.decide(&mut next, t, Fate::Alive { age }, (launched, watch), steps);
            }
            Process::Unseen { looked: true } if mine => return,
            process => {
                if let (Process::Unseen { looked }, true) = (process, mine) {
                    *looked = true;
                }
                let (visit, lease) = (task.job.visit, task.job.lease);
                next.reaper = Reaper::Absent { task: u8::try_from(t).unwrap_or(0), visit, lease, launched, watch };
            }
        }
        if next != *state {
            steps
                .kind(next, format_args!("the reaper looks at task {t}'s process: {:?}", state.tasks[t].world.process));
        }
    }

    /// Who sees to a task's running job, and whether he is silent.
    fn watch(&self, state: &State, t: usize) -> Option<bool> {
        let hand = state.hands.iter().find(|hand| self.is_held_by(state, t, hand))?;
        Some(hand.silent || (matches!(hand.doing, Doing::Wait(_)) && self.has(Flaw::SilenceFromTheWait)))
    }

    fn is_held_by(&self, state: &State, t: usize, hand: &Hand) -> bool {
        let (job, task) = (&state.tasks[t].job, usize::from(hand.task));
        hand.doing != Doing::Nothing && (task, hand.visit, hand.lease) == (t, job.visit, job.lease)
    }

    /// What the rules say about a running job whose fate is known now; `before`: as it was when the look began.
    fn decide(&self, next: &mut State, t: usize, fate: Fate, before: (bool, Option<bool>), steps: &mut Steps<State>) {
        let (launched, watch) = before;
        let is_finished = next.hands.iter().any(|hand| self.is_held_by(next, t, hand) && !hand.silent);
        let task = &mut next.tasks[t];
        let job = task.job;
        let silent = if self.has(Flaw::NoGrace) && fate == Fate::Exited { None } else { watch };
        let counts = (task.gone.1, task.gone.2) == (job.lease, launched) || self.has(Flaw::CountsOutliveTheClaim);
        let gone_before = if counts { task.gone.0 } else { 0 };
        let reaping = self.rules.reap(fate, silent, gone_before);
        let counted = reaping == Reaping::Count;
        task.gone = if counted { ((gone_before + 1).min(2), job.lease, launched) } else { (0, 0, false) };
        let doing = match reaping {
            Reaping::Leave | Reaping::Count => return,
            Reaping::Adopt => Doing::Wait(false),
            Reaping::Lost => Doing::Sweep,
            Reaping::Finish => {
                if is_finished && (watch != Some(true) || self.has(Flaw::SilenceFromTheWait)) {
                    steps.wrong("REA-2", "a run that somebody is finishing is reaped");
                }
                Doing::Record(task.world.process == Process::Exited(true))
            }
            Reaping::TimeOut => Doing::Kill,
        };
        let (task, visit, lease) = (u8::try_from(t).unwrap_or(0), job.visit, job.lease);
        next.reaper = Reaper::Taking { task, visit, lease, launched, next: doing };
    }

    /// I6, bounded: with nobody left but the reaper, whether the job leaves `running` within `dead_ticks` + 1 looks.
    pub(crate) fn leaves_running(&self, state: &State, t: usize) -> bool {
        let mut now = State { reaper: Reaper::Idle, hands: Default::default(), ..*state };
        for _look in 0..=self.rules.reaper.dead_ticks {
            let mut steps = Steps::new(false);
            self.look_for_process(&now, t, &mut steps);
            now = steps.list.pop().map_or(now, |(next, _)| next);
            while now.reaper != Reaper::Idle || now.hands[0] != Hand::default() {
                let mut steps = Steps::new(false);
                if now.reaper == Reaper::Idle {
                    self.hand(&now, 0, &mut steps)
                } else {
                    self.reap(&now, &mut steps)
                }
                let Some((next, _)) = steps.list.pop() else { return false };
                now = next;
            }
            if now.tasks[t].job.state != JobState::Running {
                return true;
            }
        }
        false
    }
}
