//! What tests and the shell scripts of roles tell each other by files: when to go on, and what was done.

use std::path::PathBuf;
use tempfile::TempDir;

/// A folder outside of repository and home.
pub struct Latch(TempDir);

impl Default for Latch {
    fn default() -> Self {
        Self::new()
    }
}

impl Latch {
    /// Nothing is open and nothing is noted.
    pub fn new() -> Self {
        Self(tempfile::tempdir().expect("a folder can be made"))
    }

    /// A file here, for scripts.
    pub fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Shell text that waits until [`Latch::open`] was called, or the test is over.
    pub fn wait(&self, name: &str) -> String {
        let (folder, file) = (self.0.path().display(), self.path(name));
        format!("while [ -d {folder} ] && [ ! -e {} ]; do sleep 0.05; done\n", file.display())
    }

    /// Lets everybody through who waits for `name`.
    pub fn open(&self, name: &str) {
        std::fs::write(self.path(name), "").expect("the file can be written");
    }

    /// Shell text that notes a line.
    pub fn note(&self, line: &str) -> String {
        format!("echo \"{line}\" >> {}\n", self.path("notes").display())
    }

    /// The lines that were noted.
    pub fn notes(&self) -> Vec<String> {
        let text = std::fs::read_to_string(self.path("notes")).unwrap_or_default();
        text.lines().map(str::to_owned).collect()
    }
}
