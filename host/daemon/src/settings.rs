//! The daemon's settings (CFG-1): one TOML file, overridden by environment variables, checked when it is read.
//!
//! Unknown keys are errors. Secrets stand in the environment or in files, never in the settings themselves, and are read
//! by [`SecretSource::read`] alone. Deliberately absent: settings of parts that do not exist.

mod project;
mod registry;
mod style;

pub use project::{ForgeKind, PlaneSettings, ProjectSettings, RoleSettings, TrackerKind};
pub use registry::ImageRegistry;
pub use style::MergeStyle;

use crate::projects::added_over_http;
use portcullis_core::ids::{PluginName, StageName};
use portcullis_core::reaper::ReaperRules;
use portcullis_core::reconcile::ReconcileRules;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Everything that an operator can set.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settings {
    /// Where the daemon listens and keeps things.
    pub server: Server,
    /// Where its memory is.
    pub store: StoreSettings,
    /// Secrets of the webhooks, per source. A source without one is closed.
    pub webhooks: Webhooks,
    /// How much runs at once.
    pub queue: Queue,
    /// What a run may take.
    pub runs: Runs,
    /// When a running job counts as dead.
    pub reaper: Reaper,
    /// How tasks that are stuck, and events that were lost, are found.
    pub reconcile: Reconcile,
    /// How long what is over is kept.
    pub retention: Retention,
    /// Gates.
    pub gates: Gates,
    /// Who is told.
    pub notify: Notify,
    /// The projects.
    pub project: Vec<ProjectSettings>,
    /// The file that these were read from.
    #[serde(skip)]
    pub source: Option<PathBuf>,
}

/// `[server]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Server {
    /// Address and port to listen on. Default `127.0.0.1:8500`.
    pub listen: String,
    /// Folder for mirrors, worktrees, runs and compiled gates. Default `/var/lib/portcullis`.
    pub home: PathBuf,
    /// Token that may change things. Without one, nothing can be changed over HTTP.
    pub operator_token: Option<SecretSource>,
    /// Token that may look. Without one, only the operator's token may.
    pub reader_token: Option<SecretSource>,
    /// Largest accepted request body in bytes (WEB-5). Default 1 MiB.
    pub max_body_bytes: usize,
    /// Seconds that a sender may take for a request (WEB-5). Default 10.
    pub request_timeout_s: u64,
    /// MiB that must be free on the home folder's disk for anything to be claimed. 0: as little as there is. Default 100.
    pub min_free_mib: u64,
}

impl Default for Server {
    fn default() -> Self {
        Self {
            listen: "127.0.0.1:8500".to_owned(),
            home: PathBuf::from("/var/lib/portcullis"),
            operator_token: None,
            reader_token: None,
            max_body_bytes: 1 << 20,
            request_timeout_s: 10,
            min_free_mib: 100,
        }
    }
}

/// `[store]`.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSettings {
    /// `sqlite://PATH`. Default: `portcullis.db` in the home folder.
    pub url: Option<String>,
}

/// `[webhooks]`: the secret that each source signs with.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[allow(missing_docs, reason = "one per source")]
pub struct Webhooks {
    pub gitea: Option<SecretSource>,
    pub github: Option<SecretSource>,
    pub plane: Option<SecretSource>,
}

/// `[queue]` (QUE-1, QUE-5).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Queue {
    /// Runs of roles at once, over all projects. Default 1.
    pub max_concurrency: u32,
    /// Runs of roles at once in one project. Default 1.
    pub max_per_project: u32,
    /// Runs of the projects' `ci` commands at once (local forge). Default 1.
    pub max_ci: u32,
    /// Attempts of a job before it has failed. Default 3.
    pub max_attempts: u32,
    /// Seconds before the second attempt; doubled for each further one. Default 10.
    pub retry_first_s: u64,
    /// Longest wait between attempts in seconds. Default 600.
    pub retry_longest_s: u64,
    /// Failed gates' returns at which a task is held for a person (STG-4). Default 3.
    pub max_returns: u32,
}

impl Default for Queue {
    fn default() -> Self {
        Self {
            max_concurrency: 1,
            max_per_project: 1,
            max_ci: 1,
            max_attempts: 3,
            retry_first_s: 10,
            retry_longest_s: 600,
            max_returns: 3,
        }
    }
}

/// `[runs]` (LAU-5).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Runs {
    /// Seconds a run may take before its whole process group gets SIGTERM. Default 7200.
    pub time_limit_s: u64,
    /// Seconds between SIGTERM and SIGKILL. Default 10.
    pub kill_grace_s: u64,
    /// Bytes of output kept per run; what comes after is counted and dropped. Default 16 MiB.
    pub log_limit_bytes: u64,
    /// Names of environment variables that runs inherit from the daemon, beside `PATH`, `HOME`, `LANG`, `USER`, `TMPDIR`.
    pub inherit_env: Vec<String>,
}

impl Default for Runs {
    fn default() -> Self {
        Self { time_limit_s: 7200, kill_grace_s: 10, log_limit_bytes: 16 << 20, inherit_env: Vec::new() }
    }
}

/// `[reaper]` (REA-6).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reaper {
    /// Whether it ticks. What an earlier daemon left running is taken over at the start all the same. Default true.
    pub enabled: bool,
    /// Seconds between two ticks. After a tick that found a process gone the next comes within a second. Default 30.
    pub interval_s: u64,
    /// Ticks in a row in which a process must be gone before its run counts as lost (REA-1). Default 2.
    pub dead_ticks: u32,
    /// Seconds that whoever finishes an ended run may give no sign of life before it is finished for him (REA-2).
    /// Default 300.
    pub finalize_grace_s: u64,
    /// Longest time in seconds that any run may take, whatever its own limit (REA-4). Default 7200.
    pub max_running_s: u64,
    /// Whether leases whose holder is dead or whose time is over are freed (LSE-2). Default true.
    pub lease_reclaim_enabled: bool,
}

/// See [`Settings::check`].
const SHORTEST_GRACE_S: u64 = 5;

impl Default for Reaper {
    fn default() -> Self {
        Self {
            enabled: true,
            interval_s: 30,
            dead_ticks: 2,
            finalize_grace_s: 300,
            max_running_s: 7200,
            lease_reclaim_enabled: true,
        }
    }
}

impl Reaper {
    /// As the rules take them.
    pub fn rules(&self) -> ReaperRules {
        ReaperRules {
            dead_ticks: self.dead_ticks,
            finalize_grace: Duration::from_secs(self.finalize_grace_s),
            max_running: Duration::from_secs(self.max_running_s),
        }
    }
}

/// `[reconcile]` (REC-7).
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Reconcile {
    /// Whether it ticks at all. Default true.
    pub enabled: bool,
    /// Seconds between two ticks. Default 120.
    pub interval_s: u64,
    /// Whether the projects' trackers are polled for what somebody has put there whose event was lost (F-2). Default true.
    pub tracker_enabled: bool,
    /// Whether a task is left alone that is Blocked, in Needs Input, or in a wait of the deploy phases on its board, or
    /// whose state there cannot be learnt (REC-2). Default true.
    pub skip_blocked_enabled: bool,
    /// Seconds for which nothing must have changed about a task before it is judged. Default 300.
    pub grace_s: u64,
    /// The same for single stages, e.g. `review = 900`.
    pub grace: BTreeMap<StageName, u64>,
}

impl Default for Reconcile {
    fn default() -> Self {
        Self {
            enabled: true,
            interval_s: 120,
            tracker_enabled: true,
            skip_blocked_enabled: true,
            grace_s: 300,
            grace: BTreeMap::new(),
        }
    }
}

impl Reconcile {
    /// As the rules take them, with the stages that only a person's approval opens.
    pub fn rules(&self, approved_stages: &[StageName]) -> ReconcileRules {
        let seconds = |(stage, grace_s): (&StageName, &u64)| (stage.clone(), Duration::from_secs(*grace_s));
        ReconcileRules {
            skip_blocked: self.skip_blocked_enabled,
            grace: Duration::from_secs(self.grace_s),
            stage_grace: self.grace.iter().map(seconds).collect(),
            approved_stages: approved_stages.to_vec(),
        }
    }
}

/// `[retention]` (QUE-6): days that what is over is kept. Nothing that is still needed is ever removed: the present visit
/// of an unfinished task, what waits, what is parked for a person.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Retention {
    /// Whether anything is removed at all. Default true.
    pub enabled: bool,
    /// Seconds after the start at which the first round comes. Default 60.
    pub first_s: u64,
    /// Minutes between two rounds. Default 60.
    pub interval_min: u64,
    /// Ended jobs with their runs, logs and folders. Default 30.
    pub jobs_days: u32,
    /// Evaluations with their transcripts. Default 90.
    pub evaluations_days: u32,
    /// Received events that were handled or ignored. Default 30.
    pub inbox_days: u32,
    /// Effects that were sent. Default 30.
    pub outbox_days: u32,
    /// Events and effects that were given up. Default 180.
    pub parked_days: u32,
    /// The audit trail. Default 365.
    pub audit_days: u32,
}

impl Default for Retention {
    fn default() -> Self {
        Self {
            enabled: true,
            first_s: 60,
            interval_min: 60,
            jobs_days: 30,
            evaluations_days: 90,
            inbox_days: 30,
            outbox_days: 30,
            parked_days: 180,
            audit_days: 365,
        }
    }
}

/// `[gates]`.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Gates {
    /// Folder of the local plugin registry (OCI image layout). Default `registry`, below the home folder if relative.
    pub registry: PathBuf,
    /// Plugins that every manifest must have as enforcing gates (PLG-4). Default `["portcullis/security"]`.
    pub mandatory: Vec<PluginName>,
    /// Stages that a task leaves only by a person's approval (STG-5): a manifest whose edge from such a stage has no
    /// enforcing `portcullis/approval` gate is refused. Default `["analysis"]`.
    pub approved_stages: Vec<StageName>,
    /// Database of advisories that `portcullis advisories import` makes; below the home folder if relative. Not there:
    /// gates are told that the host has none. Default `advisories.db`.
    pub advisories: PathBuf,
    /// Gates that may run at once. Default 8.
    pub slots: u32,
    /// Configuration laid over every manifest's, per plugin: the daemon-wide switch (STV-3), e.g.
    /// `[gates.overlay."portcullis/staging-verdict"]` with `tolerate-infra = false`.
    pub overlay: BTreeMap<String, serde_json::Value>,
}

impl Default for Gates {
    fn default() -> Self {
        Self {
            registry: PathBuf::from("registry"),
            mandatory: vec![PluginName::new("portcullis/security")],
            approved_stages: vec![StageName::new("analysis")],
            advisories: PathBuf::from("advisories.db"),
            slots: 8,
            overlay: BTreeMap::new(),
        }
    }
}

/// `[notify]` (NOT-1). Nothing set: notifications are logged only.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Notify {
    /// Telegram bot's token.
    pub telegram_token: Option<SecretSource>,
    /// Telegram chat's id.
    pub telegram_chat: Option<String>,
    /// URL of a generic webhook.
    pub webhook_url: Option<String>,
    /// Secret that its bodies are signed with.
    pub webhook_secret: Option<SecretSource>,
}

/// Where a secret is: `{ env = "NAME" }` or `{ file = "PATH" }`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, untagged)]
pub enum SecretSource {
    /// An environment variable.
    Env {
        /// Its name.
        env: String,
    },
    /// A file; white space at its end does not count.
    File {
        /// Its path.
        file: PathBuf,
    },
}

/// What is wrong with the settings: names the key and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SettingsError {
    /// The file.
    #[error("failed to read the settings {path}: {reason}")]
    Unreadable {
        /// Where it is.
        path: String,
        /// Why.
        reason: String,
    },
    /// Its form.
    #[error("the settings {path} are not usable: {reason}")]
    Malformed {
        /// Where they are.
        path: String,
        /// What and where.
        reason: String,
    },
    /// A value.
    #[error("setting `{key}`: {reason}")]
    Value {
        /// Which.
        key: String,
        /// What is wrong and what to do.
        reason: String,
    },
}

impl SecretSource {
    /// Reads the secret. An empty one is no secret.
    ///
    /// # Errors
    /// [`SettingsError::Value`] naming `key`, never the secret.
    pub fn read(&self, key: &str) -> Result<String, SettingsError> {
        let wrong = |reason: String| SettingsError::Value { key: key.to_owned(), reason };
        let text = match self {
            Self::Env { env } => {
                std::env::var(env).map_err(|_| wrong(format!("environment variable `{env}` is not set")))?
            }
            Self::File { file } => std::fs::read_to_string(file)
                .map_err(|error| wrong(format!("failed to read the secret from {}: {error}", file.display())))?,
        };
        let text = text.trim_end();
        if text.is_empty() {
            return Err(wrong("the secret is empty; an empty secret protects nothing".to_owned()));
        }
        Ok(text.to_owned())
    }
}

impl Settings {
    /// Reads the file (none: defaults alone), lays the environment's `PORTCULLIS_SECTION__KEY` over it, and checks all.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn load(
        path: Option<&Path>,
        environment: impl Iterator<Item = (String, String)>,
    ) -> Result<Self, SettingsError> {
        let name = path.map_or_else(|| "(defaults and environment)".to_owned(), |p| p.display().to_string());
        let mut table = match path {
            None => toml::Table::new(),
            Some(path) => {
                let text = std::fs::read_to_string(path)
                    .map_err(|error| SettingsError::Unreadable { path: name.clone(), reason: error.to_string() })?;
                let malformed = |error: toml::de::Error| SettingsError::Malformed {
                    path: name.clone(),
                    reason: error.to_string().trim_end().to_owned(),
                };
                // Read once as what it is to be: only the text knows the line of a mistake.
                toml::from_str::<Self>(&text).map_err(malformed)?;
                text.parse().map_err(malformed)?
            }
        };
        for (variable, value) in environment {
            overlay(&mut table, &variable, &value)?;
        }
        let mut settings: Self = table.try_into().map_err(|error: toml::de::Error| SettingsError::Malformed {
            path: name,
            reason: error.to_string().trim_end().to_owned(),
        })?;
        settings.source = path.map(Path::to_owned);
        settings.project.extend(added_over_http(&settings.server.home)?);
        settings.check()?;
        Ok(settings)
    }

    /// The SQLite file.
    pub fn database(&self) -> PathBuf {
        match &self.store.url {
            Some(url) => PathBuf::from(url.strip_prefix("sqlite://").unwrap_or(url)),
            None => self.server.home.join("portcullis.db"),
        }
    }

    /// The local plugin registry.
    pub fn registry(&self) -> PathBuf {
        self.server.home.join(&self.gates.registry)
    }

    /// The database of advisories.
    pub fn advisories(&self) -> PathBuf {
        self.server.home.join(&self.gates.advisories)
    }

    /// Checks what the form alone does not say.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn check(&self) -> Result<(), SettingsError> {
        let wrong = |key: &str, reason: String| Err(SettingsError::Value { key: key.to_owned(), reason });
        if let Some(url) = &self.store.url
            && !url.starts_with("sqlite://")
        {
            return wrong("store.url", format!("`{url}` is not supported yet; write sqlite:///path/to/portcullis.db"));
        }
        if self.server.listen.parse::<std::net::SocketAddr>().is_err() {
            let reason = format!("`{}` is no address with a port, such as 127.0.0.1:8500", self.server.listen);
            return wrong("server.listen", reason);
        }
        for (key, number) in [
            ("queue.max_concurrency", self.queue.max_concurrency),
            ("queue.max_per_project", self.queue.max_per_project),
            ("queue.max_attempts", self.queue.max_attempts),
            ("queue.max_returns", self.queue.max_returns),
            ("queue.max_ci", self.queue.max_ci),
            ("gates.slots", self.gates.slots),
            ("reaper.dead_ticks", self.reaper.dead_ticks),
        ] {
            if number == 0 {
                return wrong(key, "must be at least 1".to_owned());
            }
        }
        for (key, number) in [
            ("reaper.interval_s", self.reaper.interval_s),
            ("reaper.max_running_s", self.reaper.max_running_s),
            ("reconcile.interval_s", self.reconcile.interval_s),
            ("retention.interval_min", self.retention.interval_min),
        ] {
            if number == 0 {
                return wrong(key, "must be at least 1".to_owned());
            }
        }
        if self.reaper.finalize_grace_s < SHORTEST_GRACE_S {
            // Somebody who is at work gives a sign each second: less patience would take work out of live hands.
            return wrong("reaper.finalize_grace_s", format!("must be at least {SHORTEST_GRACE_S}"));
        }
        for (index, project) in self.project.iter().enumerate() {
            if let Err((key, reason)) = project.check() {
                return wrong(&format!("project.{}.{key}", project.name), reason);
            }
            if self.project[..index].iter().any(|p| p.name == project.name) {
                return wrong(
                    "project",
                    format!("`{}` stands twice; give each project a name of its own", project.name),
                );
            }
            if let Some(other) =
                self.project[..index].iter().find(|p| p.repository == project.repository && p.forge == project.forge)
            {
                let reason = format!(
                    "`{}` and `{}` both own repository `{}`; an event could not be told apart",
                    other.name, project.name, project.repository
                );
                return wrong("project", reason);
            }
        }
        Ok(())
    }
}

/// Lays one environment variable over the table; variables of another form are left alone.
fn overlay(table: &mut toml::Table, variable: &str, value: &str) -> Result<(), SettingsError> {
    let Some(path) = variable.strip_prefix("PORTCULLIS_").filter(|p| p.contains("__")) else {
        return Ok(());
    };
    let keys: Vec<String> = path.split("__").map(str::to_lowercase).collect();
    let Some((last, sections)) = keys.split_last() else {
        return Ok(());
    };
    let mut at = table;
    for section in sections {
        let entry = at.entry(section.clone()).or_insert_with(|| toml::Value::Table(toml::Table::new()));
        at = entry.as_table_mut().ok_or_else(|| SettingsError::Value {
            key: variable.to_owned(),
            reason: format!("`{section}` is not a section; lists such as [[project]] are set in the file"),
        })?;
    }
    // `true`, `5` and `["a"]` are values; anything else is text.
    let parsed = format!("v = {value}").parse::<toml::Table>().ok().and_then(|mut t| t.remove("v"));
    at.insert(last.clone(), parsed.unwrap_or_else(|| toml::Value::String(value.to_owned())));
    Ok(())
}

#[cfg(test)]
mod tests;
