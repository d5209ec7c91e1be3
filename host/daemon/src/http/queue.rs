//! `GET /queue`: one snapshot of everything that is active (QUE-4). Blocks of parts that do not exist are absent.

use super::problem::Problem;
use super::server::Shared;
use crate::app::App;
use crate::clock::rfc3339;
use crate::reconcile;
use axum::Json;
use axum::extract::State;
use portcullis_core::effect::OutboxRow;
use portcullis_core::event::InboxRow;
use portcullis_core::ids::TaskId;
use portcullis_core::job::{Job, Lane};
use portcullis_core::time::UnixMillis;
use portcullis_store::Snapshot;
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::PoisonError;

/// The snapshot.
pub async fn queue(State(shared): State<Shared>) -> Result<Json<Value>, Problem> {
    let snapshot = shared.app.store.snapshot().await?;
    let queue = &shared.app.settings.queue;
    let mut shown = render(&snapshot, shared.app.now(), queue.max_concurrency, queue.max_per_project);
    shown["reaper"] = reaper(&shared.app);
    let lack = shared.app.room.lack();
    if let (Some(lack), Some(waiting)) = (&lack, shown["waiting"].as_array_mut()) {
        waiting.iter_mut().for_each(|row| row["waits_for"] = json!(format!("room to work in: {}", lack.reason)));
    }
    shown["trouble"] = json!(lack.map(|lack| json!({ "since": rfc3339(lack.since), "reason": lack.reason })));
    shown["reconcile"] = reconcile::shown(&shared.app).await?;
    Ok(Json(shown))
}

fn reaper(app: &App) -> Value {
    let settings = &app.settings.reaper;
    let report = app.reaper.lock().unwrap_or_else(PoisonError::into_inner);
    let mut shown = json!(*report);
    shown["last_tick"] = json!(report.last_tick.map(rfc3339));
    shown["enabled"] = json!(settings.enabled);
    shown["interval_s"] = json!(settings.interval_s);
    shown
}

fn render(snapshot: &Snapshot, now: UnixMillis, overall: u32, per_project: u32) -> Value {
    let named =
        |task: TaskId| snapshot.work_items.iter().find(|(id, ..)| *id == task).map(|(_, _, item)| item.as_str());
    let job = |job: &Job| {
        json!({
            "job": job.id, "task": job.task, "work_item": named(job.task), "project": job.project,
            "stage": job.stage, "role": job.role, "lane": job.lane, "attempt": job.attempt,
            "age_s": now.since(job.created_at).as_secs(),
        })
    };
    let running: Vec<Value> = snapshot
        .running
        .iter()
        .map(|row| {
            let mut shown = job(row);
            if let Some(run) = &row.run {
                shown["run"] = json!(run.id);
                shown["pid"] = json!(run.process.as_ref().map(|process| process.pid));
                shown["running_s"] = json!(now.since(run.launched_at).as_secs());
                shown["log"] = json!(format!("/runs/{}/log", run.id));
                shown["exit_code"] = json!(run.exit_code);
            }
            shown
        })
        .collect();
    let waiting: Vec<Value> = snapshot
        .waiting
        .iter()
        .map(|row| {
            let mut shown = job(row);
            shown["waits_for"] = json!(why_waiting(snapshot, row, now, overall, per_project));
            shown["last_failure"] = json!(row.reason);
            shown
        })
        .collect();
    let leases: Vec<Value> = snapshot
        .leases
        .iter()
        .map(|lease| {
            json!({
                "name": lease.name, "number": lease.number, "holder": lease.holder.what, "pid": lease.holder.pid,
                "age_s": now.since(lease.since).as_secs(), "until": rfc3339(lease.deadline),
            })
        })
        .collect();
    json!({
        "at": rfc3339(now),
        "paused": snapshot.pauses.0.iter().map(|pause| json!({
            "what": pause.scope.to_string(), "scope": pause.scope, "by": pause.by, "why": pause.why,
            "since": rfc3339(pause.since),
        })).collect::<Vec<_>>(),
        "tasks": { "active": snapshot.tasks_active, "held": snapshot.tasks_held },
        "jobs": counts(&snapshot.job_counts),
        "running": running,
        "waiting": waiting,
        "leases": leases,
        "inbox": { "counts": counts(&snapshot.inbox), "parked": snapshot.inbox_parked.iter().map(|row| event(row, now)).collect::<Vec<_>>() },
        "outbox": { "counts": counts(&snapshot.outbox), "open": snapshot.outbox_open.iter().map(|row| effect(row, now)).collect::<Vec<_>>() },
        "gates": { "evaluations": snapshot.evaluations.iter().cloned().collect::<BTreeMap<_, _>>() },
    })
}

fn why_waiting(snapshot: &Snapshot, row: &Job, now: UnixMillis, overall: u32, per_project: u32) -> String {
    let pauses = &snapshot.pauses;
    if let Some(pause) = pauses.of_project(&row.project).or_else(|| pauses.of_role(&row.role)) {
        return format!("`portcullis resume`: {} was paused by {}: {}", pause.scope, pause.by, pause.why);
    }
    if row.not_before > now {
        return format!("its next attempt, at {}", rfc3339(row.not_before));
    }
    let same_lane = || snapshot.running.iter().filter(|job| job.lane == row.lane);
    if row.lane == Lane::Ci {
        return "the CI run before it".to_owned();
    }
    if same_lane().count() >= overall as usize {
        return format!("a free place: {overall} of {overall} are taken (queue.max_concurrency)");
    }
    let in_project = same_lane().filter(|job| job.project == row.project).count();
    if in_project >= per_project as usize {
        return format!(
            "a free place in project {}: {per_project} of {per_project} are taken (queue.max_per_project)",
            row.project
        );
    }
    "its turn: it is claimed within a moment, unless its task is held".to_owned()
}

fn counts<S: serde::Serialize>(counts: &[(S, i64)]) -> Value {
    let name = |state: &S| json!(state).as_str().unwrap_or_default().to_owned();
    json!(counts.iter().map(|(state, count)| (name(state), *count)).collect::<BTreeMap<_, _>>())
}

/// A received event without its body: that may hold what is not for every reader.
pub fn event(row: &InboxRow, now: UnixMillis) -> Value {
    json!({
        "event": row.id, "source": row.source, "name": row.event, "delivery": row.delivery, "state": row.state,
        "attempts": row.attempts, "reason": row.reason, "received": rfc3339(row.received_at),
        "age_s": now.since(row.received_at).as_secs(), "bytes": row.body.len(),
    })
}

fn effect(row: &OutboxRow, now: UnixMillis) -> Value {
    json!({
        "effect": row.id, "project": row.project, "task": row.task, "key": row.key, "what": row.effect, "state": row.state,
        "attempts": row.attempts, "reason": row.reason, "age_s": now.since(row.created_at).as_secs(),
    })
}
