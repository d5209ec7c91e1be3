//! One daemon per database: who has the file.
//!
//! The kernel gives the lock back when its holder dies, however it dies; the pid in the file is for people only.

use crate::model::StoreError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// Held for as long as the database is open.
#[derive(Debug)]
pub(super) struct FileLock {
    _file: File,
}

/// Takes the lock of the database at `path`, which is `<path>.lock`.
pub(super) fn take(path: &Path) -> Result<FileLock, StoreError> {
    let mut name = path.as_os_str().to_owned();
    name.push(".lock");
    let name = PathBuf::from(name);
    let failed = |what: &str, source: &std::io::Error| StoreError::Open {
        path: path.display().to_string(),
        reason: format!("{what} {}: {source}", name.display()),
    };
    let mut file = OpenOptions::new()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false) // It may say who holds it.
        .mode(0o600)
        .open(&name)
        .map_err(|source| failed("cannot open", &source))?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            return Err(StoreError::InUse { path: path.display().to_string(), pid: holder(&mut file) });
        }
        Err(TryLockError::Error(source)) => return Err(failed("cannot lock", &source)),
    }
    write_holder(&mut file).map_err(|source| failed("cannot write", &source))?;
    Ok(FileLock { _file: file })
}

fn write_holder(file: &mut File) -> std::io::Result<()> {
    file.set_len(0)?;
    file.seek(SeekFrom::Start(0))?;
    writeln!(file, "{}", std::process::id())
}

/// The pid in the file; `unknown` if it says nothing sensible.
fn holder(file: &mut File) -> String {
    let mut text = String::new();
    let read = file.take(20).read_to_string(&mut text);
    let pid = text.trim();
    let sensible = read.is_ok() && !pid.is_empty() && pid.bytes().all(|b| b.is_ascii_digit());
    if sensible { pid.to_owned() } else { "unknown".to_owned() }
}
