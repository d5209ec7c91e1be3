//! The bell: wakes the loops early. A ring that is lost costs latency, never correctness: what there is to do stands in
//! the store.

use tokio::sync::Notify;

/// One bell per loop.
#[derive(Debug, Default)]
pub struct Bell {
    /// Events to be handled.
    pub inbox: Notify,
    /// Tasks to be looked at.
    pub tasks: Notify,
    /// Jobs to be claimed.
    pub jobs: Notify,
    /// Effects to be sent.
    pub outbox: Notify,
}

impl Bell {
    /// Something moved: look at everything.
    pub fn ring_all(&self) {
        for bell in [&self.inbox, &self.tasks, &self.jobs, &self.outbox] {
            bell.notify_one();
        }
    }
}
