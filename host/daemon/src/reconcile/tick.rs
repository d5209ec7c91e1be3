//! One round of the reconciler, and the loop that makes the rounds.

use super::gates::{self, Gates};
use super::report::{Counts, Report};
use super::tracker::{self, Boards};
use crate::app::App;
use crate::gatehouse::chain;
use portcullis_store::StoreError;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};

/// While tasks that were rung have not moved yet, they are looked after so often: reading rows, nothing else.
const AFTER_A_RING: Duration = Duration::from_secs(1);

/// The reconciler's state in memory. Losing it costs a look that was made before, never a task or an event.
#[derive(Debug, Default)]
pub struct Reconciler {
    pub(super) report: Mutex<Report>,
}

/// Starts it. It ends at once when `stopping` says so, wherever it is: it leaves nothing half done.
pub fn spawn(app: &Arc<App>, stopping: &watch::Receiver<bool>, tasks: &mut JoinSet<()>) {
    if !app.settings.reconcile.enabled {
        return;
    }
    let (app, mut stopping) = (app.clone(), stopping.clone());
    tasks.spawn(async move {
        tokio::select! {
            () = rounds(&app) => {}
            _ = stopping.wait_for(|stop| *stop) => {}
        }
    });
}

async fn rounds(app: &App) {
    let period = Duration::from_secs(app.settings.reconcile.interval_s);
    let (mut boards, mut gates) = (Boards::default(), Gates::default());
    loop {
        app.room.takes_writes().await;
        let next = Instant::now() + period;
        round(app, &mut boards, &mut gates).await;
        while gates.has_rung() && Instant::now() + AFTER_A_RING < next {
            tokio::time::sleep(AFTER_A_RING).await;
            let mut counts = Counts::default();
            let moved = gates::look_after(app, &mut gates, &mut counts).await;
            note(app, moved);
            note(app, counts.keep(app).await);
            report(app, |report| report.rung = gates.rung());
        }
        sleep_until(next).await;
    }
}

async fn round(app: &App, boards: &mut Boards, gates: &mut Gates) {
    let mut counts = Counts::default();
    note(app, gates::look_after(app, gates, &mut counts).await);
    // The boards first: what a person has said there comes before what the gates say.
    if app.settings.reconcile.tracker_enabled {
        for project in app.projects.all().values() {
            if let Err(reason) = tracker::poll(app, project, boards, &mut counts).await {
                tracing::warn!(project = %project.settings.name, %reason, "a board could not be read; trying again");
                failed(app, format!("project {}: {reason}", project.settings.name));
            }
        }
    }
    let looked = gates::look(app, gates, &mut counts).await;
    note(app, counts.keep(app).await);
    let now = app.now();
    report(app, |report| {
        report.ticks += 1;
        report.last_tick = Some(now);
        report.rung = gates.rung();
        if let Ok(looked) = &looked {
            report.looked = *looked;
        }
    });
    note(app, looked.map(|_| ()));
}

fn report(app: &App, change: impl FnOnce(&mut Report)) {
    change(&mut app.reconciler.report.lock().unwrap_or_else(PoisonError::into_inner));
}

/// Keeps what went wrong where an operator sees it; the next round tries again.
fn note(app: &App, done: Result<(), StoreError>) {
    if let Err(error) = done {
        if !app.room.hears(&error, app.now()) {
            tracing::error!(error = %chain(&error), "the reconciler could not do its work; trying again");
        }
        failed(app, chain(&error));
    }
}

pub(super) fn failed(app: &App, what: String) {
    let now = app.now();
    report(app, |report| report.last_error = Some((now, what)));
}
