//! `POST /webhooks/{source}`: verify, make durable, acknowledge. Nothing else happens inside the request (WEB-4).

use super::problem::Problem;
use super::server::Shared;
use axum::Json;
use axum::body::Bytes;
use axum::extract::rejection::BytesRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use portcullis_connect::webhook;
use portcullis_core::event::Source;
use portcullis_store::{NewEvent, Received};

/// Receives one event.
pub async fn receive(
    State(shared): State<Shared>,
    Path(source): Path<String>,
    headers: HeaderMap,
    body: Result<Bytes, BytesRejection>,
) -> Result<Response, Problem> {
    let body = body.map_err(|rejection| match rejection.status() {
        StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(shared.app.settings.server.max_body_bytes),
        status => Problem::new(status, rejection.body_text()),
    })?;
    let source = match source.as_str() {
        "gitea" => Source::Gitea,
        "github" => Source::Github,
        "plane" => Source::Plane,
        other => return Err(Problem::not_found(format!("webhook source `{other}`: it is gitea, github or plane"))),
    };
    let secret = shared.webhook_secret(source).ok_or_else(|| {
        let key = source.as_str();
        Problem::new(
            StatusCode::UNAUTHORIZED,
            format!("webhooks of {key} are closed: no secret is set; set webhooks.{key}"),
        )
    })?;
    // Before anything is parsed (WEB-1).
    webhook::verify(source, secret, &headers, &body)
        .map_err(|error| Problem::new(StatusCode::UNAUTHORIZED, error.to_string()))?;
    let name = webhook::event_name(source, &headers);
    // Only to recognise a repetition; what cannot be parsed is stored all the same and parked where people see it.
    let meaning = webhook::parse(source, &name, &body).ok().and_then(|event| webhook::meaning(source, &event, &body));
    let event = NewEvent {
        source,
        delivery: webhook::delivery_id(source, &headers, &body),
        meaning,
        event: name,
        body: body.to_vec(),
        at: shared.app.now(),
    };
    let (status, id, seen) = match shared.app.store.receive(event).await? {
        Received::Stored(id) => (StatusCode::ACCEPTED, id, false),
        Received::SeenBefore(id) => (StatusCode::OK, id, true),
    };
    crate::crash::point("webhook/answer");
    shared.app.bell.inbox.notify_one();
    Ok((status, Json(serde_json::json!({ "event": id, "seen_before": seen }))).into_response())
}
