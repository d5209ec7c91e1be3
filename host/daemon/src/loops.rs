//! The daemon's loops: each does whatever is due, then sleeps until its bell rings or something new falls due.
//!
//! A loop does not retry inside itself, it comes round again; an error of one never ends it.

use crate::app::App;
use crate::bell::Bell;
use crate::drive::{self, Driven};
use crate::gatehouse::chain;
use crate::inbox::Senders;
use crate::outbox::Lines;
use crate::run::worker;
use crate::{inbox, outbox, prune, reaper, reconcile, room, timekeeper};
use futures_util::FutureExt as _;
use portcullis_core::ids::TaskId;
use portcullis_core::time::UnixMillis;
use portcullis_store::StoreError;
use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, watch};
use tokio::task::JoinSet;

/// How long a loop sleeps at most: the backstop behind every bell.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);
/// Between a panic, or a failed look by time alone, and the next try.
const AFTER_FAILURE: Duration = Duration::from_secs(10);
/// With debug assertions, this set in the environment takes the backstop away: what still moves, the bells alone move.
const NO_BACKSTOP: &str = "PORTCULLIS_NO_BACKSTOP";
/// Tasks looked at side by side.
const DRIVES: u32 = 16;

/// Starts them all. Each ends when `stopping` says so. `reap_again`: when the first tick wants the next one.
pub fn spawn(app: &Arc<App>, stopping: &watch::Receiver<bool>, tasks: &mut JoinSet<()>, reap_again: Option<Duration>) {
    let settings = &app.settings;
    if settings.reaper.enabled {
        let period = Duration::from_secs(settings.reaper.interval_s);
        let first = reap_again.map_or(period, |sooner| sooner.min(period));
        let reaping = |app: Arc<App>| async move { reaper::tick(&app).await };
        tasks.spawn(every("reaper", app.clone(), stopping.clone(), (first, period), reaping));
    }
    if settings.retention.enabled {
        // Soon after the start, but not in its way.
        let first = Duration::from_secs(settings.retention.first_s);
        let period = Duration::from_secs(settings.retention.interval_min.saturating_mul(60));
        let pruning = |app: Arc<App>| async move { prune::tick(&app).await };
        tasks.spawn(every("prune", app.clone(), stopping.clone(), (first, period), pruning));
    }
    tasks.spawn(room::keep_looking(app.clone(), stopping.clone()));
    let clock = app.machine_clock.clone();
    let keeping = move |app: Arc<App>| {
        let clock = clock.clone();
        async move { timekeeper::tick(&app, &clock).await }
    };
    let often = (timekeeper::EVERY, timekeeper::EVERY);
    tasks.spawn(every("timekeeper", app.clone(), stopping.clone(), often, keeping));
    reconcile::spawn(app, stopping, tasks);
    // These begin what can be begun; what ends rings for what stands behind it.
    let senders = Arc::<Senders>::default();
    let handled_in = senders.clone();
    let events = move |app: Arc<App>| {
        let senders = handled_in.clone();
        async move { inbox::tick(&app, &senders).await.map(|()| false) }
    };
    let handling = run("inbox", app.clone(), stopping.clone(), |bell| &bell.inbox, events);
    tasks.spawn(senders.end_with(handling));
    let lines = Arc::<Lines>::default();
    let sent_in = lines.clone();
    let effects = move |app: Arc<App>| {
        let lines = sent_in.clone();
        async move { outbox::tick(&app, &lines).await.map(|()| false) }
    };
    let sending = run("outbox", app.clone(), stopping.clone(), |bell| &bell.outbox, effects);
    tasks.spawn(lines.end_with(sending));
    // The last two do all there is in one round; what is left then waits for a place, and that rings.
    let jobs = |app: Arc<App>| async move { worker::tick(&app).await.map(|_| false) };
    tasks.spawn(run("worker", app.clone(), stopping.clone(), |bell| &bell.jobs, jobs));
    let drives = Arc::new(Drives { places: Arc::new(Semaphore::new(DRIVES as usize)), now: Mutex::default() });
    let (dispatching, ending) = (drives.clone(), drives);
    let due = move |app: Arc<App>| {
        let drives = dispatching.clone();
        async move { dispatch(&app, &drives).await.map(|()| false) }
    };
    let driving = run("drive", app.clone(), stopping.clone(), |bell| &bell.tasks, due);
    tasks.spawn(async move {
        driving.await;
        // What is being decided is let end: each drive holds one of these.
        let _all = ending.places.acquire_many(DRIVES).await;
    });
}

/// A loop that comes round by time alone: the backstop of what is otherwise noticed at once. `tick` says if it wants to
/// come round sooner than `period`.
pub async fn every<F: Future<Output = Result<Option<Duration>, StoreError>>>(
    which: &'static str,
    app: Arc<App>,
    mut stopping: watch::Receiver<bool>,
    (first, period): (Duration, Duration),
    tick: impl Fn(Arc<App>) -> F,
) {
    let mut wait = first;
    loop {
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        tokio::select! {
            () = app.room.takes_writes() => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        wait = match contained(which, tick(app.clone())).await {
            Some(Ok(sooner)) => sooner.map_or(period, |sooner| sooner.min(period)),
            Some(Err(error)) if app.room.hears(&error, app.now()) => Duration::ZERO,
            Some(Err(error)) => {
                tracing::error!(r#loop = which, error = %chain(&error), "a loop could not do its work; trying again");
                period.min(AFTER_FAILURE)
            }
            None => period.min(AFTER_FAILURE),
        };
    }
}

/// One loop. `tick` says whether there may be more to do at once.
async fn run<F: Future<Output = Result<bool, StoreError>>>(
    which: &'static str,
    app: Arc<App>,
    mut stopping: watch::Receiver<bool>,
    bell: fn(&Bell) -> &Notify,
    tick: impl Fn(Arc<App>) -> F,
) {
    while !*stopping.borrow() {
        tokio::select! {
            () = app.room.takes_writes() => {}
            _ = stopping.wait_for(|stop| *stop) => return,
        }
        let began = app.now();
        match contained(which, tick(app.clone())).await {
            Some(Ok(true)) => {}
            Some(Ok(false)) => pause(&app, bell(&app.bell), began).await,
            // It comes round again once the database takes writes.
            Some(Err(error)) if app.room.hears(&error, app.now()) => {}
            Some(Err(error)) => {
                tracing::error!(r#loop = which, error = %chain(&error), "a loop could not do its work; trying again");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
            None => tokio::time::sleep(AFTER_FAILURE).await,
        }
    }
}

/// A panic is a bug of ours, and no reason for a loop to end for good without a word: it is logged, and the loop comes round
/// again. None: it has panicked.
async fn contained<T>(which: &'static str, work: impl Future<Output = T>) -> Option<T> {
    let done = AssertUnwindSafe(work).catch_unwind().await;
    if done.is_err() {
        tracing::error!(r#loop = which, "a loop panicked, which is a bug of portcullis; it goes on");
    }
    done.ok()
}

/// What is driven now, and how much may be.
struct Drives {
    places: Arc<Semaphore>,
    now: Mutex<HashSet<TaskId>>,
}

impl Drives {
    fn now(&self) -> std::sync::MutexGuard<'_, HashSet<TaskId>> {
        self.now.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// One drive under way. However it ends, also by a panic, its task can be driven again.
struct Driving {
    drives: Arc<Drives>,
    task: TaskId,
    _place: OwnedSemaphorePermit,
}

impl Drop for Driving {
    fn drop(&mut self) {
        self.drives.now().remove(&self.task);
    }
}

/// Starts a drive for every task that is due and is not driven yet.
async fn dispatch(app: &Arc<App>, drives: &Arc<Drives>) -> Result<(), StoreError> {
    for task in app.store.due_tasks(app.now(), 200).await? {
        if !drives.now().insert(task) {
            continue;
        }
        let Ok(place) = drives.places.clone().acquire_owned().await else { return Ok(()) };
        let driving = Driving { drives: drives.clone(), task, _place: place };
        let app = app.clone();
        tokio::spawn(async move {
            // After a panic the task waits for the end of the lease that was not given back.
            let Some(end) = contained("drive", drive::drive(&app, task)).await else { return };
            match &end {
                Ok(end) => tracing::debug!(task.id = task.0, ?end, "a task was looked at"),
                Err(error) if app.room.hears(error, app.now()) => {}
                Err(error) => {
                    tracing::error!(task.id = task.0, error = %chain(error), "a task could not be looked at; trying again");
                }
            }
            drop(driving);
            // A ring that came while it was driven is due now. Where somebody else holds it or the store fails, looking
            // again at once would only burn time.
            if matches!(end, Ok(Driven::Rests(_) | Driven::Stale)) {
                app.bell.tasks.notify_one();
            }
        });
    }
    Ok(())
}

/// Sleeps until the bell rings or something falls due that was not when the look at `began` was made, but never for long:
/// what was due then and could not be done (no free place, somebody else's lease) rings when that changes.
async fn pause(app: &App, bell: &Notify, began: UnixMillis) {
    let until_due = match app.store.next_due_after(began).await {
        Ok(Some(at)) => at.since(app.now()),
        Ok(None) | Err(_) => Duration::MAX,
    };
    let backstop = if has_backstop() { LONGEST_SLEEP } else { Duration::MAX };
    tokio::select! {
        () = bell.notified() => {}
        () = tokio::time::sleep(until_due.min(backstop)) => {}
    }
}

fn has_backstop() -> bool {
    static HAS: OnceLock<bool> = OnceLock::new();
    !cfg!(debug_assertions) || *HAS.get_or_init(|| std::env::var_os(NO_BACKSTOP).is_none())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_panic_ends_one_round_and_not_the_loop() {
        // REA-6, WEB-5
        assert_eq!(contained("test", async { panic!("a bug") as u32 }).await, None);
        assert_eq!(contained("test", async { 7 }).await, Some(7));
    }

    #[test]
    fn a_task_whose_drive_has_panicked_can_be_driven_again() {
        let drives = Arc::new(Drives { places: Arc::new(Semaphore::new(1)), now: Mutex::default() });
        let place = drives.places.clone().try_acquire_owned().ok();
        let task = TaskId(7);
        drives.now().insert(task);
        let driving = place.map(|place| Driving { drives: drives.clone(), task, _place: place });
        let panicked = std::panic::catch_unwind(AssertUnwindSafe(move || {
            let _driving = driving;
            panic!("a bug");
        }));
        assert!(panicked.is_err());
        assert!(drives.now().is_empty() && drives.places.available_permits() == 1);
    }
}
