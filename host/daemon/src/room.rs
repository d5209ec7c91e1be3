//! Whether there is room to work in: space left on the disk, a database that takes writes, and folders that take files.
//!
//! Without room nothing is claimed; while the database takes no writes the other loops rest as well. Runs under way go on,
//! and what they end in is written down once that is possible again. It is noticed by a failed write or by looking, said
//! once in the log, shown in `GET /readyz` and `GET /queue`, and over by itself as soon as there is room again.

use crate::app::App;
use crate::gatehouse::chain;
use portcullis_core::time::UnixMillis;
use portcullis_store::StoreError;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::watch;

/// How often it is looked whether the room is still there.
const LOOK_EVERY: Duration = Duration::from_secs(5);
/// How often it is looked whether there is room again.
const LOOK_AGAIN: Duration = Duration::from_secs(1);

/// What is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lack {
    /// Since when.
    pub since: UnixMillis,
    /// What, and what to do.
    pub reason: String,
    /// Whether the database takes no writes. If it does, only space is short.
    pub refuses_writes: bool,
    /// Whether the home folder took no file.
    pub refuses_files: bool,
}

/// What the daemon knows about its room.
#[derive(Debug, Default)]
pub struct Room(watch::Sender<Option<Lack>>);

impl Room {
    /// What is wrong now, if anything is.
    pub fn lack(&self) -> Option<Lack> {
        self.0.borrow().clone()
    }

    /// Whether the database takes no writes now.
    pub fn refuses_writes(&self) -> bool {
        self.0.borrow().as_ref().is_some_and(|lack| lack.refuses_writes)
    }

    /// Whether the home folder took no file when one was written last.
    fn refuses_files(&self) -> bool {
        self.0.borrow().as_ref().is_some_and(|lack| lack.refuses_files)
    }

    /// Waits until there is room.
    pub async fn is_there(&self) {
        let mut known = self.0.subscribe();
        // An error would say that the sender is gone, and that is `self`.
        drop(known.wait_for(Option::is_none).await);
    }

    /// Waits until the database takes writes.
    pub async fn takes_writes(&self) {
        let takes = |lack: &Option<Lack>| lack.as_ref().is_none_or(|lack| !lack.refuses_writes);
        let mut known = self.0.subscribe();
        drop(known.wait_for(takes).await);
    }

    /// Hears of an error. True: it is the disk's, and has been said.
    pub fn hears(&self, error: &StoreError, now: UnixMillis) -> bool {
        let is_trouble = error.trouble().is_some();
        if is_trouble {
            self.refused(chain(error), now);
        }
        is_trouble
    }

    /// The database took no write.
    pub fn refused(&self, reason: String, now: UnixMillis) {
        self.set(Some(Lack { since: now, reason, refuses_writes: true, refuses_files: self.refuses_files() }));
    }

    /// Says once when it begins and once when it is over.
    fn set(&self, found: Option<Lack>) {
        self.0.send_if_modified(|known| match (known.as_mut(), found) {
            (None, None) => false,
            (None, Some(found)) => {
                tracing::error!(reason = %found.reason, "there is no room to work in: nothing is claimed until there is");
                *known = Some(found);
                true
            }
            (Some(known), Some(found)) => {
                *known = Lack { since: known.since, ..found };
                true
            }
            (Some(_), None) => {
                tracing::info!("there is room to work in again");
                *known = None;
                true
            }
        });
    }
}

/// Looks whether there is room. A database that refused a write is tried with a tiny one, and so are the files.
pub async fn look(app: &App) {
    let home = &app.settings.server.home;
    if app.room.refuses_writes()
        && let Err(error) = app.store.probe().await
    {
        app.room.hears(&error, app.now());
        return;
    }
    let refusal = app.room.refuses_files().then(|| try_a_file(home).err()).flatten();
    let refuses_files = refusal.is_some();
    let reason =
        refusal.map(|error| no_file(home, &error)).or_else(|| shortage(home, app.settings.server.min_free_mib));
    let since = app.now();
    app.room.set(reason.map(|reason| Lack { since, reason, refuses_writes: false, refuses_files }));
}

/// Whether an error in writing a file is the disk's: full, read-only or broken. It is over by itself once that is mended.
pub fn is_the_disks(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    let of_room =
        [ErrorKind::StorageFull, ErrorKind::QuotaExceeded, ErrorKind::FileTooLarge, ErrorKind::ReadOnlyFilesystem];
    of_room.contains(&error.kind()) || error.raw_os_error() == Some(rustix::io::Errno::IO.raw_os_error())
}

/// The disk took no file, as `reason` says: waits until there is room again.
pub async fn wait_for_files(app: &App, reason: String) {
    let refuses_writes = app.room.refuses_writes();
    app.room.set(Some(Lack { since: app.now(), reason, refuses_writes, refuses_files: true }));
    app.room.is_there().await;
}

/// Writes a few bytes into the folder and takes them away again.
fn try_a_file(folder: &Path) -> std::io::Result<()> {
    let file = folder.join("room.part");
    let tried = std::fs::write(&file, [0; 4096]);
    let removed = std::fs::remove_file(&file);
    tried.and(removed)
}

fn no_file(folder: &Path, error: &std::io::Error) -> String {
    format!("{} takes no file: {error}; make room, and it goes on by itself", folder.display())
}

/// Too little space on the folder's disk, in words. What cannot be found out is not short.
fn shortage(folder: &Path, min_free_mib: u64) -> Option<String> {
    let disk = rustix::fs::statvfs(folder).ok()?;
    let free_mib = disk.f_bavail.saturating_mul(disk.f_frsize) >> 20;
    (free_mib < min_free_mib).then(|| {
        format!(
            "the disk of {} has {free_mib} MiB left, and server.min_free_mib is {min_free_mib}; make room, and it goes on \
             by itself",
            folder.display()
        )
    })
}

/// Looks again and again, and rings when there is room again.
pub async fn keep_looking(app: Arc<App>, mut stopping: watch::Receiver<bool>) {
    let mut told = app.room.0.subscribe();
    loop {
        let lacked = app.room.lack().is_some();
        let wait = if lacked { LOOK_AGAIN } else { LOOK_EVERY };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            // A write was refused just now: look sooner.
            _ = told.wait_for(Option::is_some), if !lacked => continue,
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        look(&app).await;
        if lacked && app.room.lack().is_none() {
            app.bell.ring_all();
        }
    }
}

/// Does a write again until the disk takes it: what has happened in the world has to be written down, however late.
///
/// # Errors
/// [`StoreError`] for any other reason.
pub async fn insist<T, F>(app: &App, write: impl Fn() -> F) -> Result<T, StoreError>
where
    F: Future<Output = Result<T, StoreError>>,
{
    loop {
        match write().await {
            Err(error) if app.room.hears(&error, app.now()) => app.room.takes_writes().await,
            done => return done,
        }
    }
}

/// Makes a write beyond the process's file size limit an error that is handled like a full disk; unhandled, its signal
/// would end the daemon.
///
/// # Errors
/// If the signal cannot be caught.
pub fn survive_file_size_limit() -> std::io::Result<()> {
    use tokio::signal::unix::{SignalKind, signal};
    // The handler stays when the stream goes; a run starts with the default again.
    signal(SignalKind::from_raw(rustix::process::Signal::XFSZ.as_raw())).map(drop)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]
    use super::*;
    use portcullis_store::StoreError;

    fn lack(at: i64) -> Lack {
        Lack { since: UnixMillis(at), reason: format!("found at {at}"), refuses_writes: true, refuses_files: false }
    }

    #[test]
    fn what_lasts_keeps_its_beginning_and_tells_the_newest_reason() {
        let room = Room::default();
        room.set(Some(lack(1)));
        room.set(Some(lack(2)));
        assert_eq!(room.lack(), Some(Lack { since: UnixMillis(1), ..lack(2) }));
        room.set(None);
        assert_eq!(room.lack(), None);
        room.set(Some(lack(3)));
        assert_eq!(room.lack().unwrap().since, UnixMillis(3));
    }

    #[test]
    fn an_error_that_is_not_the_disk_s_takes_no_room_away() {
        let room = Room::default();
        assert!(!room.hears(&StoreError::Closed, UnixMillis(1)));
        assert_eq!(room.lack(), None);
    }

    #[test]
    fn space_is_short_below_the_limit_and_never_without_one() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(shortage(folder.path(), 0), None);
        let reason = shortage(folder.path(), u64::MAX).unwrap();
        assert!(reason.contains("server.min_free_mib") && reason.contains("make room"), "{reason}");
        assert_eq!(shortage(Path::new("/no/such/folder"), u64::MAX), None, "not known is not short");
    }

    #[test]
    fn a_full_disk_is_told_from_what_does_not_get_better_by_itself() {
        // QUE-5
        let folder = tempfile::tempdir().unwrap();
        assert!(try_a_file(folder.path()).is_ok());
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0, "nothing is left behind");
        std::os::unix::fs::symlink("/dev/full", folder.path().join("room.part")).unwrap();
        assert!(is_the_disks(&try_a_file(folder.path()).unwrap_err()));
        assert!(!is_the_disks(&std::fs::read("/no/such/file").unwrap_err()));
    }

    #[tokio::test]
    async fn whoever_waits_for_writes_goes_on_when_only_space_is_short() {
        let room = Room::default();
        room.set(Some(lack(1)));
        let ((), ()) =
            tokio::join!(room.takes_writes(), async { room.set(Some(Lack { refuses_writes: false, ..lack(2) })) });
        assert!(room.lack().is_some());
        let ((), ()) = tokio::join!(room.is_there(), async { room.set(None) });
    }
}
