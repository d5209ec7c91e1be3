//! Does history cost anything? What every tick asks, and the queue's snapshot, with 1,000 active tasks beside none,
//! 100,000 and 1,000,000 finished ones (QUE-6). Then: what do 10,000 queued jobs cost in memory?
//!
//! `cargo bench --profile dev -p portcullis-store --bench history [-- FINISHED …]` prints tables.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints a table for people")]

use portcullis_core::ids::{InboxId, ProjectName, RoleName, StageName, WorkItem};
use portcullis_core::job::Lane;
use portcullis_core::task::NewTask;
use portcullis_core::time::UnixMillis;
use portcullis_store::sqlite::SqliteStore;
use portcullis_store::{Caps, Cutoffs, Store};
use rusqlite::Connection;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

const ACTIVE: usize = 1_000;
const ASKED: usize = 200;
const LATER: UnixMillis = UnixMillis(2_000_000_000_000);

/// Questions that are asked again and again, whatever happens.
const TICKS: [&str; 8] = [
    "running_jobs (reaper)",
    "tasks_at_rest (reconciler)",
    "due_tasks + due_events + due_effects",
    "next_due",
    "claim with no free place",
    "reclaim_leases (nothing to free)",
    "prune (nothing old enough)",
    "snapshot (GET /queue)",
];

fn main() {
    let given: Vec<usize> = std::env::args().skip(1).filter_map(|arg| arg.parse().ok()).collect();
    let sizes = if given.is_empty() { vec![0, 100_000, 1_000_000] } else { given };
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    println!("Load average before: {}", std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim());
    println!("{ACTIVE} active tasks, a tenth of them with a running job, a tenth with a queued one");
    println!("Lower quartiles of {ASKED} answers, asked in turns, in µs: load on the machine only ever adds\n");
    let folders: Vec<_> = sizes.iter().map(|_| tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()).collect();
    let stores: Vec<SqliteStore> = sizes
        .iter()
        .zip(&folders)
        .map(|(finished, folder)| {
            let path = folder.path().join("history.db");
            drop(SqliteStore::open(&path).unwrap());
            build(&path, *finished);
            SqliteStore::open(&path).unwrap()
        })
        .collect();
    println!(
        "| asked | {} | most / least |",
        sizes.iter().map(|n| format!("{n} finished")).collect::<Vec<_>>().join(" | ")
    );
    println!("|---|{}---:|", "---:|".repeat(sizes.len()));
    for tick in TICKS {
        let waits = runtime.block_on(in_turns(tick, &stores));
        let (least, most) = (waits.iter().min().unwrap(), waits.iter().max().unwrap());
        let cells: Vec<String> = waits.iter().map(|wait| format!("{:.0}", wait.as_secs_f64() * 1e6)).collect();
        println!("| {tick} | {} | {:.2} |", cells.join(" | "), most.as_secs_f64() / least.as_secs_f64());
    }
    drop(stores);
    drop(folders);
    println!();
    runtime.block_on(memory());
}

/// Asks every store in turn, so that load on the machine meets all of them.
async fn in_turns(tick: &str, stores: &[SqliteStore]) -> Vec<Duration> {
    let mut waits = vec![Vec::new(); stores.len()];
    for _ in 0..ASKED {
        for (store, waits) in stores.iter().zip(&mut waits) {
            let asked = Instant::now();
            ask(tick, store).await;
            waits.push(asked.elapsed());
        }
    }
    waits
        .into_iter()
        .map(|mut waits| {
            waits.sort();
            waits[waits.len() / 4]
        })
        .collect()
}

async fn ask(tick: &str, store: &SqliteStore) {
    match TICKS.iter().position(|known| *known == tick).unwrap() {
        0 => assert_eq!(store.running_jobs().await.unwrap().jobs.len(), ACTIVE / 10),
        1 => assert_eq!(store.tasks_at_rest(LATER, 1_000).await.unwrap().len(), ACTIVE * 8 / 10),
        2 => {
            assert_eq!(store.due_tasks(LATER, 100).await.unwrap().len(), 100);
            store.due_events(LATER, InboxId(0), 100).await.unwrap();
            store.due_effects(LATER, 100).await.unwrap();
        }
        3 => assert!(store.next_due().await.unwrap().is_some()),
        4 => {
            let none = Caps { overall: 1, per_project: 1 };
            let claim = store.claim(Lane::Role, none, "boot", LATER).await.unwrap();
            assert_eq!(claim, portcullis_core::job::Claim::Nothing);
        }
        5 => assert!(store.reclaim_leases("boot", UnixMillis(0)).await.unwrap().is_empty()),
        6 => assert_eq!(store.prune(&Cutoffs::all(UnixMillis(0)), 500).await.unwrap().rows(), 0),
        _ => assert_eq!(store.snapshot().await.unwrap().waiting.len(), ACTIVE / 10),
    }
}

/// Rows by plain SQL: a task each for `finished`, with two jobs, a run, an evaluation, an event, an effect and three rows
/// of the audit trail; then the active ones.
fn build(path: &Path, finished: usize) {
    let db = Connection::open(path).unwrap();
    db.execute_batch("PRAGMA synchronous = OFF; PRAGMA cache_size = -262144; BEGIN;").unwrap();
    let numbers = format!("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {finished})");
    let of_each = |what: &str| format!("{numbers} {what};");
    if finished > 0 {
        for insert in [
            "INSERT INTO task (id, project, work_item, title, description, stage, visit, version, branch, head, overlay,
                               stage_since_ms, fresh_from_ms, created_at_ms, rest, standing)
             SELECT i, 'p' || (i % 20), 'T-' || i, 'A title', 'What was done', 'done', 9, 40, 'feature/T-' || i,
                    printf('%040x', i), '{}', i, i, i, '{\"kind\":\"finished\"}', 'finished' FROM n",
            "INSERT INTO job (task, project, lane, stage, visit, role, state, attempt, lease, not_before_ms, created_at_ms,
                              ended_at_ms)
             SELECT i, 'p' || (i % 20), 'role', 'analysis', 1, 'analyst', 'done', 1, 1, i, i, i + 1 FROM n",
            "INSERT INTO job (task, project, lane, stage, visit, role, state, attempt, lease, not_before_ms, created_at_ms,
                              ended_at_ms)
             SELECT i, 'p' || (i % 20), 'role', 'review', 5, 'reviewer', 'done', 1, 1, i, i, i + 1 FROM n",
            "INSERT INTO run (job, attempt, boot, launched_at_ms, exit_code, exited_at_ms, folder)
             SELECT i, 1, 'boot', i, 0, i + 1, 'runs/' || i FROM n",
            "INSERT INTO evaluation (task, project, visit, gate, plugin, plugin_version, plugin_digest, config_digest,
                                     subject, call, mode, on_fault, ending, outcome, duration_ns, memory_peak_bytes,
                                     host_calls, at_ms)
             SELECT i, 'p' || (i % 20), 5, 'ci', 'portcullis/ci-green', '1.0.0', 'sha256:0', 'sha256:0', '{}', 'evaluate',
                    'enforce', 'closed', 'pass', '{}', 1, 1, 1, i FROM n",
            "INSERT INTO inbox (source, delivery, event, body, state, attempts, not_before_ms, received_at_ms,
                                settled_at_ms)
             SELECT 'gitea', 'd-' || i, 'push', x'7b7d', 'processed', 1, i, i, i + 1 FROM n",
            "INSERT INTO outbox (project, task, key, target, effect, state, attempts, not_before_ms, created_at_ms,
                                 settled_at_ms)
             SELECT 'p' || (i % 20), i, 'k-' || i, 'tracker', '{}', 'sent', 1, i, i, i + 1 FROM n",
            "INSERT INTO lease (name, number, boot, pid, what, since_ms, deadline_ms)
             SELECT 'drive/' || i, 40, NULL, 1, 'task', i, i FROM n",
            "INSERT INTO audit (at_ms, task, project, actor, what, from_state, to_state, why)
             SELECT i, i, 'p' || (i % 20), 'portcullis', 'advance', 'a', 'b', 'because' FROM n, (VALUES (1), (2), (3))",
        ] {
            db.execute_batch(&of_each(insert)).unwrap();
        }
    }
    let active = format!(
        "WITH RECURSIVE n(i) AS (SELECT {finished} + 1 UNION ALL SELECT i + 1 FROM n WHERE i < {finished} + {ACTIVE})"
    );
    for insert in [
        "INSERT INTO task (id, project, work_item, title, description, stage, visit, version, branch, overlay,
                           stage_since_ms, fresh_from_ms, created_at_ms, next_look_at_ms, standing)
         SELECT i, 'p' || (i % 20), 'T-' || i, 'A title', 'What is to be done', 'review', 5, 20, 'feature/T-' || i, '{}',
                i, i, i, i, 'active' FROM n",
        "INSERT INTO job (task, project, lane, stage, visit, role, state, attempt, lease, not_before_ms, created_at_ms)
         SELECT i, 'p' || (i % 20), 'role', 'review', 5, 'reviewer', iif(i % 10 = 0, 'running', 'queued'), 1, 1, i, i
           FROM n WHERE i % 10 < 2",
        "INSERT INTO outbox (project, task, key, target, effect, state, not_before_ms, created_at_ms)
         SELECT 'p' || (i % 20), i, 'k-' || i, 'tracker',
                '{\"kind\":\"tracker-comment\",\"work_item\":\"T\",\"text\":\"moved\"}', 'waiting', i, i
           FROM n WHERE i % 10 = 3",
    ] {
        db.execute_batch(&format!("{active} {insert};")).unwrap();
    }
    db.execute_batch("COMMIT; PRAGMA wal_checkpoint(TRUNCATE);").unwrap();
}

/// What the process holds in memory, in KiB.
fn resident_kib() -> i64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

async fn memory() {
    const QUEUED: usize = 10_000;
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    let store = Arc::new(SqliteStore::open(&folder.path().join("queued.db")).unwrap());
    let before = resident_kib();
    let begun = Instant::now();
    for chunk in 0..QUEUED / 100 {
        let mut made = tokio::task::JoinSet::new();
        for number in 0..100 {
            let store = Arc::clone(&store);
            let item = format!("T-{chunk}-{number}");
            made.spawn(async move {
                let new = NewTask {
                    project: ProjectName::new(format!("p{}", number % 20)),
                    work_item: WorkItem::new(&*item),
                    tracker_id: None,
                    title: "A title".to_owned(),
                    description: "What is to be done.".repeat(20),
                    stage: StageName::new("analysis"),
                    role: Some(RoleName::new("analyst")),
                    branch: format!("feature/{item}"),
                    overlay: serde_json::json!({}),
                };
                let _made = store.create_task(new, "bench", UnixMillis(1)).await.unwrap();
            });
        }
        made.join_all().await;
    }
    let queued = resident_kib();
    let took = begun.elapsed();
    let asked = Instant::now();
    let waiting = store.snapshot().await.unwrap().waiting.len();
    assert_eq!(waiting, QUEUED);
    let shown = asked.elapsed();
    let asked = Instant::now();
    let caps = Caps { overall: 1, per_project: 1 };
    let claim = store.claim(Lane::Role, caps, "boot", UnixMillis(2)).await.unwrap();
    assert!(matches!(claim, portcullis_core::job::Claim::Won(_)));
    let claimed = asked.elapsed();
    println!("{QUEUED} queued jobs, made in {took:.1?}: {} KiB more resident memory than before", queued - before);
    println!("(after a snapshot that lists them all: {} KiB)", resident_kib() - before);
    println!("snapshot of them {shown:.1?}, claim of one {claimed:.1?}");
}
