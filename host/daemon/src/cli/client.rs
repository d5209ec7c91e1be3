//! Asking the daemon over HTTP.

use super::CliError;
use reqwest::Method;
use serde_json::Value;
use std::time::Duration;

/// The daemon, as commands see it.
#[derive(Debug, Clone)]
pub struct Daemon {
    client: reqwest::Client,
    url: String,
    token: String,
}

impl Daemon {
    /// At this address, with this token.
    ///
    /// # Errors
    /// If no HTTP client can be made.
    pub fn new(url: &str, token: &str) -> Result<Self, CliError> {
        let client = portcullis_connect::http::client(Duration::from_secs(30));
        let client = client.map_err(|error| CliError::Usage(error.to_string()))?;
        Ok(Self { client, url: url.trim_end_matches('/').to_owned(), token: token.to_owned() })
    }

    /// `GET`.
    ///
    /// # Errors
    /// As the daemon says it, or that it can't be reached.
    pub async fn get(&self, path: &str) -> Result<Value, CliError> {
        self.ask(Method::GET, path, None).await
    }

    /// `POST`.
    ///
    /// # Errors
    /// As [`Self::get`].
    pub async fn post(&self, path: &str, body: &Value) -> Result<Value, CliError> {
        self.ask(Method::POST, path, Some(body)).await
    }

    async fn ask(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Value, CliError> {
        let mut request = self.client.request(method, format!("{}{path}", self.url)).bearer_auth(&self.token);
        if let Some(body) = body {
            request = request.json(body);
        }
        let unreachable = |error: reqwest::Error| {
            let why = crate::gatehouse::chain(&error.without_url());
            CliError::Unreachable(format!(
                "the daemon at {} can't be reached ({why}); is `portcullis serve` running? --url or PORTCULLIS_URL says where",
                self.url
            ))
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        let text = answer.text().await.map_err(unreachable)?;
        let value: Value = serde_json::from_str(&text).unwrap_or(Value::Null);
        if status.is_success() {
            return Ok(value);
        }
        let detail = value["detail"].as_str().unwrap_or(text.trim()).to_owned();
        let hint = if status == 401 { " (set PORTCULLIS_TOKEN)" } else { "" };
        Err(CliError::Usage(format!("{detail}{hint}")))
    }
}
