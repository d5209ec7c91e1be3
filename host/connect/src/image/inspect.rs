//! What is known of an image: digest, labels and age, for every platform that counts.
//!
//! A label on which the platforms of an index do not agree is none of the index's: whoever asks for it finds it missing,
//! and finds what each platform says under [`DIFFERING`].

use super::access::Scope;
use super::document::{ACCEPT, Configuration, Descriptor, Document, Kind, Manifest, Platform, Platforms, digest_of};
use super::errors::RegistryError;
use super::reference::Reference;
use super::registry::Registry;
use super::transport::Question;
use bytes::Bytes;
use portcullis_core::digest::Digest;
use portcullis_core::facts::Image;
use reqwest::Method;
use reqwest::header::CONTENT_TYPE;
use std::collections::{BTreeMap, BTreeSet};

/// Most bytes of a manifest or an index; what the OCI distribution specification tells registries to accept.
const MANIFEST_BYTES: usize = 4 << 20;
/// Most bytes of a configuration.
const CONFIGURATION_BYTES: usize = 4 << 20;
/// Labels of our own begin with this and go on with the label's name that platforms do not agree on.
pub const DIFFERING: &str = "portcullis.differing.";

/// An image as its registry has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspected {
    /// The digest of what the reference names: of the index, where there is one. That is what a retag moves.
    pub digest: Digest,
    /// Its media type.
    pub media_type: String,
    /// What counts of it, at least one.
    pub platforms: Vec<PlatformImage>,
}

/// An image for one platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformImage {
    /// For which; in words where it does not say.
    pub platform: String,
    /// Digest of its manifest.
    pub digest: Digest,
    /// Its configuration's labels.
    pub labels: BTreeMap<String, String>,
    /// When it was made, as it says.
    pub created: Option<String>,
}

impl Inspected {
    /// The value of a label that every platform has and agrees on.
    pub fn label(&self, name: &str) -> Option<&str> {
        let mut values = self.platforms.iter().map(|image| image.labels.get(name).map(String::as_str));
        let first = values.next().flatten()?;
        values.all(|value| value == Some(first)).then_some(first)
    }

    /// What each platform says of a label, in one line.
    pub fn label_by_platform(&self, name: &str) -> String {
        let said = self.platforms.iter().map(|image| {
            let value = image.labels.get(name).map_or("(none)", String::as_str);
            format!("{}: {}", image.platform, crate::text::one_line(value, 80))
        });
        crate::text::one_line(&said.collect::<Vec<_>>().join(", "), 600)
    }

    /// In the shape in which gates read it. Its age is that of its oldest platform.
    pub fn facts(&self) -> Image {
        let names: BTreeSet<&String> = self.platforms.iter().flat_map(|image| image.labels.keys()).collect();
        let ours = |name: &&String| name.starts_with(DIFFERING);
        let labels = names.into_iter().filter(|name| !ours(name)).map(|name| match self.label(name) {
            Some(value) => (name.clone(), value.to_owned()),
            None => (format!("{DIFFERING}{name}"), self.label_by_platform(name)),
        });
        let labels = labels.collect();
        let created = self.platforms.iter().filter_map(|image| image.created.as_deref());
        let age = |text: &&str| text.parse::<jiff::Timestamp>().ok();
        let oldest = created.min_by_key(age).map(str::to_owned);
        Image { digest: self.digest.to_string(), labels, created: oldest }
    }
}

impl Registry {
    /// What the registry has under `reference`.
    ///
    /// # Errors
    /// [`RegistryError`]; none of them says anything about an image that was not read whole and found to be what its
    /// digest says.
    pub async fn inspect(&self, reference: &Reference) -> Result<Inspected, RegistryError> {
        let asked = async {
            let document = self.document(reference).await?;
            self.read_platforms_of(reference, &document, &self.platforms).await
        };
        self.in_time(asked).await
    }

    /// The same within the limit for the whole.
    pub(super) async fn in_time<T, E: From<RegistryError>>(
        &self,
        work: impl Future<Output = Result<T, E>>,
    ) -> Result<T, E> {
        let late = |_| RegistryError::Unavailable(format!("it took more than {} s in all", self.timeout.as_secs()));
        tokio::time::timeout(self.timeout, work).await.map_err(late)?
    }

    /// The manifest or index under `reference`, compared with the digest that it was asked by.
    pub(super) async fn document(&self, reference: &Reference) -> Result<Document, RegistryError> {
        let question = Question {
            method: Method::GET,
            url: self.transport.url(&format!("/v2/{}/manifests/{}", reference.repository, reference.wanted()))?,
            accept: Some(ACCEPT),
            body: None,
            limit: MANIFEST_BYTES,
        };
        let answer = self.transport.ask(&question, &Scope::pull(&reference.repository)).await?;
        let content_type = answer.header(CONTENT_TYPE.as_str()).unwrap_or_default().to_owned();
        let found = digest_of(&answer.body);
        // Before anything of it is read.
        if let Some(asked) = &reference.digest
            && *asked != found
        {
            return Err(RegistryError::malformed(format!("asked for {asked}, it sends {found}")));
        }
        if let Some(said) = answer.header("docker-content-digest")
            && said != found.as_str()
        {
            return Err(RegistryError::malformed(format!("it sends {found} and says that it is another")));
        }
        Document::read(&content_type, answer.body)
    }

    /// Labels and age of every image in `document` that counts.
    pub(super) async fn read_platforms_of(
        &self,
        reference: &Reference,
        document: &Document,
        which: &Platforms,
    ) -> Result<Inspected, RegistryError> {
        let mut platforms = Vec::new();
        match &document.kind {
            Kind::Manifest(manifest) => {
                platforms.push(self.platform(reference, None, document.digest.clone(), manifest).await?);
            }
            Kind::Index(index) => {
                for entry in which.of(index)? {
                    let part = self.part(reference, entry).await?;
                    let Kind::Manifest(manifest) = &part.kind else {
                        return Err(RegistryError::malformed("its index lists another index"));
                    };
                    let name = entry.platform_name();
                    platforms.push(self.platform(reference, Some(name), part.digest.clone(), manifest).await?);
                }
            }
        }
        Ok(Inspected { digest: document.digest.clone(), media_type: document.media_type.clone(), platforms })
    }

    /// A manifest that an index lists.
    pub(super) async fn part(&self, reference: &Reference, entry: &Descriptor) -> Result<Document, RegistryError> {
        let part = self.document(&reference.at(entry.digest.clone())).await;
        // An image that is there but for a part of it is no absent image.
        let part = part.map_err(|error| match error {
            RegistryError::NotFound => RegistryError::malformed(format!("it lists {} and has no such", entry.digest)),
            other => other,
        })?;
        let sound = part.media_type == entry.media_type && part.bytes.len() as u64 == entry.size;
        sound.then_some(part).ok_or_else(|| {
            RegistryError::malformed(format!("{} is not of the size and kind that its index says", entry.digest))
        })
    }

    async fn platform(
        &self,
        reference: &Reference,
        named: Option<String>,
        digest: Digest,
        manifest: &Manifest,
    ) -> Result<PlatformImage, RegistryError> {
        let configuration = Configuration::read(&self.configuration(reference, &manifest.config).await?)?;
        let said = || configuration.platform().as_ref().map(Platform::to_string);
        let platform = named.or_else(said).unwrap_or_else(|| "an unnamed platform".to_owned());
        Ok(PlatformImage { platform, digest, labels: configuration.labels(), created: configuration.created })
    }

    async fn configuration(&self, reference: &Reference, blob: &Descriptor) -> Result<Bytes, RegistryError> {
        let size = usize::try_from(blob.size).ok().filter(|size| *size <= CONFIGURATION_BYTES);
        let size = size.ok_or_else(|| {
            RegistryError::malformed(format!("its configuration is larger than {CONFIGURATION_BYTES} bytes"))
        })?;
        let question = Question {
            method: Method::GET,
            url: self.transport.url(&format!("/v2/{}/blobs/{}", reference.repository, blob.digest))?,
            accept: None,
            body: None,
            limit: size,
        };
        let answer = self.transport.ask(&question, &Scope::pull(&reference.repository)).await;
        let bytes = match answer {
            Ok(answer) => answer.body,
            Err(RegistryError::NotFound) => {
                return Err(RegistryError::malformed(format!("it has no configuration {}", blob.digest)));
            }
            Err(other) => return Err(other),
        };
        let found = digest_of(&bytes);
        if found != blob.digest || bytes.len() != size {
            return Err(RegistryError::malformed(format!("asked for {}, it sends {found}", blob.digest)));
        }
        Ok(bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn image(platform: &str, labels: &[(&str, &str)], created: Option<&str>) -> PlatformImage {
        PlatformImage {
            platform: platform.to_owned(),
            digest: digest_of(platform.as_bytes()),
            labels: labels.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            created: created.map(str::to_owned),
        }
    }

    fn facts(platforms: Vec<PlatformImage>) -> Image {
        Inspected { digest: digest_of(b"index"), media_type: String::new(), platforms }.facts()
    }

    // IMG-1
    #[test]
    fn a_label_counts_only_if_every_platform_has_it_and_agrees() {
        let amd = image("linux/amd64", &[("revision", "aa"), ("same", "x"), ("only-here", "1")], None);
        let arm = image("linux/arm64", &[("revision", "bb"), ("same", "x")], None);
        let labels = facts(vec![amd, arm]).labels;
        let expected = [
            ("portcullis.differing.only-here", "linux/amd64: 1, linux/arm64: (none)"),
            ("portcullis.differing.revision", "linux/amd64: aa, linux/arm64: bb"),
            ("same", "x"),
        ];
        assert_eq!(labels, expected.map(|(name, value)| (name.to_owned(), value.to_owned())));
    }

    // IMG-1
    #[test]
    fn an_image_cannot_bring_labels_that_only_the_host_writes() {
        let forged = image("linux/amd64", &[("portcullis.differing.revision", "nothing to see here")], None);
        assert_eq!(facts(vec![forged]).labels, []);
    }

    #[test]
    fn an_index_is_as_old_as_its_oldest_image() {
        let made = |created| image("linux/amd64", &[], created);
        let all = [Some("2026-01-02T00:00:00+02:00"), Some("2026-01-01T23:00:00Z"), None];
        assert_eq!(facts(all.map(made).into()).created.as_deref(), Some("2026-01-02T00:00:00+02:00"));
        assert_eq!(facts(vec![made(None)]).created, None);
    }
}
