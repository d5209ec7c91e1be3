//! Telegram's bot interface. The token is part of the address, so no address ever stands in an error.
//!
//! Text goes out plain, without a parse mode: nothing in it needs escaping. Telegram knows no idempotency key: a message
//! whose answer was lost may arrive twice.

use super::{Messenger, MessengerError, judged, unavailable};
use crate::http::{Auth, Connection, Rest, SetupError};
use async_trait::async_trait;
use reqwest::Method;
use serde::Deserialize;
use serde_json::json;

/// Telegram's limit for a message, in UTF-16 units.
const MAX_UNITS: usize = 4096;
/// Nobody is waited for longer than this; then they are asked again.
const MAX_WAIT_S: u64 = 3_600;

/// A chat that a bot writes to.
#[derive(Debug, Clone)]
pub struct Telegram {
    rest: Rest,
    chat: String,
    thread: Option<i64>,
}

#[derive(Deserialize)]
struct Reply {
    #[serde(default)]
    ok: bool,
    #[serde(default)]
    description: Option<String>,
    #[serde(default)]
    parameters: Option<Parameters>,
}

#[derive(Deserialize)]
struct Parameters {
    #[serde(default)]
    retry_after: Option<u64>,
}

impl Telegram {
    /// The connection's address is `https://api.telegram.org` or a server of one's own; its token is the bot's. `chat`
    /// is a chat's number or a channel's `@name`, `thread` a topic in it.
    ///
    /// # Errors
    /// [`SetupError`] if address, token or chat are unusable.
    pub fn new(connection: Connection, chat: &str, thread: Option<i64>) -> Result<Self, SetupError> {
        let chat = chat.trim();
        let number = chat.strip_prefix('-').unwrap_or(chat);
        let is_number = !number.is_empty() && number.bytes().all(|b| b.is_ascii_digit());
        let is_name = chat.len() > 1 && chat.starts_with('@');
        if !is_number && !is_name {
            return Err(SetupError::Name { name: chat.to_owned(), what: "Telegram chat (a number or @name)" });
        }
        let rest = Rest::new("Telegram", connection, &[], Auth::Path("bot"), &[])?;
        Ok(Self { rest, chat: chat.to_owned(), thread })
    }
}

#[async_trait]
impl Messenger for Telegram {
    async fn send(&self, _key: &str, text: &str) -> Result<(), MessengerError> {
        let text = fitting(text);
        if text.is_empty() {
            return Err(MessengerError::Refused("an empty text cannot be sent".to_owned()));
        }
        let mut body = json!({ "chat_id": self.chat, "text": text, "disable_web_page_preview": true });
        if let (Some(thread), Some(body)) = (self.thread, body.as_object_mut()) {
            body.insert("message_thread_id".to_owned(), json!(thread));
        }
        let answer = self.rest.send(Method::POST, &["sendMessage"], &body).await.map_err(unavailable)?;
        let reply: Option<Reply> = answer.json().ok();
        let wait = reply.as_ref().and_then(|reply| reply.parameters.as_ref()?.retry_after);
        if let Some(wait) = wait {
            let wait = u32::try_from(wait.clamp(1, MAX_WAIT_S)).unwrap_or(1);
            return Err(MessengerError::RateLimited(wait));
        }
        judged(&answer)?;
        match reply {
            Some(Reply { ok: true, .. }) => Ok(()),
            Some(reply) => Err(MessengerError::Refused(crate::text::one_line(
                reply.description.as_deref().unwrap_or("it does not say why"),
                200,
            ))),
            None => Err(MessengerError::Unavailable("its answer makes no sense".to_owned())),
        }
    }
}

/// `text` within Telegram's limit, whole characters only; a cut shows as `…`.
fn fitting(text: &str) -> String {
    let text = text.trim();
    if text.encode_utf16().count() <= MAX_UNITS {
        return text.to_owned();
    }
    let mut units = 1;
    let within = |c: &char| {
        units += c.len_utf16();
        units <= MAX_UNITS
    };
    let mut out: String = text.chars().take_while(within).collect();
    out.push('…');
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    // NOT-1
    #[test]
    fn a_long_message_is_cut_at_4096_utf16_units() {
        for text in ["x".repeat(4096), "😀".repeat(2048), "short".to_owned()] {
            assert_eq!(fitting(&text), text);
        }
        for text in ["x".repeat(4097), "😀".repeat(2049), format!("x{}", "😀".repeat(9000)), "ä".repeat(100_000)] {
            let fitted = fitting(&text);
            let units = fitted.encode_utf16().count();
            assert!((MAX_UNITS - 1..=MAX_UNITS).contains(&units), "{units}");
            assert!(fitted.ends_with('…'));
        }
    }
}
