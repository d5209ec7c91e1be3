//! What stands in `Authorization`: the user's name and password, or a token that a token service gives for them.
//!
//! Held always: the password goes to the registry itself and to the token service that the operator named, over https
//! or within this machine; a token service that only the registry named is asked without it, over https, at a public
//! address; and a token goes only to the registry. A token is asked for what is about to be done and no more.

use super::challenge::Challenge;
use super::errors::RegistryError;
use super::registry::{Credentials, OF, authority, is_this_machine, same_origin};
use crate::http::SetupError;
use crate::secret::Secret;
use crate::text::one_line;
use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use reqwest::Url;
use reqwest::header::HeaderValue;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

/// What is about to be done, as a token service wants to know it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Scope(Vec<String>);

impl Scope {
    /// Reading a repository.
    pub(super) fn pull(repository: &str) -> Self {
        Self(vec![format!("repository:{repository}:pull")])
    }

    /// Writing one.
    pub(super) fn push(repository: &str) -> Self {
        Self(vec![format!("repository:{repository}:pull,push")])
    }

    /// Writing one with what another has.
    pub(super) fn copy(from: &str, to: &str) -> Self {
        Self([Self::push(to).0, Self::pull(from).0].concat())
    }
}

/// A value for `Authorization`, and what must not be read back from an answer.
#[derive(Debug, Clone)]
pub(super) struct Pass {
    pub(super) header: HeaderValue,
    secret: Secret,
}

/// Where a token is to be asked for, and how.
#[derive(Debug)]
pub(super) struct TokenOrder {
    pub(super) url: Url,
    /// The password; none for a service that may not see it.
    pub(super) pass: Option<Pass>,
    /// Whether the operator knows the service, which then may be inside the house.
    pub(super) known: bool,
}

/// What a challenge asks of us.
#[derive(Debug)]
pub(super) enum Step {
    /// This will do.
    Pass(Pass),
    /// A token has to be asked for first.
    Ask(TokenOrder),
}

pub(super) struct Access {
    base: Url,
    basic: Option<(Pass, Secret)>,
    token_host: Option<String>,
    insecure: bool,
    /// What worked last, by what it was for.
    passes: Mutex<BTreeMap<Scope, Pass>>,
}

impl Access {
    pub(super) fn new(
        base: Url,
        credentials: Option<Credentials>,
        token_host: Option<String>,
        insecure: bool,
    ) -> Result<Self, SetupError> {
        let basic = credentials.map(|Credentials { username, password }| {
            if username.trim().is_empty() || username.contains(':') || password.is_blank() {
                return Err(SetupError::Token(OF));
            }
            let both = BASE64.encode(format!("{username}:{}", password.expose()));
            Ok((Pass::new("Basic", both).ok_or(SetupError::Token(OF))?, password))
        });
        let token_host = token_host.map(|host| host.trim().to_ascii_lowercase());
        Ok(Self { base, basic: basic.transpose()?, token_host, insecure, passes: Mutex::default() })
    }

    /// What worked for `scope` before.
    pub(super) fn known(&self, scope: &Scope) -> Option<Pass> {
        self.passes.lock().unwrap_or_else(PoisonError::into_inner).get(scope).cloned()
    }

    pub(super) fn remember(&self, scope: &Scope, pass: Pass) {
        self.passes.lock().unwrap_or_else(PoisonError::into_inner).insert(scope.clone(), pass);
    }

    /// What is to be done about a challenge.
    pub(super) fn answer(&self, challenge: Option<Challenge>, scope: &Scope) -> Result<Step, RegistryError> {
        let denied = |why: &str| RegistryError::Denied(why.to_owned());
        match challenge {
            None => Err(denied("it wants to be asked in a way that is not spoken here (known are Basic and Bearer)")),
            Some(Challenge::Basic) => match &self.basic {
                Some((pass, _)) => Ok(Step::Pass(pass.clone())),
                None => Err(denied("it wants a user name and a password, and none is set")),
            },
            Some(Challenge::Bearer { realm, service }) => self.order(&realm, service.as_deref(), scope).map(Step::Ask),
        }
    }

    fn order(&self, realm: &str, service: Option<&str>, scope: &Scope) -> Result<TokenOrder, RegistryError> {
        let mut url =
            Url::parse(realm).map_err(|_| RegistryError::malformed("the address of its token service is none"))?;
        let sound = matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.password().is_none();
        if !sound || url.host_str().is_none() {
            return Err(RegistryError::malformed("the address of its token service is not to be used"));
        }
        let own = same_origin(&url, &self.base);
        let named = authority(&url);
        let known = own || self.token_host.as_deref() == Some(named.as_str());
        let in_clear = known && (own || self.insecure || is_this_machine(&url));
        if url.scheme() == "http" && !in_clear {
            let host = one_line(&named, 100);
            return Err(RegistryError::Denied(format!("its token service `{host}` is not asked over plain http")));
        }
        if let Some(service) = service {
            url.query_pairs_mut().append_pair("service", service);
        }
        url.query_pairs_mut().extend_pairs(scope.0.iter().map(|scope| ("scope", scope)));
        let pass = self.basic.as_ref().filter(|_| known).map(|(pass, _)| pass.clone());
        Ok(TokenOrder { url, pass, known })
    }

    /// Reads a token service's answer.
    pub(super) fn token(body: &[u8]) -> Result<Pass, RegistryError> {
        #[derive(Deserialize)]
        struct Answer {
            token: Option<String>,
            access_token: Option<String>,
        }
        let wrong = || RegistryError::malformed("its token service gave no token");
        let answer: Answer = serde_json::from_slice(body).map_err(|_| wrong())?;
        let token = answer.token.or(answer.access_token).filter(|token| !token.trim().is_empty()).ok_or_else(wrong)?;
        Pass::new("Bearer", token.trim().to_owned()).ok_or_else(wrong)
    }

    /// What to add to a refusal: our password may have been kept from whom the registry named.
    pub(super) fn hint(&self, asked: Option<&TokenOrder>) -> String {
        match asked {
            Some(order) if !order.known && self.basic.is_some() => {
                let host = one_line(&authority(&order.url), 100);
                format!("; its token service `{host}` was not shown the password: if it may be, set `token_host`")
            }
            _ if self.basic.is_none() => "; no user name and password are set".to_owned(),
            _ => String::new(),
        }
    }

    /// `text` from an answer without what we had sent, in one line.
    pub(super) fn clean(&self, text: &str) -> String {
        let mut text = text.to_owned();
        if let Some((pass, password)) = &self.basic {
            text = password.redact(&pass.secret.redact(&text));
        }
        for pass in self.passes.lock().unwrap_or_else(PoisonError::into_inner).values() {
            text = pass.secret.redact(&text);
        }
        one_line(&text, 200)
    }
}

impl Pass {
    /// None if `secret` cannot stand in a header.
    fn new(scheme: &str, secret: String) -> Option<Self> {
        let mut header = HeaderValue::from_str(&format!("{scheme} {secret}")).ok()?;
        header.set_sensitive(true);
        Some(Self { header, secret: Secret::new(secret) })
    }
}
