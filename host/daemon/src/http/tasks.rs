//! Looking at tasks, evaluations, events, projects and plugins.

use super::problem::Problem;
use super::queue::event;
use super::server::Shared;
use crate::clock::rfc3339;
use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::header;
use axum::response::{IntoResponse, Response};
use portcullis_core::gate::{Evaluation, Outcome};
use portcullis_core::ids::{EvaluationId, InboxId, ProjectName, TaskId};
use portcullis_core::task::Task;
use portcullis_core::time::UnixMillis;
use portcullis_store::{Filter, StoreError};
use serde::Deserialize;
use serde_json::{Value, json};

/// Which rows of a list are wanted.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    project: Option<String>,
    task: Option<i64>,
    limit: Option<u32>,
    state: Option<String>,
}

impl Wanted {
    fn filter(&self) -> Filter {
        Filter {
            project: self.project.as_deref().map(ProjectName::new),
            task: self.task.map(TaskId),
            limit: self.limit.unwrap_or(100).min(1000),
        }
    }
}

/// `GET /tasks`.
pub async fn list(State(shared): State<Shared>, Query(wanted): Query<Wanted>) -> Result<Json<Value>, Problem> {
    let tasks = shared.app.store.tasks(wanted.filter()).await?;
    let now = shared.app.now();
    Ok(Json(json!({ "tasks": tasks.iter().map(|task| brief(task, now)).collect::<Vec<_>>() })))
}

/// A task of this number.
///
/// # Errors
/// 404.
pub async fn find(shared: &Shared, id: i64) -> Result<Task, Problem> {
    shared.app.store.task(TaskId(id)).await?.ok_or_else(|| Problem::not_found(format!("task {id}")))
}

/// A task in a list.
pub fn brief(task: &Task, now: UnixMillis) -> Value {
    json!({
        "task": task.id, "project": task.project, "work_item": task.work_item, "title": task.title, "stage": task.stage,
        "held": task.held.is_some(), "returns": task.returns, "in_stage_s": now.since(task.stage_since).as_secs(),
        "why": task.rest.as_ref().map(ToString::to_string),
    })
}

/// `GET /tasks/{id}`: the task with its evaluations.
pub async fn show(State(shared): State<Shared>, Path(id): Path<i64>) -> Result<Json<Value>, Problem> {
    let task = find(&shared, id).await?;
    let wanted = Filter { task: Some(task.id), limit: 200, ..Filter::default() };
    let evaluations = shared.app.store.evaluations(wanted).await?;
    let board = shared.app.store.board_item(&task.project, &task.work_item).await?;
    // A task whose job cannot be read is held for it; whoever looks for the reason still sees the rest.
    let job = match shared.app.store.job_of_visit(task.id).await {
        Err(error @ StoreError::Damaged { .. }) => json!({ "damaged": error.to_string() }),
        job => json!(job?),
    };
    Ok(Json(json!({
        "task": task, "job": job, "board": board,
        "evaluations": evaluations.iter().rev().map(shown).collect::<Vec<_>>(),
    })))
}

/// An evaluation as people and scripts see it.
pub fn shown(evaluation: &Evaluation) -> Value {
    let (verdict, summary, findings, evidence, fault) = match &evaluation.report.outcome {
        Outcome::Judged(j) => (json!(j.verdict), j.summary.clone(), json!(j.findings), json!(j.evidence), Value::Null),
        // A fault is never shown as a verdict of the gate (GAT-1).
        Outcome::Faulted(fault) => (Value::Null, fault.to_string(), json!([]), json!([]), json!(fault)),
    };
    json!({
        "evaluation": evaluation.id, "gate": evaluation.gate, "plugin": evaluation.plugin.name,
        "version": evaluation.plugin.version, "digest": evaluation.plugin.digest, "call": evaluation.call,
        "mode": evaluation.mode, "from": evaluation.subject.from, "to": evaluation.subject.to,
        "head": evaluation.subject.head, "target_head": evaluation.subject.target_head,
        "config_digest": evaluation.config_digest, "verdict": verdict, "fault": fault, "summary": summary,
        "findings": findings, "evidence": evidence,
        "duration_us": u64::try_from(evaluation.report.duration.as_micros()).unwrap_or(u64::MAX),
        "memory_peak_bytes": evaluation.report.memory_peak_bytes, "host_calls": evaluation.report.host_calls,
        "at": rfc3339(evaluation.at),
    })
}

/// `GET /tasks/{id}/explain` (STG-6): from the same value that the decision was.
pub async fn explain(State(shared): State<Shared>, Path(id): Path<i64>) -> Result<Json<Value>, Problem> {
    let task = find(&shared, id).await?;
    let wanted = Filter { task: Some(task.id), limit: 50, ..Filter::default() };
    let evaluations = shared.app.store.evaluations(wanted).await?;
    let here: Vec<Value> = evaluations
        .iter()
        .rev()
        .filter(|e| e.subject.from == task.stage && e.at >= task.fresh_from)
        .map(|e| json!({ "gate": e.gate, "verdict": shown(e)["verdict"], "fault": shown(e)["fault"], "summary": shown(e)["summary"], "at": rfc3339(e.at) }))
        .collect();
    let now = shared.app.now();
    let why = task.rest.as_ref().map_or_else(|| "it is being looked at".to_owned(), ToString::to_string);
    let since = now.since(task.stage_since).as_secs();
    let next = task
        .next_look_at
        .map(|at| format!(" It is looked at again at {}, or as soon as something happens.", rfc3339(at)));
    let text = format!(
        "Task {} ({} {}) is in {} since {} ({since} s): {why}.{}",
        task.id,
        task.project,
        task.work_item,
        task.stage,
        rfc3339(task.stage_since),
        next.unwrap_or_default()
    );
    Ok(Json(json!({
        "task": task.id, "stage": task.stage, "since": rfc3339(task.stage_since), "text": text, "rest": task.rest,
        "held": task.held, "gates": here, "next_look_at": task.next_look_at.map(rfc3339),
    })))
}

/// `GET /evaluations/{id}`.
pub async fn evaluation(State(shared): State<Shared>, Path(id): Path<i64>) -> Result<Json<Value>, Problem> {
    let evaluation = found(&shared, id).await?;
    let mut shown = shown(&evaluation);
    shown["log"] = json!(shared.app.redactor.clean(&evaluation.report.log));
    Ok(Json(shown))
}

/// `GET /evaluations/{id}/transcript`: the gate's host calls, one JSON line each (GAT-6).
pub async fn transcript(State(shared): State<Shared>, Path(id): Path<i64>) -> Result<Response, Problem> {
    let evaluation = found(&shared, id).await?;
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], evaluation.report.transcript).into_response())
}

async fn found(shared: &Shared, id: i64) -> Result<Evaluation, Problem> {
    let found = shared.app.store.evaluation(EvaluationId(id)).await?;
    found.ok_or_else(|| Problem::not_found(format!("evaluation {id}")))
}

/// `GET /inbox`.
pub async fn inbox(State(shared): State<Shared>, Query(wanted): Query<Wanted>) -> Result<Json<Value>, Problem> {
    let state = match wanted.state {
        None => None,
        Some(text) => Some(serde_json::from_value(json!(text)).map_err(|_| {
            Problem::bad_request(format!("`{text}` is no state; it is new, processed, ignored or parked"))
        })?),
    };
    let events = shared.app.store.events(state, wanted.limit.unwrap_or(50).min(1000)).await?;
    let now = shared.app.now();
    Ok(Json(json!({ "events": events.iter().map(|row| event(row, now)).collect::<Vec<_>>() })))
}

/// `GET /inbox/{id}`: with its body, as far as that is text.
pub async fn inbox_event(State(shared): State<Shared>, Path(id): Path<i64>) -> Result<Json<Value>, Problem> {
    let row = shared.app.store.event(InboxId(id)).await?.ok_or_else(|| Problem::not_found(format!("event {id}")))?;
    let mut shown = event(&row, shared.app.now());
    shown["body"] = json!(shared.app.redactor.clean(&String::from_utf8_lossy(&row.body)));
    Ok(Json(shown))
}

/// `GET /audit` (OBS-2).
pub async fn audit(State(shared): State<Shared>, Query(wanted): Query<Wanted>) -> Result<Json<Value>, Problem> {
    let rows = shared.app.store.audit(wanted.filter()).await?;
    Ok(Json(json!({ "audit": rows })))
}

/// `GET /projects`.
pub async fn projects(State(shared): State<Shared>) -> Json<Value> {
    let projects: Vec<Value> = shared
        .app
        .projects
        .all()
        .values()
        .map(|project| {
            let s = &project.settings;
            json!({
                "name": s.name, "repository": s.repository, "forge": s.forge, "tracker": s.tracker,
                "default_branch": s.default_branch, "roles": s.roles.keys().collect::<Vec<_>>(),
                "commands": s.commands.keys().collect::<Vec<_>>(),
            })
        })
        .collect();
    Json(json!({ "projects": projects }))
}

/// `GET /plugins`.
pub async fn plugins(State(shared): State<Shared>) -> Result<Json<Value>, Problem> {
    let registry = shared.app.registry.clone();
    let listed = tokio::task::spawn_blocking(move || registry.list());
    let listed = listed.await.map_err(|error| Problem::conflict(error.to_string()))?;
    let listed = listed.map_err(|error| Problem::conflict(crate::gatehouse::chain(&error)))?;
    let plugins: Vec<Value> = listed
        .iter()
        .map(|listed| {
            let plugin = listed.plugin();
            json!({ "name": plugin.name, "version": plugin.version, "digest": plugin.digest })
        })
        .collect();
    Ok(Json(json!({ "plugins": plugins })))
}
