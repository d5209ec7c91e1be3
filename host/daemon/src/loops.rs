//! The daemon's loops: each does whatever is due, then sleeps until its bell rings or something new falls due.
//!
//! A loop does not retry inside itself, it comes round again; an error of one never ends it.

use crate::app::App;
use crate::bell::Bell;
use crate::drive::{self, Driven};
use crate::gatehouse::chain;
use crate::run::worker;
use crate::{inbox, outbox, prune, reaper, reconcile, room, timekeeper};
use portcullis_core::ids::TaskId;
use portcullis_core::time::UnixMillis;
use portcullis_store::StoreError;
use std::collections::HashSet;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::{Notify, Semaphore, watch};
use tokio::task::JoinSet;

/// How long a loop sleeps at most: the backstop behind every bell.
const LONGEST_SLEEP: Duration = Duration::from_secs(5);
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
    let events = |app: Arc<App>| async move { inbox::tick(&app).await.map(|found| found > 0) };
    tasks.spawn(run("inbox", app.clone(), stopping.clone(), |bell| &bell.inbox, events));
    let effects = |app: Arc<App>| async move { outbox::tick(&app).await.map(|found| found > 0) };
    tasks.spawn(run("outbox", app.clone(), stopping.clone(), |bell| &bell.outbox, effects));
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
        wait = match tick(app.clone()).await {
            Ok(sooner) => sooner.map_or(period, |sooner| sooner.min(period)),
            Err(error) if app.room.hears(&error, app.now()) => Duration::ZERO,
            Err(error) => {
                tracing::error!(r#loop = which, error = %chain(&error), "a loop could not do its work; trying again");
                period.min(Duration::from_secs(10))
            }
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
        match tick(app.clone()).await {
            Ok(true) => {}
            Ok(false) => pause(&app, bell(&app.bell), began).await,
            // It comes round again once the database takes writes.
            Err(error) if app.room.hears(&error, app.now()) => {}
            Err(error) => {
                tracing::error!(r#loop = which, error = %chain(&error), "a loop could not do its work; trying again");
                tokio::time::sleep(Duration::from_secs(1)).await;
            }
        }
    }
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

/// Starts a drive for every task that is due and is not driven yet.
async fn dispatch(app: &Arc<App>, drives: &Arc<Drives>) -> Result<(), StoreError> {
    for task in app.store.due_tasks(app.now(), 200).await? {
        if !drives.now().insert(task) {
            continue;
        }
        let Ok(place) = drives.places.clone().acquire_owned().await else { return Ok(()) };
        let (app, drives) = (app.clone(), drives.clone());
        tokio::spawn(async move {
            let end = drive::drive(&app, task).await;
            match &end {
                Ok(end) => tracing::debug!(task.id = task.0, ?end, "a task was looked at"),
                Err(error) if app.room.hears(error, app.now()) => {}
                Err(error) => {
                    tracing::error!(task.id = task.0, error = %chain(error), "a task could not be looked at; trying again");
                }
            }
            drives.now().remove(&task);
            drop(place);
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
