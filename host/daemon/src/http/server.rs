//! Routes, limits and the listener.

use super::auth::{Right, Tokens};
use super::problem::{Problem, Refused, as_problem};
use super::{operate, projects, queue, runs, switches, tasks, webhooks};
use crate::app::App;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{delete, get, post};
use axum::{Json, Router};
use portcullis_connect::secret::Secret;
use portcullis_core::event::Source;
use std::sync::Arc;
use std::time::Duration;

/// What every handler shares. Cheap to clone.
#[derive(Clone)]
pub struct Shared {
    /// The daemon.
    pub app: Arc<App>,
    tokens: Arc<Tokens>,
    secrets: Arc<WebhookSecrets>,
}

/// The secrets that webhooks are signed with.
#[derive(Default)]
#[allow(missing_docs, reason = "one per source")]
pub struct WebhookSecrets {
    pub gitea: Option<Secret>,
    pub github: Option<Secret>,
    pub plane: Option<Secret>,
}

impl Shared {
    /// Joins the daemon with the keys of its doors.
    pub fn new(app: Arc<App>, tokens: Tokens, secrets: WebhookSecrets) -> Self {
        Self { app, tokens: Arc::new(tokens), secrets: Arc::new(secrets) }
    }

    /// The secret of a source; none: it is closed.
    pub fn webhook_secret(&self, source: Source) -> Option<&Secret> {
        match source {
            Source::Gitea => self.secrets.gitea.as_ref(),
            Source::Github => self.secrets.github.as_ref(),
            Source::Plane => self.secrets.plane.as_ref(),
        }
    }
}

/// The whole interface.
pub fn router(shared: Shared) -> Router {
    let reading = Router::new()
        .route("/queue", get(queue::queue))
        .route("/tasks", get(tasks::list))
        .route("/tasks/{id}", get(tasks::show))
        .route("/tasks/{id}/explain", get(tasks::explain))
        .route("/evaluations/{id}", get(tasks::evaluation))
        .route("/evaluations/{id}/transcript", get(tasks::transcript))
        .route("/runs/{id}/log", get(runs::log))
        .route("/inbox", get(tasks::inbox))
        .route("/inbox/{id}", get(tasks::inbox_event))
        .route("/audit", get(tasks::audit))
        .route("/projects", get(tasks::projects))
        .route("/plugins", get(tasks::plugins))
        .layer(middleware::from_fn_with_state((shared.clone(), Right::Reader), guard));
    let changing = Router::new()
        .route("/tasks", post(operate::create))
        .route("/tasks/{id}/{action}", post(operate::act))
        .route("/jobs/{id}/{action}", post(switches::job))
        .route("/projects", post(projects::add))
        .route("/projects/{name}", delete(projects::remove))
        .route("/reload", post(projects::reload))
        .route("/pause", post(switches::pause))
        .route("/resume", post(switches::resume))
        .route("/inbox/{id}/replay", post(operate::replay))
        .layer(middleware::from_fn_with_state((shared.clone(), Right::Operator), guard));
    let server = &shared.app.settings.server;
    let (limit, patience) = (server.max_body_bytes, Duration::from_secs(server.request_timeout_s.max(1)));
    let bounded = Router::new()
        .route("/webhooks/{source}", post(webhooks::receive))
        .merge(reading)
        .merge(changing)
        .layer(DefaultBodyLimit::max(limit))
        .layer(middleware::from_fn(move |request: Request, next: Next| in_bounds(limit, patience, request, next)));
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(ready))
        .merge(bounded)
        .fallback(|| async { Problem::not_found("such page; the interface is described in docs/http.md") })
        .layer(middleware::map_response(as_problem))
        .layer(middleware::map_response_with_state(shared.clone(), hear))
        .with_state(shared)
}

async fn guard(State((shared, right)): State<(Shared, Right)>, request: Request, next: Next) -> Response {
    match shared.tokens.check(request.headers(), right) {
        Ok(()) => next.run(request).await,
        Err(problem) => problem.into_response(),
    }
}

/// A body that announces itself as too long is refused unread, and a sender that dawdles is cut off (WEB-5). A log that is
/// followed has answered by then: only its body goes on.
async fn in_bounds(limit: usize, patience: Duration, request: Request, next: Next) -> Response {
    let length = request.headers().get(header::CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if length.is_some_and(|length: usize| length > limit) {
        return Problem::too_large(limit).into_response();
    }
    match tokio::time::timeout(patience, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let detail = format!("the request took longer than {} s", patience.as_secs());
            Problem::new(StatusCode::REQUEST_TIMEOUT, detail).into_response()
        }
    }
}

/// What a request has found out about the disk concerns the loops.
async fn hear(State(shared): State<Shared>, mut response: Response) -> Response {
    if let Some(Refused(reason)) = response.extensions_mut().remove() {
        shared.app.room.refused(reason, shared.app.now());
    }
    response
}

async fn ready(State(shared): State<Shared>) -> Result<Response, Problem> {
    shared.app.store.next_due().await?;
    if let Some(lack) = shared.app.room.lack() {
        return Err(Problem::new(StatusCode::SERVICE_UNAVAILABLE, lack.reason));
    }
    Ok(Json(serde_json::json!({ "ready": true })).into_response())
}
