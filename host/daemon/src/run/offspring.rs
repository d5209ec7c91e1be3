//! The processes of one run, as its shim sees them: the leader, which is the command itself, in a process group of its
//! own, and everything that descends from it. A sub-reaper is given each orphan among its descendants, whatever session
//! or environment that one has chosen, so that all of them come to be its children in the end.
//!
//! What always holds: the leader is reaped only after its group was signalled for the last time, so that the group's
//! number means this group; and apart from the group only children that nobody else can reap are signalled, so that
//! their numbers mean them. It is for a process that starts nothing else: every child that it has counts as the run's.

use super::probe::pids;
use super::process::parent;
use rustix::process::{
    Pid, Signal, WaitId, WaitIdOptions, WaitOptions, getpid, kill_process, kill_process_group, set_child_subreaper,
    waitid, waitpid,
};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;
use tokio::signal::unix::{SignalKind, signal};

/// A run's processes.
#[derive(Debug)]
pub struct Offspring {
    leader: Child,
    /// The leader's number, and its group's.
    pid: Pid,
    /// Tells that some child has ended.
    ends: tokio::signal::unix::Signal,
}

impl Offspring {
    /// Starts the leader, and makes this process the sub-reaper of all that comes of it.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn start(command: &mut Command) -> std::io::Result<Self> {
        set_child_subreaper(Some(getpid()))?;
        // Listened to before there is anybody who could end.
        let ends = signal(SignalKind::child())?;
        let leader = command.process_group(0).spawn()?;
        Ok(Self { pid: Pid::from_child(&leader), leader, ends })
    }

    /// Returns once the leader has ended. It is not reaped; orphans that end meanwhile are.
    pub async fn leader_ended(&mut self) {
        while !self.has_leader_ended() {
            let _reaped = self.reap(|pid| *pid != self.pid);
            self.ends.recv().await;
        }
    }

    fn has_leader_ended(&self) -> bool {
        let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | WaitIdOptions::NOHANG;
        // An error would mean that it is no child of ours: then there is nothing to wait for.
        !matches!(waitid(WaitId::Pid(self.pid), options), Ok(None))
    }

    /// Signals the leader's whole group. Not to be asked of a leader that was reaped, and there is no way to.
    pub fn signal_group(&self, signal: Signal) {
        // An error means that nobody of the group is left.
        let _nobody_left = kill_process_group(self.pid, signal);
    }

    /// Once the leader has ended: ends everybody who is left, in its group or not, and returns how the leader ended.
    /// Whoever has not ended after `patience`, because he waits for a device, is left alone.
    ///
    /// # Errors
    /// If the leader's end cannot be learnt.
    pub async fn clear_away(mut self, patience: Duration) -> std::io::Result<ExitStatus> {
        self.signal_group(Signal::KILL);
        let status = self.leader.wait();
        // Whoever loses his parent comes to us before that parent can be reaped: another look finds him.
        let ending = async {
            loop {
                let left: Vec<Pid> = children().collect();
                if left.is_empty() {
                    break;
                }
                for pid in left {
                    let _ended_already = kill_process(pid, Signal::KILL);
                }
                if self.reap(|_| true) == 0 {
                    self.ends.recv().await;
                }
            }
        };
        let _patience_has_an_end = tokio::time::timeout(patience, ending).await;
        status
    }

    /// Reaps those of our children that have ended. Answers how many.
    fn reap(&self, which: impl Fn(&Pid) -> bool) -> usize {
        let reaped = |pid: &Pid| matches!(waitpid(Some(*pid), WaitOptions::NOHANG), Ok(Some(_)));
        children().filter(which).filter(reaped).count()
    }
}

/// Our children, those that have ended included.
fn children() -> impl Iterator<Item = Pid> {
    let ours = |pid: &u32| parent(*pid) == Some(std::process::id());
    pids().filter(ours).filter_map(|pid| Pid::from_raw(i32::try_from(pid).ok()?))
}
