//! Starting a shim, and waiting for its end.

use super::probe::MARK;
use super::process::{Pinned, identify};
use super::shim::{LOG, ORDER, RunExit, RunOrder, read_exit};
use crate::room;
use portcullis_core::job::ProcessIdentity;
use std::io::Write;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

/// Why a run could not be started.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// Its folder.
    #[error("failed to prepare the run's folder {folder}")]
    Folder {
        /// Which.
        folder: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Its shim.
    #[error("failed to start the shim {program}")]
    Shim {
        /// Our own program.
        program: String,
        /// Why.
        #[source]
        source: std::io::Error,
    },
}

impl LaunchError {
    /// Whether the disk is to blame, and not the run.
    pub fn is_for_want_of_room(&self) -> bool {
        let (Self::Folder { source, .. } | Self::Shim { source, .. }) = self;
        room::is_the_disks(source)
    }
}

/// Starts shims.
#[derive(Debug, Clone)]
pub struct Launcher {
    /// Our own program: it is the shim as well.
    pub program: PathBuf,
}

/// A started run.
#[derive(Debug)]
pub struct Started {
    /// Which process its shim is.
    pub process: ProcessIdentity,
    child: tokio::process::Child,
}

impl Launcher {
    /// Makes the folder and writes the order into it, with the mark by which the run's processes are known. May be done
    /// again for as long as no shim was started on it.
    ///
    /// # Errors
    /// [`LaunchError::Folder`].
    pub fn prepare(&self, folder: &Path, order: &RunOrder) -> Result<(), LaunchError> {
        let wrong = |source| LaunchError::Folder { folder: folder.display().to_string(), source };
        // 0700: what a run prints is for the operator.
        std::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).map_err(wrong)?;
        let mut order = order.clone();
        order.env.insert(MARK.to_owned(), folder.display().to_string());
        let text = serde_json::to_vec(&order).map_err(|e| wrong(e.into()))?;
        // So that the shim, which nobody hears, does not have to find room for it.
        std::fs::File::options().create(true).append(true).open(folder.join(LOG)).map_err(wrong)?;
        let mut file = std::fs::File::create(folder.join(ORDER)).map_err(wrong)?;
        file.write_all(&text).and_then(|()| file.sync_all()).map_err(wrong)
    }

    /// Starts the shim on a prepared folder.
    ///
    /// # Errors
    /// [`LaunchError::Shim`].
    #[expect(clippy::disallowed_methods, reason = "this is where runs begin")]
    pub fn start(&self, folder: &Path) -> Result<Started, LaunchError> {
        let wrong = |source| LaunchError::Shim { program: self.program.display().to_string(), source };
        let errors = std::fs::File::create(folder.join("shim.log")).map_err(wrong)?;
        let mut command = tokio::process::Command::new(&self.program);
        // A group of its own: a Ctrl-C meant for the daemon does not reach it. No secrets: its environment is the mark alone.
        command.arg("shim").arg(folder).env_clear().envs(crate::crash::handed_on()).env(MARK, folder).process_group(0);
        command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(errors).kill_on_drop(false);
        let child = command.spawn().map_err(wrong)?;
        let process = child.id().and_then(identify);
        let process = process.ok_or_else(|| wrong(std::io::Error::other("it ended at once")))?;
        Ok(Started { process, child })
    }
}

impl Started {
    /// Waits for the shim's end. None: it left no record, the run is lost.
    pub async fn wait(mut self, folder: &Path) -> Option<RunExit> {
        let _status = self.child.wait().await;
        read_exit(folder)
    }
}

/// Waits for the end of a run that another daemon started. None: it left no record, the run is lost.
pub async fn wait_adopted(process: Option<&ProcessIdentity>, folder: &Path) -> Option<RunExit> {
    if let Some(pinned) = process.and_then(Pinned::open) {
        pinned.gone().await;
    }
    read_exit(folder)
}
