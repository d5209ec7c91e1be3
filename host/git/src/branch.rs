//! Names of branches: checked once, so that no later command can take one for an option, a range or a path.

use crate::error::GitError;
use std::fmt;

/// Longest name; a file system allows 255 bytes a component, and a lock file's ending must fit too.
const LIMIT: usize = 200;

/// A name that git accepts for a branch and that cannot be read as anything else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Branch(String);

impl Branch {
    /// Checks `name` by git's own rules (`git help check-ref-format`) and a few narrower ones.
    ///
    /// # Errors
    /// [`GitError::BadBranch`] says which rule it breaks.
    pub fn parse(name: &str) -> Result<Self, GitError> {
        match broken_rule(name) {
            None => Ok(Self(name.to_owned())),
            // A hostile name may be long and hold anything; the message need not.
            Some(why) => {
                let name = name.chars().take(80).map(|c| if c.is_control() { '?' } else { c }).collect();
                Err(GitError::BadBranch { name, why })
            }
        }
    }

    /// The short name, e.g. `main`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// `refs/heads/…`.
    pub(crate) fn full(&self) -> String {
        format!("refs/heads/{}", self.0)
    }

    /// Where a mirror keeps what its remote's branch was at the last fetch.
    pub(crate) fn tracking(&self) -> String {
        format!("refs/remotes/origin/{}", self.0)
    }
}

impl fmt::Display for Branch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The rule that `name` breaks, if any.
pub(crate) fn broken_rule(name: &str) -> Option<&'static str> {
    let component = |rule: fn(&str) -> bool| name.split('/').any(rule);
    if name.is_empty() {
        Some("it is empty")
    } else if name.len() > LIMIT {
        Some("it is longer than 200 bytes")
    } else if name == "HEAD" || name == "@" {
        Some("git gives it another meaning")
    } else if component(|part| part.starts_with('-')) {
        Some("a part of it looks like an option")
    } else if component(str::is_empty) {
        Some("it has an empty part")
    } else if component(|part| part.starts_with('.') || part.ends_with('.') || part.ends_with(".lock")) {
        Some("a part of it starts or ends with a dot, or ends with `.lock`")
    } else if name.contains("..") || name.contains("@{") {
        Some("git would read it as an expression")
    } else if name.chars().any(|c| c.is_control() || c.is_whitespace() || "~^:?*[\\".contains(c)) {
        Some("it has a space, a control character or one of ~^:?*[\\")
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_git_or_a_command_line_would_read_as_something_else_are_refused() {
        let long = "x".repeat(201);
        let bad = [
            "",
            "-d",
            "--upload-pack=touch x",
            "a/-b",
            "a..b",
            "a b",
            "a\nb",
            "a\0b",
            "a~1",
            "a^",
            "a:b",
            "a?",
            "a*",
            "a[b",
            "a\\b",
            "a@{1}",
            "@",
            "HEAD",
            "/a",
            "a/",
            "a//b",
            ".a",
            "a/.b",
            "a.",
            "a.lock",
            "a.lock/b",
            &long,
        ];
        for name in bad {
            assert!(matches!(Branch::parse(name), Err(GitError::BadBranch { .. })), "{name:?}");
        }
    }

    #[test]
    fn ordinary_names_pass() {
        for name in ["main", "feature/ORCH-65", "fix_#12", "naïve/ветка", "a@b", "v1.2", "a-b"] {
            assert!(Branch::parse(name).is_ok(), "{name:?}");
        }
    }
}
