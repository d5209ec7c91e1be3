//! How people are told (NOT-1): a short text to where they look, at least once.
//!
//! Deliberately absent: rate limiting between messages, deduplication and retries (the outbox's); a messenger only says
//! how long it wants to be left alone.

mod telegram;
mod webhook;

pub use telegram::Telegram;
pub use webhook::WebhookMessenger;

use crate::http::{Answer, RestError};
use async_trait::async_trait;

/// Why a message was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum MessengerError {
    /// Too many messages; seconds to wait.
    #[error("the messenger asks to wait {0} s")]
    RateLimited(u32),
    /// It will not take this message, however often it is asked.
    #[error("the messenger refuses the message: {0}")]
    Refused(String),
    /// It did not answer usefully.
    #[error("the messenger is unavailable: {0}")]
    Unavailable(String),
}

/// Somewhere to tell people something.
#[async_trait]
pub trait Messenger: Send + Sync {
    /// Sends `text`. `key` names the message: whoever receives it twice can tell.
    async fn send(&self, key: &str, text: &str) -> Result<(), MessengerError>;
}

fn unavailable(error: RestError) -> MessengerError {
    MessengerError::Unavailable(error.to_string())
}

/// What an answer's status means to a message.
fn judged(answer: &Answer) -> Result<(), MessengerError> {
    if let Some(wait_s) = answer.wait_s() {
        return Err(MessengerError::RateLimited(wait_s));
    }
    match answer.status {
        status if status.is_success() => Ok(()),
        status if status.is_client_error() && status != reqwest::StatusCode::REQUEST_TIMEOUT => {
            Err(MessengerError::Refused(answer.describe()))
        }
        _ => Err(MessengerError::Unavailable(answer.describe())),
    }
}
