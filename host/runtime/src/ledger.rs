//! What one call of a gate has used so far, and the first limit that it broke.
//!
//! The ledger outlives the guest: whether a call answers, traps, is cut off by the clock or takes a panicking host with
//! it, the report is made from here. The first fault noted stands, whatever the guest does afterwards.

use crate::transcript::Transcript;
use portcullis_core::gate::{Fault, Limits};
use serde::Serialize;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::Poll;
use std::time::{Duration, Instant};

/// Longest log that is kept.
const MAX_LOG: usize = 64 << 10;

/// The guest is over; [`Ledger::fault`] says why.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("ended by the host")]
pub(crate) struct Ended;

/// Counters, record and log of one call.
pub(crate) struct Ledger {
    limits: Limits,
    /// When it got its slot: waiting for one is not charged.
    started: OnceLock<Instant>,
    host_calls: AtomicU64,
    memory_peak: AtomicU64,
    /// Processor time of finished polls, in nanoseconds.
    cpu_used: AtomicU64,
    /// Thread's processor time at the start of the poll that runs, in nanoseconds.
    cpu_since: AtomicU64,
    fault: OnceLock<Fault>,
    transcript: Mutex<Transcript>,
    log: Mutex<Log>,
}

#[derive(Default)]
struct Log {
    bytes: Vec<u8>,
    truncated: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    // Both users leave the value whole at every step, so a panic elsewhere does not spoil it.
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Processor time of the current thread in nanoseconds. Unlike a wall clock it does not charge a guest for the time in
/// which its thread was not running.
fn thread_cpu_ns() -> u64 {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    u64::try_from(now.tv_sec).unwrap_or(0) * 1_000_000_000 + u64::try_from(now.tv_nsec).unwrap_or(0)
}

impl Ledger {
    pub(crate) fn new(limits: Limits) -> Self {
        Self {
            limits,
            started: OnceLock::new(),
            host_calls: AtomicU64::new(0),
            memory_peak: AtomicU64::new(0),
            cpu_used: AtomicU64::new(0),
            cpu_since: AtomicU64::new(0),
            fault: OnceLock::new(),
            transcript: Mutex::default(),
            log: Mutex::default(),
        }
    }

    pub(crate) fn limits(&self) -> &Limits {
        &self.limits
    }

    pub(crate) fn wall(&self) -> Duration {
        Duration::from_millis(self.limits.wall_ms)
    }

    /// The guest's own time begins.
    pub(crate) fn begin(&self) {
        let _ = self.started.set(Instant::now());
    }

    pub(crate) fn elapsed(&self) -> Duration {
        self.started.get().map_or(Duration::ZERO, Instant::elapsed)
    }

    /// Notes `fault` unless one is noted already.
    pub(crate) fn end(&self, fault: Fault) -> Ended {
        let _ = self.fault.set(fault);
        Ended
    }

    /// The first fault noted.
    pub(crate) fn fault(&self) -> Option<Fault> {
        self.fault.get().cloned()
    }

    pub(crate) fn end_by_wall(&self) -> Ended {
        self.end(Fault::WallLimit { limit_ms: self.limits.wall_ms })
    }

    /// One host call: counted, its panic caught, its answer recorded. Every import of a gate goes through here.
    pub(crate) async fn call<A: Serialize + ?Sized, R: Serialize>(
        &self,
        interface: &'static str,
        function: &'static str,
        arguments: &A,
        answer: impl Future<Output = R>,
    ) -> Result<R, Ended> {
        self.count()?;
        let result = catch_panic(answer).await.ok_or_else(|| {
            // The message went to the panic hook; here it might carry what a report must not.
            self.end(Fault::Host { detail: format!("{interface} {function} panicked") })
        })?;
        locked(&self.transcript).record(interface, function, arguments, &result);
        Ok(result)
    }

    /// Counts a host call that leaves no record.
    pub(crate) fn count(&self) -> Result<(), Ended> {
        if let Some(Fault::HostCallLimit { .. }) = self.fault.get() {
            return Err(Ended);
        }
        let limit = self.limits.host_calls;
        if self.host_calls.fetch_add(1, Ordering::Relaxed) < limit {
            return Ok(());
        }
        self.host_calls.store(limit, Ordering::Relaxed);
        Err(self.end(Fault::HostCallLimit { limit }))
    }

    pub(crate) fn host_calls(&self) -> u64 {
        self.host_calls.load(Ordering::Relaxed)
    }

    pub(crate) fn note_memory(&self, bytes: u64) {
        self.memory_peak.fetch_max(bytes, Ordering::Relaxed);
    }

    pub(crate) fn memory_peak(&self) -> u64 {
        self.memory_peak.load(Ordering::Relaxed)
    }

    /// Polls `guest` while charging its processor time; waiting costs nothing.
    pub(crate) async fn metered<F: Future>(&self, guest: F) -> F::Output {
        let mut guest = pin!(guest);
        std::future::poll_fn(|context| {
            let since = thread_cpu_ns();
            self.cpu_since.store(since, Ordering::Relaxed);
            let poll = guest.as_mut().poll(context);
            self.cpu_used.fetch_add(thread_cpu_ns().saturating_sub(since), Ordering::Relaxed);
            poll
        })
        .await
    }

    /// Called on the guest's thread, inside a poll, whenever the epoch has moved on.
    pub(crate) fn tick(&self) -> Result<(), Ended> {
        if self.fault.get().is_some() {
            return Err(Ended);
        }
        let running = thread_cpu_ns().saturating_sub(self.cpu_since.load(Ordering::Relaxed));
        let used = self.cpu_used.load(Ordering::Relaxed).saturating_add(running);
        if used > self.limits.cpu_ms.saturating_mul(1_000_000) {
            return Err(self.end(Fault::CpuLimit { limit_ms: self.limits.cpu_ms }));
        }
        // A busy thread may serve its timers late; a guest that computes is seen here.
        if self.elapsed() > self.wall() {
            return Err(self.end_by_wall());
        }
        Ok(())
    }

    /// Adds a line to the log, as far as there is room.
    pub(crate) fn log_line(&self, level: &str, message: &str) {
        let mut log = locked(&self.log);
        for part in [level, ": ", message, "\n"] {
            log.push(part.as_bytes());
        }
    }

    /// Adds what the guest printed, as far as there is room.
    pub(crate) fn log_bytes(&self, bytes: &[u8]) {
        locked(&self.log).push(bytes);
    }

    pub(crate) fn take_log(&self) -> String {
        let log = std::mem::take(&mut *locked(&self.log));
        let mut text = match String::from_utf8(log.bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        };
        if log.truncated {
            text.push_str("\n… (truncated)\n");
        }
        text
    }

    pub(crate) fn take_transcript(&self) -> Vec<u8> {
        locked(&self.transcript).take()
    }
}

impl Log {
    fn push(&mut self, bytes: &[u8]) {
        let room = MAX_LOG - self.bytes.len();
        self.bytes.extend_from_slice(&bytes[..bytes.len().min(room)]);
        self.truncated |= bytes.len() > room;
    }
}

/// The future's output, or nothing if it panicked.
async fn catch_panic<F: Future>(future: F) -> Option<F::Output> {
    let mut future = pin!(future);
    std::future::poll_fn(|context| {
        // After a panic the future is not polled again, so nobody sees what it left half done.
        match std::panic::catch_unwind(AssertUnwindSafe(|| future.as_mut().poll(context))) {
            Ok(Poll::Ready(output)) => Poll::Ready(Some(output)),
            Ok(Poll::Pending) => Poll::Pending,
            Err(_) => Poll::Ready(None),
        }
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_fault_stands() {
        let ledger = Ledger::new(Limits::default());
        ledger.end(Fault::MemoryLimit { limit_mib: 1 });
        ledger.end(Fault::PoolExhausted);
        assert_eq!(ledger.fault(), Some(Fault::MemoryLimit { limit_mib: 1 }));
    }

    #[test]
    fn a_log_is_cut_and_says_so() {
        let ledger = Ledger::new(Limits::default());
        ledger.log_line("info", &"ä".repeat(MAX_LOG));
        ledger.log_bytes(b"more");
        let log = ledger.take_log();
        assert!(log.len() <= MAX_LOG + 32 && log.ends_with("(truncated)\n"), "{}", log.len());
    }

    #[test]
    fn as_many_host_calls_as_the_limit_says_are_made_and_no_more() {
        let ledger = Ledger::new(Limits { host_calls: 2, ..Limits::default() });
        assert!(ledger.count().is_ok() && ledger.count().is_ok() && ledger.count().is_err());
        assert_eq!(ledger.host_calls(), 2);
        assert_eq!(ledger.fault(), Some(Fault::HostCallLimit { limit: 2 }));
    }
}
