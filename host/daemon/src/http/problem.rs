//! Errors as `application/problem+json` (RFC 9457): what is wrong, in a sentence that says what to do.

use crate::gatehouse::chain;
use axum::Json;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use portcullis_store::StoreError;

/// The media type of RFC 9457.
const PROBLEM: &str = "application/problem+json";

/// An answer that is not what was asked for.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    detail: String,
    refused: Option<Refused>,
}

/// In a response's extensions: the disk took no write, for this reason.
#[derive(Debug, Clone)]
pub struct Refused(pub String);

/// Seconds after which a sender whose event was not stored may try again.
const RETRY_AFTER_S: u64 = 30;

impl Problem {
    /// A problem of this status.
    pub fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        Self { status, detail: detail.into(), refused: None }
    }

    /// There is no such thing.
    pub fn not_found(what: impl std::fmt::Display) -> Self {
        Self::new(StatusCode::NOT_FOUND, format!("there is no {what}"))
    }

    /// Not as things stand.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// More bytes than are taken.
    pub fn too_large(limit: usize) -> Self {
        let detail = format!("the body is longer than {limit} bytes (server.max_body_bytes)");
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    /// Not understood.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }
}

/// Largest text of somebody else's that becomes a detail.
const DETAIL_BYTES: usize = 2048;

/// A refusal that is no problem document yet (a body too long, a number that is none, a method that is not there) made
/// into one; everything else as it is.
pub async fn as_problem(response: Response) -> Response {
    let status = response.status();
    let kind = response.headers().get(header::CONTENT_TYPE);
    if !(status.is_client_error() || status.is_server_error()) || kind.is_some_and(|kind| kind == PROBLEM) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let text = axum::body::to_bytes(body, DETAIL_BYTES).await.unwrap_or_default();
    let detail = match String::from_utf8_lossy(&text).trim() {
        "" if status == StatusCode::METHOD_NOT_ALLOWED => "this page has no such method; `allow` lists those it has",
        "" => "the request was refused",
        text => text,
    }
    .to_owned();
    let (problem, body) = Problem::new(status, detail).into_response().into_parts();
    parts.headers.remove(header::CONTENT_LENGTH);
    parts.headers.extend(problem.headers);
    Response::from_parts(parts, body)
}

impl From<StoreError> for Problem {
    fn from(error: StoreError) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        if error.trouble().is_some() {
            // Said once, by `room`, however many ask.
            let refused = Some(Refused(chain(&error)));
            return Self {
                refused,
                ..Self::new(status, "the database takes no writes now; nothing was stored; try again")
            };
        }
        tracing::error!(error = %chain(&error), "the store did not answer a request");
        if matches!(error, StoreError::Damaged { .. }) {
            // Trying again does not help; whoever asks has to know what to mend.
            return Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string());
        }
        Self::new(status, "the database did not answer; the log says why; try again")
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let body = serde_json::json!({
            "type": "about:blank",
            "title": self.status.canonical_reason().unwrap_or("error"),
            "status": self.status.as_u16(),
            "detail": self.detail,
        });
        let mut response = (self.status, Json(body)).into_response();
        response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(PROBLEM));
        if self.status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from(RETRY_AFTER_S));
        }
        if let Some(refused) = self.refused {
            response.extensions_mut().insert(refused);
        }
        response
    }
}
