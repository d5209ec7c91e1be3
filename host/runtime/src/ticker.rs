//! The one thread that raises the epoch, so that guests which compute look up now and then.
//!
//! A tick decides nothing: a guest that notices one has its real processor time looked at (see `ledger`), so ticks in a
//! burst cannot end anyone early. With no guest about, the thread sleeps.

use crate::config::RuntimeError;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{JoinHandle, Thread};
use std::time::Duration;
use wasmtime::Engine;

/// Time between two ticks.
const TICK: Duration = Duration::from_millis(5);
/// Ticks without a guest after which the thread sleeps.
const IDLE_TICKS: u32 = 200;

pub(crate) struct Ticker {
    shared: Arc<Shared>,
    thread: Thread,
    /// Joined by nobody: the thread ends at its next tick.
    _handle: JoinHandle<()>,
}

#[derive(Default)]
struct Shared {
    guests: AtomicUsize,
    asleep: AtomicBool,
    over: AtomicBool,
}

/// While one of these lives, the epoch moves.
pub(crate) struct Ticking(Arc<Shared>);

impl Ticker {
    pub(crate) fn start(engine: &Engine) -> Result<Self, RuntimeError> {
        let shared = Arc::new(Shared::default());
        let (theirs, engine) = (Arc::clone(&shared), engine.weak());
        let handle = std::thread::Builder::new()
            .name("gate-ticker".to_owned())
            .spawn(move || {
                let mut idle = 0;
                while !theirs.over.load(Ordering::SeqCst) {
                    if theirs.guests.load(Ordering::SeqCst) > 0 {
                        idle = 0;
                    } else {
                        idle += 1;
                    }
                    if idle > IDLE_TICKS {
                        theirs.asleep.store(true, Ordering::SeqCst);
                        // Looked at again after saying so: a guest that came in between either saw the word or is seen.
                        if theirs.guests.load(Ordering::SeqCst) == 0 && !theirs.over.load(Ordering::SeqCst) {
                            std::thread::park();
                        }
                        theirs.asleep.store(false, Ordering::SeqCst);
                        idle = 0;
                        continue;
                    }
                    std::thread::park_timeout(TICK);
                    let Some(engine) = engine.upgrade() else { return };
                    engine.increment_epoch();
                }
            })
            .map_err(RuntimeError::Threads)?;
        Ok(Self { shared, thread: handle.thread().clone(), _handle: handle })
    }

    /// Keeps the epoch moving until the answer is dropped.
    pub(crate) fn hold(&self) -> Ticking {
        self.shared.guests.fetch_add(1, Ordering::SeqCst);
        if self.shared.asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
        }
        Ticking(Arc::clone(&self.shared))
    }
}

impl Drop for Ticker {
    fn drop(&mut self) {
        self.shared.over.store(true, Ordering::SeqCst);
        self.thread.unpark();
    }
}

impl Drop for Ticking {
    fn drop(&mut self) {
        self.0.guests.fetch_sub(1, Ordering::SeqCst);
    }
}
