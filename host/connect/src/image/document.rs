//! What a registry keeps about an image: index, manifest and configuration, in OCI's and in Docker's words.
//!
//! Pure. A document is what its bytes and its media type both say; one that could be read as two kinds is refused, for
//! whoever signs one kind must not have signed the other.

use super::errors::RegistryError;
use crate::text::one_line;
use portcullis_core::digest::Digest;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use sha2::{Digest as _, Sha256};
use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

/// What is asked for, best first.
pub(super) const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json";
const INDEX_TYPES: [&str; 2] =
    ["application/vnd.oci.image.index.v1+json", "application/vnd.docker.distribution.manifest.list.v2+json"];
const MANIFEST_TYPES: [&str; 2] =
    ["application/vnd.oci.image.manifest.v1+json", "application/vnd.docker.distribution.manifest.v2+json"];
/// Marks an entry of an index that holds statements about another one, and no image.
const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
/// Most images in one index.
const MOST_PLATFORMS: usize = 32;
/// Most blobs in one manifest; Docker itself stops at 127 layers.
const MOST_LAYERS: usize = 1_000;

/// What an image runs on.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
pub struct Platform {
    /// For example `linux`.
    pub os: String,
    /// For example `amd64`.
    pub architecture: String,
    /// For example `v8`.
    #[serde(default)]
    pub variant: Option<String>,
}

impl fmt::Display for Platform {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", one_line(&self.os, 30), one_line(&self.architecture, 30))?;
        match &self.variant {
            Some(variant) => write!(f, "/{}", one_line(variant, 30)),
            None => Ok(()),
        }
    }
}

/// Which images of an index count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Platforms {
    /// All: who promotes an index promotes every image in it.
    #[default]
    Every,
    /// The one for this platform.
    One(Platform),
}

impl FromStr for Platforms {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let parts: Vec<&str> = text.split('/').collect();
        let word = |part: &&str| {
            !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        match parts.as_slice() {
            ["every"] => Ok(Self::Every),
            [os, architecture, variant @ ..] if variant.len() < 2 && parts.iter().all(word) => {
                Ok(Self::One(Platform {
                    os: (*os).to_owned(),
                    architecture: (*architecture).to_owned(),
                    variant: variant.first().map(|variant| (*variant).to_owned()),
                }))
            }
            _ => Err("write `every`, or a platform like `linux/amd64` or `linux/arm64/v8`".to_owned()),
        }
    }
}

impl Platforms {
    /// The entries of `index` that count.
    pub(super) fn of<'a>(&self, index: &'a Index) -> Result<Vec<&'a Descriptor>, RegistryError> {
        let images = || index.manifests.iter().filter(|entry| entry.is_image());
        let chosen: Vec<_> = match self {
            Self::Every => images().collect(),
            Self::One(wanted) => images().filter(|entry| entry.runs_on(wanted)).take(1).collect(),
        };
        match (chosen.len(), self) {
            (0, Self::Every) => Err(RegistryError::malformed("its index lists no image")),
            (0, Self::One(wanted)) => {
                let has: Vec<String> = images().map(Descriptor::platform_name).collect();
                let has = one_line(&has.join(", "), 200);
                Err(RegistryError::malformed(format!("its index has no image for {wanted}, only for: {has}")))
            }
            (1..=MOST_PLATFORMS, _) => Ok(chosen),
            (many, _) => Err(RegistryError::malformed(format!("its index lists {many} images"))),
        }
    }
}

/// Points to a blob or a manifest.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Descriptor {
    pub(super) media_type: String,
    pub(super) digest: Digest,
    pub(super) size: u64,
    #[serde(default)]
    platform: Option<Platform>,
    #[serde(default)]
    annotations: Option<BTreeMap<String, String>>,
}

impl Descriptor {
    /// False for what builders add about an image: where it comes from, what is in it.
    fn is_image(&self) -> bool {
        let unknown = |platform: &Platform| platform.os == "unknown" && platform.architecture == "unknown";
        let marked = self.annotations.as_ref().is_some_and(|all| all.contains_key(REFERENCE_TYPE));
        !(marked && self.platform.as_ref().is_none_or(unknown))
    }

    fn runs_on(&self, wanted: &Platform) -> bool {
        self.platform.as_ref().is_some_and(|has| {
            let variant = wanted.variant.is_none() || has.variant == wanted.variant;
            has.os == wanted.os && has.architecture == wanted.architecture && variant
        })
    }

    pub(super) fn platform_name(&self) -> String {
        self.platform.as_ref().map_or_else(|| "an unnamed platform".to_owned(), ToString::to_string)
    }
}

/// Lists an image per platform.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Index {
    pub(super) manifests: Vec<Descriptor>,
}

/// One image.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Manifest {
    pub(super) config: Descriptor,
    pub(super) layers: Vec<Descriptor>,
}

/// The part of an image's configuration that is of interest.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
pub(super) struct Configuration {
    #[serde(default)]
    pub(super) created: Option<String>,
    #[serde(default)]
    os: String,
    #[serde(default)]
    architecture: String,
    #[serde(default)]
    variant: Option<String>,
    #[serde(default)]
    config: Option<Runtime>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
struct Runtime {
    #[serde(default, rename = "Labels")]
    labels: Option<BTreeMap<String, String>>,
}

impl Configuration {
    pub(super) fn read(bytes: &[u8]) -> Result<Self, RegistryError> {
        json("configuration", bytes)
    }

    pub(super) fn labels(&self) -> BTreeMap<String, String> {
        self.config.as_ref().and_then(|runtime| runtime.labels.clone()).unwrap_or_default()
    }

    /// What it says that it runs on, if it says.
    pub(super) fn platform(&self) -> Option<Platform> {
        let said = !self.os.is_empty() && !self.architecture.is_empty();
        let (os, architecture) = (self.os.clone(), self.architecture.clone());
        said.then(|| Platform { os, architecture, variant: self.variant.clone().filter(|text| !text.is_empty()) })
    }
}

/// A manifest or an index, and the very bytes that were asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Document {
    pub(super) digest: Digest,
    pub(super) media_type: String,
    pub(super) bytes: bytes::Bytes,
    pub(super) kind: Kind,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Kind {
    Index(Index),
    Manifest(Manifest),
}

impl Document {
    /// Reads `bytes` as what `content_type` says that they are.
    pub(super) fn read(content_type: &str, bytes: bytes::Bytes) -> Result<Self, RegistryError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Shape {
            schema_version: u64,
            #[serde(default)]
            media_type: Option<String>,
            #[serde(default)]
            manifests: Option<serde::de::IgnoredAny>,
            #[serde(default)]
            config: Option<serde::de::IgnoredAny>,
            #[serde(default)]
            layers: Option<serde::de::IgnoredAny>,
        }
        let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
        let shown = one_line(&media_type, 100);
        let is_index = INDEX_TYPES.contains(&media_type.as_str());
        if !is_index && !MANIFEST_TYPES.contains(&media_type.as_str()) {
            return Err(RegistryError::malformed(format!("it sends `{shown}`, which is no image manifest")));
        }
        let shape: Shape = json("manifest", &bytes)?;
        if shape.schema_version != 2 {
            return Err(RegistryError::malformed(format!("its manifest is of version {}", shape.schema_version)));
        }
        if shape.media_type.as_ref().is_some_and(|said| *said != media_type) {
            return Err(RegistryError::malformed(format!("it sends as `{shown}` what calls itself otherwise")));
        }
        let as_image = shape.config.is_some() || shape.layers.is_some();
        if shape.manifests.is_some() && as_image {
            return Err(RegistryError::malformed("its manifest is an index and an image at once"));
        }
        let kind =
            if is_index { Kind::Index(json("index", &bytes)?) } else { Kind::Manifest(json("manifest", &bytes)?) };
        if let Kind::Manifest(manifest) = &kind
            && manifest.layers.len() > MOST_LAYERS
        {
            return Err(RegistryError::malformed(format!("its manifest lists {} layers", manifest.layers.len())));
        }
        Ok(Self { digest: digest_of(&bytes), media_type, bytes, kind })
    }
}

/// The sha256 of `bytes`.
pub(super) fn digest_of(bytes: &[u8]) -> Digest {
    Digest::from_sha256(Sha256::digest(bytes).into())
}

fn json<T: DeserializeOwned>(what: &str, bytes: &[u8]) -> Result<T, RegistryError> {
    // A list would be read as an object's fields in their order.
    if !bytes.trim_ascii_start().starts_with(b"{") {
        return Err(RegistryError::malformed(format!("its {what} cannot be read: it is no JSON object")));
    }
    let mut json = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut json);
    let read = read.map_err(|error| one_line(&format!("`{}`: {}", error.path(), error.inner()), 200));
    let read = read.and_then(|read| json.end().map(|()| read).map_err(|_| "something follows it".to_owned()));
    read.map_err(|why| RegistryError::malformed(format!("its {what} cannot be read: {why}")))
}

#[cfg(test)]
mod tests;
