//! Kill-switches at run time (QUE-7): what is paused, by whom, since when and why.

use crate::ids::{GateName, PluginName, ProjectName, RoleName};
use crate::time::UnixMillis;
use serde::{Deserialize, Serialize};
use std::fmt;

/// What is paused.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case", tag = "kind", content = "name")]
pub enum PauseScope {
    /// Everything: no job starts and no task moves. Runs under way go on to their end.
    Daemon,
    /// One project's jobs and tasks.
    Project(ProjectName),
    /// One role's jobs, in every project.
    Role(RoleName),
    /// A gate, by its name in the manifests or by its plugin's name. What it guards stays closed meanwhile (I8).
    Gate(String),
}

impl fmt::Display for PauseScope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Daemon => write!(f, "the whole daemon"),
            Self::Project(name) => write!(f, "project {name}"),
            Self::Role(name) => write!(f, "role {name}"),
            Self::Gate(name) => write!(f, "gate {name}"),
        }
    }
}

/// One pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pause {
    /// What.
    pub scope: PauseScope,
    /// Who did it.
    pub by: String,
    /// Why.
    pub why: String,
    /// Since when.
    pub since: UnixMillis,
}

/// Every pause there is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Pauses(pub Vec<Pause>);

impl Pauses {
    /// The pause that keeps a project's tasks from moving.
    pub fn of_project(&self, project: &ProjectName) -> Option<&Pause> {
        self.0.iter().find(|pause| match &pause.scope {
            PauseScope::Daemon => true,
            PauseScope::Project(name) => name == project,
            PauseScope::Role(_) | PauseScope::Gate(_) => false,
        })
    }

    /// The pause that keeps a role's jobs from starting.
    pub fn of_role(&self, role: &RoleName) -> Option<&Pause> {
        self.0.iter().find(|pause| matches!(&pause.scope, PauseScope::Role(name) if name == role))
    }

    /// The pause that keeps a gate from being asked.
    pub fn of_gate(&self, gate: &GateName, plugin: &PluginName) -> Option<&Pause> {
        let named = |name: &str| name == gate.as_str() || name == plugin.as_str();
        self.0.iter().find(|pause| matches!(&pause.scope, PauseScope::Gate(name) if named(name)))
    }
}
