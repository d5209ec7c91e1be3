//! Kill-switches at run time (QUE-7): pausing and resuming, and ending or repeating a single job. Who, when and why stand
//! in the audit trail.

use super::operate::{end_job, retry_stage};
use super::problem::Problem;
use super::server::Shared;
use axum::Json;
use axum::extract::{Path, State};
use portcullis_core::ids::{JobId, ProjectName, RoleName};
use portcullis_core::job::Lane;
use portcullis_core::pause::{Pause, PauseScope};
use serde::Deserialize;
use serde_json::{Value, json};

/// `POST /pause` and `POST /resume`: nothing named means the whole daemon.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SwitchBody {
    #[serde(default)]
    project: Option<String>,
    #[serde(default)]
    role: Option<String>,
    #[serde(default)]
    gate: Option<String>,
    #[serde(default)]
    by: Option<String>,
    #[serde(default)]
    why: Option<String>,
}

impl SwitchBody {
    fn scope(&self, shared: &Shared) -> Result<PauseScope, Problem> {
        match (&self.project, &self.role, &self.gate) {
            (None, None, None) => Ok(PauseScope::Daemon),
            (Some(name), None, None) => {
                let name = ProjectName::new(name.clone());
                if shared.app.project(&name).is_none() {
                    return Err(Problem::bad_request(format!("there is no project `{name}`")));
                }
                Ok(PauseScope::Project(name))
            }
            (None, Some(name), None) if !name.is_empty() => Ok(PauseScope::Role(RoleName::new(name.clone()))),
            (None, None, Some(name)) if !name.is_empty() => Ok(PauseScope::Gate(name.clone())),
            _ => Err(Problem::bad_request("name one of `project`, `role` and `gate`, or none for the whole daemon")),
        }
    }

    fn by(&self) -> String {
        self.by.clone().unwrap_or_else(|| "operator".to_owned())
    }
}

type Body = Result<Json<SwitchBody>, axum::extract::rejection::JsonRejection>;

fn read(body: Body) -> Result<SwitchBody, Problem> {
    body.map(|Json(body)| body).map_err(|error| Problem::new(error.status(), error.body_text()))
}

/// Pauses. What runs goes on to its end; nothing new begins.
pub async fn pause(State(shared): State<Shared>, body: Body) -> Result<Json<Value>, Problem> {
    let body = read(body)?;
    let scope = body.scope(&shared)?;
    let why = body.why.clone().unwrap_or_else(|| "no reason was given".to_owned());
    let pause = Pause { scope: scope.clone(), by: body.by(), why, since: shared.app.now() };
    let new = shared.app.store.pause(pause).await?;
    tracing::warn!(%scope, by = body.by(), new, "paused");
    // What rests says why from now on.
    let open = open_tasks(&shared, &scope).await?;
    shared.app.store.ring(&open, shared.app.now()).await?;
    shared.app.bell.ring_all();
    Ok(Json(json!({ "paused": scope.to_string(), "new": new })))
}

async fn open_tasks(shared: &Shared, scope: &PauseScope) -> Result<Vec<portcullis_core::ids::TaskId>, Problem> {
    let mut open = Vec::new();
    for name in shared.app.project_names() {
        if !matches!(scope, PauseScope::Project(paused) if *paused != name) {
            open.extend(shared.app.store.open_tasks(&name).await?);
        }
    }
    Ok(open)
}

/// Resumes. Whatever the pause kept back is looked at again at once.
pub async fn resume(State(shared): State<Shared>, body: Body) -> Result<Json<Value>, Problem> {
    let body = read(body)?;
    let scope = body.scope(&shared)?;
    if !shared.app.store.resume(&scope, &body.by(), shared.app.now()).await? {
        return Err(Problem::conflict(format!("{scope} is not paused; `portcullis queue` shows what is")));
    }
    tracing::warn!(%scope, by = body.by(), "resumed");
    shared.app.bell.ring_all();
    Ok(Json(json!({ "resumed": scope.to_string() })))
}

/// What comes with an action on a job or an event.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ByAndWhy {
    #[serde(default)]
    by: Option<String>,
    #[serde(default)]
    why: Option<String>,
}

impl ByAndWhy {
    /// Who does it, and why.
    pub fn said(body: Option<Json<Self>>) -> (String, String) {
        let Self { by, why } = body.map(|Json(body)| body).unwrap_or_default();
        (by.unwrap_or_else(|| "operator".to_owned()), why.unwrap_or_default())
    }
}

/// `POST /jobs/{id}/{cancel,retry}`.
pub async fn job(
    State(shared): State<Shared>,
    Path((id, action)): Path<(i64, String)>,
    body: Option<Json<ByAndWhy>>,
) -> Result<Json<Value>, Problem> {
    let (by, why) = ByAndWhy::said(body);
    let app = &shared.app;
    let job = app.store.job(JobId(id)).await?.ok_or_else(|| Problem::not_found(format!("job {id}")))?;
    match action.as_str() {
        "cancel" => {
            if !end_job(app, &job, &by, &why).await? {
                return Err(Problem::conflict(format!("job {id} has ended already")));
            }
        }
        "retry" if job.lane == Lane::Ci => {
            return Err(Problem::conflict(format!("job {id} tests a revision; a push tests it again")));
        }
        "retry" => {
            let newest = app.store.job_of_visit(job.task).await?;
            if newest.is_none_or(|newest| newest.id != job.id) {
                return Err(Problem::conflict(format!(
                    "job {id} is not the newest of task {}; `portcullis task retry {0}` runs its stage again",
                    job.task
                )));
            }
            retry_stage(app, job.task, &by, &why).await?;
        }
        other => return Err(Problem::not_found(format!("action `{other}`: there are cancel and retry"))),
    }
    app.bell.ring_all();
    let job = app.store.job(JobId(id)).await?;
    Ok(Json(json!({ "job": job })))
}
