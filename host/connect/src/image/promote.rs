//! The image that was validated, under another name: retagged by its digest, never rebuilt (IMG-2).
//!
//! Held always: the very bytes of the manifest are written under the new tag, after their digest and the label of every
//! platform were found to be the expected ones, and are read back afterwards. Doing it again changes nothing. A registry
//! has no compare-and-swap for tags, so what can be done about a rival is to notice it: a tag that names another image
//! than it should, before or after, is an error.

use super::access::Scope;
use super::document::{Document, Kind, Platforms};
use super::errors::RegistryError;
use super::reference::{Reference, ReferenceError, is_tag};
use super::registry::Registry;
use super::transport::Question;
use portcullis_core::digest::Digest;
use reqwest::{Method, StatusCode};

/// What is to be promoted, and what must be true of it.
#[derive(Debug, Clone)]
pub struct Order {
    /// The image, with its digest. Its tag, if it names one, must still lead to that digest.
    pub from: Reference,
    /// The new name: `TAG`, or `NAME:TAG` in the same registry.
    pub to: String,
    /// The revision that the image must be built from.
    pub revision: String,
    /// The label that holds it.
    pub label: String,
}

/// What was promoted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promoted {
    /// The new name.
    pub name: Reference,
    /// What it names, and what was expected.
    pub digest: Digest,
    /// The revision on its label.
    pub revision: String,
    /// What it named before. The same digest: nothing was to be done, and nothing was.
    pub before: Option<Digest>,
}

/// Why an image was not promoted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PromoteError {
    /// What was asked for makes no sense.
    #[error(transparent)]
    Reference(#[from] ReferenceError),
    /// Without a digest nobody has validated exactly this image.
    #[error("`{0}` names no digest; only an image that is named by its digest is promoted")]
    Unpinned(String),
    /// It is not built from the expected revision.
    #[error("{digest} is built from {found}, not from {expected}; it is not promoted")]
    OtherRevision {
        /// The image.
        digest: Digest,
        /// What its label says, per platform.
        found: String,
        /// What it should say.
        expected: String,
    },
    /// A tag names another image than it should.
    #[error("`{tag}` has moved: it names {found}, not {expected}")]
    Moved {
        /// The tag.
        tag: String,
        /// What it names.
        found: String,
        /// What it should name.
        expected: Digest,
    },
    /// The registry.
    #[error(transparent)]
    Registry(#[from] RegistryError),
}

impl Registry {
    /// Gives the image a new name, or refuses to. Safe to call again, whatever came of it before.
    ///
    /// # Errors
    /// [`PromoteError`]. After `Unpinned`, `OtherRevision` and `Reference` nothing was written; after `Moved` on the new
    /// tag somebody else wrote it meanwhile.
    pub async fn promote(&self, order: &Order) -> Result<Promoted, PromoteError> {
        self.in_time(self.promote_unhurried(order)).await
    }

    async fn promote_unhurried(&self, order: &Order) -> Result<Promoted, PromoteError> {
        let from = &order.from;
        let digest = from.digest.clone().ok_or_else(|| PromoteError::Unpinned(from.to_string()))?;
        let to = self.target(order)?;
        if from.tag.is_some() {
            let by_tag = Reference { digest: None, ..from.clone() };
            let found = self.named(&by_tag).await?;
            if found.as_ref() != Some(&digest) {
                return Err(moved(&by_tag, found, digest));
            }
        }
        let document = self.document(from).await?;
        // Every platform goes along, so every platform is asked, whichever the project's gates look at.
        let everything = self.read_platforms_of(from, &document, &Platforms::Every).await?;
        let expected = order.revision.trim();
        if expected.is_empty() || everything.label(&order.label) != Some(expected) {
            let found = everything.label_by_platform(&order.label);
            return Err(PromoteError::OtherRevision { digest, found, expected: expected.to_owned() });
        }
        let before = self.named(&to).await?;
        if before.as_ref() != Some(&digest) {
            if to.repository != from.repository {
                self.bring(from, &document, &to).await?;
            }
            self.put(&to, to.wanted(), &document).await?;
            let after = self.named(&to).await?;
            if after.as_ref() != Some(&digest) {
                return Err(moved(&to, after, digest));
            }
        }
        Ok(Promoted { name: to, digest, revision: expected.to_owned(), before })
    }

    fn target(&self, order: &Order) -> Result<Reference, PromoteError> {
        if is_tag(&order.to) {
            return Ok(Reference { tag: Some(order.to.clone()), digest: None, ..order.from.clone() });
        }
        let to = self.reference(&order.to)?;
        match (&to.tag, &to.digest) {
            (Some(_), None) => Ok(to),
            _ => Err(ReferenceError::new(&order.to, "write TAG, or NAME:TAG").into()),
        }
    }

    /// The digest of what a tag names.
    async fn named(&self, tag: &Reference) -> Result<Option<Digest>, RegistryError> {
        match self.document(tag).await {
            Ok(document) => Ok(Some(document.digest)),
            Err(RegistryError::NotFound) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Writes a manifest or an index as it is.
    pub(super) async fn put(&self, to: &Reference, name: &str, document: &Document) -> Result<(), RegistryError> {
        let question = Question {
            method: Method::PUT,
            url: self.transport.url(&format!("/v2/{}/manifests/{name}", to.repository))?,
            accept: None,
            body: Some((document.media_type.clone(), document.bytes.clone())),
            limit: 64 << 10,
        };
        let answer = self.transport.ask(&question, &Scope::push(&to.repository)).await?;
        if answer.status != StatusCode::CREATED {
            return Err(RegistryError::malformed(format!(
                "it answered {} to what it should have written",
                answer.status.as_u16()
            )));
        }
        Ok(())
    }

    /// Brings everything that `document` needs into another repository of the registry.
    async fn bring(&self, from: &Reference, document: &Document, to: &Reference) -> Result<(), RegistryError> {
        match &document.kind {
            Kind::Manifest(manifest) => self.mount_all(from, manifest, to).await,
            Kind::Index(index) => {
                for entry in &index.manifests {
                    let part = self.part(from, entry).await?;
                    let Kind::Manifest(manifest) = &part.kind else {
                        return Err(RegistryError::malformed("its index lists another index"));
                    };
                    self.mount_all(from, manifest, to).await?;
                    self.put(to, part.digest.as_str(), &part).await?;
                }
                Ok(())
            }
        }
    }
}

fn moved(tag: &Reference, found: Option<Digest>, expected: Digest) -> PromoteError {
    let found = found.map_or_else(|| "nothing".to_owned(), |digest| digest.to_string());
    PromoteError::Moved { tag: tag.to_string(), found, expected }
}
