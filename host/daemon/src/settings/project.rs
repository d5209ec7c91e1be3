//! `[[project]]`: a repository that is delivered, with its forge, its tracker, its roles and commands.

use super::{ImageRegistry, MergeStyle, SecretSource};
use portcullis_core::ids::{ProjectName, RoleName};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::PathBuf;

/// `[[project]]`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ProjectSettings {
    /// Name; also the prefix of the builtin tracker's work items.
    pub name: ProjectName,
    /// `owner/name` on the forge.
    pub repository: String,
    /// What git fetches from and pushes to: a URL or, for the local forge, a bare repository's folder.
    pub remote: String,
    /// Which forge.
    pub forge: ForgeKind,
    /// The forge's base URL, e.g. `https://git.example.org`. Not needed for the local one; default for GitHub
    /// `https://api.github.com`.
    #[serde(default)]
    pub forge_url: Option<String>,
    /// Token for the forge's API and for git over HTTPS.
    #[serde(default)]
    pub forge_token: Option<SecretSource>,
    /// Which tracker. Default `builtin`.
    #[serde(default)]
    pub tracker: TrackerKind,
    /// Plane: base URL, workspace and project id.
    #[serde(default)]
    pub plane: Option<PlaneSettings>,
    /// Branch that work is merged into. Default `main`.
    #[serde(default = "main_branch")]
    pub default_branch: String,
    /// How branches are brought up to date and into that branch: `merge`, `fast-forward` or `rebase`. Default `merge`.
    #[serde(default)]
    pub merge_style: MergeStyle,
    /// Whether Portcullis itself is delivered by this project. Default false.
    #[serde(default)]
    pub self_hosting: bool,
    /// Prefix of the tasks' branches. Default `task/`.
    #[serde(default = "task_prefix")]
    pub branch_prefix: String,
    /// Folder in the repository that holds a folder per work item. Default `docs/work-items`.
    #[serde(default = "documents_folder")]
    pub documents: String,
    /// Folder of an OCI image layout in which the project's images are looked up.
    #[serde(default)]
    pub images: Option<PathBuf>,
    /// The registry in which they are looked up instead.
    #[serde(default)]
    pub registry: Option<ImageRegistry>,
    /// Check contexts that the target branch requires (local forge only; others are asked).
    #[serde(default)]
    pub required_checks: Vec<String>,
    /// Who works: a command per role.
    #[serde(default)]
    pub roles: BTreeMap<RoleName, RoleSettings>,
    /// Commands that gates and the local forge may run, by name (`ci`, `test`, …).
    #[serde(default)]
    pub commands: BTreeMap<String, Vec<String>>,
}

fn main_branch() -> String {
    "main".to_owned()
}
fn task_prefix() -> String {
    "task/".to_owned()
}
fn documents_folder() -> String {
    "docs/work-items".to_owned()
}

/// A role's command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleSettings {
    /// Program and arguments; started in the task's worktree.
    pub command: Vec<String>,
    /// Seconds its run may take. Default: `runs.time_limit_s`.
    #[serde(default)]
    pub time_limit_s: Option<u64>,
    /// Environment variables for it. Not for secrets: name those in `runs.inherit_env`.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// Plane's coordinates.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PlaneSettings {
    /// Base URL.
    pub url: String,
    /// Workspace slug.
    pub workspace: String,
    /// Project id.
    pub project_id: String,
    /// API key.
    pub token: SecretSource,
}

/// Which forge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum ForgeKind {
    Gitea,
    Github,
    Local,
}

/// Which tracker.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[allow(missing_docs, reason = "the names say it")]
pub enum TrackerKind {
    Plane,
    #[default]
    Builtin,
}

impl ProjectSettings {
    /// The first thing that is wrong: the key, and why.
    pub(super) fn check(&self) -> Result<(), (String, String)> {
        let name = self.name.as_str();
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '_';
        if name.is_empty() || !name.chars().all(plain) {
            return Err(("name".into(), "only letters, digits, `-` and `_` may stand in a project's name".into()));
        }
        if self.remote.is_empty() || self.remote.starts_with('-') {
            return Err(("remote".into(), format!("`{}` is no URL or folder", self.remote)));
        }
        let needs_url = self.forge == ForgeKind::Gitea && self.forge_url.is_none();
        if needs_url {
            return Err(("forge_url".into(), "Gitea and Forgejo need their base URL".into()));
        }
        if self.forge != ForgeKind::Local && self.forge_token.is_none() {
            return Err(("forge_token".into(), "a token is needed, e.g. { env = \"FORGE_TOKEN\" }".into()));
        }
        if self.forge == ForgeKind::Github && self.merge_style == MergeStyle::FastForward {
            return Err((
                "merge_style".into(),
                "GitHub merges no pull request so; write \"merge\" or \"rebase\"".into(),
            ));
        }
        if self.tracker == TrackerKind::Plane && self.plane.is_none() {
            return Err(("plane".into(), "tracker = \"plane\" needs url, workspace, project_id and token".into()));
        }
        if self.registry.is_some() && self.images.is_some() {
            return Err(("images".into(), "images lie in a `registry` or in a folder; set one of the two".into()));
        }
        if let Some(registry) = &self.registry {
            registry.check()?;
        }
        for (role, settings) in &self.roles {
            if settings.command.first().is_none_or(String::is_empty) {
                return Err((format!("roles.{role}.command"), "name a program".into()));
            }
        }
        for (command, words) in &self.commands {
            if words.first().is_none_or(String::is_empty) {
                return Err((format!("commands.{command}"), "name a program".into()));
            }
        }
        Ok(())
    }
}
