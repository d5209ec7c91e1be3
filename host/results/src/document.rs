//! The results document, format 1, as docs/gates.md has it.

use serde::Serialize;

/// What a staging suite leaves behind.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Document {
    /// Always 1.
    pub format: u64,
    /// Revision that the tested image was built from.
    pub revision: String,
    /// Digest of the tested image, if it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub image: Option<String>,
    /// Switches the tolerance for infrastructure off for this one run.
    pub strict: bool,
    /// By id, each id once.
    pub checks: Vec<Check>,
}

/// One check's result.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// Its name, stable from run to run.
    pub id: String,
    /// How it ended.
    pub status: Status,
    /// What it said, on one line.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub message: String,
}

/// How a check ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// It holds.
    Pass,
    /// It does not.
    Fail,
    /// It could not be carried out.
    Error,
    /// It was left out.
    Skip,
}

impl Status {
    /// The word in the document.
    pub fn word(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::Error => "error",
            Self::Skip => "skip",
        }
    }
}

impl Document {
    /// As JSON, a check a line.
    pub fn to_json(&self) -> String {
        self.head("{\n", "  \"", "\": ", ",\n") + "  \"checks\": [\n" + &self.lines("    ", ",\n") + "\n  ]\n}\n"
    }

    /// As Markdown that holds the same in its frontmatter, and for people how many checks ended how.
    pub fn to_markdown(&self) -> String {
        let count = |status| self.checks.iter().filter(|check| check.status == status).count();
        let counts =
            [Status::Pass, Status::Fail, Status::Error, Status::Skip].map(|s| format!("{} {}", s.word(), count(s)));
        // What is JSON is YAML too.
        let head = self.head("---\n", "", ": ", "\n") + "checks:\n" + &self.lines("  - ", "\n") + "\n---\n";
        head + "# Staging results\n\n" + &counts.join(", ") + "\n"
    }

    fn head(&self, open: &str, before: &str, between: &str, after: &str) -> String {
        let mut text = open.to_owned();
        let mut add = |key: &str, value: String| text.push_str(&format!("{before}{key}{between}{value}{after}"));
        add("format", self.format.to_string());
        add("revision", quoted(&self.revision));
        if let Some(image) = &self.image {
            add("image", quoted(image));
        }
        add("strict", self.strict.to_string());
        text
    }

    fn lines(&self, before: &str, between: &str) -> String {
        // Strings and a bare word cannot fail to become JSON.
        let line = |check: &Check| format!("{before}{}", serde_json::to_string(check).unwrap_or_default());
        self.checks.iter().map(line).collect::<Vec<_>>().join(between)
    }
}

fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
