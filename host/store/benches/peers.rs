//! Our side of the comparison with other queues: the same two pieces of work as the programs in `peers/`, through the
//! trait [`Store`].
//!
//! `peers DATABASE CLIENTS JOBS` prints two lines of JSON; `cargo xtask bench --peers` starts it in turns with the
//! others. To enqueue is `create_task`: a task with a description of 200 bytes, unique per work item, its first job and
//! an audit row. To work is `claim` and then `finish`, which also rings the task. Each call is answered after its fsync.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints for another one, and may panic")]

use portcullis_core::ids::{ProjectName, RoleName, StageName, WorkItem};
use portcullis_core::job::{Claim, Lane};
use portcullis_core::task::{Created, NewTask};
use portcullis_core::time::UnixMillis;
use portcullis_store::sqlite::SqliteStore;
use portcullis_store::{Caps, Finish, Finished, JobEnd, Store};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};
use tokio::task::JoinSet;

/// Not measured.
const WARM: usize = 300;
const BOOT: &str = "boot-of-the-bench";
const NOW: UnixMillis = UnixMillis(1_767_603_600_000);
/// Nothing waits for a free place.
const FREE: Caps = Caps { overall: 1_000_000, per_project: 1_000_000 };

fn main() {
    let order: Vec<String> = std::env::args().skip(1).collect();
    let [database, clients, jobs] = order.as_slice() else {
        // `cargo bench` runs it among all others; alone it says little.
        println!("Beside other queues: cargo xtask bench --peers");
        return;
    };
    let (clients, jobs) = (clients.parse().unwrap(), jobs.parse().unwrap());
    let store = Arc::new(SqliteStore::open(Path::new(database)).unwrap());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).build().unwrap();
    runtime.block_on(async {
        measured(&store, clients, WARM, enqueue).await;
        measured(&store, clients, WARM, work).await;
        let (whole, waits) = measured(&store, clients, jobs, enqueue).await;
        tell("enqueue", whole, waits);
        let (whole, waits) = measured(&store, clients, jobs, work).await;
        tell("work", whole, waits);
        let claim = store.claim(Lane::Role, FREE, BOOT, NOW).await.unwrap();
        assert!(matches!(claim, Claim::Nothing), "the round does not count: jobs are left");
    });
}

/// Has `count` jobs taken by `clients` loops, one after another in each; how long it all took, and each.
async fn measured<W>(
    store: &Arc<SqliteStore>,
    clients: usize,
    count: usize,
    one: fn(Arc<SqliteStore>, usize) -> W,
) -> (Duration, Vec<Duration>)
where
    W: Future<Output = ()> + Send + 'static,
{
    /// Numbers of tasks, over all that is measured.
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let began = Instant::now();
    let mut loops = JoinSet::new();
    for client in 0..clients {
        let (store, share) = (Arc::clone(store), count / clients + usize::from(client < count % clients));
        loops.spawn(async move {
            let mut waits = Vec::with_capacity(share);
            for _ in 0..share {
                let number = NEXT.fetch_add(1, Ordering::Relaxed);
                let asked = Instant::now();
                one(Arc::clone(&store), number).await;
                waits.push(asked.elapsed());
            }
            waits
        });
    }
    let waits = loops.join_all().await.concat();
    (began.elapsed(), waits)
}

async fn enqueue(store: Arc<SqliteStore>, number: usize) {
    let task = NewTask {
        project: ProjectName::new("bench"),
        work_item: WorkItem::new(format!("B-{number}")),
        tracker_id: None,
        title: format!("Task {number}"),
        description: "x".repeat(200),
        stage: StageName::new("analysis"),
        role: Some(RoleName::new("analyst")),
        branch: format!("feature/B-{number}"),
        overlay: serde_json::json!({}),
    };
    assert!(matches!(store.create_task(task, "bench", NOW).await.unwrap(), Created::New(_)));
}

async fn work(store: Arc<SqliteStore>, _: usize) {
    let Claim::Won(job) = store.claim(Lane::Role, FREE, BOOT, NOW).await.unwrap() else {
        panic!("the round does not count: a job is missing");
    };
    let finish = Finish {
        end: JobEnd::Done,
        reason: None,
        head: None,
        ci: None,
        checks: Vec::new(),
        effects: Vec::new(),
        at: NOW,
    };
    assert_eq!(store.finish(&job, finish).await.unwrap(), Finished::Recorded);
}

fn tell(work: &str, whole: Duration, mut waits: Vec<Duration>) {
    waits.sort();
    let at = |hundredths: usize| {
        let index = (waits.len() * hundredths / 100).min(waits.len() - 1);
        waits[index].as_secs_f64() * 1e6
    };
    let (jobs, seconds, p50, p99) = (waits.len(), whole.as_secs_f64(), at(50), at(99));
    println!("{}", serde_json::json!({ "work": work, "jobs": jobs, "seconds": seconds, "p50_us": p50, "p99_us": p99 }));
}
