//! A process that is kept between questions.

use crate::error::GitError;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A process that can be kept.
pub(crate) trait Keep {
    /// Whether it holds no more than it should.
    fn is_light(&self) -> bool {
        true
    }
}

/// Room for one. Clones share it; whoever needs it while it is out gets another.
#[derive(Debug)]
pub(crate) struct Kept<T>(Arc<Mutex<Option<T>>>);

impl<T> Clone for Kept<T> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<T: Keep> Kept<T> {
    /// Asks the process, started where needed. One that failed is dropped, so the next question gets a new one.
    pub(crate) fn ask<A>(
        &self,
        start: impl FnOnce() -> Result<T, GitError>,
        question: impl FnOnce(&mut T) -> Result<A, GitError>,
    ) -> Result<A, GitError> {
        let mut slot = self.slot();
        let mut process = slot.take().map_or_else(start, Ok)?;
        let answer = question(&mut process)?;
        *slot = Some(process).filter(Keep::is_light);
        Ok(answer)
    }

    /// Takes the process out, or starts one.
    pub(crate) fn check_out(&self, start: impl FnOnce() -> Result<T, GitError>) -> Result<T, GitError> {
        let kept = self.slot().take();
        kept.map_or_else(start, Ok)
    }

    /// Puts a process back that owes no answer.
    pub(crate) fn put_back(&self, process: T) {
        *self.slot() = Some(process);
    }

    /// A poisoned lock holds nothing: the process was taken out before anything could panic.
    fn slot(&self) -> MutexGuard<'_, Option<T>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
