//! The gate's table in the manifest.

use portcullis_gate_sdk::lineage::Folder;
use serde::{Deserialize, Serialize};

/// The gate's table in the manifest. `image` has no default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The staging image's reference, e.g. `shop:staging` or `registry.example/shop:staging`.
    pub image: String,
    /// The image's label that holds its revision.
    #[serde(default = "revision_label")]
    pub label: String,
    /// Files and folders that are no part of the image, besides the work item's own folder.
    #[serde(default)]
    pub ignore: Vec<Folder>,
    /// The operator's commands that rebuild the image from the branch and test it, in order. Empty: the gate only judges.
    #[serde(default)]
    pub rebuild: Vec<String>,
}

fn revision_label() -> String {
    "org.opencontainers.image.revision".into()
}

impl Config {
    /// The digest that the reference is pinned to. What is pinned is not replaced by building another one.
    pub fn pinned(&self) -> Option<&str> {
        self.image.split_once('@').map(|(_, digest)| digest)
    }

    /// With the defaults for everything but the image.
    pub fn of(image: &str) -> Self {
        Self { image: image.into(), label: revision_label(), ignore: Vec::new(), rebuild: Vec::new() }
    }
}
