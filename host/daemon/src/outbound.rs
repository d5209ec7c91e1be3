//! What gates may send requests through: the guarded client of `connect`, spoken to as `runtime` wants it.

use anyhow::Result;
use async_trait::async_trait;
use bytes::Bytes;
use portcullis_connect::http::{GuardedClient, GuardedSettings, OutboundError as Refused, SetupError};
use portcullis_runtime::{Outbound, OutboundError};
use std::sync::{Arc, OnceLock};

/// Set up at the first request: reading the machine's certificates takes longer than most gates.
#[derive(Default)]
struct Guarded(OnceLock<GuardedClient>);

impl Guarded {
    fn client(&self) -> Result<&GuardedClient, SetupError> {
        if let Some(client) = self.0.get() {
            return Ok(client);
        }
        let client = GuardedClient::new(GuardedSettings::default())?;
        Ok(self.0.get_or_init(|| client))
    }
}

/// A sender without exceptions: no private addresses, no secrets. That TLS cannot be set up is told now.
///
/// # Errors
/// If TLS cannot be set up.
pub fn guarded() -> Result<Arc<dyn Outbound>> {
    let guarded = Guarded::default();
    guarded.client()?;
    Ok(Arc::new(guarded))
}

/// The same, for one call of one gate, which may never send anything: that TLS cannot be set up is told to the gate that does.
pub fn guarded_once_used() -> Arc<dyn Outbound> {
    Arc::new(Guarded::default())
}

#[async_trait]
impl Outbound for Guarded {
    async fn send(
        &self,
        request: http::Request<Bytes>,
        max_response_bytes: u64,
    ) -> Result<http::Response<Bytes>, OutboundError> {
        let client = self.client().map_err(|error| OutboundError::Unreachable(error.to_string()))?;
        client.send(request, max_response_bytes).await.map_err(|error| match error {
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
