//! The one place that makes HTTP clients: whose time, size and redirects are bounded and whose errors carry no secret.
//!
//! [`client`] is for partners that the operator named in the settings. [`GuardedClient`] is for what guests ask for:
//! it refuses addresses inside the house and adds secrets that the guest never sees. Redirects are never followed: a
//! redirected POST becomes a GET, and a redirect to another host would carry the token along.

mod address;
mod guarded;
mod resolver;
mod rest;

pub use address::{Forbidden, forbidden};
pub use guarded::{GuardedClient, GuardedSettings, OutboundError};
pub(crate) use resolver::{CheckedResolver, ResolveError, normal};
pub use resolver::{Lookup, SystemLookup};
pub(crate) use rest::{Answer, Auth, ReadError, Rest, RestError, read_bounded};
pub use rest::{Connection, SetupError};

use std::sync::OnceLock;
use std::time::Duration;

/// How Portcullis names itself.
const USER_AGENT: &str = concat!("portcullis/", env!("CARGO_PKG_VERSION"));

/// Makes *ring* the process's TLS provider, unless one is set already. Called by everything here that makes a client.
pub fn install_tls_provider() {
    static DONE: OnceLock<()> = OnceLock::new();
    DONE.get_or_init(|| {
        // An error only says that somebody else was first, which is as good.
        let _ = rustls::crypto::ring::default_provider().install_default();
    });
}

/// A client for partners that the operator named: `timeout` for a whole exchange, a third of it (at most 10 s) for
/// connecting.
///
/// # Errors
/// If TLS cannot be set up, e.g. because the machine has no root certificates.
pub fn client(timeout: Duration) -> Result<reqwest::Client, SetupError> {
    builder(timeout).build().map_err(|error| SetupError::Tls(describe(&error)))
}

pub(crate) fn builder(timeout: Duration) -> reqwest::ClientBuilder {
    install_tls_provider();
    reqwest::Client::builder()
        .user_agent(USER_AGENT)
        .timeout(timeout)
        .connect_timeout((timeout / 3).min(Duration::from_secs(10)))
        .redirect(reqwest::redirect::Policy::none())
        .referer(false)
}

/// An error and its causes in one line, without the address asked for (which may carry a token).
pub(crate) fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut out = String::new();
    let mut next = Some(error);
    while let Some(error) = next {
        let text = match error.downcast_ref::<reqwest::Error>() {
            // Its Display ends with the URL; what matters stands in its sources.
            Some(error) => kind_of(error).to_owned(),
            None => error.to_string(),
        };
        if !text.is_empty() && !out.ends_with(&text) {
            if !out.is_empty() {
                out.push_str(": ");
            }
            out.push_str(&text);
        }
        next = error.source();
    }
    crate::text::one_line(&out, 300)
}

fn kind_of(error: &reqwest::Error) -> &'static str {
    if error.is_timeout() {
        "it took too long"
    } else if error.is_connect() {
        "no connection"
    } else if error.is_body() || error.is_decode() {
        "the answer broke off"
    } else if error.is_builder() {
        "the request cannot be made"
    } else {
        "the request failed"
    }
}
