//! A text that must not be seen: it prints as `***` and leaves only through [`Secret::expose`].
//!
//! Deliberately absent: `PartialEq` (comparing secrets is the affair of constant-time code), `Serialize`, and where
//! secrets come from (environment or files: the daemon's settings).

use std::fmt;
use std::sync::Arc;

/// A password, token or key.
#[derive(Clone)]
pub struct Secret(Arc<str>);

impl Secret {
    /// Wraps `text` as it is; whoever reads it from a file cuts the line end off.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Arc::from(text.into()))
    }

    /// The text itself, for the one place that sends or computes with it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// True if it is empty or only white space, which protects nothing.
    pub fn is_blank(&self) -> bool {
        self.0.trim().is_empty()
    }

    /// `text` without this secret: what another side answered may quote what we sent it.
    pub fn redact(&self, text: &str) -> String {
        if self.is_blank() { text.to_owned() } else { text.replace(&*self.0, "***") }
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    // CFG-1
    #[test]
    fn a_secret_never_prints_itself() {
        let secret = Secret::new("hunter2-hunter2");
        assert_eq!(format!("{secret} {secret:?} {:?}", Some(&secret)), "*** *** Some(***)");
    }

    // CFG-1
    #[test]
    fn a_quoted_secret_is_taken_out_of_an_answer() {
        let secret = Secret::new("abc123");
        assert_eq!(secret.redact("token abc123 is bad, abc123!"), "token *** is bad, ***!");
        assert_eq!(Secret::new("").redact("as it was"), "as it was");
    }
}
