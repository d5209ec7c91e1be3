//! Who tells the operator (NOT-1): everybody whom the settings name, or the log alone.

use crate::settings::{Notify, SecretSource, SettingsError};
use anyhow::{Result, bail};
use async_trait::async_trait;
use portcullis_connect::http::Connection;
use portcullis_connect::messenger::{Messenger, MessengerError, Telegram, WebhookMessenger};
use portcullis_connect::secret::Secret;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Telegram and the generic webhook, as far as they are set; the log, if neither is.
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
    let mut named: Vec<Arc<dyn Messenger>> = Vec::new();
    if let (Some(token), Some(chat)) =
        (read("notify.telegram_token", notify.telegram_token.as_ref())?, &notify.telegram_chat)
    {
        let connection = Connection::new("https://api.telegram.org", token);
        named.push(Arc::new(Telegram::new(connection, chat, None)?));
    }
    if let (Some(secret), Some(url)) =
        (read("notify.webhook_secret", notify.webhook_secret.as_ref())?, &notify.webhook_url)
    {
        named.push(Arc::new(WebhookMessenger::new(&Secret::new(url.clone()), secret, Duration::from_secs(30))?));
    }
    Ok(match named.len() {
        0 => Arc::new(Log),
        1 => named.swap_remove(0),
        _ => Arc::new(Several(named.into_iter().map(Told::new).collect())),
    })
}

/// Messages that one messenger has taken and another has not are remembered up to this number; beyond it, and over a
/// restart, the first may be told twice.
const REMEMBERED: usize = 256;

/// Tells several. A message is delivered once all of them have taken it, and whoever has taken it is not told again while
/// another one makes it wait.
struct Several(Vec<Told>);

struct Told {
    messenger: Arc<dyn Messenger>,
    taken: Mutex<VecDeque<String>>,
}

impl Told {
    fn new(messenger: Arc<dyn Messenger>) -> Self {
        Self { messenger, taken: Mutex::default() }
    }

    fn taken(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn send(&self, key: &str, text: &str) -> Result<(), MessengerError> {
        if self.taken().iter().any(|known| known == key) {
            return Ok(());
        }
        self.messenger.send(key, text).await?;
        let mut taken = self.taken();
        taken.truncate(REMEMBERED - 1);
        taken.push_front(key.to_owned());
        Ok(())
    }
}

#[async_trait]
impl Messenger for Several {
    async fn send(&self, key: &str, text: &str) -> Result<(), MessengerError> {
        let mut failed = None;
        for told in &self.0 {
            // One that does not answer keeps no message from the others.
            if let Err(error) = told.send(key, text).await {
                failed.get_or_insert(error);
            }
        }
        match failed {
            Some(error) => Err(error),
            None => {
                self.0.iter().for_each(|told| told.taken().retain(|known| known != key));
                Ok(())
            }
        }
    }
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

    /// Takes a message only while it is up, and keeps what it took.
    #[derive(Default)]
    struct Kept {
        down: Mutex<bool>,
        took: Mutex<Vec<String>>,
    }

    #[async_trait]
    impl Messenger for Kept {
        async fn send(&self, key: &str, _: &str) -> Result<(), MessengerError> {
            if *self.down.lock().unwrap() {
                return Err(MessengerError::Unavailable("down".to_owned()));
            }
            self.took.lock().unwrap().push(key.to_owned());
            Ok(())
        }
    }

    #[tokio::test]
    async fn of_several_messengers_each_takes_a_message_once_though_another_is_down_for_a_while() {
        // NOT-1
        let (first, second) = (Arc::new(Kept::default()), Arc::new(Kept::default()));
        let several = Several(vec![Told::new(first.clone()), Told::new(second.clone())]);
        *first.down.lock().unwrap() = true;
        for _ in 0..3 {
            assert!(several.send("a", "text").await.is_err());
        }
        *first.down.lock().unwrap() = false;
        several.send("a", "text").await.unwrap();
        several.send("b", "text").await.unwrap();
        assert_eq!(*first.took.lock().unwrap(), ["a", "b"]);
        assert_eq!(*second.took.lock().unwrap(), ["a", "b"]);
        assert!(several.0.iter().all(|told| told.taken().is_empty()), "nothing is remembered for good");
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded() {
        let (down, up) = (Arc::new(Kept::default()), Arc::new(Kept::default()));
        *down.down.lock().unwrap() = true;
        let several = Several(vec![Told::new(down), Told::new(up)]);
        for n in 0..3 * REMEMBERED {
            several.send(&format!("key-{n}"), "text").await.unwrap_err();
        }
        assert_eq!(several.0[1].taken().len(), REMEMBERED);
    }

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
