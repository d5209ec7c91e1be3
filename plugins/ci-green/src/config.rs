//! The gate's table in the manifest. The defaults are the strict reading of every state.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

/// The gate's table in the manifest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Config {
    /// Contexts that must be green; `*` and `?` are wildcards. Not set: those that the target branch requires.
    pub required: Option<Vec<String>>,
    /// What the state `warning` means.
    pub warning: Meaning,
    /// What the state `skipped` means.
    pub skipped: Meaning,
    /// Exceptions for single contexts, by exact name.
    pub contexts: BTreeMap<String, Exception>,
    /// What a check is worth when it cannot be told whether it is older than the push (CIG-4).
    pub undated: Undated,
    /// How many seconds the forge's clock may lag behind the host's.
    pub clock_skew_s: u32,
    /// A check that is green sooner than so many seconds after the push counts only when it has been green for as long.
    pub min_age_s: u32,
    /// Seconds after which asking again makes sense; an event of the CI also rings the bell by itself.
    pub retry_after_s: u32,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            required: None,
            warning: Meaning::Failure,
            skipped: Meaning::Failure,
            contexts: BTreeMap::new(),
            undated: Undated::Ignored,
            clock_skew_s: 0,
            min_age_s: 0,
            retry_after_s: 15,
        }
    }
}

/// What a state that is neither plainly good nor plainly bad means.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Meaning {
    /// The check is green.
    Success,
    /// It has not been decided yet.
    Pending,
    /// It is red.
    Failure,
}

/// What the two configurable states mean for one context; what is not set is as for all others.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields, default)]
pub struct Exception {
    /// What the state `warning` means here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub warning: Option<Meaning>,
    /// What the state `skipped` means here.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub skipped: Option<Meaning>,
}

/// What a check is worth when the forge does not date it, or the host did not see the push.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Undated {
    /// As if it had not been reported.
    Ignored,
    /// As if it had been reported after the push.
    Counted,
}
