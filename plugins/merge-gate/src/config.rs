//! The gate's table in the manifest.

use serde::{Deserialize, Serialize};

/// The gate's table in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// The operator's command that tests the branch.
    pub test: String,
}

impl Default for Config {
    fn default() -> Self {
        Self { test: "test".into() }
    }
}
