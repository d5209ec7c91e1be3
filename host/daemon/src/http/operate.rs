//! What people do to tasks. None of it moves a task by itself: it records, rings or releases, and `drive` does the rest.

use super::problem::Problem;
use super::server::Shared;
use super::switches::ByAndWhy;
use super::tasks::{brief, find};
use crate::app::App;
use crate::drive::LEASE_FOR;
use crate::inbox::{decision, new_task};
use crate::merge;
use crate::run::resume::ask_to_end;
use axum::Json;
use axum::body::Bytes;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use portcullis_core::ids::{InboxId, ProjectName, Revision, TaskId, WorkItem};
use portcullis_core::job::{CancelAsked, Job, JobState};
use portcullis_core::lease::{Acquire, LeaseName};
use portcullis_core::task::{Change, Commit, Committed, Created, Held, Task};
use serde::Deserialize;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;

/// `POST /tasks`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewTaskBody {
    project: String,
    work_item: String,
    title: String,
    #[serde(default)]
    description: String,
    /// Configuration laid over the manifest's for single gates, for this task alone: gate name → table (STV-3).
    #[serde(default)]
    gates: Option<Value>,
    #[serde(default)]
    by: Option<String>,
}

/// Makes a task with its first job, unless its work item has one.
pub async fn create(
    State(shared): State<Shared>,
    body: Result<Json<NewTaskBody>, axum::extract::rejection::JsonRejection>,
) -> Result<Response, Problem> {
    let Json(body) = body.map_err(|error| Problem::new(error.status(), error.body_text()))?;
    let app = &shared.app;
    let project = app.project(&ProjectName::new(body.project.clone())).ok_or_else(|| {
        let known: Vec<String> = app.project_names().iter().map(ToString::to_string).collect();
        Problem::bad_request(format!("there is no project `{}`; there are: {}", body.project, known.join(", ")))
    })?;
    if body.work_item.trim().is_empty() || body.title.trim().is_empty() {
        return Err(Problem::bad_request("a task needs a work_item and a title"));
    }
    let overlay = body.gates.unwrap_or_else(|| json!({}));
    if !overlay.is_object() {
        return Err(Problem::bad_request("`gates` is a table: gate name → configuration"));
    }
    let work_item = WorkItem::new(body.work_item.trim());
    let new = new_task(app, &project, work_item, None, body.title, body.description, overlay).await;
    let new = new.map_err(|reason| Problem::new(StatusCode::UNPROCESSABLE_ENTITY, reason))?;
    let by = body.by.unwrap_or_else(|| "operator".to_owned());
    let created = app.store.create_task(new, &by, app.now()).await?;
    app.bell.ring_all();
    let (status, id) = match created {
        Created::New(id) => (StatusCode::CREATED, id),
        Created::Exists(id) => (StatusCode::OK, id),
    };
    let task = find(&shared, id.0).await?;
    Ok((status, Json(brief(&task, app.now()))).into_response())
}

/// What comes with an action.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ActionBody {
    /// Who does it.
    #[serde(default)]
    by: Option<String>,
    /// Why.
    #[serde(default)]
    comment: Option<String>,
    /// For approve and reject: the head that was looked at. If the branch has moved on since, nothing is recorded.
    #[serde(default)]
    revision: Option<Revision>,
}

/// `POST /tasks/{id}/{approve,reject,hold,release,retry,cancel}`.
pub async fn act(
    State(shared): State<Shared>,
    Path((id, action)): Path<(i64, String)>,
    body: Bytes,
) -> Result<Json<Value>, Problem> {
    let body: ActionBody = if body.is_empty() {
        ActionBody::default()
    } else {
        serde_json::from_slice(&body)
            .map_err(|error| Problem::bad_request(format!("the body is not usable: {error}")))?
    };
    let task = find(&shared, id).await?;
    let app = &shared.app;
    let by = body.by.unwrap_or_else(|| "operator".to_owned());
    let comment = body.comment.unwrap_or_default();
    let held = |reason: String| Change::Hold {
        held: Held { reason, since: app.now(), by: by.clone() },
        returns: task.returns,
    };
    match action.as_str() {
        "approve" | "reject" => {
            if let Some(seen) = &body.revision
                && task.head.as_ref() != Some(seen)
            {
                let now = task.head.as_ref().map_or("no revision", Revision::short);
                return Err(Problem::conflict(format!(
                    "you looked at {}, but the branch is at {now} now; look again",
                    seen.short()
                )));
            }
            let decision = decision(app, &task, action == "approve", by, comment).map_err(Problem::conflict)?;
            app.store.decide(task.id, decision, app.now()).await?;
        }
        "hold" if task.held.is_some() => return Err(Problem::conflict(format!("task {id} is held already"))),
        "hold" => change(app, &task, held(or(comment, "held by a person")), &by, "hold").await?,
        "release" => {
            if task.held.is_none() {
                return Err(Problem::conflict(format!("task {id} is not held; `explain` says what it waits for")));
            }
            let job = app.store.job_of_visit(task.id).await?;
            // A role that has failed for good has to run again, or the task would be held again at once.
            let again = job.is_some_and(|job| matches!(job.state, JobState::Failed | JobState::Cancelled));
            change(app, &task, Change::Release { again }, &by, &or(comment, "released")).await?;
        }
        "retry" => retry_stage(app, task.id, &by, &comment).await?,
        "cancel" => {
            let why = or(comment, "cancelled by a person");
            change(app, &task, held(why.clone()), &by, "cancel").await?;
            if let Some(job) = app.store.job_of_visit(task.id).await? {
                end_job(app, &job, &by, &why).await?;
            }
        }
        other => {
            return Err(Problem::not_found(format!(
                "action `{other}`: there are approve, reject, hold, release, retry and cancel"
            )));
        }
    }
    app.bell.ring_all();
    let task = find(&shared, id).await?;
    Ok(Json(brief(&task, app.now())))
}

fn or(text: String, otherwise: &str) -> String {
    if text.trim().is_empty() { otherwise.to_owned() } else { text }
}

/// Writes a person's change under the task's drive lease, like every change. Waits a little for a drive under way.
async fn change(app: &Arc<App>, task: &Task, change: Change, by: &str, why: &str) -> Result<(), Problem> {
    for _ in 0..50 {
        let name = LeaseName::drive(task.id);
        let lease =
            app.store.acquire(&name, &app.holder(format!("{by} on task {}", task.id)), app.now(), LEASE_FOR).await?;
        if let Acquire::Won(lease) = lease {
            let Some(now) = app.store.task(task.id).await? else {
                app.store.release(lease, app.now()).await?;
                return Err(Problem::not_found(format!("task {}", task.id)));
            };
            let commit = Commit {
                task: task.id,
                version: now.version,
                rings: now.rings,
                change: change.clone(),
                evaluations: Vec::new(),
                effects: Vec::new(),
                actor: by.to_owned(),
                why: why.to_owned(),
                at: app.now(),
            };
            let done = matches!(app.store.commit(&lease, commit).await?, Committed::Done { .. });
            if done {
                // Held or called off, nobody drives it any more: what it had taken for its merge would keep the others waiting.
                merge::settle(app, task.id, None, false).await;
            }
            app.store.release(lease, app.now()).await?;
            if done {
                return Ok(());
            }
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    Err(Problem::conflict(format!("task {} is being driven just now; try again in a moment", task.id)))
}

/// Runs the role of a task's stage once more, in a new visit.
///
/// # Errors
/// If one is under way.
pub async fn retry_stage(app: &Arc<App>, id: TaskId, by: &str, comment: &str) -> Result<(), Problem> {
    let task = app.store.task(id).await?.ok_or_else(|| Problem::not_found(format!("task {id}")))?;
    let job = app.store.job_of_visit(id).await?;
    if job.is_some_and(|job| matches!(job.state, JobState::Running | JobState::Queued)) {
        return Err(Problem::conflict(format!("task {id} has a job under way; cancel it first")));
    }
    change(app, &task, Change::Release { again: true }, by, &or(comment.to_owned(), "retried")).await
}

/// Ends a job: a waiting one at once, a running one by asking its group to end (LAU-5). That it was asked for is durable
/// first: a daemon that ends now asks again. False: it had ended.
///
/// # Errors
/// If the store fails.
pub async fn end_job(app: &Arc<App>, job: &Job, by: &str, why: &str) -> Result<bool, Problem> {
    match app.store.cancel_job(job.id, by, why, app.now()).await? {
        CancelAsked::Over => return Ok(false),
        CancelAsked::Cancelled => {}
        CancelAsked::Running => {
            // Read again: it may have been claimed a moment ago.
            let job = app.store.job(job.id).await?;
            if let Some(run) = job.and_then(|job| job.run) {
                ask_to_end(&run);
            }
        }
    }
    Ok(true)
}

/// `POST /inbox/{id}/replay`.
pub async fn replay(
    State(shared): State<Shared>,
    Path(id): Path<i64>,
    body: Option<Json<ByAndWhy>>,
) -> Result<Json<Value>, Problem> {
    let (by, why) = ByAndWhy::said(body);
    if !shared.app.store.replay(InboxId(id), &by, &why, shared.app.now()).await? {
        return Err(Problem::conflict(format!("event {id} does not exist, or waits to be handled already")));
    }
    shared.app.bell.inbox.notify_one();
    Ok(Json(json!({ "event": id, "state": "new" })))
}
