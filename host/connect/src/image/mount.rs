//! Blobs of one repository made known to another of the same registry, without sending them.
//!
//! Deliberately absent: sending what the registry will not mount. Then the images are better built into the repository
//! that they are promoted in.

use super::access::Scope;
use super::document::{Descriptor, Manifest};
use super::errors::RegistryError;
use super::reference::Reference;
use super::registry::Registry;
use super::transport::Question;
use reqwest::header::LOCATION;
use reqwest::{Method, StatusCode};
use std::collections::BTreeSet;

impl Registry {
    /// Mounts the configuration and every layer.
    pub(super) async fn mount_all(
        &self,
        from: &Reference,
        manifest: &Manifest,
        to: &Reference,
    ) -> Result<(), RegistryError> {
        let mut done = BTreeSet::new();
        for blob in manifest.layers.iter().chain([&manifest.config]) {
            if done.insert(&blob.digest) {
                self.mount(from, blob, to).await?;
            }
        }
        Ok(())
    }

    async fn mount(&self, from: &Reference, blob: &Descriptor, to: &Reference) -> Result<(), RegistryError> {
        let scope = Scope::copy(&from.repository, &to.repository);
        let mut url = self.transport.url(&format!("/v2/{}/blobs/uploads/", to.repository))?;
        url.query_pairs_mut().append_pair("mount", blob.digest.as_str()).append_pair("from", &from.repository);
        let question = Question { method: Method::POST, url, accept: None, body: None, limit: 64 << 10 };
        let answer = self.transport.ask(&question, &scope).await?;
        match answer.status {
            StatusCode::CREATED => Ok(()),
            StatusCode::ACCEPTED => {
                // It began an upload instead, which nobody will go on with.
                if let Some(location) = answer.header(LOCATION.as_str()) {
                    let url = self.transport.own(location)?;
                    let cancel = Question { method: Method::DELETE, url, ..question };
                    if let Err(error) = self.transport.ask(&cancel, &scope).await {
                        tracing::debug!(%error, "an upload was not cancelled; the registry forgets it in time");
                    }
                }
                let (blob, from, to) = (&blob.digest, &from.repository, &to.repository);
                Err(RegistryError::Denied(format!("it does not mount {blob} of `{from}` into `{to}`")))
            }
            status => Err(RegistryError::malformed(format!("it answered {} to a mount", status.as_u16()))),
        }
    }
}
