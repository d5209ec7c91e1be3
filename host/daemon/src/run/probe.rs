//! What has become of a job's process: what the reaper decides on, found out without changing anything.

use super::process::{Pinned, age, identify};
use super::shim::read_exit;
use portcullis_core::job::{Job, ProcessIdentity, Run};
use portcullis_core::reaper::Fate;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// The fate of a running job's process.
pub fn fate_of(job: &Job) -> Fate {
    let Some(run) = &job.run else { return Fate::Gone };
    // The record of its end is what counts, even where the shim has not ended yet.
    if run.exit_code.is_some() || read_exit(Path::new(&run.folder)).is_some() {
        return Fate::Exited;
    }
    match shim_of(run).filter(|shim| Pinned::open(shim).is_some()) {
        Some(shim) => Fate::Alive { age: age(&shim).unwrap_or_default() },
        // It may have written its record and ended between the two looks.
        None if read_exit(Path::new(&run.folder)).is_some() => Fate::Exited,
        None => Fate::Gone,
    }
}

/// Which process the run's shim is, as far as anybody knows: written down, or found by its command line, which names the
/// run's own folder. (A daemon may end between the fork and writing that down.)
pub fn shim_of(run: &Run) -> Option<ProcessIdentity> {
    run.process.clone().or_else(|| {
        let ours = |pid: &u32| {
            let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let mut words = line.split(|b| *b == 0).skip(1);
            words.next() == Some(b"shim") && words.next() == Some(Path::new(&run.folder).as_os_str().as_bytes())
        };
        pids().find(ours).and_then(identify)
    })
}

/// The environment variable by which a run's processes are known, whatever becomes of their parents. Its value is the
/// run's folder, which no other run has.
pub const MARK: &str = "PORTCULLIS_RUN_FOLDER";

/// Ends whatever is left of the run in `folder`, or of any run in a folder below it. Answers how many processes were told.
///
/// Only processes that carry the run's mark are signalled, each through a pidfd that was opened before the mark was read
/// (once more): a pid that came to belong to somebody else meanwhile is left alone.
pub fn end_strays(folder: &Path) -> usize {
    let carries = |pid: u32| {
        let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        let mark = environment.split(|b| *b == 0).find_map(|e| e.strip_prefix(MARK.as_bytes())?.strip_prefix(b"="));
        mark.is_some_and(|mark| Path::new(OsStr::from_bytes(mark)).starts_with(folder))
    };
    // One that was told may still be there in the next round: it takes a moment to end.
    let mut told = BTreeSet::new();
    // What forks while it is looked for is found in the next round; a few are enough once its parents are gone.
    for _ in 0..5 {
        let strays: Vec<(u32, Pinned)> = pids()
            .filter(|pid| carries(*pid))
            .filter_map(|pid| {
                let pinned = Pinned::open(&identify(pid)?)?;
                carries(pid).then_some((pid, pinned))
            })
            .collect();
        if strays.is_empty() {
            break;
        }
        for (pid, stray) in strays {
            stray.kill();
            told.insert(pid);
        }
    }
    told.len()
}

/// Every process that there is.
pub(super) fn pids() -> impl Iterator<Item = u32> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten();
    entries.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::disallowed_methods, reason = "tests start processes to look at")]
    use super::*;
    use crate::run::sample_job;
    use portcullis_core::ids::{JobId, RunId};
    use portcullis_core::time::UnixMillis;
    use portcullis_testkit::eventually;
    use std::process::{Command, Stdio};
    use std::time::Duration;

    fn run_in(folder: &Path) -> Run {
        Run {
            id: RunId(1),
            job: JobId(1),
            attempt: 1,
            boot: "boot".into(),
            launched_at: UnixMillis(0),
            process: None,
            exit_code: None,
            exited_at: None,
            folder: folder.display().to_string(),
        }
    }

    #[tokio::test]
    async fn only_what_carries_the_run_s_mark_is_ended() {
        // REA-1: a stranger is never signalled.
        let (ours, theirs) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        let sleeper = |mark: &Path| {
            let mut command = Command::new("sleep");
            command.arg("1000").env(MARK, mark).stdin(Stdio::null()).spawn().unwrap()
        };
        let (mut stray, mut stranger) = (sleeper(ours.path()), sleeper(theirs.path()));
        let runs =
            |pid: u32| std::fs::read(format!("/proc/{pid}/cmdline")).is_ok_and(|line| line.starts_with(b"sleep"));
        eventually("both run", Duration::from_secs(30), || runs(stray.id()) && runs(stranger.id()));
        assert_eq!(end_strays(ours.path()), 1);
        assert!(!stray.wait().unwrap().success());
        assert!(stranger.try_wait().unwrap().is_none(), "the stranger lives");
        stranger.kill().unwrap();
        stranger.wait().unwrap();
    }

    #[test]
    fn a_run_without_process_and_record_is_gone_and_one_with_a_record_has_exited() {
        // REA-1, REA-2
        let folder = tempfile::tempdir().unwrap();
        let mut job = Job { run: Some(run_in(folder.path())), ..sample_job(1) };
        assert_eq!(fate_of(&job), Fate::Gone);
        // An empty or broken record says nothing.
        for broken in ["", "{", "null", "\0\0\0"] {
            std::fs::write(folder.path().join("exit.json"), broken).unwrap();
            assert_eq!(fate_of(&job), Fate::Gone, "{broken:?}");
        }
        let exit = r#"{"exit_code":0,"started":true,"reason":null,"dropped_bytes":0}"#;
        std::fs::write(folder.path().join("exit.json"), exit).unwrap();
        assert_eq!(fate_of(&job), Fate::Exited);
        job.run = None;
        assert_eq!(fate_of(&job), Fate::Gone);
    }
}
