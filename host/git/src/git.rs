//! The git program: where it is, whether it is new enough, its limits, and the name in which the daemon commits.

use crate::call::Call;
use crate::error::GitError;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// The oldest git that has `merge-tree --write-tree` and `cat-file --batch-command -z`.
const OLDEST: (u32, u32) = (2, 38);

/// How git is started, and in whose name the daemon commits.
#[derive(Debug, Clone)]
pub struct GitSettings {
    /// The program: a name looked up on `PATH`, or a path.
    pub program: PathBuf,
    /// Name in the daemon's own commits.
    pub author_name: String,
    /// Address in the daemon's own commits.
    pub author_email: String,
    /// Longest run of a command that stays on this machine.
    pub local_limit: Duration,
    /// Longest run of a command that talks to a remote.
    pub network_limit: Duration,
}

impl Default for GitSettings {
    fn default() -> Self {
        Self {
            program: PathBuf::from("git"),
            author_name: "Portcullis".to_owned(),
            author_email: "portcullis@localhost".to_owned(),
            local_limit: Duration::from_secs(120),
            network_limit: Duration::from_secs(600),
        }
    }
}

/// Starts git. Cheap to clone; every handle of this crate holds one.
#[derive(Debug, Clone)]
pub struct Git {
    settings: Arc<GitSettings>,
}

impl Git {
    /// Starts nothing yet; see [`Git::check`].
    pub fn new(settings: GitSettings) -> Self {
        Self { settings: Arc::new(settings) }
    }

    /// Finds out whether git is there and new enough; answers its version. For the daemon's start.
    ///
    /// # Errors
    /// [`GitError::Program`] if it cannot be started, [`GitError::TooOld`] if it lacks what this crate needs.
    pub fn check(&self) -> Result<String, GitError> {
        let text = self.call("version").text()?;
        let version = text.split_whitespace().nth(2).unwrap_or_default().to_owned();
        let mut numbers = version.split('.').map(|number| number.parse::<u32>().unwrap_or(0));
        let found = (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0));
        if found < OLDEST {
            let wanted = format!("{}.{}", OLDEST.0, OLDEST.1);
            return Err(GitError::TooOld { program: self.settings.program.clone(), found: version, wanted });
        }
        Ok(version)
    }

    pub(crate) fn settings(&self) -> &GitSettings {
        &self.settings
    }

    /// A call of `git OPERATION`, to be completed.
    pub(crate) fn call(&self, operation: &str) -> Call<'_> {
        Call::new(&self.settings, operation)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test ends where its set-up fails")]
    use super::*;

    #[test]
    fn a_missing_program_is_named_with_the_remedy() {
        let git = Git::new(GitSettings { program: PathBuf::from("/nowhere/git"), ..GitSettings::default() });
        let error = git.check().unwrap_err().to_string();
        assert!(error.contains("/nowhere/git") && error.contains("install git"), "{error}");
    }

    #[test]
    fn the_git_of_this_machine_is_new_enough_and_an_old_one_is_refused() {
        Git::new(GitSettings::default()).check().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("git");
        std::fs::write(&program, "#!/bin/sh\necho git version 2.30.2\n").unwrap();
        std::fs::set_permissions(&program, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
        let error = Git::new(GitSettings { program, ..GitSettings::default() }).check().unwrap_err();
        assert!(matches!(error, GitError::TooOld { .. }), "{error}");
    }
}
