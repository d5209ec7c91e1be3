//! F-1: a task at rest whose ring was lost. Its edge is judged read-only; if there is something to do, the task is rung,
//! and `drive` does it, as if the event had come (REC-1).
//!
//! A dry look asks what `drive` would ask, with `next_step`, about a copy of the task that says it was rung just now. What
//! gates answer stays in memory; nothing is committed, no lease is taken, no `act` is called. Red is silence.

use super::report::Counts;
use super::tick::failed;
use crate::app::App;
use crate::gatehouse::chain;
use crate::judge::{self, Asking};
use crate::look::{Looked, World, look as look_at_world};
use portcullis_connect::tracker::TrackerItem;
use portcullis_core::effect::{Effect, NewEffect};
use portcullis_core::gate::{Evaluation, Outcome};
use portcullis_core::ids::{GateName, Revision, TaskId};
use portcullis_core::job::Job;
use portcullis_core::pause::Pauses;
use portcullis_core::reconcile::{DryLook, Guard, ItemState, Mark, OnBoard, ReconcileRules, Skip, guard};
use portcullis_core::step::next_step;
use portcullis_core::task::Task;
use portcullis_core::time::UnixMillis;
use portcullis_store::StoreError;
use std::collections::{HashMap, HashSet};
use std::time::Duration;

/// Tasks at rest that are considered in one round, those that have rested longest first.
const CANDIDATES: u32 = 1000;
/// Tasks that are judged in one round: each may cost a question to the tracker, and some allow 60 a minute. Those that
/// were not looked at for longest come first, so all come up.
const LOOKS: usize = 40;
/// Steps of one dry look: an edge has fewer gates.
const STEPS: usize = 100;
/// A task that has not moved so long after a ring was not unblocked by it.
const PATIENCE: Duration = Duration::from_secs(3600);

/// What F-1 remembers from one round to the next.
#[derive(Debug, Default)]
pub(super) struct Gates {
    /// When each candidate was looked at last.
    looked: HashMap<TaskId, UnixMillis>,
    /// Tasks that were rung and have not moved yet.
    rung: HashMap<TaskId, Rung>,
    /// What each gate said to us last, and about which heads.
    said: HashMap<(TaskId, GateName), (Revision, Revision, Outcome)>,
}

#[derive(Debug)]
struct Rung {
    mark: Mark,
    version: i64,
    at: UnixMillis,
}

impl Gates {
    pub(super) fn has_rung(&self) -> bool {
        !self.rung.is_empty()
    }

    pub(super) fn rung(&self) -> usize {
        self.rung.len()
    }
}

/// Counts and announces the tasks that have moved since they were rung: truly, and each once (REC-5).
pub(super) async fn look_after(app: &App, gates: &mut Gates, counts: &mut Counts) -> Result<(), StoreError> {
    let ids: Vec<TaskId> = gates.rung.keys().copied().collect();
    for id in ids {
        let Some(rung) = gates.rung.get(&id) else { continue };
        match app.store.task(id).await {
            Ok(Some(task)) if rung.mark.is_left_by(&task) => {
                let effect = unblocked(&task, rung);
                if app.store.tell(id, effect, app.now()).await? {
                    tracing::info!(task.id = id.0, from = %rung.mark.stage, to = %task.stage, "a stuck task was unblocked");
                    counts.unblocked += 1;
                    app.bell.outbox.notify_one();
                }
            }
            Ok(Some(_)) if app.now().since(rung.at) < PATIENCE => continue,
            // It cannot be read any more: whoever drives it sees to that (REA-6).
            Ok(_) | Err(StoreError::Damaged { .. }) => {}
            Err(error) => return Err(error),
        }
        gates.rung.remove(&id);
    }
    Ok(())
}

fn unblocked(task: &Task, rung: &Rung) -> NewEffect {
    let text = format!(
        "{} {} was stuck in {}: the event that should have moved it never came. Portcullis noticed; it is in {} now.",
        task.project, task.work_item, rung.mark.stage, task.stage
    );
    NewEffect { key: format!("task-{}/v{}/unblocked", task.id, rung.version), effect: Effect::Notify { text } }
}

/// Looks at the tasks at rest. Answers how many were judged. One task's failure does not keep the others waiting.
pub(super) async fn look(app: &App, gates: &mut Gates, counts: &mut Counts) -> Result<usize, StoreError> {
    let rules = app.settings.reconcile.rules(&app.settings.gates.approved_stages);
    let now = app.now();
    let before =
        UnixMillis(now.0.saturating_sub(i64::try_from(rules.smallest_grace().as_millis()).unwrap_or(i64::MAX)));
    let pauses = app.store.pauses().await?;
    let mut candidates = app.store.tasks_at_rest(before, CANDIDATES).await?;
    candidates.retain(|task| !matches!(guard(task, None, &pauses, OnBoard::NotAsked, &rules, now), Guard::Skip(_)));
    let present: HashSet<TaskId> = candidates.iter().map(|task| task.id).collect();
    gates.looked.retain(|id, _| present.contains(id));
    gates.said.retain(|(id, _), _| present.contains(id));
    candidates.sort_by_key(|task| gates.looked.get(&task.id).copied());
    let mut judged = 0;
    for task in candidates.into_iter().take(LOOKS) {
        gates.looked.insert(task.id, app.now());
        match look_at(app, gates, task.id, &rules, &pauses, counts).await {
            Ok(looked) => judged += usize::from(looked),
            Err(error @ (StoreError::Closed | StoreError::Database { .. })) => return Err(error),
            Err(error) => {
                tracing::error!(task.id = task.id.0, error = %chain(&error), "a task at rest could not be looked at");
                failed(app, format!("task {}: {}", task.id, chain(&error)));
            }
        }
    }
    Ok(judged)
}

/// Looks at one task. Answers whether it was judged.
async fn look_at(
    app: &App,
    gates: &mut Gates,
    id: TaskId,
    rules: &ReconcileRules,
    pauses: &Pauses,
    counts: &mut Counts,
) -> Result<bool, StoreError> {
    let Some(task) = &app.store.task(id).await? else { return Ok(false) };
    let job = app.store.job_of_visit(id).await?;
    let mut allowed = guard(task, job.as_ref(), pauses, OnBoard::NotAsked, rules, app.now());
    if allowed == Guard::AskTracker {
        let shown = on_board(app, task).await;
        let board = shown.as_ref().map_or(OnBoard::Unknown, OnBoard::Shows);
        allowed = guard(task, job.as_ref(), pauses, board, rules, app.now());
    }
    match allowed {
        Guard::Judge => {}
        Guard::Skip(skip) => {
            tracing::debug!(task.id = task.id.0, %skip, "a task at rest is left alone");
            counts.skipped_terminal += i64::from(skip == Skip::Terminal);
            return Ok(false);
        }
        Guard::AskTracker => return Ok(false),
    }
    if needs_a_ring(app, gates, task, job).await? && is_as_it_was(app, task).await? {
        tracing::info!(task.id = task.id.0, stage = %task.stage, "a stuck task was found; it is rung");
        app.store.ring(&[task.id], app.now()).await?;
        app.bell.tasks.notify_one();
        // Rung again without having moved it is the same unblocking.
        let mark = Mark::of(task);
        if gates.rung.get(&task.id).is_none_or(|rung| rung.mark != mark) {
            gates.rung.insert(task.id, Rung { mark, version: task.version, at: app.now() });
        }
    }
    Ok(true)
}

/// Whether nobody has moved or rung a task since it was read: looking may take long, and what moves by itself is not stuck.
async fn is_as_it_was(app: &App, task: &Task) -> Result<bool, StoreError> {
    let now = app.store.task(task.id).await?;
    Ok(now.is_some_and(|now| now.version == task.version && now.rings == task.rings))
}

/// The task's state on its board; none if it cannot be learnt.
async fn on_board(app: &App, task: &Task) -> Option<ItemState> {
    let project = app.project(&task.project)?;
    let id = task.tracker_id.clone().unwrap_or_else(|| task.work_item.to_string());
    let item = TrackerItem { project: project.tracker_project(), id };
    match project.tracker.item(&item).await {
        Ok(found) => found.map(|item| item.state),
        Err(error) => {
            tracing::debug!(task.id = task.id.0, %error, "a task's state on the board could not be learnt");
            failed(app, format!("task {}: {error}", task.id));
            None
        }
    }
}

/// Whether `drive` would do something, if it looked now.
async fn needs_a_ring(app: &App, gates: &mut Gates, task: &Task, job: Option<Job>) -> Result<bool, StoreError> {
    let rung = Task { rings: task.rings.saturating_add(1), ..task.clone() };
    let world = match look_at_world(app, &rung, job, &mut None).await? {
        Looked::World(world) => world,
        // A push whose event was lost.
        Looked::Moved { .. } => return Ok(true),
        Looked::Rests(_) => return Ok(false),
    };
    let bindings = world.bindings();
    let mut evaluations = world.evaluations.clone();
    for _ in 0..STEPS {
        let step = next_step(&world.view(&rung, &bindings, &evaluations, None), &app.rules, app.now());
        match DryLook::of(&step) {
            DryLook::Judge(gate) => {
                let Some((bound, subject)) = world.subject(&rung, gate) else { return Ok(false) };
                let asked = judge::ask(app, &world.project, &rung, bound, subject, Asking::Evaluate).await;
                record(app, gates, task.id, &world, &asked.evaluation).await?;
                evaluations.push(asked.evaluation);
            }
            DryLook::Ring => return Ok(true),
            DryLook::Red | DryLook::Rests => return Ok(false),
        }
    }
    Ok(false)
}

/// Keeps an answer that says something else than what is known of that gate and subject (GAT-6).
async fn record(
    app: &App,
    gates: &mut Gates,
    task: TaskId,
    world: &World,
    seen: &Evaluation,
) -> Result<(), StoreError> {
    let about = |e: &&Evaluation| {
        e.gate == seen.gate
            && e.plugin == seen.plugin
            && e.config_digest == seen.config_digest
            && e.subject.head == seen.subject.head
            && e.subject.target_head == seen.subject.target_head
    };
    let outcome = &seen.report.outcome;
    let stored = world.evaluations.iter().rev().find(about).is_some_and(|known| known.report.outcome == *outcome);
    let said = (seen.subject.head.clone(), seen.subject.target_head.clone(), outcome.clone());
    let again = gates.said.insert((task, seen.gate.clone()), said.clone()) == Some(said);
    if stored || again { Ok(()) } else { app.store.record_observation(task, seen).await }
}
