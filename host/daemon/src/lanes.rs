//! Work side by side, in order within a lane: whoever is slow in one lane keeps nobody waiting in another.
//!
//! What is to be done stands in the store. A loop looks there and begins work in lanes that are free; what it finds for a
//! lane that is not is left where it is, and found again when that lane's work has ended. Only one loop may begin work,
//! and it asks [`Lanes::busy`] before it looks into the store: what it read may else have been done meanwhile.

use std::collections::HashSet;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use tokio::sync::Semaphore;

/// Lanes that are worked in at the same time, at most. Who does not answer takes a place for as long as one request may
/// take, and then waits ever longer before he is asked again: even of many such lanes few hold a place at a time.
const PLACES: u32 = 64;

/// Lanes, each named by a `K`.
#[derive(Debug)]
pub struct Lanes<K: Eq + Hash> {
    places: Arc<Semaphore>,
    busy: Mutex<HashSet<K>>,
}

impl<K: Eq + Hash> Default for Lanes<K> {
    fn default() -> Self {
        Self { places: Arc::new(Semaphore::new(PLACES as usize)), busy: Mutex::default() }
    }
}

impl<K: Eq + Hash + Clone + Send + 'static> Lanes<K> {
    fn known(&self) -> MutexGuard<'_, HashSet<K>> {
        self.busy.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lanes that are worked in now.
    pub fn busy(&self) -> HashSet<K> {
        self.known().clone()
    }

    /// Begins `work` in a free lane, as soon as there is a place for it. The lane is free again when the work has ended,
    /// however it did; `after` that is done with what it came to, unless that was a panic.
    pub async fn begin<T: Send + 'static>(
        self: &Arc<Self>,
        lane: K,
        work: impl Future<Output = T> + Send + 'static,
        after: impl FnOnce(T) + Send + 'static,
    ) {
        // An error would say that the places are closed, and nobody closes them.
        let Ok(place) = self.places.clone().acquire_owned().await else { return };
        self.known().insert(lane.clone());
        let taken = Taken { lanes: self.clone(), lane };
        tokio::spawn(async move {
            let done = work.await;
            drop(taken);
            after(done);
            drop(place);
        });
    }

    /// Returns once `looking`, the loop that begins the work, and all work that it began have ended.
    pub async fn end_with(self: Arc<Self>, looking: impl Future<Output = ()>) {
        looking.await;
        let _all = self.places.acquire_many(PLACES).await;
    }
}

/// A lane that is worked in; also a panic gives it back.
struct Taken<K: Eq + Hash + Clone + Send + 'static> {
    lanes: Arc<Lanes<K>>,
    lane: K,
}

impl<K: Eq + Hash + Clone + Send + 'static> Drop for Taken<K> {
    fn drop(&mut self) {
        self.lanes.known().remove(&self.lane);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]
    use super::*;
    use tokio::sync::oneshot;

    #[tokio::test]
    async fn a_lane_is_busy_until_its_work_has_ended_and_others_go_on() {
        let lanes = Arc::new(Lanes::default());
        let (let_go, told) = oneshot::channel::<()>();
        lanes.begin("slow", async move { drop(told.await) }, |()| {}).await;
        let (done, is_done) = oneshot::channel();
        let seen = lanes.clone();
        lanes.begin("quick", async { 7 }, move |seven| done.send((seven, seen.busy())).unwrap()).await;
        let (seven, busy) = is_done.await.unwrap();
        assert_eq!((seven, busy), (7, HashSet::from(["slow"])), "whoever is told finds the lane free");
        let_go.send(()).unwrap();
        lanes.clone().end_with(async {}).await;
        assert_eq!(lanes.busy(), HashSet::new());
    }

    #[tokio::test]
    async fn work_that_panics_gives_its_lane_and_its_place_back() {
        let lanes = Arc::new(Lanes::default());
        for _ in 0..=PLACES {
            lanes.begin("broken", async { panic!("as a test") }, |()| {}).await;
        }
        lanes.clone().end_with(async {}).await;
        assert_eq!(lanes.busy(), HashSet::new());
    }
}
