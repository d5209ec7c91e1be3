//! The database's log, cut off: of a run that was recorded whole, and under a daemon that has just died.
//!
//! A frame of the log is a page with a head before it. One that ends a transaction says so; what comes after the last such
//! frame has never happened.

use super::play::{bounded, keep_warm, plight, step, warm};
use super::story::Story;
use crate::invariants::{History, history_of_a_copy, reading_on};
use std::fs::File;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// Bytes before the first frame.
const HEADER: usize = 32;
/// Bytes before each page.
const FRAME_HEADER: usize = 24;

fn log_of(database: &Path) -> PathBuf {
    PathBuf::from(format!("{}-wal", database.display()))
}

/// Number `place` of the numbers in a log.
fn number(log: &[u8], place: usize) -> usize {
    let bytes = log[place..place + 4].try_into().expect("four bytes");
    usize::try_from(u32::from_be_bytes(bytes)).expect("a number fits")
}

/// Where the frames end that belong to the log as it was begun last, and which of them end transactions.
fn frames(log: &[u8]) -> Vec<(usize, bool)> {
    let frame = number(log, 8) + FRAME_HEADER;
    let begins = (HEADER..log.len().saturating_sub(frame - 1)).step_by(frame);
    let ours = begins.take_while(|begin| log[begin + 8..begin + 16] == log[16..24]);
    ours.map(|begin| (begin + frame, number(log, begin + 4) > 0)).collect()
}

/// A story that was told to its end, with every transaction of it in the log.
pub struct Recording {
    folder: TempDir,
    /// Where the frames end that were written since the recording began.
    pub frames: Vec<usize>,
    /// The same of transactions.
    pub transactions: Vec<usize>,
}

impl Recording {
    /// Tells the story.
    ///
    /// # Panics
    /// If it does not come to its end.
    pub fn of(story: &mut dyn Story) -> Self {
        warm(story.scene());
        let database = story.scene().home().join("portcullis.db");
        let mut daemon = story.scene().try_start(&[]).expect("the daemon starts");
        let reader = reading_on(&database);
        let from = std::fs::read(log_of(&database)).map_or(0, |log| log.len());
        let over = bounded(|| step(story, &mut daemon));
        assert_eq!(over, Some(true), "{}", plight(&daemon));
        daemon.kill();
        let folder = tempfile::tempdir().expect("a folder can be made");
        let copy = folder.path().join("copy.db");
        std::fs::copy(&database, &copy).expect("a database can be copied");
        std::fs::copy(log_of(&database), log_of(&copy)).expect("a log can be copied");
        drop(reader);
        keep_warm(story.scene());
        let log = std::fs::read(log_of(&copy)).expect("a log can be read");
        let frames: Vec<_> = frames(&log).into_iter().filter(|(end, _)| *end > from).collect();
        let transactions = frames.iter().filter(|(_, commits)| *commits).map(|(end, _)| *end).collect();
        Self { folder, frames: frames.into_iter().map(|(end, _)| end).collect(), transactions }
    }

    /// What is remembered if the log ends at this byte. Later bytes are gone for good.
    ///
    /// # Panics
    /// If the database cannot be read.
    pub fn cut(&self, at: usize) -> History {
        let copy = self.folder.path().join("copy.db");
        let log = File::options().write(true).open(log_of(&copy)).expect("the log is there");
        log.set_len(at as u64).expect("a log can be cut");
        // It says where the log ended.
        let _none_yet = std::fs::remove_file(format!("{}-shm", copy.display()));
        history_of_a_copy(&copy)
    }
}

/// Cuts the log of a daemon that died right after COMMIT, before anybody was told, within that last transaction: as a
/// machine that lost its power in the midst of it. `part` of the transaction's bytes stay.
///
/// # Panics
/// If that transaction is not in the log alone.
pub fn tear_last(database: &Path, part: f64) {
    let path = log_of(database);
    let log = std::fs::read(&path).expect("there is a log");
    let frames = frames(&log);
    // With more frames some may have been moved to the database already.
    assert!(frames.len() < 1000, "{} frames", frames.len());
    let commits: Vec<usize> = frames.iter().filter(|(_, commits)| *commits).map(|(end, _)| *end).collect();
    let [.., before, last] = commits[..] else { panic!("there are {} transactions", commits.len()) };
    assert_eq!(Some(last), frames.last().map(|(end, _)| *end), "it died right after COMMIT");
    let kept = before + ((last - before) as f64 * part) as usize;
    File::options().write(true).open(&path).and_then(|log| log.set_len(kept as u64)).expect("a log can be cut");
}
