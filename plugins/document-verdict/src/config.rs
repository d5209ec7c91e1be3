//! The gate's table in the manifest.

use portcullis_gate_sdk::{Refusal, text};
use serde::{Deserialize, Serialize};

/// The gate's table in the manifest. `document` has no default.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", deny_unknown_fields)]
pub struct Config {
    /// The document in the work item's folder.
    pub document: String,
    /// The key of its frontmatter that holds the verdict.
    #[serde(default = "verdict")]
    pub key: String,
    /// Values that pass.
    #[serde(default = "approved")]
    pub pass: Vec<String>,
    /// Values that fail as the role meant it.
    #[serde(default = "changes_requested")]
    pub fail: Vec<String>,
    /// Values that mean "not yet".
    #[serde(default)]
    pub pending: Vec<String>,
    /// A key of the frontmatter with a list of texts: what the role found.
    #[serde(default)]
    pub findings_key: Option<String>,
    /// Seconds after which asking again makes sense while the value is one of `pending`.
    #[serde(default = "a_minute")]
    pub retry_after_s: u32,
}

fn verdict() -> String {
    "verdict".into()
}

fn approved() -> Vec<String> {
    vec!["approved".into()]
}

fn changes_requested() -> Vec<String> {
    vec!["changes-requested".into()]
}

fn a_minute() -> u32 {
    60
}

impl Config {
    /// With the defaults for everything but the document.
    pub fn of(document: &str) -> Self {
        Self {
            document: document.into(),
            key: verdict(),
            pass: approved(),
            fail: changes_requested(),
            pending: Vec::new(),
            findings_key: None,
            retry_after_s: a_minute(),
        }
    }

    /// What the types alone cannot say.
    ///
    /// # Errors
    /// [`Refusal::BadConfig`], which names the key.
    pub fn check(&self) -> Result<(), Refusal> {
        if self.document.trim().is_empty() {
            return Err(Refusal::config("document", "it is empty; name the document, e.g. `14-review.md`"));
        }
        if self.pass.is_empty() {
            return Err(Refusal::config("pass", "it is empty, so nothing could ever pass; name at least one value"));
        }
        for (key, values, others) in
            [("fail", &self.fail, vec![&self.pass]), ("pending", &self.pending, vec![&self.pass, &self.fail])]
        {
            if let Some(twice) = values.iter().find(|value| others.iter().any(|other| other.contains(value))) {
                let twice = text::clip(twice, 80);
                return Err(Refusal::config(
                    key,
                    format_args!("`{twice}` stands in another list too; give each value one meaning"),
                ));
            }
        }
        Ok(())
    }
}
