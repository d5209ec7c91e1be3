//! `[project.registry]`: the registry in which a project's images lie.
//!
//! Where the password is may be told to roles and commands; the password itself is not.

use super::SecretSource;
use portcullis_connect::image::{Credentials, Platforms, RegistrySettings};
use portcullis_connect::secret::Secret;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::time::Duration;

/// `[project.registry]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImageRegistry {
    /// Its address without a path, e.g. `https://registry.example`. Plain http is for this machine, unless `insecure`.
    pub url: String,
    /// User's name there. Without one: what everybody may read.
    #[serde(default)]
    pub username: Option<String>,
    /// Their password or token.
    #[serde(default)]
    pub password: Option<SecretSource>,
    /// Host of a token service, other than the registry's own, that may see the password.
    #[serde(default)]
    pub token_host: Option<String>,
    /// Whether plain http is fine for a registry on another machine. Default false.
    #[serde(default)]
    pub insecure: bool,
    /// Which images of an index gates look at: `every` (default), or the one for a platform like `linux/amd64`.
    #[serde(default = "every")]
    pub platform: String,
    /// Seconds that one inspection may take. Default 60.
    #[serde(default = "a_minute")]
    pub timeout_s: u64,
}

fn every() -> String {
    "every".to_owned()
}
fn a_minute() -> u64 {
    60
}

impl ImageRegistry {
    /// Checks what the form alone does not say.
    ///
    /// # Errors
    /// The key and what is wrong with it.
    pub(super) fn check(&self) -> Result<(), (String, String)> {
        let wrong = |key: &str, reason: &str| Err((format!("registry.{key}"), reason.to_owned()));
        match (&self.username, &self.password) {
            (Some(_), None) => {
                return wrong("password", "a user name needs a password, e.g. { env = \"REGISTRY_PASSWORD\" }");
            }
            (None, Some(_)) => return wrong("username", "a password needs a user name"),
            (Some(_), Some(_)) | (None, None) => {}
        }
        if self.timeout_s == 0 {
            return wrong("timeout_s", "must be at least 1");
        }
        self.platform.parse::<Platforms>().map(drop).or_else(|reason| wrong("platform", &reason))
    }

    /// What the client is made with.
    pub fn client(&self, password: Option<Secret>) -> RegistrySettings {
        let credentials = self.username.clone().zip(password);
        RegistrySettings {
            url: self.url.clone(),
            credentials: credentials.map(|(username, password)| Credentials { username, password }),
            token_host: self.token_host.clone(),
            insecure: self.insecure,
            // Checked when the settings were read.
            platforms: self.platform.parse().unwrap_or_default(),
            timeout: Duration::from_secs(self.timeout_s),
        }
    }

    /// What roles and commands are told, in the variables that `portcullis image` reads.
    pub fn environment(&self) -> BTreeMap<String, String> {
        let (file, variable) = match &self.password {
            Some(SecretSource::File { file }) => (Some(file.display().to_string()), None),
            Some(SecretSource::Env { env }) => (None, Some(env.clone())),
            None => (None, None),
        };
        let all = [
            ("PORTCULLIS_REGISTRY", Some(self.url.clone())),
            ("PORTCULLIS_REGISTRY_USERNAME", self.username.clone()),
            ("PORTCULLIS_REGISTRY_PASSWORD_FILE", file),
            ("PORTCULLIS_REGISTRY_PASSWORD_ENV", variable),
            ("PORTCULLIS_REGISTRY_TOKEN_HOST", self.token_host.clone()),
            ("PORTCULLIS_REGISTRY_INSECURE", self.insecure.then(|| "true".to_owned())),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))).collect()
    }
}
