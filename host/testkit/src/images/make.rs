//! An image as builders make it, in a layout on disk.

use super::{program, run};
use tempfile::TempDir;

/// An image that is to be made.
#[derive(Debug, Clone)]
pub struct ToMake<'a> {
    /// Its labels.
    pub labels: &'a [(&'a str, &'a str)],
    /// Its processor, on Linux.
    pub architecture: &'a str,
    /// What its only file holds.
    pub content: &'a str,
    /// Whether it is kept in Docker's form instead of OCI's.
    pub docker: bool,
}

impl<'a> ToMake<'a> {
    /// For linux/amd64, with these labels.
    pub fn with(labels: &'a [(&'a str, &'a str)]) -> Self {
        Self { labels, architecture: "amd64", content: "something\n", docker: false }
    }

    /// Its layout: image `made` in folder `layout`.
    pub(super) fn make(&self) -> TempDir {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let umoci = |arguments: &[&str]| run(program("umoci", folder.path()).args(arguments));
        umoci(&["init", "--layout", "layout"]);
        umoci(&["new", "--image", "layout:made"]);
        std::fs::write(folder.path().join("file"), self.content).expect("a file can be written");
        umoci(&["insert", "--rootless", "--image", "layout:made", "file", "/file"]);
        let labels: Vec<String> =
            self.labels.iter().map(|(name, value)| format!("--config.label={name}={value}")).collect();
        let architecture = format!("--architecture={}", self.architecture);
        let mut config = program("umoci", folder.path());
        config.args(["config", "--image", "layout:made", "--os=linux", &architecture, "--no-history"]);
        run(config.args(["--created=2026-01-01T00:00:00Z"]).args(labels));
        folder
    }

    pub(super) fn skopeo_options(&self) -> &'static [&'static str] {
        if self.docker { &["--format=v2s2"] } else { &[] }
    }
}
