//! How many webhooks a second become durable, and how long does a sender wait? Beside it, on the same disk and in
//! turns: a bare SQLite loop with one transaction each, and one with group commit, both with the smallest table that
//! would do.
//!
//! `cargo bench --profile dev -p portcullis-store` prints a table. Figures mean something only side by side: the load
//! on the machine alone moves them several times over.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints a table for people")]

use portcullis_core::event::Source;
use portcullis_core::time::UnixMillis;
use portcullis_store::sqlite::SqliteStore;
use portcullis_store::{NewEvent, Received, Store};
use rusqlite::Connection;
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

const ROUNDS: usize = 7;
const EVENTS: usize = 1_600;
const SENDERS: [usize; 3] = [1, 8, 32];
/// A push event with two commits has about this size.
const BODY: usize = 4_096;
const BATCH: usize = 256;

type Rival = (&'static str, fn(&Path, usize) -> Measured);

const RIVALS: [Rival; 3] = [
    ("portcullis store", portcullis),
    ("bare SQLite, one transaction each", one_each),
    ("bare SQLite, group commit", group_commit),
];

/// One round: how long it all took, and what each event waited.
struct Measured {
    whole: Duration,
    waits: Vec<Duration>,
}

/// Figures of one round: events a second, and waits in microseconds.
#[derive(Clone, Copy)]
struct Figures {
    per_s: f64,
    p50_us: f64,
    p99_us: f64,
}

fn main() {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("Load average before: {} on {cores} cores", load.trim());
    println!("{EVENTS} events of {BODY} bytes a round; medians of {ROUNDS} interleaved rounds\n");
    println!("| senders | store | events/s | p50 µs | p99 µs |");
    println!("|---:|---|---:|---:|---:|");
    for senders in SENDERS {
        let mut figures = vec![Vec::new(); RIVALS.len()];
        for _ in 0..ROUNDS {
            for (rival, (_, run)) in RIVALS.iter().enumerate() {
                // Beside the build, not in /tmp: that may be memory, where an fsync costs nothing.
                let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
                figures[rival].push(figures_of(run(&folder.path().join("bench.db"), senders)));
            }
        }
        for ((name, _), rounds) in RIVALS.iter().zip(figures) {
            let median = |of: fn(&Figures) -> f64| {
                let mut values: Vec<f64> = rounds.iter().map(of).collect();
                values.sort_by(f64::total_cmp);
                values[values.len() / 2]
            };
            let (per_s, p50, p99) = (median(|f| f.per_s), median(|f| f.p50_us), median(|f| f.p99_us));
            println!("| {senders} | {name} | {per_s:.0} | {p50:.0} | {p99:.0} |");
        }
    }
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    println!("\nLoad average after: {}", load.trim());
}

fn figures_of(mut measured: Measured) -> Figures {
    measured.waits.sort();
    let at = |hundredths: usize| {
        let index = (measured.waits.len() * hundredths / 100).min(measured.waits.len() - 1);
        measured.waits[index].as_secs_f64() * 1e6
    };
    Figures { per_s: measured.waits.len() as f64 / measured.whole.as_secs_f64(), p50_us: at(50), p99_us: at(99) }
}

fn portcullis(path: &Path, senders: usize) -> Measured {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    let store = Arc::new(SqliteStore::open(path).unwrap());
    runtime.block_on(async {
        let begun = Instant::now();
        let mut tasks = tokio::task::JoinSet::new();
        for sender in 0..senders {
            let store = Arc::clone(&store);
            tasks.spawn(async move {
                let mut waits = Vec::new();
                for number in 0..EVENTS / senders {
                    let event = NewEvent {
                        source: Source::Gitea,
                        delivery: format!("{sender}-{number}"),
                        meaning: None,
                        event: "push".to_owned(),
                        body: vec![b'x'; BODY],
                        at: UnixMillis(1),
                    };
                    let asked = Instant::now();
                    assert!(matches!(store.receive(event).await.unwrap(), Received::Stored(_)));
                    waits.push(asked.elapsed());
                }
                waits
            });
        }
        let waits = tasks.join_all().await.concat();
        Measured { whole: begun.elapsed(), waits }
    })
}

fn bare(path: &Path) -> Connection {
    let db = Connection::open(path).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE event (id INTEGER PRIMARY KEY, delivery TEXT NOT NULL UNIQUE, body BLOB NOT NULL);",
    )
    .unwrap();
    db
}

fn insert(db: &Connection, delivery: &str, body: &[u8]) {
    let mut statement = db.prepare_cached("INSERT INTO event (delivery, body) VALUES (?1, ?2)").unwrap();
    assert_eq!(statement.execute((delivery, body)).unwrap(), 1);
}

/// Sends from `senders` threads by `send`, which each thread gets one of.
fn measured<S: FnMut(String, Vec<u8>) + Send>(senders: usize, mut sender: impl FnMut() -> S) -> Measured {
    let start = Arc::new(Barrier::new(senders + 1));
    std::thread::scope(|scope: &Scope<'_, '_>| {
        let threads: Vec<ScopedJoinHandle<'_, Vec<Duration>>> = (0..senders)
            .map(|thread| {
                let (start, mut send) = (Arc::clone(&start), sender());
                scope.spawn(move || {
                    start.wait();
                    let mut waits = Vec::new();
                    for number in 0..EVENTS / senders {
                        let (delivery, body) = (format!("{thread}-{number}"), vec![b'x'; BODY]);
                        let asked = Instant::now();
                        send(delivery, body);
                        waits.push(asked.elapsed());
                    }
                    waits
                })
            })
            .collect();
        start.wait();
        let begun = Instant::now();
        let waits: Vec<Duration> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        Measured { whole: begun.elapsed(), waits }
    })
}

fn one_each(path: &Path, senders: usize) -> Measured {
    let db = Arc::new(Mutex::new(bare(path)));
    measured(senders, || {
        let db = Arc::clone(&db);
        move |delivery: String, body: Vec<u8>| insert(&db.lock().unwrap(), &delivery, &body)
    })
}

type Insert = (String, Vec<u8>, Sender<()>);

fn group_commit(path: &Path, senders: usize) -> Measured {
    let db = bare(path);
    let (requests, queue): (Sender<Insert>, Receiver<Insert>) = channel();
    let writer = std::thread::spawn(move || {
        while let Ok(first) = queue.recv() {
            let mut batch = vec![first];
            batch.extend(queue.try_iter().take(BATCH - 1));
            db.execute_batch("BEGIN IMMEDIATE").unwrap();
            for (delivery, body, _) in &batch {
                insert(&db, delivery, body);
            }
            db.execute_batch("COMMIT").unwrap();
            for (_, _, answer) in batch {
                answer.send(()).unwrap();
            }
        }
    });
    let measured = measured(senders, || {
        let requests = requests.clone();
        move |delivery: String, body: Vec<u8>| {
            let (answer, answered) = channel();
            requests.send((delivery, body, answer)).unwrap();
            answered.recv().unwrap();
        }
    });
    drop(requests);
    writer.join().unwrap();
    measured
}
