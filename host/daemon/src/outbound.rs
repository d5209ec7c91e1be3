//! What gates may send requests through: the guarded client of `connect`, spoken to as `runtime` wants it.

use anyhow::Result;
use async_trait::async_trait;
use bytes::Bytes;
use portcullis_connect::http::{GuardedClient, GuardedSettings, OutboundError as Refused};
use portcullis_runtime::{Outbound, OutboundError};
use std::sync::Arc;

struct Guarded(GuardedClient);

/// A sender without exceptions: no private addresses, no secrets.
///
/// # Errors
/// If TLS cannot be set up.
pub fn guarded() -> Result<Arc<dyn Outbound>> {
    Ok(Arc::new(Guarded(GuardedClient::new(GuardedSettings::default())?)))
}

#[async_trait]
impl Outbound for Guarded {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        max_response_bytes: u64,
    ) -> Result<http::Response<Bytes>, OutboundError> {
        self.0.send(request, max_response_bytes).await.map_err(|error| match error {
            Refused::TimedOut(_) => OutboundError::Timeout,
            Refused::ResponseTooLarge { limit, .. } => OutboundError::TooLarge(limit),
            Refused::Forbidden { .. }
            | Refused::BadRequest(_)
            | Refused::RequestTooLarge(_)
            | Refused::Plaintext(_)
            | Refused::Echoed(_) => OutboundError::Denied(error.to_string()),
            Refused::Unresolved(_) | Refused::Failed { .. } => OutboundError::Unreachable(error.to_string()),
        })
    }
}
