//! The worker, and the hands in which a claimed job is: each atomic step of a run, from its launch to its job's end.

use crate::commit::after;
use crate::scene::{Flaw, Mishap, Scene};
use crate::search::Steps;
use crate::state::{Doing, Ending, Hand, Head, Job, Launch, Process, State, Task};
use portcullis_core::job::{JobEvent, JobState};

/// Attempts that a job has.
const ATTEMPTS: u8 = 2;

impl Scene {
    /// The worker claims what is queued.
    pub(crate) fn work(&self, state: &State, steps: &mut Steps<State>) {
        let running = state.tasks.iter().filter(|task| task.job.state == JobState::Running).count();
        let Some(free) = state.hands.iter().position(|hand| *hand == Hand::default()) else { return };
        for t in 0..self.tasks {
            let task = &state.tasks[t];
            if running >= self.cap || task.row.held || task.job.visit != task.row.visit {
                continue;
            }
            let Some(claimed) = task.job.state.after(JobEvent::Claimed) else { continue };
            let mut next = *state;
            let job = &mut next.tasks[t].job;
            *job = Job {
                state: claimed,
                attempt: job.attempt + 1,
                lease: job.lease + 1,
                run: Launch::None,
                exit: None,
                ..*job
            };
            let first = if self.has(Flaw::LaunchAfterFork) { Doing::Fork } else { Doing::Launch };
            next.hands[free] = Hand::of(t, job, first);
            let attempt = job.attempt;
            steps.kind(next, format_args!("the worker claims task {t}'s job, attempt {attempt}"));
        }
    }

    /// What a hand may do next.
    pub(crate) fn hand(&self, state: &State, h: usize, steps: &mut Steps<State>) {
        let hand = state.hands[h];
        if hand.doing == Doing::Nothing {
            return;
        }
        let t = usize::from(hand.task);
        let mut next = *state;
        next.hands[h].silent = false;
        let task = &mut next.tasks[t];
        let holds = self.holds(task, &hand);
        let mine = task.world.run == (hand.visit, hand.attempt);
        let doing = match hand.doing {
            Doing::Nothing => return,
            Doing::Launch if holds => {
                task.job.run = Launch::Launching;
                Doing::Fork
            }
            // Not checked again: it follows the guarded record of the launch at once.
            Doing::Fork => {
                if task.world.process.works() {
                    steps.wrong("I7", "two roles of one task are alive");
                } else if mine {
                    steps.wrong("I7", "one attempt of a job is started twice");
                }
                task.world.process = Process::Unseen { looked: hand.looked };
                next.hands[h].looked = false;
                task.world.run = (hand.visit, hand.attempt);
                Doing::Note
            }
            Doing::Note if holds => {
                task.job.run = Launch::Known;
                Doing::Wait(false)
            }
            Doing::Wait(late) => match task.world.process {
                Process::Exited(code) if mine => Doing::Record(code && !late),
                Process::Gone | Process::Orphan if mine => Doing::Sweep,
                _ if mine => return,
                _ => Doing::Nothing,
            },
            Doing::Record(code) if holds => {
                task.job.exit = task.job.exit.or(Some(code));
                if code { Doing::Enter } else { Doing::Finish(Ending::Failed) }
            }
            Doing::Enter if self.has(Flaw::UncheckedLanding) => Doing::Land(task.row.head),
            Doing::Enter if holds => {
                let is_in = |other: &Hand| other.task == hand.task && matches!(other.doing, Doing::Land(_));
                if state.hands.iter().any(is_in) {
                    return;
                }
                Doing::Land(task.row.head)
            }
            Doing::Land(expected) => {
                self.check_hand(state, h, steps);
                if task.world.process.works() {
                    steps.wrong("I7", "a finisher commits what another run is still writing");
                }
                Doing::Finish(land(task, &hand, expected, state.target))
            }
            Doing::Kill if holds => {
                self.check_hand(state, h, steps);
                if mine && task.world.process.works() {
                    task.world.process = Process::Exited(false);
                }
                Doing::Wait(true)
            }
            Doing::Sweep if holds => {
                if mine && task.world.process == Process::Orphan && !self.has(Flaw::NoSweep) {
                    task.world.process = Process::Gone;
                }
                Doing::Finish(Ending::Lost)
            }
            Doing::Finish(ending) if self.may_finish(task, &hand) => {
                self.finish(&mut next, &hand, ending, steps);
                Doing::Nothing
            }
            // Stale: whatever it was about to do is dropped.
            Doing::Launch
            | Doing::Note
            | Doing::Record(_)
            | Doing::Enter
            | Doing::Kill
            | Doing::Sweep
            | Doing::Finish(_) => Doing::Nothing,
        };
        next.hands[h] = if doing == Doing::Nothing { Hand::default() } else { Hand { doing, ..next.hands[h] } };
        let stale = if holds { "" } else { ", stale" };
        steps.kind(
            next,
            format_args!("task {t}'s hand (attempt {}{stale}): {:?}, then {doing:?}", hand.attempt, hand.doing),
        );
    }

    /// The guard of everything that is written about a running job.
    pub(crate) fn holds(&self, task: &Task, hand: &Hand) -> bool {
        let job = &task.job;
        job.state == JobState::Running && job.visit == hand.visit && job.lease == hand.lease
    }

    fn may_finish(&self, task: &Task, hand: &Hand) -> bool {
        let by_state = self.has(Flaw::StateGuardOnly) && task.job.visit == hand.visit;
        self.holds(task, hand) || (by_state && task.job.state == JobState::Running)
    }

    /// The one guarded write that ends a job, with the head it brought, and rings.
    fn finish(&self, state: &mut State, hand: &Hand, ending: Ending, steps: &mut Steps<State>) {
        let t = usize::from(hand.task);
        let task = &mut state.tasks[t];
        if task.world.process.works() && task.world.run == (task.job.visit, task.job.attempt) {
            steps.wrong("I6", "a job is ended whose role is alive");
        }
        let event = match ending {
            Ending::Done(_) => JobEvent::Succeeded,
            Ending::Failed | Ending::Lost if task.job.attempt < ATTEMPTS => JobEvent::Retried,
            Ending::Failed | Ending::Lost => JobEvent::GaveUp,
        };
        let Some(ended) = task.job.state.after(event) else { return };
        task.job.state = ended;
        if let Ending::Done(head) = ending
            && task.row.visit == hand.visit
            && task.row.head != head
        {
            task.row.head = head;
            task.row.version += 1;
        }
        state.ring(t);
    }

    /// Nobody acts under a number that another has, too (I7).
    pub(crate) fn check_hand(&self, state: &State, h: usize, steps: &mut Steps<State>) {
        let me = state.hands[h];
        let same = |(other, hand): (usize, &Hand)| {
            other != h
                && hand.doing != Doing::Nothing
                && (hand.task, hand.visit, hand.lease) == (me.task, me.visit, me.lease)
        };
        if state.hands.iter().enumerate().any(same) {
            steps.wrong("I7", "two hands act under one number of a job");
        }
    }

    /// Without processes: a role works, pushes and is done, in one step.
    pub(crate) fn work_at_once(&self, state: &State, steps: &mut Steps<State>) {
        for t in 0..self.tasks {
            let task = &state.tasks[t];
            if task.job.state != JobState::Queued || task.row.held || task.job.visit != task.row.visit {
                continue;
            }
            let mut next = *state;
            let task = &mut next.tasks[t];
            task.job.state = JobState::Running;
            let hand = Hand { task: u8::try_from(t).unwrap_or(0), visit: task.job.visit, ..Hand::default() };
            task.job.lease = hand.lease;
            task.world.branch = after(task.world.branch, state.target, (0, 0));
            let ending = Ending::Done(task.world.branch);
            self.finish(&mut next, &hand, ending, steps);
            steps.kind(next, format_args!("task {t}'s role works and pushes"));
        }
    }

    /// What happens to processes.
    pub(crate) fn processes(&self, state: &State, t: usize, steps: &mut Steps<State>) {
        let becomes = |process: Process, mishap: Option<Mishap>, steps: &mut Steps<State>| {
            let Some(mut next) = mishap.map_or(Some(*state), |mishap| self.mishap(state, mishap)) else { return };
            next.tasks[t].world.process = process;
            let name = format_args!("task {t}'s process: {process:?}");
            if mishap.is_none() { steps.kind(next, name) } else { steps.unkind(next, name) }
        };
        match state.tasks[t].world.process {
            Process::Unseen { .. } => becomes(Process::Alive { too_old: false }, None, steps),
            Process::Alive { too_old } => {
                if !too_old {
                    becomes(Process::Exited(true), None, steps);
                    becomes(Process::Alive { too_old: true }, Some(Mishap::TooOld), steps);
                }
                becomes(Process::Exited(false), Some(Mishap::BadExit), steps);
                becomes(Process::Gone, Some(Mishap::Killed), steps);
                becomes(Process::Orphan, Some(Mishap::Killed), steps);
            }
            // It may also end by itself at last; that it goes on is the harder case.
            Process::None | Process::Orphan | Process::Exited(_) | Process::Gone => {}
        }
    }
}

/// Commit and push, where the branch is as expected; what is there already is recognised.
fn land(task: &mut Task, hand: &Hand, expected: Head, target: u8) -> Ending {
    let run = (hand.visit, hand.attempt);
    let branch = &mut task.world.branch;
    if branch.number > 0 && branch.run == run {
        return Ending::Done(*branch);
    }
    if *branch != expected {
        return Ending::Failed;
    }
    *branch = after(*branch, target, run);
    Ending::Done(*branch)
}

impl Hand {
    /// A job in somebody's hands.
    pub(crate) fn of(t: usize, job: &Job, doing: Doing) -> Self {
        let task = u8::try_from(t).unwrap_or(0);
        Self { doing, task, visit: job.visit, attempt: job.attempt, lease: job.lease, silent: false, looked: false }
    }
}
