//! Outbound HTTP for gates (GAT-5): a guest names a public host, the operator's secrets are added on the way out.
//!
//! Guests are hostile: a name may resolve to an address inside the house, or to one now and another a moment later. So
//! the address is checked in the resolver whose answer the connection then uses; there is no second look-up. Nothing is
//! followed: a redirect is the guest's to ask for again, through its grants and these checks. Deliberately absent:
//! which hosts a gate may name (its manifest's grants, checked by the runtime before this).

use super::address::{Forbidden, forbidden};
use super::resolver::{CheckedResolver, Lookup, ResolveError, SystemLookup, normal};
use super::rest::{ReadError, read_bounded};
use super::{SetupError, builder, describe};
use crate::secret::Secret;
use bytes::Bytes;
use reqwest::Url;
use reqwest::header::{HeaderName, HeaderValue};
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Headers that belong to the connection or that would change whom the request is for.
const NOT_THE_GUEST_S: [&str; 12] = [
    "host",
    "connection",
    "content-length",
    "transfer-encoding",
    "te",
    "trailer",
    "upgrade",
    "keep-alive",
    "expect",
    "proxy-connection",
    "proxy-authorization",
    "forwarded",
];

/// What the operator decides about gates' requests.
#[derive(Debug, Clone)]
pub struct GuardedSettings {
    /// Hosts (names or addresses, without port) that may be inside the house, or be spoken with in plain HTTP while
    /// carrying secrets.
    pub allowed_hosts: BTreeSet<String>,
    /// Headers added to requests for a host: its name, then header names and values. They replace the guest's own.
    pub secret_headers: BTreeMap<String, Vec<(String, Secret)>>,
    /// Limit for one whole exchange.
    pub timeout: Duration,
    /// Limit for a request's body.
    pub max_request_bytes: usize,
}

impl Default for GuardedSettings {
    /// No exceptions, no secrets, 30 s, 1 MiB.
    fn default() -> Self {
        Self {
            allowed_hosts: BTreeSet::new(),
            secret_headers: BTreeMap::new(),
            timeout: Duration::from_secs(30),
            max_request_bytes: 1 << 20,
        }
    }
}

/// Why a gate's request got no answer. Safe to show to the guest: nothing here tells a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutboundError {
    /// The host is inside the house.
    #[error("`{host}` is {why}; the operator can allow this host in the settings")]
    Forbidden {
        /// The host asked for.
        host: String,
        /// What kind of address it has.
        why: Forbidden,
    },
    /// The request itself is unusable.
    #[error("the request is unusable: {0}")]
    BadRequest(String),
    /// The host has no address.
    #[error("`{0}` cannot be resolved")]
    Unresolved(String),
    /// The exchange took too long.
    #[error("`{0}` took too long")]
    TimedOut(String),
    /// The request's body is too large.
    #[error("the request's body is larger than {0} bytes")]
    RequestTooLarge(usize),
    /// The answer is too large.
    #[error("the answer of `{host}` is larger than {limit} bytes")]
    ResponseTooLarge {
        /// The host asked.
        host: String,
        /// The limit.
        limit: u64,
    },
    /// The operator has secrets for this host, and they would go out in plain text.
    #[error("`{0}` must be asked over https: the operator's secrets go with it")]
    Plaintext(String),
    /// The answer repeats a secret, which must not reach a guest.
    #[error("the answer of `{0}` repeats a secret that was sent to it")]
    Echoed(String),
    /// Anything else that failed on the way.
    #[error("failed to ask `{host}`: {why}")]
    Failed {
        /// The host asked.
        host: String,
        /// What failed.
        why: String,
    },
}

/// A header ready to be sent, and what it must not be read back as.
type SecretHeader = (HeaderName, HeaderValue, Secret);

/// Sends gates' requests.
#[derive(Clone)]
pub struct GuardedClient {
    client: reqwest::Client,
    allowed: Arc<BTreeSet<String>>,
    secrets: Arc<BTreeMap<String, Vec<SecretHeader>>>,
    max_request_bytes: usize,
}

impl fmt::Debug for GuardedClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GuardedClient")
            .field("allowed", &self.allowed)
            .field("hosts_with_secrets", &self.secrets.keys().collect::<Vec<_>>())
            .finish_non_exhaustive()
    }
}

impl GuardedClient {
    /// With the machine's own resolver.
    ///
    /// # Errors
    /// [`SetupError`] if a secret header's name or value cannot be one, or TLS cannot be set up.
    pub fn new(settings: GuardedSettings) -> Result<Self, SetupError> {
        Self::with_lookup(settings, Arc::new(SystemLookup))
    }

    /// With a resolver of one's own.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_lookup(settings: GuardedSettings, lookup: Arc<dyn Lookup>) -> Result<Self, SetupError> {
        let mut secrets = BTreeMap::new();
        for (host, headers) in settings.secret_headers {
            let mut ready = Vec::new();
            for (name, secret) in headers {
                let bad = || SetupError::Name { name: name.clone(), what: "header's name" };
                let header = HeaderName::try_from(name.as_str()).map_err(|_| bad())?;
                let mut value = HeaderValue::from_str(secret.expose())
                    .map_err(|_| SetupError::Token("a gate's host (as a header's value)"))?;
                value.set_sensitive(true);
                ready.push((header, value, secret));
            }
            secrets.insert(normal(&host), ready);
        }
        let allowed: Arc<BTreeSet<String>> = Arc::new(settings.allowed_hosts.iter().map(|host| normal(host)).collect());
        let named = Arc::clone(&allowed);
        let client = builder(settings.timeout)
            // A proxy would resolve names behind our back.
            .no_proxy()
            .dns_resolver(Arc::new(CheckedResolver::new(lookup, move |host, _| named.contains(host))))
            .build()
            .map_err(|error| SetupError::Tls(describe(&error)))?;
        Ok(Self { client, allowed, secrets: Arc::new(secrets), max_request_bytes: settings.max_request_bytes })
    }

    /// Sends `request` and reads at most `max_response_bytes` of its answer's body. A redirect is answered as it is.
    ///
    /// # Errors
    /// [`OutboundError`]; nothing went out for `Forbidden`, `BadRequest`, `Unresolved`, `RequestTooLarge` and
    /// `Plaintext`.
    pub async fn send(
        &self,
        request: http::Request<Bytes>,
        max_response_bytes: u64,
    ) -> Result<http::Response<Bytes>, OutboundError> {
        let (parts, body) = request.into_parts();
        if body.len() > self.max_request_bytes {
            return Err(OutboundError::RequestTooLarge(self.max_request_bytes));
        }
        let (url, host) = self.checked_url(&parts.uri)?;
        let secrets = self.secrets.get(&host).map(Vec::as_slice).unwrap_or_default();
        if !secrets.is_empty() && url.scheme() != "https" && !self.allowed.contains(&host) {
            return Err(OutboundError::Plaintext(host));
        }
        let mut headers = parts.headers;
        for name in NOT_THE_GUEST_S {
            headers.remove(name);
        }
        for (name, value, _) in secrets {
            headers.insert(name.clone(), value.clone());
        }
        let sent = self.client.request(parts.method, url).headers(headers).body(body).send().await;
        let response = sent.map_err(|error| outbound(&host, &error))?;

        let mut answer = http::Response::builder().status(response.status());
        if let Some(all) = answer.headers_mut() {
            all.clone_from(response.headers());
            // The body is handed over whole; these spoke of how it came.
            for name in ["connection", "transfer-encoding", "keep-alive", "trailer", "upgrade"] {
                all.remove(name);
            }
        }
        let limit = usize::try_from(max_response_bytes).unwrap_or(usize::MAX);
        let body = match read_bounded(response, limit).await {
            Ok(body) => body,
            Err(ReadError::TooLarge) => {
                return Err(OutboundError::ResponseTooLarge { host, limit: max_response_bytes });
            }
            Err(ReadError::Failed(error)) => return Err(outbound(&host, &error)),
        };
        let answer =
            answer.body(body).map_err(|error| OutboundError::Failed { host: host.clone(), why: describe(&error) })?;
        if secrets.iter().any(|(_, _, secret)| repeats(&answer, secret)) {
            return Err(OutboundError::Echoed(host));
        }
        Ok(answer)
    }

    /// The address in the notation that is really connected to, and its host in the one that rules are kept in.
    fn checked_url(&self, uri: &http::Uri) -> Result<(Url, String), OutboundError> {
        let bad = |why: &str| OutboundError::BadRequest(why.to_owned());
        // `Url` reads `0x7f.1` and the like as the addresses that they stand for; `Uri` does not.
        let url = Url::parse(&uri.to_string()).map_err(|error| bad(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad("only http and https are spoken"));
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err(bad("no user name or password may stand in the address"));
        }
        let host = normal(url.host_str().ok_or_else(|| bad("it names no host"))?);
        let literal = host.parse::<IpAddr>().ok();
        if let Some(why) = literal.and_then(forbidden)
            && !self.allowed.contains(&host)
        {
            return Err(OutboundError::Forbidden { host, why });
        }
        Ok((url, host))
    }
}

/// True if the guest could read `secret` (or its part after a scheme such as `Bearer`) from the answer.
fn repeats(answer: &http::Response<Bytes>, secret: &Secret) -> bool {
    let whole = secret.expose().trim();
    let bare = whole.rsplit(' ').next().unwrap_or(whole);
    // A short one would be found everywhere, and protects nothing.
    let needle = if bare.len() >= 8 { bare } else { whole };
    if needle.len() < 4 {
        return false;
    }
    let holds = |bytes: &[u8]| String::from_utf8_lossy(bytes).contains(needle);
    answer.headers().values().any(|value| holds(value.as_bytes())) || holds(answer.body())
}

fn outbound(host: &str, error: &reqwest::Error) -> OutboundError {
    match ResolveError::within(error) {
        Some(ResolveError::Forbidden(why)) => return OutboundError::Forbidden { host: host.to_owned(), why },
        Some(ResolveError::Unresolved) => return OutboundError::Unresolved(host.to_owned()),
        None => {}
    }
    if error.is_timeout() {
        return OutboundError::TimedOut(host.to_owned());
    }
    OutboundError::Failed { host: host.to_owned(), why: describe(error) }
}
