//! How long the house takes to notice: from `kill -9` of a role to its job's end, and from the start of a daemon that was
//! killed to a look at every task that waits for one.
//!
//! The real daemon as a process and its HTTP interface. Prints markdown; asserts nothing about times.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a bench prints, waits and may panic"
)]

mod house;

use house::{House, PATIENCE, Plan, kill_now, load};
use portcullis_core::ids::TaskId;
use portcullis_core::time::UnixMillis;
use portcullis_store::Store;
use portcullis_store::sqlite::SqliteStore;
use portcullis_testkit::eventually;
use serde_json::Value;
use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::time::{Duration, Instant, SystemTime};

const KILLS: usize = 120;
const TASKS: usize = 1_000;
const RESTARTS: usize = 5;
/// What the daemon logs at the end of each look.
const LOOKED: &str = "a task was looked at";

fn main() {
    println!("Load average before: {}\n", load());
    println!("| from | to | p50 ms | p99 ms | times |\n|---|---|--:|--:|--:|");
    let mut ends = kills();
    row("`kill -9` of a role", "its job no longer running", &mut ends);
    let (mut listening, mut looked) = restarts();
    row(&format!("start of the daemon with {TASKS} rung tasks"), "it listens", &mut listening);
    row(&format!("start of the daemon with {TASKS} rung tasks"), "all of them looked at", &mut looked);
    println!("\nLoad average after: {}", load());
}

fn row(from: &str, to: &str, times: &mut [Duration]) {
    times.sort();
    let at = |hundredths: usize| times[(times.len() * hundredths / 100).min(times.len() - 1)].as_secs_f64() * 1e3;
    println!("| {from} | {to} | {:.1} | {:.1} | {} |", at(50), at(99), times.len());
}

/// Kills roles one after another; from each kill until the API, asked every millisecond, shows the job's end.
fn kills() -> Vec<Duration> {
    let house = House::open(&Plan { at_once: KILLS as u32, analyst: "exec sleep 1000", log: "error" });
    house.make(KILLS);
    let mut roles = Vec::new();
    eventually("every role runs", PATIENCE, || {
        roles = house.roles();
        roles.len() == KILLS
    });
    roles.into_iter().map(|(task, pid)| ended_after_kill(&house, task, pid)).collect()
}

fn ended_after_kill(house: &House, task: i64, pid: u32) -> Duration {
    let path = format!("/tasks/{task}");
    assert_eq!(house.get(&path)["job"]["state"], "running");
    let began = Instant::now();
    kill_now(pid);
    let took = loop {
        let job = house.get(&path)["job"].take();
        if job["state"] != "running" {
            assert_eq!(job["state"], "failed", "one attempt, and killed: {job:#}");
            break began.elapsed();
        }
        house.tick();
    };
    // What follows (the task is held) is not to disturb the next one.
    eventually("the task is held", PATIENCE, || !house.get(&path)["task"]["held"].is_null());
    took
}

/// Kills the daemon while a thousand tasks rest (one role sleeps, the others' jobs wait for its place), rings them all
/// while nobody is there, and starts it: until it listens, and until its log has told of a look at each.
fn restarts() -> (Vec<Duration>, Vec<Duration>) {
    let plan = Plan { at_once: 1, analyst: "exec sleep 1000", log: "error,portcullis=debug" };
    let mut house = House::open(&plan);
    let tasks: BTreeSet<i64> = house.make(TASKS).into_iter().collect();
    eventually("every task rests", PATIENCE, || {
        let shown = house.get("/tasks?limit=1000");
        shown["tasks"].as_array().unwrap().iter().all(|task| !task["why"].is_null())
    });
    let (mut listening, mut looked) = (Vec::new(), Vec::new());
    for _ in 0..RESTARTS {
        house.kill();
        ring(&house, &tasks);
        let mut log = BufReader::new(File::open(house.log()).unwrap());
        log.seek(SeekFrom::End(0)).unwrap();
        let began = Instant::now();
        house.start();
        house.await_listener();
        listening.push(began.elapsed());
        let mut left = tasks.clone();
        eventually("every task was looked at", PATIENCE, || {
            strike_out(&mut log, &mut left);
            left.is_empty()
        });
        looked.push(began.elapsed());
    }
    (listening, looked)
}

/// Rings every task in the database of a daemon that is gone, as webhooks, timers and operators do.
fn ring(house: &House, tasks: &BTreeSet<i64>) {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let now = UnixMillis(i64::try_from(now.as_millis()).unwrap());
    let tasks: Vec<TaskId> = tasks.iter().copied().map(TaskId).collect();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = SqliteStore::open(&house.home().join("portcullis.db")).unwrap();
    runtime.block_on(store.ring(&tasks, now)).unwrap();
}

/// Strikes out the tasks that the log has told of since the last time.
fn strike_out(log: &mut BufReader<File>, left: &mut BTreeSet<i64>) {
    let mut line = String::new();
    while log.read_line(&mut line).unwrap() > 0 {
        if !line.ends_with('\n') {
            // Only half of it is written yet.
            let half = i64::try_from(line.len()).unwrap();
            log.seek_relative(-half).unwrap();
            return;
        }
        let told: Value = serde_json::from_str(&line).unwrap_or_default();
        if told["fields"]["message"] == LOOKED {
            left.remove(&told["fields"]["task.id"].as_i64().unwrap());
        }
        line.clear();
    }
}
