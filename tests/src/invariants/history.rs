//! What a daemon remembers, as far as the invariants speak about it.

use serde_json::Value;
use std::collections::BTreeMap;

/// Everything that was read from one database.
#[derive(Debug, Clone, Default)]
#[allow(missing_docs, reason = "each is a table")]
pub struct History {
    pub tasks: Vec<Task>,
    pub audit: Vec<Entry>,
    pub jobs: Vec<Job>,
    pub runs: Vec<Run>,
    pub events: Vec<Event>,
    pub effects: Vec<Effect>,
    pub leases: Vec<Lease>,
    pub evaluations: Vec<Evaluation>,
    pub pull_requests: Vec<PullRequest>,
    /// The boards of projects without a tracker of their own.
    pub board: Vec<Card>,
    /// What the loops have counted.
    pub counters: BTreeMap<String, i64>,
}

/// A task as it is in the end.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "named as the columns")]
pub struct Task {
    pub id: i64,
    pub project: String,
    pub work_item: String,
    pub tracker_id: Option<String>,
    pub stage: String,
    pub visit: i64,
    pub version: i64,
    pub branch: String,
    /// By which commit its work was merged last.
    pub merge_commit: Option<String>,
    pub standing: String,
    /// Why it is held, if it is.
    pub held: Option<String>,
    /// The job that it rests for, if it does.
    pub waits_for: Option<i64>,
    /// Whether a time is set at which it is looked at again.
    pub is_due: bool,
}

/// A line of the audit trail about a task.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "named as the columns")]
pub struct Entry {
    pub task: i64,
    pub actor: String,
    pub what: String,
    pub from: String,
    pub to: String,
}

/// A job.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "named as the columns")]
pub struct Job {
    pub id: i64,
    pub task: i64,
    pub lane: String,
    pub visit: i64,
    pub state: String,
}

/// A run.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "named as the columns")]
pub struct Run {
    pub id: i64,
    pub job: i64,
    pub attempt: i64,
}

/// A webhook that was received.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "named as the columns")]
pub struct Event {
    pub id: i64,
    pub delivery: String,
    pub state: String,
    pub reason: Option<String>,
}

/// An effect that was decided.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "named as the columns")]
pub struct Effect {
    pub project: String,
    pub task: i64,
    pub key: String,
    pub state: String,
    pub reason: Option<String>,
    pub effect: Value,
}

/// A lease.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "named as the columns")]
pub struct Lease {
    pub name: String,
    /// Who has it; nobody has a free one.
    pub holder: Option<String>,
}

/// An answer of a gate.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "named as the columns")]
pub struct Evaluation {
    pub task: i64,
    pub visit: i64,
    pub gate: String,
    pub call: String,
    pub mode: String,
    pub ending: String,
    /// What was judged, and what it would be merged into.
    pub subject: (String, String),
}

/// Where a work item stands on its board.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Card {
    /// Which project's.
    pub project: String,
    /// The work item, as the tracker has it.
    pub item: String,
    /// The state's name there.
    pub state: String,
}

/// A pull request of the local forge.
#[derive(Debug, Clone)]
#[allow(missing_docs, reason = "named as the columns")]
pub struct PullRequest {
    pub project: String,
    pub branch: String,
}

/// The pipeline that a project's manifest describes.
#[derive(Debug, Clone)]
pub struct Course {
    /// Which project.
    pub project: String,
    /// Where tasks begin.
    pub first: String,
    /// Its edges.
    pub edges: Vec<Edge>,
}

/// A stage and the next.
#[derive(Debug, Clone)]
pub struct Edge {
    /// From where.
    pub from: String,
    /// To where.
    pub to: String,
    /// Where a red gate sends the task.
    pub on_fail: String,
    /// The enforcing gates.
    pub gates: Vec<String>,
    /// Whether the work is merged on it.
    pub merge: bool,
}

impl Course {
    /// A pipeline from its edges, each `(from, to, on-fail, gates, merge)`.
    pub fn new(project: &str, edges: &[(&str, &str, &str, &[&str], bool)]) -> Self {
        let edge = |(from, to, on_fail, gates, merge): &(&str, &str, &str, &[&str], bool)| Edge {
            from: (*from).to_owned(),
            to: (*to).to_owned(),
            on_fail: (*on_fail).to_owned(),
            gates: gates.iter().map(|gate| (*gate).to_owned()).collect(),
            merge: *merge,
        };
        let first = edges.first().map_or_else(String::new, |edge| edge.0.to_owned());
        Self { project: project.to_owned(), first, edges: edges.iter().map(edge).collect() }
    }

    /// The edge that leaves a stage.
    pub fn edge(&self, from: &str) -> Option<&Edge> {
        self.edges.iter().find(|edge| edge.from == from)
    }
}
