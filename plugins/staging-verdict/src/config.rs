//! The gate's table in the manifest. The defaults are strict.

use crate::allowlist::Infra;
use serde::{Deserialize, Serialize};

/// The gate's table in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// The results document in the work item's folder: JSON, or with the extension `.md` Markdown whose frontmatter holds
    /// the same keys.
    pub document: String,
    /// The staging image. Set: the results must belong to this image's revision (and digest, if they name one). Not set:
    /// to the head under judgement, but for the work item's own documents.
    pub image: Option<String>,
    /// The image's label that holds its revision.
    pub label: String,
    /// Ids of the checks that are SANDBOX-INFRA: exact, or `prefix*`.
    pub infra: Vec<Infra>,
    /// Whether failures of SANDBOX-INFRA checks alone are waived.
    pub tolerate_infra: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            document: "15-staging-results.json".into(),
            image: None,
            label: "org.opencontainers.image.revision".into(),
            infra: Vec::new(),
            tolerate_infra: false,
        }
    }
}
