//! Adding, changing and removing projects while the daemon runs (REG-2).

use super::problem::Problem;
use super::server::Shared;
use crate::projects::{self, ChangeError, Changed};
use crate::settings::ProjectSettings;
use axum::Json;
use axum::extract::rejection::JsonRejection;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use portcullis_core::ids::ProjectName;

const BY: &str = "operator";

/// `POST /projects`: the keys of a `[[project]]` table, as JSON.
pub async fn add(
    State(shared): State<Shared>,
    body: Result<Json<ProjectSettings>, JsonRejection>,
) -> Result<(StatusCode, Json<Changed>), Problem> {
    let Json(project) = body.map_err(|error| Problem::new(error.status(), error.body_text()))?;
    let changed = projects::add(&shared.app, project, BY).await?;
    let status = if changed.added.is_empty() { StatusCode::OK } else { StatusCode::CREATED };
    Ok((status, Json(changed)))
}

/// `DELETE /projects/{name}`.
pub async fn remove(State(shared): State<Shared>, Path(name): Path<String>) -> Result<Json<Changed>, Problem> {
    Ok(Json(projects::remove(&shared.app, &ProjectName::new(name), BY).await?))
}

/// `POST /reload`: the settings file's projects, as SIGHUP does.
pub async fn reload(State(shared): State<Shared>) -> Result<Json<Changed>, Problem> {
    Ok(Json(projects::reload(&shared.app, BY).await?))
}

impl From<ChangeError> for Problem {
    fn from(error: ChangeError) -> Self {
        match error {
            ChangeError::Store(error) => error.into(),
            ChangeError::Unknown(_) => Self::new(StatusCode::NOT_FOUND, error.to_string()),
            ChangeError::InFile(_) => Self::conflict(error.to_string()),
            ChangeError::Settings(_) | ChangeError::Project(_) => {
                Self::new(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
            }
            ChangeError::File { .. } => Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string()),
        }
    }
}
