//! apalis-sqlite: `push`, and apalis workers that do nothing with each job, one worker per client.
//!
//! `portcullis-bench-apalis DATABASE CLIENTS JOBS default|durable` prints two lines of JSON. `default` is what its
//! documentation shows: `SqlitePool::connect` and `SqliteStorage::setup`, which sets synchronous=OFF on the one
//! connection of the pool that happens to run it and leaves the others as SQLite opens them. `durable` opens every
//! connection with WAL and synchronous=FULL, and runs the migrations only. Either way workers fetch up to ten jobs at a
//! time and acknowledge in one transaction what has ended since the last time: its own defaults.

use apalis::prelude::*;
use apalis_sqlite::{SqliteConnectOptions, SqlitePool, SqlitePoolOptions, SqliteStorage};
use sqlx::sqlite::{SqliteJournalMode, SqliteSynchronous};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::runtime::Handle;
use tokio::task::JoinSet;

/// Not measured.
const WARM: usize = 300;
/// For SQLite's lock: with 32 writers the usual five seconds can pass.
const PATIENCE: Duration = Duration::from_secs(120);

type Failure = Box<dyn std::error::Error + Send + Sync>;

fn main() -> Result<(), Failure> {
    let order: Vec<String> = std::env::args().skip(1).collect();
    let [database, clients, jobs, setting] = order.as_slice() else {
        return Err("usage: DATABASE CLIENTS JOBS default|durable".into());
    };
    let (clients, jobs): (usize, usize) = (clients.parse()?, jobs.parse()?);
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?.block_on(async {
        let pool = open(database, setting, clients).await?;
        enqueue(&pool, clients, WARM).await?;
        work(&pool, clients, WARM, "warm").await?;
        let (whole, waits) = enqueue(&pool, clients, jobs).await?;
        tell("enqueue", jobs, whole, &waits);
        let whole = work(&pool, clients, jobs, "measured").await?;
        tell("work", jobs, whole, &[]);
        let done: i64 = sqlx::query_scalar("SELECT count(*) FROM Jobs WHERE status = 'Done'").fetch_one(&pool).await?;
        if done != i64::try_from(jobs + WARM)? {
            return Err(format!("the round does not count: {done} jobs are done").into());
        }
        Ok(())
    })
}

/// A pool with a connection for each client, or the library's own.
async fn open(database: &str, setting: &str, clients: usize) -> Result<SqlitePool, Failure> {
    let url = format!("sqlite://{database}?mode=rwc");
    if setting == "default" {
        let pool = SqlitePool::connect(&url).await?;
        SqliteStorage::setup(&pool).await?;
        return Ok(pool);
    }
    let options = SqliteConnectOptions::from_str(&url)?
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .busy_timeout(PATIENCE);
    let pool = SqlitePoolOptions::new().max_connections(u32::try_from(clients)?).acquire_timeout(PATIENCE);
    let pool = pool.connect_with(options).await?;
    SqliteStorage::migrations().run(&pool).await?;
    Ok(pool)
}

async fn enqueue(pool: &SqlitePool, clients: usize, jobs: usize) -> Result<(Duration, Vec<Duration>), Failure> {
    let began = Instant::now();
    let mut producers = JoinSet::new();
    for client in 0..clients {
        let mut storage = SqliteStorage::<String>::new(pool);
        let share = jobs / clients + usize::from(client < jobs % clients);
        producers.spawn(async move {
            let mut waits = Vec::with_capacity(share);
            for _ in 0..share {
                let asked = Instant::now();
                storage.push("x".repeat(198)).await.map_err(|error| error.to_string())?; // 200 bytes as JSON
                waits.push(asked.elapsed());
            }
            Ok::<_, String>(waits)
        });
    }
    let mut waits = Vec::with_capacity(jobs);
    while let Some(ended) = producers.join_next().await {
        waits.extend(ended??);
    }
    Ok((began.elapsed(), waits))
}

/// Runs workers until `jobs` have been handled and acknowledged: a worker that is stopped writes what it still owes.
async fn work(pool: &SqlitePool, clients: usize, jobs: usize, name: &str) -> Result<Duration, Failure> {
    let handled = Arc::new(AtomicUsize::new(0));
    let (ended, all) = tokio::sync::watch::channel(false);
    let ended = Arc::new(ended);
    let began = Instant::now();
    let mut workers = JoinSet::new();
    for client in 0..clients {
        let (handled, ended, mut all) = (Arc::clone(&handled), Arc::clone(&ended), all.clone());
        let storage = SqliteStorage::<String>::new(pool);
        let name = format!("{name}-{client}");
        // On threads of their own: the compiler cannot show that a worker's future may move between threads.
        workers.spawn_blocking(move || {
            let worker = WorkerBuilder::new(name).backend(storage).build(move |_: String| {
                if handled.fetch_add(1, Ordering::SeqCst) + 1 == jobs {
                    let _somebody_listens = ended.send(true);
                }
                std::future::ready(Ok::<(), BoxDynError>(()))
            });
            let signal = async move {
                let _the_sender_lives = all.wait_for(|all| *all).await;
                Ok::<(), WorkerError>(())
            };
            Handle::current().block_on(worker.run_until(signal))
        });
    }
    while let Some(ended) = workers.join_next().await {
        ended??;
    }
    Ok(began.elapsed())
}

fn tell(work: &str, jobs: usize, whole: Duration, waits: &[Duration]) {
    let mut sorted = waits.to_vec();
    sorted.sort();
    let at = |hundredths: usize| {
        let index = (sorted.len() * hundredths / 100).min(sorted.len().saturating_sub(1));
        sorted.get(index).map(|wait| wait.as_secs_f64() * 1e6)
    };
    let (seconds, p50, p99) = (whole.as_secs_f64(), at(50), at(99));
    println!("{}", serde_json::json!({ "work": work, "jobs": jobs, "seconds": seconds, "p50_us": p50, "p99_us": p99 }));
}
