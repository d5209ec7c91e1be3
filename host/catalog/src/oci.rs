//! The parts of the OCI image format that we read and write: descriptor, index, manifest, and the two kinds of
//! configuration (of a wasm artifact and of a container image).
//!
//! What other tools put there and we do not know is kept where we write a file back (the index), and ignored elsewhere.

use portcullis_core::digest::Digest;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// Media type of an image index.
pub const INDEX_TYPE: &str = "application/vnd.oci.image.index.v1+json";
/// Media type of an image manifest.
pub const MANIFEST_TYPE: &str = "application/vnd.oci.image.manifest.v1+json";
/// Media type of a container image's configuration.
pub const IMAGE_CONFIG_TYPE: &str = "application/vnd.oci.image.config.v1+json";
/// Media type of a container image's layer, as we write them.
pub const IMAGE_LAYER_TYPE: &str = "application/vnd.oci.image.layer.v1.tar";
/// Media type of a wasm artifact's configuration.
pub const WASM_CONFIG_TYPE: &str = "application/vnd.wasm.config.v0+json";
/// Media type of a wasm artifact's only layer.
pub const WASM_LAYER_TYPE: &str = "application/wasm";
/// What Docker calls an index.
pub(crate) const DOCKER_INDEX_TYPE: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// What Docker calls a manifest.
pub(crate) const DOCKER_MANIFEST_TYPE: &str = "application/vnd.docker.distribution.manifest.v2+json";

/// Annotation: the name under which an index lists a descriptor.
pub const REF_NAME: &str = "org.opencontainers.image.ref.name";
/// Annotation: a human-readable title; for plugins the plugin's name.
pub const TITLE: &str = "org.opencontainers.image.title";
/// Annotation: the version of what is packaged.
pub const VERSION: &str = "org.opencontainers.image.version";

/// Annotations, sorted, so that equal content has equal bytes.
pub type Annotations = BTreeMap<String, String>;
/// Keys that we do not know.
type Rest = serde_json::Map<String, serde_json::Value>;

/// Points to a blob.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Descriptor {
    /// What the blob is.
    pub media_type: String,
    /// Its digest.
    pub digest: Digest,
    /// Its size in bytes.
    pub size: u64,
    /// What the writer says of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Annotations,
    /// What it runs on, within an index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub platform: Option<Platform>,
    /// The rest.
    #[serde(flatten)]
    pub rest: Rest,
}

impl Descriptor {
    /// The name under which an index lists it.
    pub fn ref_name(&self) -> Option<&str> {
        self.annotations.get(REF_NAME).map(String::as_str)
    }
}

/// What an image runs on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Platform {
    /// For example `amd64`.
    pub architecture: String,
    /// For example `linux`.
    pub os: String,
    /// The rest.
    #[serde(flatten)]
    pub rest: Rest,
}

/// `index.json`, or an index among the blobs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Index {
    /// Always 2.
    pub schema_version: u32,
    /// [`INDEX_TYPE`], where the writer says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// What it lists.
    pub manifests: Vec<Descriptor>,
    /// The rest.
    #[serde(flatten)]
    pub rest: Rest,
}

impl Default for Index {
    fn default() -> Self {
        Self { schema_version: 2, media_type: Some(INDEX_TYPE.into()), manifests: Vec::new(), rest: Rest::new() }
    }
}

/// An image manifest: one configuration and its layers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ImageManifest {
    /// Always 2.
    pub schema_version: u32,
    /// [`MANIFEST_TYPE`], where the writer says it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub media_type: Option<String>,
    /// The configuration.
    pub config: Descriptor,
    /// The layers.
    pub layers: Vec<Descriptor>,
    /// What the writer says of it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub annotations: Annotations,
}

/// Configuration of a wasm artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct WasmConfig {
    /// When it was made (RFC 3339). We write the epoch, so that equal components have equal packages.
    pub created: String,
    /// Always `wasm`.
    pub architecture: String,
    /// `wasip2`.
    pub os: String,
    /// Digests of the layers.
    pub layer_digests: Vec<Digest>,
    /// What the component imports and exports.
    pub component: WasmInterface,
}

/// The outside of a component.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WasmInterface {
    /// Names of its imports.
    pub imports: Vec<String>,
    /// Names of its exports.
    pub exports: Vec<String>,
}

/// Configuration of a container image, as far as gates ask for it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ImageConfig {
    /// When it was made (RFC 3339).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created: Option<String>,
    /// For example `amd64`.
    #[serde(default)]
    pub architecture: String,
    /// For example `linux`.
    #[serde(default)]
    pub os: String,
    /// How a container of it is started; only the labels are read.
    #[serde(default)]
    pub config: ImageRuntime,
    /// What its layers are made of.
    #[serde(default)]
    pub rootfs: RootFs,
}

/// The part of an image's configuration that holds the labels.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
pub struct ImageRuntime {
    /// The labels. Docker writes `null` for none.
    #[serde(default)]
    pub labels: Option<Annotations>,
}

/// Digests of the uncompressed layers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RootFs {
    /// Always `layers`.
    #[serde(rename = "type", default)]
    pub kind: String,
    /// The digests.
    #[serde(default)]
    pub diff_ids: Vec<Digest>,
}
