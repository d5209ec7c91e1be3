//! Leases: expiring, fenced claims on a named thing (LSE-1).
//!
//! A [`Lease`] in hand is the proof that an effect under it may be tried; the store checks its number once more when the
//! effect is written. Only the store makes one, when a claim was won.

use crate::ids::{JobId, TaskId};
use crate::time::UnixMillis;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is claimed.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LeaseName(String);

impl LeaseName {
    /// Held while a task is driven.
    pub fn drive(task: TaskId) -> Self {
        Self(format!("drive/{task}"))
    }

    /// Held from before catching up until a merge is done, has failed, or the task is sent back (MRG-2).
    pub fn merge(repository: &str) -> Self {
        Self(format!("merge/{repository}"))
    }

    /// The text as it is stored.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A name read back from the store.
    pub fn stored(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for LeaseName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// Who holds a lease: one start of one daemon, and what it holds it for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holder {
    /// Fresh for every start of a daemon, so that a name reused after a restart hides nobody.
    pub boot: String,
    /// The machine it runs on, by its host name.
    pub node: String,
    /// Process id of the daemon.
    pub pid: u32,
    /// Start time of that process in clock ticks since the machine's boot: a pid alone may belong to a stranger later.
    pub start_ticks: u64,
    /// For whom, e.g. `task 7`.
    pub what: String,
}

/// A claim that was won. Not `Clone`: there is one holder.
#[derive(Debug, PartialEq, Eq)]
#[must_use = "a lease that nobody holds on to should be released"]
pub struct Lease {
    name: LeaseName,
    number: i64,
    deadline: UnixMillis,
}

impl Lease {
    /// For the store alone: what it has just granted.
    pub fn granted(name: LeaseName, number: i64, deadline: UnixMillis) -> Self {
        Self { name, number, deadline }
    }

    /// What is claimed.
    pub fn name(&self) -> &LeaseName {
        &self.name
    }

    /// The fencing number: grows with every grant of this name.
    pub fn number(&self) -> i64 {
        self.number
    }

    /// Until when, unless renewed.
    pub fn deadline(&self) -> UnixMillis {
        self.deadline
    }

    /// The claim as an effect under it shows it.
    pub fn fence(&self) -> Fence {
        Fence::new(Claimed::Lease(self.name.clone()), self.number)
    }
}

/// Under which claim something is done outside. Only a [`Lease`] or a [`ClaimedJob`](crate::job::ClaimedJob) in hand makes
/// one, so nothing is pushed or merged without having won a claim; right before, the store is asked whether the claim still
/// stands under this number, and if not, the work is dropped (I7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fence {
    claim: Claimed,
    number: i64,
}

/// What a [`Fence`] was won for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Claimed {
    /// A lease.
    Lease(LeaseName),
    /// A running job.
    Job(JobId),
}

impl Fence {
    pub(crate) fn new(claim: Claimed, number: i64) -> Self {
        Self { claim, number }
    }

    /// What was claimed.
    pub fn claim(&self) -> &Claimed {
        &self.claim
    }

    /// The number that it was won under.
    pub fn number(&self) -> i64 {
        self.number
    }
}

impl fmt::Display for Fence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.claim {
            Claimed::Lease(name) => write!(f, "{name} number {}", self.number),
            Claimed::Job(job) => write!(f, "job {job} number {}", self.number),
        }
    }
}

/// How an attempt to take a lease ended.
#[derive(Debug, PartialEq, Eq)]
#[must_use]
pub enum Acquire {
    /// It is ours.
    Won(Lease),
    /// Somebody else holds it.
    Held {
        /// Who.
        by: Holder,
        /// Until when, unless renewed.
        until: UnixMillis,
    },
}

/// A lease as the queue shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LeaseRow {
    /// What is claimed.
    pub name: LeaseName,
    /// Fencing number.
    pub number: i64,
    /// By whom.
    pub holder: Holder,
    /// Since when.
    pub since: UnixMillis,
    /// Until when.
    pub deadline: UnixMillis,
}
