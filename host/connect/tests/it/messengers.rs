//! Messengers (NOT-1).

use crate::server::{Reply, Server};
use http::{HeaderMap, HeaderValue};
use portcullis_connect::http::{Connection, SetupError};
use portcullis_connect::messenger::{Messenger, MessengerError, Telegram, WebhookMessenger};
use portcullis_connect::secret::Secret;
use portcullis_connect::webhook::verify;
use portcullis_core::event::Source;
use serde_json::json;
use std::time::Duration;

const TOKEN: &str = "110201543:AAHdqTcvCH1vGWJxfSeofSAs0K5PALDsaw";

fn telegram(server: &Server) -> Telegram {
    Telegram::new(Connection::new(&server.url, Secret::new(TOKEN)), "-1001234", Some(42)).unwrap()
}

// NOT-1
#[tokio::test]
async fn telegram_gets_the_text_plain_in_its_chat_and_thread() {
    let server = Server::start(|_| Reply::json(200, json!({ "ok": true, "result": { "message_id": 1 } }))).await;
    telegram(&server).send("k", "Task ORCH-1 is *blocked* <now>").await.unwrap();
    let asked = &server.asked()[0];
    assert_eq!(asked.what(), format!("POST /bot{TOKEN}/sendMessage"));
    let expected = json!({ "chat_id": "-1001234", "text": "Task ORCH-1 is *blocked* <now>",
                           "disable_web_page_preview": true, "message_thread_id": 42 });
    assert_eq!(asked.json(), expected);
    let empty = telegram(&server).send("k", " \n").await;
    assert!(matches!(empty, Err(MessengerError::Refused(_))) && server.asked().len() == 1);
}

// NOT-1
#[tokio::test]
async fn telegram_says_how_long_to_wait() {
    for (reply, expected) in [
        (
            Reply::json(
                429,
                json!({ "ok": false, "error_code": 429, "description": "Too Many Requests: retry after 8",
                                     "parameters": { "retry_after": 8 } }),
            ),
            8,
        ),
        (Reply::json(429, json!({ "ok": false, "parameters": { "retry_after": 99_999_999 } })), 3_600),
        (Reply::text(429, ""), 60),
    ] {
        let server = Server::start(move |_| reply.clone()).await;
        assert_eq!(telegram(&server).send("k", "t").await, Err(MessengerError::RateLimited(expected)));
    }
}

// NOT-1
#[tokio::test]
async fn telegram_s_refusals_and_outages_differ_and_never_tell_the_token() {
    let chat = json!({ "ok": false, "error_code": 400, "description": "Bad Request: chat not found" });
    for (reply, refused, words) in [
        (Reply::json(400, chat), true, "chat not found"),
        (Reply::json(200, json!({ "ok": false, "description": "odd" })), true, "odd"),
        (Reply::text(502, "bad gateway"), false, "502"),
        (Reply::text(200, "<html>"), false, "makes no sense"),
        (Reply::HangUp, false, "request failed"),
        (Reply::text(301, "").with("location", "http://127.0.0.1:1/"), false, "it has moved"),
    ] {
        let server = Server::start(move |_| reply.clone()).await;
        let error = telegram(&server).send("k", "t").await.unwrap_err();
        assert_eq!(matches!(error, MessengerError::Refused(_)), refused, "{error}");
        assert!(error.to_string().contains(words) && !error.to_string().contains(TOKEN), "{error}");
    }
    let echo = Server::start(|asked| Reply::text(404, &asked.target)).await;
    let error = telegram(&echo).send("k", "t").await.unwrap_err();
    assert!(!format!("{error:?} {:?}", telegram(&echo)).contains(TOKEN), "{error}");
    let nobody = Connection::new("http://127.0.0.1:1", Secret::new(TOKEN));
    let error = Telegram::new(nobody, "@ops", None).unwrap().send("k", "t").await.unwrap_err();
    assert!(!error.to_string().contains(TOKEN) && error.to_string().contains("no connection"), "{error}");
}

// CFG-1
#[test]
fn unusable_telegram_settings_are_refused() {
    let made = |token: &str, chat: &str| {
        Telegram::new(Connection::new("https://api.telegram.org", Secret::new(token)), chat, None).unwrap_err()
    };
    for token in ["", "a/b", "a?b", "a b", "a#b"] {
        assert_eq!(made(token, "1"), SetupError::Token("Telegram"));
    }
    for chat in ["", "@", "ops", "-", "1 2"] {
        assert!(matches!(made(TOKEN, chat), SetupError::Name { .. }), "{chat}");
    }
}

// NOT-1
#[tokio::test]
async fn the_generic_webhook_is_signed_and_carries_its_key() {
    let server = Server::start(|_| Reply::text(204, "")).await;
    let url = Secret::new(format!("{}/hooks/T0P-S3CRET", server.url));
    let secret = Secret::new("shared with the receiver");
    let messenger = WebhookMessenger::new(&url, secret.clone(), Duration::from_secs(20)).unwrap();
    messenger.send("task-1:blocked", "Blocked.").await.unwrap();
    let asked = &server.asked()[0];
    assert_eq!(asked.json(), json!({ "key": "task-1:blocked", "text": "Blocked." }));
    assert_eq!(asked.header("idempotency-key"), Some("task-1:blocked"));
    let mut headers = HeaderMap::new();
    let signature = asked.header("x-portcullis-signature-256").unwrap();
    headers.insert("x-hub-signature-256", HeaderValue::from_str(signature).unwrap());
    assert_eq!(verify(Source::Github, &secret, &headers, asked.body.as_bytes()), Ok(()));
}

// NOT-1
#[tokio::test]
async fn the_generic_webhook_s_errors_never_tell_its_address() {
    for (reply, expected) in [
        (Reply::text(429, "").with("retry-after", "3"), "wait 3 s"),
        (Reply::text(404, "/hooks/T0P-S3CRET"), "404"),
        (Reply::text(503, ""), "503"),
        (Reply::text(302, "").with("location", "http://127.0.0.1:1/"), "302"),
        (Reply::HangUp, "request failed"),
    ] {
        let server = Server::start(move |_| reply.clone()).await;
        let url = Secret::new(format!("{}/hooks/T0P-S3CRET", server.url));
        let messenger = WebhookMessenger::new(&url, Secret::new("s"), Duration::from_secs(20)).unwrap();
        let error = messenger.send("k", "t").await.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
        assert!(!format!("{error} {messenger:?}").contains("T0P-S3CRET"), "{error}");
    }
}
