//! One call to a partner's REST interface: made with its token, bounded in size, answered with status and bytes.
//!
//! Errors name what went wrong and where, and never the token or an address with one in it. Deliberately absent:
//! retries and waiting (the outbox's affair).

use super::{client, describe};
use crate::secret::Secret;
use crate::text::one_line;
use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::time::Duration;

/// Seconds to wait where a partner refuses for the rate and does not say how long.
const DEFAULT_WAIT_S: u32 = 60;
/// No partner makes us wait longer than this; then it is asked again.
const MAX_WAIT_S: u32 = 3_600;

/// Where a partner is and how to speak with it.
#[derive(Debug, Clone)]
pub struct Connection {
    /// Its address, e.g. `https://git.example.org`; a path is kept.
    pub base_url: String,
    /// The token that it gave out.
    pub token: Secret,
    /// Limit for one call.
    pub timeout: Duration,
    /// Limit for one answer.
    pub max_response_bytes: usize,
}

impl Connection {
    /// With the usual limits: 30 s and 4 MiB.
    pub fn new(base_url: impl Into<String>, token: Secret) -> Self {
        Self { base_url: base_url.into(), token, timeout: Duration::from_secs(30), max_response_bytes: 4 << 20 }
    }
}

/// Why a partner cannot be spoken with at all: a matter of the settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SetupError {
    /// The address is unusable; it is not repeated, it may carry a password.
    #[error("the address of {of} is unusable: {why}")]
    Address {
        /// Whose.
        of: &'static str,
        /// What is wrong.
        why: String,
    },
    /// The token is missing or cannot stand in a header.
    #[error("the token for {0} is missing, or has characters that no token has")]
    Token(&'static str),
    /// A name from the settings has the wrong form.
    #[error("`{name}` is no {what}")]
    Name {
        /// The name.
        name: String,
        /// What it should be.
        what: &'static str,
    },
    /// TLS cannot be set up.
    #[error("failed to set up TLS: {0}")]
    Tls(String),
}

/// Why a call has no usable answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum RestError {
    #[error("{0}")]
    Failed(String),
    #[error("its answer is larger than {0} bytes")]
    TooLarge(usize),
    #[error("its answer makes no sense: {0}")]
    Garbage(String),
    #[error("`{0}` cannot stand in a path")]
    Path(String),
}

/// How a partner wants the token.
#[derive(Clone, Copy)]
pub(crate) enum Auth {
    /// In this header, after this prefix.
    Header(&'static str, &'static str),
    /// As the last part of the address' path, after this prefix (Telegram).
    Path(&'static str),
}

/// A partner's REST interface.
#[derive(Clone)]
pub(crate) struct Rest {
    client: reqwest::Client,
    base: Url,
    headers: HeaderMap,
    token: Secret,
    max_response_bytes: usize,
}

impl fmt::Debug for Rest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Rest").field("host", &self.base.host_str().unwrap_or_default()).finish_non_exhaustive()
    }
}

impl Rest {
    /// `of` names the partner in errors; `path` is appended to the connection's address.
    pub(crate) fn new(
        of: &'static str,
        connection: Connection,
        path: &[&str],
        auth: Auth,
        headers: &[(&'static str, &'static str)],
    ) -> Result<Self, SetupError> {
        let address = |why: &str| SetupError::Address { of, why: why.to_owned() };
        let mut base = Url::parse(connection.base_url.trim()).map_err(|error| address(&error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(address("it must begin with https:// (or http://) and a host"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(address("it must carry no user name or password; give the token on its own"));
        }
        base.set_query(None);
        base.set_fragment(None);
        let token = connection.token;
        if token.is_blank() {
            return Err(SetupError::Token(of));
        }
        let mut all = HeaderMap::new();
        for (name, value) in headers {
            all.insert(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        let mut segments: Vec<String> = path.iter().map(|&segment| segment.to_owned()).collect();
        match auth {
            Auth::Header(name, prefix) => {
                let mut value = HeaderValue::from_str(&format!("{prefix}{}", token.expose().trim()))
                    .map_err(|_| SetupError::Token(of))?;
                value.set_sensitive(true);
                all.insert(HeaderName::from_static(name), value);
            }
            Auth::Path(prefix) => {
                let plain = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b':' | b'_' | b'-');
                if !token.expose().trim().bytes().all(plain) {
                    return Err(SetupError::Token(of));
                }
                segments.push(format!("{prefix}{}", token.expose().trim()));
            }
        }
        {
            let mut parts = base.path_segments_mut().map_err(|()| address("it can have no path"))?;
            parts.pop_if_empty().extend(&segments);
        }
        Ok(Self {
            client: client(connection.timeout)?,
            base,
            headers: all,
            token: Secret::new(token.expose().trim()),
            max_response_bytes: connection.max_response_bytes,
        })
    }

    /// The address of a thing. Each element is one part of the path and is escaped; an empty one at the end makes the
    /// path end with a slash.
    pub(crate) fn url(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Url, RestError> {
        let mut url = self.base.clone();
        let inner = &path[..path.len().saturating_sub(1)];
        let dots = |part: &&&str| matches!(**part, "." | "..");
        if let Some(bad) = path.iter().find(dots).or_else(|| inner.iter().find(|part| part.is_empty())) {
            return Err(RestError::Path((*bad).to_owned()));
        }
        url.path_segments_mut().map_err(|()| RestError::Path(path.join("/")))?.extend(path);
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        Ok(url)
    }

    pub(crate) async fn get(&self, path: &[&str], query: &[(&str, &str)]) -> Result<Answer, RestError> {
        self.call(Method::GET, self.url(path, query)?, None).await
    }

    pub(crate) async fn send(
        &self,
        method: Method,
        path: &[&str],
        body: &serde_json::Value,
    ) -> Result<Answer, RestError> {
        self.call(method, self.url(path, &[])?, Some(body)).await
    }

    pub(crate) async fn delete(&self, path: &[&str]) -> Result<Answer, RestError> {
        self.call(Method::DELETE, self.url(path, &[])?, None).await
    }

    async fn call(&self, method: Method, url: Url, body: Option<&serde_json::Value>) -> Result<Answer, RestError> {
        let mut request = self.client.request(method, url).headers(self.headers.clone());
        if let Some(body) = body {
            request = request.json(body);
        }
        let failed = |error: reqwest::Error| RestError::Failed(self.token.redact(&describe(&error)));
        let response = request.send().await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let body = match read_bounded(response, self.max_response_bytes).await {
            Ok(body) => body,
            Err(ReadError::TooLarge) => return Err(RestError::TooLarge(self.max_response_bytes)),
            Err(ReadError::Failed(error)) => return Err(failed(error)),
        };
        Ok(Answer { status, headers, body, token: self.token.clone() })
    }
}

pub(crate) enum ReadError {
    TooLarge,
    Failed(reqwest::Error),
}

/// The whole body, or an error as soon as it is known to be longer than `limit`.
pub(crate) async fn read_bounded(mut response: reqwest::Response, limit: usize) -> Result<Bytes, ReadError> {
    let announced = response.content_length().map(|length| usize::try_from(length).unwrap_or(usize::MAX));
    if announced.is_some_and(|length| length > limit) {
        return Err(ReadError::TooLarge);
    }
    let mut body = Vec::with_capacity(announced.unwrap_or(0).min(1 << 20));
    while let Some(chunk) = response.chunk().await.map_err(ReadError::Failed)? {
        if body.len() + chunk.len() > limit {
            return Err(ReadError::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Bytes::from(body))
}

/// What came back.
#[derive(Debug, Clone)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
    token: Secret,
}

impl Answer {
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, RestError> {
        let mut json = serde_json::Deserializer::from_slice(&self.body);
        serde_path_to_error::deserialize(&mut json).map_err(|error| {
            let text = format!("`{}`: {}", error.path(), error.inner());
            RestError::Garbage(one_line(&self.token.redact(&text), 200))
        })
    }

    /// Status and the partner's own words, in one line without our token.
    pub(crate) fn describe(&self) -> String {
        let said = self.said();
        let status = self.status.as_u16();
        if self.status.is_redirection() {
            return format!("it answered {status}: it has moved; put its new name or address in the settings");
        }
        if said.is_empty() { format!("it answered {status}") } else { format!("it answered {status}: {said}") }
    }

    /// The partner's own words: the `message` (or the like) of a JSON answer, else its first words.
    pub(crate) fn said(&self) -> String {
        #[derive(Deserialize)]
        struct Said {
            #[serde(alias = "error", alias = "description", alias = "detail")]
            message: String,
        }
        let text = match serde_json::from_slice::<Said>(&self.body) {
            Ok(said) => said.message,
            Err(_) => String::from_utf8_lossy(&self.body[..self.body.len().min(600)]).into_owned(),
        };
        one_line(&self.token.redact(&text), 200)
    }

    /// The raw text of a bounded answer, for partners that put what matters into words.
    pub(crate) fn text(&self) -> String {
        self.token.redact(&String::from_utf8_lossy(&self.body))
    }

    /// Seconds to wait, if this is a refusal for the rate of requests.
    pub(crate) fn wait_s(&self) -> Option<u32> {
        let number = |name: &str| self.headers.get(name)?.to_str().ok()?.trim().parse::<i64>().ok();
        let retry_after = number("retry-after");
        let exhausted = number("x-ratelimit-remaining") == Some(0);
        let limited = self.status == StatusCode::TOO_MANY_REQUESTS
            || (self.status == StatusCode::FORBIDDEN && (retry_after.is_some() || exhausted));
        if !limited {
            return None;
        }
        let until_reset = || Some(number("x-ratelimit-reset")? - self.date_s()?);
        let wait = retry_after.or_else(until_reset).and_then(|wait| u32::try_from(wait).ok());
        Some(wait.map_or(DEFAULT_WAIT_S, |wait| wait.clamp(1, MAX_WAIT_S)))
    }

    /// The partner's own clock: what its reset times refer to.
    fn date_s(&self) -> Option<i64> {
        let text = self.headers.get("date")?.to_str().ok()?;
        jiff::fmt::rfc2822::parse(text).ok().map(|date| date.timestamp().as_second())
    }

    /// True if a `Link` header says that there is a next page, none if there is no such header.
    pub(crate) fn has_next_page(&self) -> Option<bool> {
        let link = self.headers.get("link")?.to_str().ok()?;
        Some(link.contains("rel=\"next\""))
    }
}
