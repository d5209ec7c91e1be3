//! What a story is: a scene, and what happens around its daemon.

use crate::daemon::Daemon;
use crate::invariants::{Course, Outside};
use crate::scene::Scene;
use serde_json::Value;

/// A scene with everything around the daemon.
pub trait Story {
    /// The scene.
    fn scene(&self) -> &Scene;

    /// What happens outside now, as far as it has not happened yet. Called again and again while a daemon lives; whatever
    /// the daemon did not answer is asked again. `tasks` is what `GET /tasks/{id}` shows of each. Answers whether all that
    /// was to happen has.
    fn go_on(&mut self, daemon: &Daemon, tasks: &[Value]) -> bool;

    /// How many tasks there are in the end.
    fn tasks(&self) -> usize;

    /// Whether a task may end held for a person: with this many attempts, every other one finishes.
    fn may_be_held(&self, work_item: &str) -> bool;

    /// The pipelines of its projects.
    fn courses(&self) -> Vec<Course>;

    /// What was seen outside.
    fn outside(&self) -> Outside;
}

/// Every task as the daemon shows it; none if it does not answer.
pub fn tasks(daemon: &Daemon) -> Option<Vec<Value>> {
    let list = daemon.try_get("/tasks?limit=1000").filter(|answer| answer.status == 200)?;
    let ids: Vec<i64> = list.body["tasks"].as_array()?.iter().filter_map(|task| task["task"].as_i64()).collect();
    ids.into_iter()
        .map(|id| {
            daemon.try_get(&format!("/tasks/{id}")).filter(|answer| answer.status == 200).map(|answer| answer.body)
        })
        .collect()
}

/// Whether nothing is left to do: each task has ended, and nothing waits to be handled or sent.
pub fn is_quiet(daemon: &Daemon, tasks: &[Value], expected: usize) -> bool {
    let ended = |shown: &Value| matches!(shown["task"]["rest"]["kind"].as_str(), Some("finished" | "held"));
    if tasks.len() != expected || !tasks.iter().all(ended) {
        return false;
    }
    let Some(queue) = daemon.try_get("/queue") else { return false };
    let none = |block: &str, state: &str| queue.body[block]["counts"][state].as_i64().unwrap_or(0) == 0;
    let job = |state: &str| queue.body["jobs"][state].as_i64().unwrap_or(0) == 0;
    none("inbox", "new") && none("outbox", "waiting") && job("queued") && job("running")
}

/// Where a task stands, in a word each: stage, why it rests, its head.
pub fn standing(shown: &Value) -> (&str, &str, Option<&str>) {
    let task = &shown["task"];
    (
        task["stage"].as_str().unwrap_or_default(),
        task["rest"]["kind"].as_str().unwrap_or_default(),
        task["head"].as_str(),
    )
}
