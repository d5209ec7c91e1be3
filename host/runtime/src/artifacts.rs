//! Compiled components on disk, so that a daemon that starts again need not compile again.
//!
//! The name of a file is the component's digest and a hash of everything that compiling depends on. The file begins with
//! the sha256 of the rest, which is compared before a byte of it is trusted. The folder belongs to this user alone (0700),
//! the files too (0600); an artifact never comes from anywhere else. One that is damaged, or from another engine, is as good
//! as absent: the component is compiled anew.

use crate::config::RuntimeError;
use portcullis_core::digest::Digest;
use sha2::{Digest as _, Sha256};
use std::fs;
use std::hash::{Hash as _, Hasher};
use std::io::{self, Write as _};
use std::os::unix::fs::{MetadataExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use wasmtime::Engine;
use wasmtime::component::Component;

const MAGIC: &[u8] = b"portcullis compiled component 1\n";
const SUM: usize = 32;

pub(crate) struct Artifacts {
    folder: PathBuf,
    engine: Engine,
    engine_hash: String,
}

impl Artifacts {
    /// Makes the folder, or checks that it is this user's own.
    pub(crate) fn open(folder: PathBuf, engine: &Engine) -> Result<Self, RuntimeError> {
        prepare(&folder).map_err(|reason| RuntimeError::CacheDir { path: folder.clone(), reason })?;
        Ok(Self { folder, engine: engine.clone(), engine_hash: engine_hash(engine) })
    }

    /// The compiled component, if a sound artifact of it is here.
    pub(crate) fn load(&self, digest: &Digest) -> Option<Component> {
        let path = self.path(digest);
        let file = match fs::read(&path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "failed to read a compiled plugin");
                return None;
            }
        };
        let Some(code) = sound(&file) else {
            tracing::warn!(path = %path.display(), "a compiled plugin is damaged: compiling it again");
            return None;
        };
        // SAFETY: `deserialize` asks for bytes that `Component::serialize` made, unchanged. These stood in a folder that
        // only this user may write to, under the name of this engine's configuration, and their sha256 is the one that
        // `store` noted when it wrote them; they are in memory by now, so nobody changes them after the comparison.
        // Someone who can forge all that can run code as this user anyway.
        #[allow(unsafe_code, reason = "the one place that loads compiled code; see above")]
        let component = unsafe { Component::deserialize(&self.engine, code) };
        component
            .inspect_err(|error| {
                tracing::warn!(path = %path.display(), %error, "a compiled plugin is of another engine: compiling it again");
            })
            .ok()
    }

    /// Keeps `component`. Failing to is no reason not to run it.
    pub(crate) fn store(&self, digest: &Digest, component: &Component) {
        let path = self.path(digest);
        let stored = component
            .serialize()
            .map_err(|error| io::Error::other(error.to_string()))
            .and_then(|code| self.write(&path, &code));
        if let Err(error) = stored {
            tracing::warn!(path = %path.display(), %error, "failed to keep a compiled plugin: it will be compiled again");
        }
    }

    fn path(&self, digest: &Digest) -> PathBuf {
        self.folder.join(format!("{}-{}.cwasm", digest.hex(), self.engine_hash))
    }

    /// All or nothing: a daemon that dies half way leaves a stray temporary file and no half artifact.
    fn write(&self, path: &Path, code: &[u8]) -> io::Result<()> {
        static NEXT: AtomicU64 = AtomicU64::new(0);
        let name = format!(".{}-{}.tmp", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let temporary = self.folder.join(name);
        let written = (|| {
            let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&temporary)?;
            file.write_all(MAGIC)?;
            file.write_all(&Sha256::digest(code))?;
            file.write_all(code)?;
            fs::rename(&temporary, path)
        })();
        if written.is_err() {
            let _ = fs::remove_file(&temporary);
        }
        written
    }
}

/// The code in an artifact whose sum is right.
fn sound(file: &[u8]) -> Option<&[u8]> {
    let (sum, code) = file.strip_prefix(MAGIC)?.split_at_checked(SUM)?;
    (Sha256::digest(code).as_slice() == sum).then_some(code)
}

fn prepare(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| error.to_string())?;
    let found = fs::symlink_metadata(folder).map_err(|error| error.to_string())?;
    if !found.is_dir() {
        return Err("it is not a folder; remove it or choose another".to_owned());
    }
    if found.uid() != rustix::process::geteuid().as_raw() {
        return Err("it belongs to another user; choose a folder of your own".to_owned());
    }
    if found.mode() & 0o777 != 0o700 {
        // Others could have put something in there so far.
        let nobody_else_wrote = found.mode() & 0o022 == 0;
        fs::set_permissions(folder, fs::Permissions::from_mode(0o700)).map_err(|error| error.to_string())?;
        if !nobody_else_wrote {
            empty(folder).map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

/// Removes artifacts that others could have written.
fn empty(folder: &Path) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let path = entry?.path();
        if path.extension().is_some_and(|extension| extension == "cwasm") {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// Sixteen digits that change whenever this engine would compile differently.
fn engine_hash(engine: &Engine) -> String {
    /// The standard library's hasher may change between releases; sha256 does not.
    struct Stable(Sha256);
    impl Hasher for Stable {
        fn write(&mut self, bytes: &[u8]) {
            self.0.update(bytes);
        }
        fn finish(&self) -> u64 {
            let sum: [u8; SUM] = self.0.clone().finalize().into();
            u64::from_be_bytes(std::array::from_fn(|at| sum[at]))
        }
    }
    let mut hasher = Stable(Sha256::new());
    engine.precompile_compatibility_hash().hash(&mut hasher);
    format!("{:016x}", hasher.finish())
}
