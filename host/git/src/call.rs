//! One call of git: its arguments, and the environment that every one of its processes gets.
//!
//! Nothing of the user's or the machine's configuration reaches git, no hook runs, nothing prompts, and what a branch
//! or a role wrote (attributes, replacement objects, configuration) cannot make git start a program.

use crate::error::GitError;
use crate::git::GitSettings;
use crate::process::{self, Output, RunError};
use crate::redact::redact;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

/// Most bytes of an answer that is kept in memory.
const OUTPUT_LIMIT: usize = 256 * 1024 * 1024;

/// Configuration that beats what a repository's own `config` says.
const FIXED_CONFIG: &[(&str, &str)] = &[
    // Nothing is started on the repository's word.
    ("core.hooksPath", "/dev/null"),
    ("core.fsmonitor", "false"),
    ("core.attributesFile", "/dev/null"),
    ("core.excludesFile", "/dev/null"),
    ("core.pager", "cat"),
    ("core.alternateRefsCommand", "true"),
    ("credential.helper", ""),
    ("commit.gpgSign", "false"),
    ("push.gpgSign", "false"),
    ("submodule.recurse", "false"),
    ("fetch.recurseSubmodules", "false"),
    ("push.recurseSubmodules", "no"),
    // Housekeeping has a call of its own; it must not run beside a bounded command.
    ("gc.auto", "0"),
    ("maintenance.auto", "false"),
    ("receive.autogc", "false"),
    // A redirect would carry the token to another host.
    ("http.followRedirects", "false"),
    ("http.sslVerify", "true"),
    // Behaviour that must not depend on who set the repository up.
    ("rerere.enabled", "false"),
    ("i18n.commitEncoding", "UTF-8"),
    ("merge.directoryRenames", "conflict"),
    ("rebase.rebaseMerges", "false"),
    ("worktree.useRelativePaths", "false"),
    ("core.quotePath", "false"),
    ("advice.detachedHead", "false"),
];

/// What the daemon needs from its surroundings to reach a forge.
const INHERITED: &[&str] = &[
    "PATH",
    "SSH_AUTH_SOCK",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "http_proxy",
    "https_proxy",
    "HTTPS_PROXY",
    "no_proxy",
    "NO_PROXY",
    "ALL_PROXY",
    "TMPDIR",
];

/// One call of git in the making.
#[derive(Debug)]
pub(crate) struct Call<'a> {
    settings: &'a GitSettings,
    operation: String,
    args: Vec<OsString>,
    env: Vec<(&'static str, OsString)>,
    config: Vec<(String, String)>,
    place: Option<PathBuf>,
    input: Vec<u8>,
    limit: Duration,
    secrets: Vec<String>,
}

impl<'a> Call<'a> {
    pub(crate) fn new(settings: &'a GitSettings, operation: &str) -> Self {
        Self {
            settings,
            operation: operation.to_owned(),
            args: Vec::new(),
            env: Vec::new(),
            config: Vec::new(),
            place: None,
            input: Vec::new(),
            limit: settings.local_limit,
            secrets: Vec::new(),
        }
    }

    pub(crate) fn arg(mut self, arg: impl AsRef<OsStr>) -> Self {
        self.args.push(arg.as_ref().to_owned());
        self
    }

    pub(crate) fn args<A: AsRef<OsStr>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.args.extend(args.into_iter().map(|arg| arg.as_ref().to_owned()));
        self
    }

    pub(crate) fn env(mut self, name: &'static str, value: impl AsRef<OsStr>) -> Self {
        self.env.push((name, value.as_ref().to_owned()));
        self
    }

    /// Configuration of this call alone. It travels in the environment, where other users cannot read it.
    pub(crate) fn config(mut self, values: impl IntoIterator<Item = (String, String)>) -> Self {
        self.config.extend(values);
        self
    }

    /// The folder in which git runs.
    pub(crate) fn place(mut self, folder: &Path) -> Self {
        self.place = Some(folder.to_owned());
        self
    }

    pub(crate) fn input(mut self, input: impl Into<Vec<u8>>) -> Self {
        self.input = input.into();
        self
    }

    /// Gives the call the time of one that talks to a remote.
    pub(crate) fn network(mut self, secrets: Vec<String>) -> Self {
        self.limit = self.settings.network_limit;
        self.secrets = secrets;
        self
    }

    /// The command, ready to be spawned.
    pub(crate) fn command(&self) -> Command {
        let settings = self.settings;
        #[expect(clippy::disallowed_methods, reason = "this is the one place that starts git")]
        let mut command = Command::new(&settings.program);
        command.env_clear();
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("LC_ALL", "C")
            .env("HOME", "/dev/null")
            .env("XDG_CONFIG_HOME", "/dev/null")
            .env("GIT_CONFIG_NOSYSTEM", "1")
            .env("GIT_CONFIG_SYSTEM", "/dev/null")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_ASKPASS", "false")
            .env("SSH_ASKPASS", "false")
            .env("GIT_SSH_COMMAND", "ssh -oBatchMode=yes")
            .env("GIT_EDITOR", "false")
            .env("GIT_SEQUENCE_EDITOR", "false")
            .env("GIT_ALLOW_PROTOCOL", "file:http:https:ssh")
            .env("GIT_OPTIONAL_LOCKS", "0")
            // History is what the objects say, whatever somebody grafted over it.
            .env("GIT_NO_REPLACE_OBJECTS", "1")
            .env("GIT_GRAFT_FILE", "/dev/null")
            .env("GIT_LITERAL_PATHSPECS", "1")
            // Registrations of worktrees are read from files, see `worktree.rs`.
            .env("GIT_DEFAULT_REF_FORMAT", "files")
            .env("GIT_AUTHOR_NAME", &settings.author_name)
            .env("GIT_AUTHOR_EMAIL", &settings.author_email)
            .env("GIT_COMMITTER_NAME", &settings.author_name)
            .env("GIT_COMMITTER_EMAIL", &settings.author_email);
        let fixed = FIXED_CONFIG.iter().map(|&(key, value)| (key, value));
        let own = self.config.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let mut count = 0_usize;
        for (key, value) in fixed.chain(own) {
            command.env(format!("GIT_CONFIG_KEY_{count}"), key).env(format!("GIT_CONFIG_VALUE_{count}"), value);
            count += 1;
        }
        command.env("GIT_CONFIG_COUNT", count.to_string());
        command.envs(self.env.iter().map(|(name, value)| (name, value)));
        command.current_dir(self.place.as_deref().unwrap_or(Path::new("/")));
        command.arg(&self.operation).args(&self.args);
        command
    }

    /// Runs it; any exit status is an answer.
    pub(crate) fn output(&self) -> Result<Output, GitError> {
        tracing::trace!(operation = %self.operation, "starts git");
        process::run(&mut self.command(), &self.input, self.limit, OUTPUT_LIMIT).map_err(|error| {
            let operation = self.operation.clone();
            match error {
                RunError::Start(source) => self.could_not_start(source),
                RunError::Pipe(source) => GitError::Pipe { operation, source },
                RunError::Timeout => {
                    let limit_ms = u64::try_from(self.limit.as_millis()).unwrap_or(u64::MAX);
                    GitError::Timeout { operation, limit_ms }
                }
                RunError::TooMuchOutput => GitError::TooMuchOutput { operation, limit: OUTPUT_LIMIT },
            }
        })
    }

    /// Runs it; anything but success is an error.
    pub(crate) fn run(&self) -> Result<Vec<u8>, GitError> {
        let output = self.output()?;
        if output.status.success() { Ok(output.stdout) } else { Err(self.failure(&output)) }
    }

    /// Runs it; its exit status must be one of `expected`.
    pub(crate) fn run_expecting(&self, expected: &[i32]) -> Result<(i32, Vec<u8>), GitError> {
        let output = self.output()?;
        match output.status.code() {
            Some(code) if expected.contains(&code) => Ok((code, output.stdout)),
            _ => Err(self.failure(&output)),
        }
    }

    /// Runs it and reads a short answer.
    pub(crate) fn text(&self) -> Result<String, GitError> {
        Ok(String::from_utf8_lossy(&self.run()?).trim_end_matches('\n').to_owned())
    }

    /// The error for an exit status that was not expected. Names a repository that has vanished rather than what git
    /// said about it.
    pub(crate) fn failure(&self, output: &Output) -> GitError {
        if let Some(gone) = self.vanished() {
            return gone;
        }
        GitError::Failed {
            operation: self.operation.clone(),
            status: output.status.to_string(),
            detail: self.complaint(output),
        }
    }

    /// What git complained of, in one bounded, redacted line.
    pub(crate) fn complaint(&self, output: &Output) -> String {
        redact(&output.stderr, &self.secrets)
    }

    /// That git could not be started may be the fault of the folder: the system says "not found" for either.
    pub(crate) fn could_not_start(&self, source: std::io::Error) -> GitError {
        self.vanished().unwrap_or_else(|| GitError::Program { program: self.settings.program.clone(), source })
    }

    fn vanished(&self) -> Option<GitError> {
        let git_dir = self.env.iter().find(|(name, _)| *name == "GIT_DIR").map(|(_, path)| Path::new(path));
        let place = self.place.as_deref();
        match (git_dir, place) {
            (Some(path), _) if !path.join("HEAD").is_file() => Some(GitError::NoRepository { path: path.to_owned() }),
            (Some(_), Some(place)) if !place.is_dir() => Some(GitError::NoWorktree { path: place.to_owned() }),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_the_daemons_environment_reaches_git_but_what_is_listed() {
        let settings = GitSettings::default();
        let command = Call::new(&settings, "version").command();
        let names: Vec<_> = command.get_envs().map(|(name, _)| name.to_string_lossy().into_owned()).collect();
        for name in names {
            assert!(
                INHERITED.contains(&name.as_str())
                    || name.starts_with("GIT_")
                    || ["LC_ALL", "HOME", "XDG_CONFIG_HOME", "SSH_ASKPASS"].contains(&name.as_str()),
                "{name}"
            );
        }
    }
}
