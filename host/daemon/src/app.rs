//! The daemon as one value: everything that its loops and its HTTP server share.

use crate::bell::Bell;
use crate::clock::SystemClock;
use crate::project::Project;
use crate::projects::Projects;
use crate::reaper::ReaperReport;
use crate::reconcile::Reconciler;
use crate::redact::Redactor;
use crate::room::Room;
use crate::run::launch::Launcher;
use crate::run::process::identify;
use crate::run::watch::Watches;
use crate::settings::Settings;
use portcullis_catalog::registry::Registry;
use portcullis_connect::messenger::Messenger;
use portcullis_core::ids::{ProjectName, TaskId};
use portcullis_core::lease::{Holder, Lease};
use portcullis_core::step::Rules;
use portcullis_core::time::{Clock, UnixMillis};
use portcullis_git::Git;
use portcullis_runtime::Runtime;
use portcullis_store::Store;
use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

/// The daemon.
pub struct App {
    /// What the operator set.
    pub settings: Settings,
    /// Its memory.
    pub store: Arc<dyn Store>,
    /// Where gates run.
    pub runtime: Runtime,
    /// Where plugins are.
    pub registry: Registry,
    /// The projects by name.
    pub projects: Projects,
    /// Held while the projects are changed.
    pub reloading: tokio::sync::Mutex<()>,
    /// Starts git.
    pub git: Git,
    /// The time.
    pub clock: Arc<dyn Clock>,
    /// The same clock, for whoever asks whether it was set back.
    pub machine_clock: Arc<SystemClock>,
    /// This start of this daemon: fresh each time.
    pub boot: String,
    /// Wakes the loops.
    pub bell: Bell,
    /// Starts runs.
    pub launcher: Launcher,
    /// Knows what must not be shown.
    pub redactor: Redactor,
    /// Who tells the operator.
    pub messenger: Arc<dyn Messenger>,
    /// Merge leases that are kept from one look at a task to the next (MRG-2).
    pub merge_leases: Mutex<HashMap<TaskId, Lease>>,
    /// The jobs in this daemon's hands.
    pub watches: Watches,
    /// Whether there is room to work in.
    pub room: Room,
    /// What the reaper has done and found.
    pub reaper: Mutex<ReaperReport>,
    /// What the reconciler has done and found.
    pub reconciler: Reconciler,
    /// This process as the holder of leases: machine, process id and its start time.
    pub process: HolderProcess,
    /// The rules' numbers.
    pub rules: Rules,
}

/// A daemon's process, as leases name it (LSE-1).
#[derive(Debug, Clone)]
pub struct HolderProcess {
    node: String,
    pid: u32,
    start_ticks: u64,
}

impl HolderProcess {
    /// This process.
    pub fn this() -> Self {
        let node = rustix::system::uname().nodename().to_string_lossy().into_owned();
        let pid = std::process::id();
        Self { node, pid, start_ticks: identify(pid).map_or(0, |process| process.start_ticks) }
    }
}

impl App {
    /// Now.
    pub fn now(&self) -> UnixMillis {
        self.clock.now()
    }

    /// This daemon as the holder of a lease.
    pub fn holder(&self, what: String) -> Holder {
        let HolderProcess { node, pid, start_ticks } = self.process.clone();
        Holder { boot: self.boot.clone(), node, pid, start_ticks, what }
    }

    /// The project of this name.
    pub fn project(&self, name: &ProjectName) -> Option<Arc<Project>> {
        self.projects.all().get(name).cloned()
    }

    /// The names of all projects.
    pub fn project_names(&self) -> Vec<ProjectName> {
        self.projects.all().keys().cloned().collect()
    }

    /// The folder of one run.
    pub fn run_folder(&self, name: &str) -> PathBuf {
        self.settings.server.home.join("runs").join(name)
    }
}
