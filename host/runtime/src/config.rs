//! What the runtime is made with, and why making it can fail.

use std::path::PathBuf;

/// Settings of a [`crate::Runtime`]. Limits of a single evaluation are the gate's own: [`portcullis_core::gate::Limits`].
#[derive(Debug, Clone)]
pub struct RuntimeConfig {
    /// Folder of the compiled artifacts; made with mode 0700 if it is not there. Only this daemon may write to it.
    pub cache_dir: PathBuf,
    /// Guests that may run at once.
    pub slots: u32,
    /// Most memory that one gate may be given, whatever its own limit says, in MiB.
    pub max_memory_mib: u64,
    /// Threads that run guests.
    pub guest_threads: usize,
    /// Stack of one guest in KiB.
    pub stack_kib: u64,
}

impl RuntimeConfig {
    /// The defaults, with compiled artifacts in `cache_dir`.
    pub fn new(cache_dir: impl Into<PathBuf>) -> Self {
        Self { cache_dir: cache_dir.into(), slots: 8, max_memory_mib: 1024, guest_threads: 2, stack_kib: 512 }
    }
}

/// Why there is no runtime.
#[derive(Debug, thiserror::Error)]
pub enum RuntimeError {
    /// A setting is out of range.
    #[error("runtime setting `{setting}` is {found}; it must be {wanted}")]
    Setting {
        /// Its name.
        setting: &'static str,
        /// What it is.
        found: u64,
        /// What it may be.
        wanted: &'static str,
    },
    /// The folder of compiled artifacts cannot be used.
    #[error("failed to prepare {path} for compiled plugins: {reason}")]
    CacheDir {
        /// The folder.
        path: PathBuf,
        /// What is wrong with it, and what would mend it.
        reason: String,
    },
    /// Neither a pooling nor a plain engine could be made.
    #[error("failed to make the WebAssembly engine: {0}")]
    Engine(String),
    /// The interfaces that gates import could not be put together.
    #[error("failed to link the host's interfaces: {0}")]
    Linker(String),
    /// A thread could not be started.
    #[error("failed to start the threads that run gates")]
    Threads(#[source] std::io::Error),
}

impl RuntimeConfig {
    /// # Errors
    /// [`RuntimeError::Setting`] names the first setting that cannot be honoured.
    pub(crate) fn check(&self) -> Result<(), RuntimeError> {
        let between = |setting, found: u64, low: u64, high: u64, wanted| {
            if (low..=high).contains(&found) { Ok(()) } else { Err(RuntimeError::Setting { setting, found, wanted }) }
        };
        between("slots", u64::from(self.slots), 1, 1_000, "from 1 to 1000")?;
        between("max-memory-mib", self.max_memory_mib, 1, 4_096, "from 1 to 4096")?;
        between("guest-threads", self.guest_threads as u64, 1, 256, "from 1 to 256")?;
        between("stack-kib", self.stack_kib, 64, 16_384, "from 64 to 16384")
    }
}
