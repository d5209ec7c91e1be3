//! Where a project's repository lives, and with what it is opened.
//!
//! The credential never reaches a command line, a file, an error or a log: it travels to git as configuration in the
//! environment, bound to the remote's own address.

use crate::error::GitError;
use crate::redact::without_userinfo;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use std::fmt;
use std::path::Path;

/// A repository's address, with the credential that opens it.
#[derive(Clone, PartialEq, Eq)]
pub struct Remote {
    url: String,
    header: Option<Secret>,
}

#[derive(Clone, PartialEq, Eq)]
struct Secret {
    token: String,
    encoded: String,
}

impl Remote {
    /// A remote that needs no credential: `https://…`, `http://…`, `ssh://…`, `file://…` or an absolute path.
    ///
    /// # Errors
    /// [`GitError::BadRemote`] for anything else, and for an address with a password in it.
    pub fn new(url: &str) -> Result<Self, GitError> {
        match broken_rule(url) {
            None => Ok(Self { url: url.to_owned(), header: None }),
            Some(why) => Err(GitError::BadRemote { url: printable(url), why }),
        }
    }

    /// The same remote, opened with a token. `user` may be anything for a token of Gitea; GitHub wants
    /// `x-access-token`.
    ///
    /// # Errors
    /// [`GitError::BadRemote`] if the address is not one of HTTP: no other takes a token.
    pub fn with_token(mut self, user: &str, token: &str) -> Result<Self, GitError> {
        if !is_http(&self.url) {
            return Err(GitError::BadRemote { url: self.url, why: "only an http(s) address can take a token" });
        }
        let encoded = STANDARD.encode(format!("{user}:{token}"));
        self.header = Some(Secret { token: token.to_owned(), encoded });
        Ok(self)
    }

    /// The address; it holds no credential.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The folder, where the remote is one on this machine.
    pub(crate) fn folder(&self) -> Option<&Path> {
        let path = self.url.strip_prefix("file://").unwrap_or(&self.url);
        path.starts_with('/').then(|| Path::new(path))
    }

    /// What git must be told to be let in. The key names the address, so that a rewritten one gets no header.
    pub(crate) fn config(&self) -> Vec<(String, String)> {
        let header = |secret: &Secret| {
            (format!("http.{}.extraHeader", self.url), format!("Authorization: Basic {}", secret.encoded))
        };
        self.header.as_ref().map(header).into_iter().collect()
    }

    /// Every form in which the credential could turn up in a message.
    pub(crate) fn secrets(&self) -> Vec<String> {
        self.header.iter().flat_map(|secret| [secret.token.clone(), secret.encoded.clone()]).collect()
    }
}

impl fmt::Debug for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Remote").field("url", &self.url).field("token", &self.header.is_some()).finish()
    }
}

impl fmt::Display for Remote {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.url.fmt(f)
    }
}

fn is_http(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

fn broken_rule(url: &str) -> Option<&'static str> {
    let authority = url.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or_default());
    let userinfo = authority.and_then(|authority| authority.rsplit_once('@')).map(|(userinfo, _)| userinfo);
    if url.chars().any(|c| c.is_control() || (c.is_whitespace() && !url.starts_with('/'))) {
        Some("it has a space or a control character")
    } else if !(is_http(url) || url.starts_with("ssh://") || url.starts_with("file:///") || url.starts_with('/')) {
        Some("it must be https://, http://, ssh://, file:/// or an absolute path")
    } else if is_http(url) && userinfo.is_some() || userinfo.is_some_and(|userinfo| userinfo.contains(':')) {
        Some("it has a credential in it; give the token in the settings instead")
    } else if authority.is_some_and(|authority| authority.starts_with('-')) {
        Some("its host looks like an option")
    } else {
        None
    }
}

fn printable(url: &str) -> String {
    without_userinfo(url).chars().take(200).map(|c| if c.is_control() { '?' } else { c }).collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its set-up fails")]
    use super::*;

    #[test]
    fn addresses_that_could_start_a_program_are_refused() {
        for url in [
            "ext::sh -c touch",
            "ext::x",
            "--upload-pack=x",
            "relative/path",
            "",
            "git://h/x",
            "ssh://-oProxy/x",
            "a\nb",
        ] {
            assert!(matches!(Remote::new(url), Err(GitError::BadRemote { .. })), "{url:?}");
        }
        for url in ["https://forge.example/o/r.git", "ssh://git@forge.example/o/r", "/srv/r.git", "file:///srv/r.git"] {
            assert!(Remote::new(url).is_ok(), "{url:?}");
        }
    }

    #[test]
    fn a_credential_shows_neither_in_debug_nor_in_an_error() {
        let error = Remote::new("https://bot:hunter2@forge.example/r.git").unwrap_err().to_string();
        assert!(!error.contains("hunter2") && error.contains("settings"), "{error}");
        let remote = Remote::new("https://forge.example/r.git").unwrap().with_token("bot", "hunter2").unwrap();
        let shown = format!("{remote:?} {remote}");
        assert!(!shown.contains("hunter2") && !shown.contains(&STANDARD.encode("bot:hunter2")), "{shown}");
        let error = Remote::new("/srv/r.git").unwrap().with_token("bot", "hunter2").unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}
