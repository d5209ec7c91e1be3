//! Who tells the operator (NOT-1): what the settings name, or the log alone.

use crate::settings::{Notify, SecretSource, SettingsError};
use anyhow::{Result, bail};
use async_trait::async_trait;
use portcullis_connect::http::Connection;
use portcullis_connect::messenger::{Messenger, MessengerError, Telegram, WebhookMessenger};
use portcullis_connect::secret::Secret;
use std::sync::Arc;
use std::time::Duration;

/// Telegram if it is set, else the generic webhook, else the log.
///
/// # Errors
/// A secret that cannot be read, an address that is none, or half of what a messenger needs: a message that quietly goes
/// nowhere is worse than no start.
pub fn from_settings(
    notify: &Notify,
    mut read: impl FnMut(&str, Option<&SecretSource>) -> Result<Option<Secret>, SettingsError>,
) -> Result<Arc<dyn Messenger>> {
    for (one, has_one, other, has_other) in [
        ("telegram_token", notify.telegram_token.is_some(), "telegram_chat", notify.telegram_chat.is_some()),
        ("webhook_url", notify.webhook_url.is_some(), "webhook_secret", notify.webhook_secret.is_some()),
    ] {
        if has_one != has_other {
            let (set, missing) = if has_one { (one, other) } else { (other, one) };
            bail!("setting `notify.{set}` needs `notify.{missing}` beside it; without it nobody would be told");
        }
    }
    if let (Some(token), Some(chat)) =
        (read("notify.telegram_token", notify.telegram_token.as_ref())?, &notify.telegram_chat)
    {
        let connection = Connection::new("https://api.telegram.org", token);
        return Ok(Arc::new(Telegram::new(connection, chat, None)?));
    }
    if let (Some(secret), Some(url)) =
        (read("notify.webhook_secret", notify.webhook_secret.as_ref())?, &notify.webhook_url)
    {
        return Ok(Arc::new(WebhookMessenger::new(&Secret::new(url.clone()), secret, Duration::from_secs(30))?));
    }
    Ok(Arc::new(Log))
}

/// Nobody is named: the log says it.
struct Log;

#[async_trait]
impl Messenger for Log {
    async fn send(&self, key: &str, text: &str) -> Result<(), MessengerError> {
        tracing::warn!(key, "for the operator: {text}");
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;

    #[test]
    fn half_a_messenger_is_refused_with_what_is_missing() {
        // CFG-1
        let none = |_: &str, _: Option<&SecretSource>| Ok(None);
        let source = || Some(SecretSource::Env { env: "NAME".to_owned() });
        for (notify, lacks) in [
            (
                Notify { webhook_url: Some("https://a.example".to_owned()), ..Notify::default() },
                "notify.webhook_secret",
            ),
            (Notify { webhook_secret: source(), ..Notify::default() }, "notify.webhook_url"),
            (Notify { telegram_token: source(), ..Notify::default() }, "notify.telegram_chat"),
            (Notify { telegram_chat: Some("1".to_owned()), ..Notify::default() }, "notify.telegram_token"),
        ] {
            let error = from_settings(&notify, none).err().unwrap().to_string();
            assert!(error.contains(&format!("needs `{lacks}`")), "{error}");
        }
        assert!(from_settings(&Notify::default(), none).is_ok());
    }
}
