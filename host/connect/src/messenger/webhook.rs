//! A webhook of the operator's own: JSON, signed like the webhooks that we receive.
//!
//! `POST {"key": …, "text": …}` with `Idempotency-Key` and `X-Portcullis-Signature-256: sha256=<HMAC of the body>`. The
//! address may itself be a secret (many services' are), so no address ever stands in an error.

use super::{Messenger, MessengerError};
use crate::http::{SetupError, client, describe};
use crate::secret::Secret;
use crate::webhook::sign;
use async_trait::async_trait;
use reqwest::Url;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use serde_json::json;
use std::fmt;
use std::time::Duration;

/// Sends messages to an address of the operator's.
#[derive(Clone)]
pub struct WebhookMessenger {
    client: reqwest::Client,
    url: Url,
    secret: Secret,
}

impl fmt::Debug for WebhookMessenger {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookMessenger").finish_non_exhaustive()
    }
}

impl WebhookMessenger {
    /// Messages go to `url`, signed with `secret`.
    ///
    /// # Errors
    /// [`SetupError`] if the address or the secret are unusable.
    pub fn new(url: &Secret, secret: Secret, timeout: Duration) -> Result<Self, SetupError> {
        let address = |why: &str| SetupError::Address { of: "the notification webhook", why: why.to_owned() };
        let url = Url::parse(url.expose().trim()).map_err(|error| address(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(address("it must begin with https:// (or http://)"));
        }
        if secret.is_blank() {
            return Err(SetupError::Token("the notification webhook"));
        }
        Ok(Self { client: client(timeout)?, url, secret })
    }
}

#[async_trait]
impl Messenger for WebhookMessenger {
    async fn send(&self, key: &str, text: &str) -> Result<(), MessengerError> {
        let body = json!({ "key": key, "text": text }).to_string();
        let signature =
            sign(&self.secret, body.as_bytes()).map_err(|error| MessengerError::Refused(error.to_string()))?;
        let mut request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header("x-portcullis-signature-256", format!("sha256={signature}"))
            .body(body);
        if let Ok(key) = HeaderValue::from_str(key) {
            request = request.header("idempotency-key", key);
        }
        let response = request.send().await.map_err(|error| MessengerError::Unavailable(describe(&error)))?;
        let status = response.status();
        let retry_after = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        match status.as_u16() {
            // The body is nobody's affair, and not read.
            200..=299 => Ok(()),
            429 => Err(MessengerError::RateLimited(retry_after.unwrap_or(60_u32).clamp(1, 3_600))),
            408 | 500..=599 => Err(MessengerError::Unavailable(format!("it answered {}", status.as_u16()))),
            code => Err(MessengerError::Refused(format!("it answered {code}; check its address"))),
        }
    }
}
