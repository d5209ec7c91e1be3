//! Progress of long work: one line on a terminal, written over and taken away at the end. Nothing in a pipe.

use crate::local_run::Looked;
use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::Ordering;
use std::time::Duration;

/// Between two looks at how far it is. What ends sooner shows nothing.
const EVERY: Duration = Duration::from_millis(400);

/// Awaits `work` and says meanwhile what is being waited for.
pub async fn while_waiting<T>(what: &str, work: impl Future<Output = T>) -> T {
    showing(|| format!("{what} …"), work).await
}

/// Awaits `work` and shows meanwhile what it has looked at.
pub async fn while_looking<T>(looked: &Looked, work: impl Future<Output = T>) -> T {
    showing(|| so_far(looked), work).await
}

/// What was looked at, in words.
pub fn so_far(looked: &Looked) -> String {
    let read = |number: &std::sync::atomic::AtomicU64| number.load(Ordering::Relaxed);
    let mib = read(&looked.bytes) as f64 / f64::from(1 << 20);
    let (changes, commits, objects) = (read(&looked.changes), read(&looked.commits), read(&looked.objects));
    format!("{} of {commits} commits, {objects} objects, {mib:.1} MiB", changes.min(commits))
}

/// A line that only a person wants.
pub fn note_if_terminal(text: &str) {
    if std::io::stderr().is_terminal() {
        super::print::note(text);
    }
}

async fn showing<T>(told: impl Fn() -> String, work: impl Future<Output = T>) -> T {
    if !std::io::stderr().is_terminal() {
        return work.await;
    }
    let mut work = std::pin::pin!(work);
    let mut tick = tokio::time::interval(EVERY);
    tick.tick().await;
    let mut shown = false;
    loop {
        tokio::select! {
            done = &mut work => {
                if shown {
                    over("");
                }
                return done;
            }
            _ = tick.tick() => {
                over(&told());
                shown = true;
            }
        }
    }
}

/// Writes over the line that was written last. A terminal that has gone is no error.
fn over(text: &str) {
    let mut out = std::io::stderr().lock();
    drop(write!(out, "\r\x1b[2K{text}").and_then(|()| out.flush()));
}
