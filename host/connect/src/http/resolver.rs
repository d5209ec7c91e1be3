//! Names to addresses, checked: a connection can use no other address than the one that was looked at here.
//!
//! Deliberately absent: addresses that stand in a URL as such. No resolver is asked for them, so whoever takes a URL
//! from others checks its host as well.

use super::address::{Forbidden, forbidden};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// Turns a host's name into addresses.
#[async_trait::async_trait]
pub trait Lookup: Send + Sync {
    /// Every address of `host`.
    ///
    /// # Errors
    /// If the name cannot be resolved.
    async fn addresses(&self, host: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// Asks the machine's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemLookup;

#[async_trait::async_trait]
impl Lookup for SystemLookup {
    async fn addresses(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

/// Lower case, without the root's dot and without the brackets of an IPv6 address.
pub(crate) fn normal(host: &str) -> String {
    let host = host.trim().trim_start_matches('[').trim_end_matches(']');
    host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase()
}

/// Why a name leads nowhere.
#[derive(Debug, Clone, Copy, thiserror::Error)]
pub(crate) enum ResolveError {
    #[error("the name resolves to {0}")]
    Forbidden(Forbidden),
    #[error("the name cannot be resolved")]
    Unresolved,
}

impl ResolveError {
    /// The one among the causes of `error`.
    pub(crate) fn within(error: &(dyn std::error::Error + 'static)) -> Option<Self> {
        let mut next = Some(error);
        while let Some(cause) = next {
            if let Some(found) = cause.downcast_ref::<Self>() {
                return Some(*found);
            }
            next = cause.source();
        }
        None
    }
}

/// Whether a host may have an address of this kind.
type Permits = dyn Fn(&str, Forbidden) -> bool + Send + Sync;

/// Answers only addresses that may be reached, so that the connection can use no other.
pub(crate) struct CheckedResolver {
    lookup: Arc<dyn Lookup>,
    permits: Arc<Permits>,
}

impl CheckedResolver {
    /// Public addresses, and those others that `permits` lets a host have.
    pub(crate) fn new(
        lookup: Arc<dyn Lookup>,
        permits: impl Fn(&str, Forbidden) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { lookup, permits: Arc::new(permits) }
    }
}

impl Resolve for CheckedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, permits) = (Arc::clone(&self.lookup), Arc::clone(&self.permits));
        Box::pin(async move {
            let found = lookup.addresses(name.as_str()).await.map_err(|_| ResolveError::Unresolved)?;
            if found.is_empty() {
                return Err(ResolveError::Unresolved.into());
            }
            // One address of the house among public ones is an attempt, not an accident.
            let host = normal(name.as_str());
            if let Some(why) = found.iter().copied().filter_map(forbidden).find(|why| !permits(&host, *why)) {
                return Err(ResolveError::Forbidden(why).into());
            }
            let addresses: Addrs = Box::new(found.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(addresses)
        })
    }
}
