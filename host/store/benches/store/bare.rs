//! The rivals: nothing but SQLite. What they write for each piece of work stands in `work.rs`.

use crate::Measured;
use crate::work::{BODY, TRANSCRIPT, Work};
use rusqlite::{Connection, Params};
use std::path::Path;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Barrier, Mutex};
use std::thread::{Scope, ScopedJoinHandle};
use std::time::{Duration, Instant};

const BATCH: usize = 256;

fn open(path: &Path) -> Connection {
    let db = Connection::open(path).unwrap();
    db.execute_batch(
        "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;
         CREATE TABLE event (id INTEGER PRIMARY KEY, delivery TEXT NOT NULL UNIQUE, body BLOB NOT NULL);
         CREATE TABLE task (id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, stage TEXT NOT NULL,
                            version INTEGER NOT NULL, rings INTEGER NOT NULL);
         CREATE TABLE job (id INTEGER PRIMARY KEY, task INTEGER NOT NULL, role TEXT NOT NULL, state TEXT NOT NULL);
         CREATE INDEX job_queued ON job (id) WHERE state = 'queued';
         CREATE INDEX job_task ON job (task);
         CREATE TABLE evaluation (id INTEGER PRIMARY KEY, task INTEGER NOT NULL, outcome TEXT NOT NULL);
         CREATE TABLE record (evaluation INTEGER PRIMARY KEY, transcript BLOB NOT NULL);
         CREATE TABLE effect (id INTEGER PRIMARY KEY, key TEXT NOT NULL UNIQUE, body TEXT NOT NULL);
         CREATE TABLE audit (id INTEGER PRIMARY KEY, task INTEGER NOT NULL, what TEXT NOT NULL, why TEXT NOT NULL);",
    )
    .unwrap();
    db
}

/// What there has to be before the work begins.
fn prepare(db: &Connection, work: Work, producers: usize, pieces: usize) {
    let tasks = match work {
        Work::Webhook | Work::Enqueue => 0,
        Work::ClaimComplete => pieces,
        Work::Advance => producers,
    };
    db.execute_batch("BEGIN").unwrap();
    for task in 0..tasks {
        enqueue(db, &format!("prepared-{task}"));
    }
    db.execute_batch("COMMIT").unwrap();
}

/// One step of a piece of work, to be run in a transaction. Claiming answers which job it was.
#[derive(Debug, Clone)]
enum Step {
    Receive { delivery: String, body: Vec<u8> },
    Enqueue { name: String },
    Claim,
    Complete { job: i64 },
    Advance { task: i64, version: usize, transcript: Vec<u8> },
}

fn change(db: &Connection, sql: &str, params: impl Params) -> usize {
    db.prepare_cached(sql).unwrap().execute(params).unwrap()
}

fn enqueue(db: &Connection, name: &str) {
    change(db, "INSERT INTO task (name, stage, version, rings) VALUES (?1, 'analysis', 0, 1)", [name]);
    let task = db.last_insert_rowid();
    change(db, "INSERT INTO job (task, role, state) VALUES (?1, 'analyst', 'queued')", [task]);
    audit(db, task, "create");
}

fn audit(db: &Connection, task: i64, what: &str) {
    change(db, "INSERT INTO audit (task, what, why) VALUES (?1, ?2, 'because of the bench')", (task, what));
}

fn run(db: &Connection, step: &Step) -> i64 {
    match step {
        Step::Receive { delivery, body } => {
            assert_eq!(change(db, "INSERT INTO event (delivery, body) VALUES (?1, ?2)", (delivery, body)), 1);
        }
        Step::Enqueue { name } => enqueue(db, name),
        Step::Claim => {
            let claim = "UPDATE job SET state = 'running' WHERE state = 'queued'
                            AND id = (SELECT id FROM job WHERE state = 'queued' ORDER BY id LIMIT 1) RETURNING id";
            return db.prepare_cached(claim).unwrap().query_row([], |row| row.get(0)).unwrap();
        }
        Step::Complete { job } => {
            let complete = "UPDATE job SET state = 'done' WHERE id = ?1 AND state = 'running' RETURNING task";
            let task = db.prepare_cached(complete).unwrap().query_row([job], |row| row.get(0)).unwrap();
            assert_eq!(change(db, "UPDATE task SET rings = rings + 1 WHERE id = ?1", [task]), 1);
            audit(db, task, "end-job");
        }
        Step::Advance { task, version, transcript } => {
            let (task, version) = (*task, i64::try_from(*version).unwrap());
            let moved = "UPDATE task SET version = version + 1, stage = 'review' WHERE id = ?1 AND version = ?2";
            assert_eq!(change(db, moved, (task, version)), 1);
            change(db, "UPDATE job SET state = 'cancelled' WHERE task = ?1 AND state = 'queued'", [task]);
            change(db, "INSERT INTO job (task, role, state) VALUES (?1, 'reviewer', 'queued')", [task]);
            change(db, "INSERT INTO evaluation (task, outcome) VALUES (?1, '{\"verdict\":\"pass\"}')", [task]);
            let record = (db.last_insert_rowid(), transcript);
            change(db, "INSERT INTO record (evaluation, transcript) VALUES (?1, ?2)", record);
            let key = format!("{task}/{version}");
            change(db, "INSERT INTO effect (key, body) VALUES (?1, 'moved')", [key]);
            audit(db, task, "advance");
        }
    }
    0
}

/// The whole of one piece of work, each step by `send`.
fn piece(work: Work, producer: usize, number: usize, mut send: impl FnMut(Step) -> i64) {
    match work {
        Work::Webhook => {
            send(Step::Receive { delivery: format!("{producer}-{number}"), body: vec![b'x'; BODY] });
        }
        Work::Enqueue => {
            send(Step::Enqueue { name: format!("T-{producer}-{number}") });
        }
        Work::ClaimComplete => {
            let job = send(Step::Claim);
            send(Step::Complete { job });
        }
        Work::Advance => {
            let task = i64::try_from(producer).unwrap() + 1;
            send(Step::Advance { task, version: number, transcript: vec![b'x'; TRANSCRIPT] });
        }
    }
}

/// Works from `producers` threads by `sender`, of which each thread gets one.
fn measured<S: FnMut(Step) -> i64 + Send>(
    work: Work,
    producers: usize,
    pieces: usize,
    mut sender: impl FnMut() -> S,
) -> Measured {
    let start = Arc::new(Barrier::new(producers + 1));
    std::thread::scope(|scope: &Scope<'_, '_>| {
        let threads: Vec<ScopedJoinHandle<'_, Vec<Duration>>> = (0..producers)
            .map(|producer| {
                let (start, mut send) = (Arc::clone(&start), sender());
                scope.spawn(move || {
                    start.wait();
                    (0..pieces / producers)
                        .map(|number| {
                            let asked = Instant::now();
                            piece(work, producer, number, &mut send);
                            asked.elapsed()
                        })
                        .collect()
                })
            })
            .collect();
        start.wait();
        let begun = Instant::now();
        let waits: Vec<Duration> = threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect();
        Measured { whole: begun.elapsed(), waits }
    })
}

/// Every step in a transaction of its own, under a mutex.
pub(crate) fn one_each(work: Work, path: &Path, producers: usize, pieces: usize) -> Measured {
    let db = open(path);
    prepare(&db, work, producers, pieces);
    let db = Arc::new(Mutex::new(db));
    measured(work, producers, pieces, || {
        let db = Arc::clone(&db);
        move |step: Step| {
            let db = db.lock().unwrap();
            change(&db, "BEGIN IMMEDIATE", []);
            let answer = run(&db, &step);
            change(&db, "COMMIT", []);
            answer
        }
    })
}

type Request = (Step, Sender<i64>);

/// One thread runs whatever has queued up in one transaction, then answers.
pub(crate) fn group_commit(work: Work, path: &Path, producers: usize, pieces: usize) -> Measured {
    let db = open(path);
    prepare(&db, work, producers, pieces);
    let (requests, queue): (Sender<Request>, Receiver<Request>) = channel();
    let writer = std::thread::spawn(move || {
        while let Ok(first) = queue.recv() {
            let mut batch = vec![first];
            batch.extend(queue.try_iter().take(BATCH - 1));
            change(&db, "BEGIN IMMEDIATE", []);
            let answers: Vec<i64> = batch.iter().map(|(step, _)| run(&db, step)).collect();
            change(&db, "COMMIT", []);
            for ((_, reply), answer) in batch.into_iter().zip(answers) {
                reply.send(answer).unwrap();
            }
        }
    });
    let measured = measured(work, producers, pieces, || {
        let requests = requests.clone();
        move |step: Step| {
            let (reply, answer) = channel();
            requests.send((step, reply)).unwrap();
            answer.recv().unwrap()
        }
    });
    drop(requests);
    writer.join().unwrap();
    measured
}
