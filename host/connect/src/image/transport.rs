//! One question to the registry: asked with what opens its doors, followed where it leads, bounded in size.
//!
//! Held always: what was learnt from the registry leads only to public addresses, or to such as the registry itself has
//! (a registry of the house may keep its blobs in the house); never to the link's own, where clouds keep their secrets;
//! never from https to http; and never with our `Authorization`. No proxy is used: it would resolve names behind our
//! back. Only reading is led elsewhere.

use super::access::{Access, Pass, Scope, Step, TokenOrder};
use super::challenge::Challenge;
use super::errors::RegistryError;
use super::registry::same_origin;
use crate::http::{
    CheckedResolver, Forbidden, Lookup, ReadError, ResolveError, SetupError, builder, describe, forbidden, normal,
    read_bounded,
};
use bytes::Bytes;
use reqwest::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderValue, LOCATION};
use reqwest::{Client, Method, Response, StatusCode, Url};
use serde::Deserialize;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

/// Most times that a question is led elsewhere.
const HOPS: usize = 3;
/// Most bytes of a refusal or of a token service's answer.
const SHORT_ANSWER: usize = 64 << 10;

/// A question.
#[derive(Debug, Clone)]
pub(super) struct Question {
    pub(super) method: Method,
    pub(super) url: Url,
    pub(super) accept: Option<&'static str>,
    /// Media type and bytes.
    pub(super) body: Option<(String, Bytes)>,
    /// Most bytes of the answer that is hoped for.
    pub(super) limit: usize,
}

/// An answer that was hoped for.
#[derive(Debug, Clone)]
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

impl Answer {
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}

pub(super) struct Transport {
    base: Url,
    access: Access,
    client: Client,
    timeout: Duration,
    lookup: Arc<dyn Lookup>,
}

impl Transport {
    pub(super) fn new(
        base: Url,
        access: Access,
        timeout: Duration,
        lookup: Arc<dyn Lookup>,
    ) -> Result<Self, SetupError> {
        // The operator named these hosts, so they may be where they like.
        let resolver = CheckedResolver::new(lookup.clone(), |_, _| true);
        let client = builder(timeout).no_proxy().dns_resolver(Arc::new(resolver)).build();
        let client = client.map_err(|error| SetupError::Tls(describe(&error)))?;
        Ok(Self { base, access, client, timeout, lookup })
    }

    /// The address of a part of the registry's interface; every element has been checked to be harmless in a path.
    pub(super) fn url(&self, path: &str) -> Result<Url, RegistryError> {
        self.base.join(path).map_err(|_| RegistryError::malformed("an address cannot be made"))
    }

    /// An address that the registry itself answered, where it still leads to it.
    pub(super) fn own(&self, location: &str) -> Result<Url, RegistryError> {
        let url = self.base.join(location).ok().filter(|url| same_origin(url, &self.base));
        url.ok_or_else(|| RegistryError::malformed("it leads a writer to another host"))
    }

    /// Asks, shows who we are if it wants to know, and follows where it leads.
    pub(super) async fn ask(&self, question: &Question, scope: &Scope) -> Result<Answer, RegistryError> {
        let known = self.access.known(scope);
        let response = self.send(&self.client, question, &question.url, known.as_ref()).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return self.follow(question, response, known).await;
        }
        let challenge = Challenge::among(response.headers());
        let (pass, asked) = match self.access.answer(challenge, scope)? {
            Step::Pass(pass) => (pass, None),
            Step::Ask(order) => (self.token(&order).await?, Some(order)),
        };
        self.access.remember(scope, pass.clone());
        let response = self.send(&self.client, question, &question.url, Some(&pass)).await?;
        if response.status() == StatusCode::UNAUTHORIZED {
            let (said, _) = self.said(response).await;
            return Err(RegistryError::Denied(format!("{said}{}", self.access.hint(asked.as_ref()))));
        }
        self.follow(question, response, Some(pass)).await
    }

    async fn token(&self, order: &TokenOrder) -> Result<Pass, RegistryError> {
        let stranger;
        let client = if order.known {
            &self.client
        } else {
            stranger = self.client_away(&order.url, None)?;
            &stranger
        };
        let question =
            Question { method: Method::GET, url: order.url.clone(), accept: None, body: None, limit: SHORT_ANSWER };
        let response = self.send(client, &question, &question.url, order.pass.as_ref()).await?;
        match response.status() {
            StatusCode::OK => Access::token(&self.read(response, SHORT_ANSWER).await?),
            status => Err(match self.refused(status, response).await {
                RegistryError::Denied(why) => RegistryError::Denied(format!("{why}{}", self.access.hint(Some(order)))),
                RegistryError::NotFound => RegistryError::malformed("its token service is not where it says"),
                other => other,
            }),
        }
    }

    async fn follow(
        &self,
        question: &Question,
        mut response: Response,
        pass: Option<Pass>,
    ) -> Result<Answer, RegistryError> {
        let house = response.remote_addr().and_then(|address| forbidden(address.ip()));
        let mut at = question.url.clone();
        for _ in 0..HOPS {
            if !response.status().is_redirection() {
                break;
            }
            if question.method != Method::GET {
                return Err(RegistryError::malformed("it leads a writer elsewhere"));
            }
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let next = location.and_then(|location| at.join(location).ok());
            let next = next.ok_or_else(|| RegistryError::malformed("it leads elsewhere without saying where to"))?;
            if at.scheme() == "https" && next.scheme() != "https" {
                return Err(RegistryError::malformed("it leads from https to plain http"));
            }
            response = if same_origin(&next, &self.base) {
                self.send(&self.client, question, &next, pass.as_ref()).await?
            } else {
                let client = self.client_away(&next, house)?;
                self.send(&client, question, &next, None).await?
            };
            at = next;
        }
        let status = response.status();
        if !status.is_success() {
            return Err(self.refused(status, response).await);
        }
        let headers = response.headers().clone();
        Ok(Answer { status, headers, body: self.read(response, question.limit).await? })
    }

    /// A client for an address that only the registry named, which itself has an address of kind `house`.
    fn client_away(&self, url: &Url, house: Option<Forbidden>) -> Result<Client, RegistryError> {
        let refused = |why: Forbidden| RegistryError::Denied(format!("it leads to {why}, where it is not followed"));
        if !matches!(url.scheme(), "http" | "https") || !url.username().is_empty() || url.password().is_some() {
            return Err(RegistryError::malformed("it leads to an address that is not to be used"));
        }
        let literal = url.host_str().and_then(|host| normal(host).parse::<IpAddr>().ok());
        if let Some(why) = literal.and_then(forbidden)
            && !may_lead(house, why)
        {
            return Err(refused(why));
        }
        let resolver = CheckedResolver::new(self.lookup.clone(), move |_, why| may_lead(house, why));
        let client = builder(self.timeout).no_proxy().dns_resolver(Arc::new(resolver)).build();
        client.map_err(|error| RegistryError::Unavailable(describe(&error)))
    }

    async fn send(
        &self,
        client: &Client,
        question: &Question,
        url: &Url,
        pass: Option<&Pass>,
    ) -> Result<Response, RegistryError> {
        let mut request = client.request(question.method.clone(), url.clone());
        if let Some(accept) = question.accept {
            request = request.header(ACCEPT, HeaderValue::from_static(accept));
        }
        if let Some(pass) = pass {
            request = request.header(AUTHORIZATION, pass.header.clone());
        }
        match &question.body {
            Some((media_type, bytes)) => request = request.header(CONTENT_TYPE, media_type).body(bytes.clone()),
            None if question.method == Method::GET => {}
            None => request = request.body(Bytes::new()),
        }
        request.send().await.map_err(|error| self.failed(&error))
    }

    async fn read(&self, response: Response, limit: usize) -> Result<Bytes, RegistryError> {
        read_bounded(response, limit).await.map_err(|error| match error {
            ReadError::TooLarge => RegistryError::malformed(format!("it is larger than {limit} bytes")),
            ReadError::Failed(error) => self.failed(&error),
        })
    }

    fn failed(&self, error: &reqwest::Error) -> RegistryError {
        match ResolveError::within(error) {
            Some(ResolveError::Forbidden(why)) => {
                RegistryError::Denied(format!("it leads to {why}, where it is not followed"))
            }
            Some(ResolveError::Unresolved) | None => RegistryError::Unavailable(self.access.clean(&describe(error))),
        }
    }

    /// What an answer means that is no success.
    async fn refused(&self, status: StatusCode, response: Response) -> RegistryError {
        let is_registry = response.headers().contains_key("docker-distribution-api-version");
        let (said, coded) = self.said(response).await;
        match status {
            // Any web server says 404; only a registry's own word means that an image is not there.
            StatusCode::NOT_FOUND if is_registry || coded => RegistryError::NotFound,
            StatusCode::NOT_FOUND => RegistryError::malformed(format!("{said}, and not as a registry does")),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                RegistryError::Denied(format!("{said}{}", self.access.hint(None)))
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::REQUEST_TIMEOUT => RegistryError::Unavailable(said),
            status if status.is_server_error() => RegistryError::Unavailable(said),
            _ => RegistryError::malformed(said),
        }
    }

    /// The status, with the registry's own code and words where it gives them, and whether it does.
    async fn said(&self, response: Response) -> (String, bool) {
        let status = response.status().as_u16();
        let body = self.read(response, SHORT_ANSWER).await.unwrap_or_default();
        match Refusals::first(&body) {
            Some(words) => (format!("it answered {status} ({})", self.access.clean(&words)), true),
            None => (format!("it answered {status}"), false),
        }
    }
}

/// The form in which registries refuse.
#[derive(Deserialize)]
struct Refusals {
    errors: Vec<Refusal>,
}

#[derive(Deserialize)]
struct Refusal {
    code: String,
    #[serde(default)]
    message: Option<String>,
}

impl Refusals {
    fn first(body: &[u8]) -> Option<String> {
        let first = serde_json::from_slice::<Self>(body).ok()?.errors.into_iter().next()?;
        let message = first.message.filter(|message| !message.is_empty());
        Some(message.map_or_else(|| first.code.clone(), |message| format!("{}: {message}", first.code)))
    }
}

/// Whether a registry whose own address is of kind `house` may lead to an address of kind `there`.
fn may_lead(house: Option<Forbidden>, there: Forbidden) -> bool {
    match there {
        Forbidden::Private | Forbidden::Loopback => house == Some(there),
        Forbidden::LinkLocal | Forbidden::NoPublicHost => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // GAT-5
    #[test]
    fn a_registry_leads_into_the_house_only_from_within() {
        let kinds = [Forbidden::Loopback, Forbidden::Private, Forbidden::LinkLocal, Forbidden::NoPublicHost];
        for there in kinds {
            assert!(!may_lead(None, there), "from outside to {there}");
            for house in kinds {
                let may = house == there && matches!(there, Forbidden::Loopback | Forbidden::Private);
                assert_eq!(may_lead(Some(house), there), may, "from {house} to {there}");
            }
        }
    }
}
