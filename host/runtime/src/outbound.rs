//! HTTP for gates that were granted hosts by name.
//!
//! The allow-list, the scheme, and the sizes are enforced here, so that no implementation of [`Outbound`] can forget them.
//! Resolving names, refusing private addresses, adding secret headers and following (or not) redirects belong to the
//! implementation, which the daemon has. Every denial leaves a line in the gate's log that says what would allow it.

use crate::ledger::Ledger;
use async_trait::async_trait;
use bytes::Bytes;
use http::uri::Scheme;
use http_body_util::{BodyExt, Full, Limited};
use std::sync::Arc;
use wasmtime_wasi_http::{Error, RequestOptions, WasiBody, WasiHttpHooks};

/// Largest request body that a gate may send.
const MAX_REQUEST_BYTES: usize = 1 << 20;
/// Largest response body that it is given.
const MAX_RESPONSE_BYTES: u64 = 16 << 20;

/// Sends what a gate wants to send.
#[async_trait]
pub trait Outbound: Send + Sync {
    /// Sends `request`, whose host the manifest grants. A redirect is an answer like any other: following it is the
    /// gate's affair, through the same allow-list.
    ///
    /// # Errors
    /// [`OutboundError`]; the gate sees its kind, the log its message.
    async fn send(
        &self,
        request: http::Request<Bytes>,
        max_response_bytes: u64,
    ) -> Result<http::Response<Bytes>, OutboundError>;

    /// Whether this host (`name` or `name:port`) may be called without TLS. The operator says so, never a gate.
    fn allows_plain(&self, authority: &str) -> bool {
        let _ = authority;
        false
    }
}

/// Why a request had no answer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, thiserror::Error)]
#[serde(rename_all = "kebab-case")]
pub enum OutboundError {
    /// Refused on this side (address, header, method); says why.
    #[error("refused: {0}")]
    Denied(String),
    /// No answer in time.
    #[error("no answer in time")]
    Timeout,
    /// The answer is larger than asked for.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(u64),
    /// Name resolution, connection or TLS failed.
    #[error("not reachable: {0}")]
    Unreachable(String),
}

/// What one evaluation may send, and where that is noted.
pub(crate) struct Hooks {
    granted: Arc<[String]>,
    outbound: Option<Arc<dyn Outbound>>,
    ledger: Arc<Ledger>,
}

impl Hooks {
    pub(crate) fn new(granted: Arc<[String]>, outbound: Option<Arc<dyn Outbound>>, ledger: Arc<Ledger>) -> Self {
        Self { granted, outbound, ledger }
    }

    /// The sender, if this request may leave; else the line for the log.
    fn admit(&self, uri: &http::Uri) -> Result<Arc<dyn Outbound>, String> {
        let host = uri.host().unwrap_or_default().trim_end_matches('.');
        if host.is_empty() {
            return Err("denied a request without a host".to_owned());
        }
        // A name and nothing else: `example.com` grants neither `example.com.evil` nor its subdomains.
        if !self.granted.iter().any(|granted| granted.trim_end_matches('.').eq_ignore_ascii_case(host)) {
            return Err(format!("denied a request to {host}: the manifest would need grant.network = [\"{host}\"]"));
        }
        let Some(outbound) = &self.outbound else {
            return Err(format!("denied a request to {host}: this host sends nothing for gates"));
        };
        let authority = uri.authority().map_or(host, http::uri::Authority::as_str);
        if uri.scheme() != Some(&Scheme::HTTPS) && !outbound.allows_plain(authority) {
            return Err(format!("denied a request to {host} without TLS: use https"));
        }
        // Credentials in an address would be the gate's own invention; the operator's are added when it is sent.
        if authority.contains('@') {
            return Err(format!("denied a request to {host} with credentials in its address"));
        }
        Ok(Arc::clone(outbound))
    }
}

/// What `portcullis:read/web` answers.
#[derive(serde::Serialize)]
pub(crate) struct Plain {
    pub(crate) status: u16,
    pub(crate) body: crate::transcript::Bytes,
}

impl Hooks {
    /// Sends what a gate asks for through `portcullis:read/web`: the same grants, limits and records as over `wasi:http`.
    ///
    /// # Errors
    /// The evaluation is over.
    pub(crate) async fn plain(
        &self,
        function: &'static str,
        method: http::Method,
        url: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<Result<Plain, OutboundError>, crate::ledger::Ended> {
        let body = Bytes::from(body);
        let asked = (url, content_type, crate::transcript::Bytes(body.to_vec()));
        let answer = async {
            if body.len() > MAX_REQUEST_BYTES {
                return Err(OutboundError::Denied(format!("a request of more than {MAX_REQUEST_BYTES} bytes")));
            }
            let unusable = |error: http::Error| OutboundError::Denied(format!("an unusable request: {error}"));
            let uri = url.parse::<http::Uri>().map_err(|error| unusable(error.into()))?;
            let outbound = self.admit(&uri).map_err(OutboundError::Denied)?;
            let mut request = http::Request::builder().method(method).uri(uri);
            if !content_type.is_empty() {
                request = request.header(http::header::CONTENT_TYPE, content_type);
            }
            let request = request.body(body.clone()).map_err(unusable)?;
            let response = outbound.send(request, MAX_RESPONSE_BYTES).await?;
            if response.body().len() as u64 > MAX_RESPONSE_BYTES {
                return Err(OutboundError::TooLarge(MAX_RESPONSE_BYTES));
            }
            let body = crate::transcript::Bytes(response.body().to_vec());
            Ok(Plain { status: response.status().as_u16(), body })
        };
        let answer = self.ledger.call("portcullis:read/web@0.1.0", function, &asked, answer).await?;
        if let Err(error) = &answer {
            self.ledger.log_line("warn", &format!("a request failed: {error}"));
        }
        Ok(answer)
    }
}

type Answer = Result<(http::Response<WasiBody>, Box<dyn Future<Output = Result<(), Error>> + Send>), Error>;

impl WasiHttpHooks for Hooks {
    fn send_request(
        &mut self,
        request: http::Request<WasiBody>,
        options: Option<RequestOptions>,
        finished: Box<dyn Future<Output = Result<(), Error>> + Send>,
    ) -> Box<dyn Future<Output = Answer> + Send> {
        // The host's own limits hold; the gate's wishes for shorter time-outs are covered by its wall limit.
        let _ = (options, finished);
        let admitted = self.admit(request.uri());
        let ledger = Arc::clone(&self.ledger);
        Box::new(async move {
            let outbound = admitted.map_err(|line| {
                ledger.log_line("warn", &line);
                Error::HttpRequestDenied
            })?;
            send(&ledger, outbound.as_ref(), request).await
        })
    }
}

async fn send(ledger: &Ledger, outbound: &dyn Outbound, request: http::Request<WasiBody>) -> Answer {
    let (parts, body) = request.into_parts();
    let body = Limited::new(body, MAX_REQUEST_BYTES)
        .collect()
        .await
        .map_err(|_| Error::HttpRequestBodySize(Some(MAX_REQUEST_BYTES as u64)))?
        .to_bytes();
    let asked = Asked::of(&parts, &body);
    let outcome = ledger
        .call("wasi:http/outgoing-handler", "handle", &asked, async {
            match outbound.send(http::Request::from_parts(parts, body), MAX_RESPONSE_BYTES).await {
                Ok(response) if response.body().len() as u64 > MAX_RESPONSE_BYTES => {
                    Err(OutboundError::TooLarge(MAX_RESPONSE_BYTES))
                }
                Ok(response) => Ok(Answered::of(response)),
                Err(error) => Err(error),
            }
        })
        .await
        // The ledger holds the fault; the guest is ended at its next step.
        .map_err(|_| Error::ConnectionTerminated)?;
    match outcome {
        Ok(answered) => {
            let response =
                answered.into_response().map(|body| Full::new(body).map_err(|never| match never {}).boxed_unsync());
            Ok((response, Box::new(async { Ok(()) })))
        }
        Err(error) => {
            ledger.log_line("warn", &format!("a request failed: {error}"));
            Err(seen(&error))
        }
    }
}

/// A request as it is recorded: what a replay compares.
#[derive(serde::Serialize)]
struct Asked {
    method: String,
    uri: String,
    headers: Vec<(String, String)>,
    body: crate::transcript::Bytes,
}

impl Asked {
    fn of(parts: &http::request::Parts, body: &Bytes) -> Self {
        Self {
            method: parts.method.to_string(),
            uri: parts.uri.to_string(),
            headers: header_pairs(&parts.headers),
            body: crate::transcript::Bytes(body.to_vec()),
        }
    }
}

/// A response as it is recorded.
#[derive(serde::Serialize)]
struct Answered {
    status: u16,
    headers: Vec<(String, String)>,
    body: crate::transcript::Bytes,
    #[serde(skip)]
    original: http::response::Parts,
}

impl Answered {
    fn of(response: http::Response<Bytes>) -> Self {
        let (original, body) = response.into_parts();
        Self {
            status: original.status.as_u16(),
            headers: header_pairs(&original.headers),
            body: crate::transcript::Bytes(body.to_vec()),
            original,
        }
    }

    fn into_response(self) -> http::Response<Bytes> {
        http::Response::from_parts(self.original, Bytes::from(self.body.0))
    }
}

fn header_pairs(headers: &http::HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned()))
        .collect()
}

/// A failure as the gate sees it.
fn seen(error: &OutboundError) -> Error {
    match error {
        OutboundError::Denied(_) => Error::HttpRequestDenied,
        OutboundError::Timeout => Error::ConnectionTimeout,
        OutboundError::TooLarge(limit) => Error::HttpResponseBodySize(Some(*limit)),
        OutboundError::Unreachable(_) => Error::DestinationUnavailable,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test is the point")]

    use super::*;
    use portcullis_core::gate::Limits;

    struct Echo;

    #[async_trait]
    impl Outbound for Echo {
        async fn send(&self, _: http::Request<Bytes>, _: u64) -> Result<http::Response<Bytes>, OutboundError> {
            Ok(http::Response::new(Bytes::from_static(b"ok")))
        }
        fn allows_plain(&self, authority: &str) -> bool {
            authority == "127.0.0.1:9000"
        }
    }

    fn hooks(granted: &[&str]) -> Hooks {
        let granted = granted.iter().map(|name| (*name).to_owned()).collect();
        Hooks::new(granted, Some(Arc::new(Echo)), Arc::new(Ledger::new(Limits::default())))
    }

    fn denial(hooks: &Hooks, uri: &str) -> Option<String> {
        hooks.admit(&uri.parse().unwrap()).err()
    }

    #[test]
    fn only_a_host_that_is_granted_by_its_whole_name_is_called() {
        // GAT-5
        let hooks = hooks(&["api.osv.dev"]);
        assert_eq!(denial(&hooks, "https://api.osv.dev/v1/query"), None);
        assert_eq!(denial(&hooks, "https://API.OSV.DEV:443/v1"), None);
        for stranger in ["https://osv.dev/", "https://evil.api.osv.dev/", "https://api.osv.dev.evil.example/"] {
            assert!(denial(&hooks, stranger).unwrap().contains("grant.network = ["), "{stranger}");
        }
    }

    #[test]
    fn plain_http_and_credentials_in_the_address_are_denied_unless_the_operator_allowed_the_host() {
        // GAT-5
        let hooks = hooks(&["api.osv.dev", "127.0.0.1"]);
        assert!(denial(&hooks, "http://api.osv.dev/").unwrap().contains("https"));
        assert!(denial(&hooks, "https://user:pass@api.osv.dev/").unwrap().contains("credentials"));
        assert_eq!(denial(&hooks, "http://127.0.0.1:9000/"), None);
        assert!(denial(&hooks, "http://127.0.0.1:9001/").is_some());
    }
}
