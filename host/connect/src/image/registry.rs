//! One registry: where it is, who we are there, and which references mean it.

use super::access::Access;
use super::document::Platforms;
use super::reference::{Reference, ReferenceError};
use super::transport::Transport;
use crate::http::{Lookup, SetupError, SystemLookup};
use crate::secret::Secret;
use reqwest::Url;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

/// What errors call it.
pub(super) const OF: &str = "the image registry";
/// The names of Docker's own registry, whose interface has another one.
const HUB: [&str; 3] = ["docker.io", "index.docker.io", "registry-1.docker.io"];
const HUB_INTERFACE: &str = "registry-1.docker.io";
const HUB_TOKENS: &str = "auth.docker.io";

/// Who we are at a registry.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The user's name, or what the registry wants in its place where there is only a token.
    pub username: String,
    /// The password or token.
    pub password: Secret,
}

/// Where a registry is and how to speak with it.
#[derive(Debug, Clone)]
pub struct RegistrySettings {
    /// Its address without a path, e.g. `https://registry.example`. Plain http is for this machine, unless `insecure`.
    pub url: String,
    /// Who we are there; none: what everybody may read.
    pub credentials: Option<Credentials>,
    /// Host (with its port, if it is not the usual one) of another token service that may see the credentials.
    pub token_host: Option<String>,
    /// Whether plain http is fine for a registry on another machine.
    pub insecure: bool,
    /// Which images of an index count.
    pub platforms: Platforms,
    /// Limit for one whole inspection or promotion.
    pub timeout: Duration,
}

impl RegistrySettings {
    /// With the usual settings: no credentials, every platform, 60 s.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: url.into(),
            credentials: None,
            token_host: None,
            insecure: false,
            platforms: Platforms::default(),
            timeout: Duration::from_secs(60),
        }
    }
}

/// A registry of container images.
pub struct Registry {
    pub(super) transport: Transport,
    pub(super) platforms: Platforms,
    pub(super) timeout: Duration,
    base: Url,
}

impl fmt::Debug for Registry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Registry").field("base", &self.base.as_str()).finish_non_exhaustive()
    }
}

impl Registry {
    /// With the machine's own resolver.
    ///
    /// # Errors
    /// [`SetupError`] if the settings make no sense, or TLS cannot be set up.
    pub fn new(settings: RegistrySettings) -> Result<Self, SetupError> {
        Self::with_lookup(settings, Arc::new(SystemLookup))
    }

    /// With a resolver of one's own.
    ///
    /// # Errors
    /// As [`Self::new`].
    pub fn with_lookup(settings: RegistrySettings, lookup: Arc<dyn Lookup>) -> Result<Self, SetupError> {
        let address = |why: &str| SetupError::Address { of: OF, why: why.to_owned() };
        let mut base = Url::parse(settings.url.trim()).map_err(|error| address(&error.to_string()))?;
        if !matches!(base.scheme(), "http" | "https") || base.host_str().is_none() {
            return Err(address("it must begin with https:// (or http://) and a host"));
        }
        if !base.username().is_empty() || base.password().is_some() {
            return Err(address("it must carry no user name or password; give them on their own"));
        }
        if base.path() != "/" || base.query().is_some() || base.fragment().is_some() {
            return Err(address(
                "a registry lies at the root of its host; name the images' folder in their references",
            ));
        }
        if base.scheme() == "http" && !is_this_machine(&base) && !settings.insecure {
            return Err(address("plain http shows the password to everybody on the way; use https, or set `insecure`"));
        }
        let is_hub = base.host_str().is_some_and(|host| HUB.contains(&host));
        if is_hub {
            base.set_host(Some(HUB_INTERFACE)).map_err(|error| address(&error.to_string()))?;
        }
        let token_host = settings.token_host.or_else(|| is_hub.then(|| HUB_TOKENS.to_owned()));
        let access = Access::new(base.clone(), settings.credentials, token_host, settings.insecure)?;
        let transport = Transport::new(base.clone(), access, settings.timeout, lookup)?;
        Ok(Self { transport, platforms: settings.platforms, timeout: settings.timeout, base })
    }

    /// Reads a reference; one without a host means this registry.
    ///
    /// # Errors
    /// If it is none, or means another registry.
    pub fn reference(&self, text: &str) -> Result<Reference, ReferenceError> {
        let mut reference = Reference::parse(text)?;
        if let Some(host) = reference.host.take()
            && !self.is_called(&host)
        {
            let ours = authority(&self.base);
            return Err(ReferenceError::new(
                text,
                format!("the project's registry is `{ours}`, and no other is asked"),
            ));
        }
        if self.is_hub() && !reference.repository.contains('/') {
            reference.repository.insert_str(0, "library/");
        }
        // Written down as what it is, whichever way it came.
        reference.host = Some(if self.is_hub() { HUB[0].to_owned() } else { authority(&self.base) });
        Ok(reference)
    }

    fn is_hub(&self) -> bool {
        self.base.host_str() == Some(HUB_INTERFACE)
    }

    fn is_called(&self, host: &str) -> bool {
        if self.is_hub() && HUB.contains(&host) {
            return true;
        }
        let named = Url::parse(&format!("{}://{host}/", self.base.scheme()));
        named.is_ok_and(|named| same_origin(&named, &self.base))
    }
}

/// Host and, where it is not the scheme's own, port.
pub(super) fn authority(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

/// Whether both lead to the same service.
pub(super) fn same_origin(a: &Url, b: &Url) -> bool {
    let of = |url: &Url| (url.scheme().to_owned(), url.host_str().map(str::to_owned), url.port_or_known_default());
    of(a) == of(b)
}

/// Whether a URL leads to this very machine, where nobody stands on the way.
pub(super) fn is_this_machine(url: &Url) -> bool {
    match url.host_str().map(crate::http::normal).as_deref() {
        Some("localhost") => true,
        Some(host) => host.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback()),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test stops where its preparation fails")]
    use super::*;

    fn registry(url: &str) -> Registry {
        Registry::new(RegistrySettings::new(url)).unwrap()
    }

    // IMG-1
    #[test]
    fn a_reference_means_the_project_s_registry_and_no_other() {
        let ours = registry("https://registry.example");
        for (text, meant) in [
            ("shop:staging", "registry.example/shop:staging"),
            ("team/shop", "registry.example/team/shop"),
            ("registry.example/shop", "registry.example/shop"),
            ("Registry.Example:443/shop", "registry.example/shop"),
        ] {
            assert_eq!(ours.reference(text).unwrap().to_string(), meant);
        }
        for other in ["registry.example:5000/shop", "docker.io/shop", "localhost/shop", "169.254.169.254/shop"] {
            let error = ours.reference(other).unwrap_err().to_string();
            assert!(error.contains("the project's registry is `registry.example`"), "{error}");
        }
        let local = registry("http://127.0.0.1:5000");
        assert_eq!(local.reference("shop").unwrap().to_string(), "127.0.0.1:5000/shop");
        assert!(local.reference("127.0.0.1/shop").is_err());
    }

    // IMG-1
    #[test]
    fn docker_s_own_registry_is_known_by_all_its_names() {
        for url in ["https://docker.io", "https://index.docker.io", "https://registry-1.docker.io"] {
            let hub = registry(url);
            assert_eq!(hub.base.host_str(), Some("registry-1.docker.io"));
            for text in ["debian:12", "docker.io/debian:12", "index.docker.io/library/debian:12"] {
                assert_eq!(hub.reference(text).unwrap().to_string(), "docker.io/library/debian:12");
            }
            assert_eq!(hub.reference("team/shop").unwrap().to_string(), "docker.io/team/shop");
        }
    }

    // CFG-1
    #[test]
    fn an_address_that_could_show_a_password_is_refused() {
        let refused = |url: &str| Registry::new(RegistrySettings::new(url)).unwrap_err().to_string();
        for url in ["http://registry.example", "http://10.0.0.1:5000", "http://localhost.example"] {
            assert!(refused(url).contains("plain http"), "{url}");
        }
        for url in ["registry.example", "ftp://registry.example", "https://registry.example/v2/", "https://", ""] {
            assert!(!refused(url).is_empty(), "{url}");
        }
        let inline = format!("https://user:{}@registry.example", "hunter2-hunter2");
        assert!(!refused(&inline).contains("hunter2"));
        for url in ["http://localhost:5000", "http://127.0.0.1:5000", "http://[::1]:5000"] {
            registry(url);
        }
        let told = RegistrySettings { insecure: true, ..RegistrySettings::new("http://registry.example") };
        assert!(Registry::new(told).is_ok());
    }
}
