//! How fast tasks go the whole way when their roles do nothing, and what the idle daemon needs.
//!
//! The real daemon as a process, a real repository, roles that end at once (the first leaves one file), seven stages to
//! cross and one merge a task. Prints markdown; asserts nothing.
#![allow(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::disallowed_methods,
    reason = "a bench prints, waits and may panic"
)]

mod house;

use house::{House, Plan, load};
use portcullis_testkit::eventually;
use std::time::{Duration, Instant};

const CROSSINGS: usize = 7;

fn main() {
    println!("| tasks | roles at once | seconds | stages crossed per second |\n|--:|--:|--:|--:|");
    for (tasks, at_once) in [(20, 1), (20, 4), (20, 1), (20, 4)] {
        let house = open(at_once);
        let began = Instant::now();
        go(&house, tasks);
        let seconds = began.elapsed().as_secs_f64();
        println!("| {tasks} | {at_once} | {seconds:.1} | {:.1} |", (tasks * CROSSINGS) as f64 / seconds);
    }
    let house = open(1);
    house.get("/queue");
    println!("\nresident memory of the idle daemon: {:.0} MB", house.resident_mb());
    go(&house, 5);
    println!("after five tasks: {:.0} MB", house.resident_mb());
    println!("load average: {}", load());
}

fn open(at_once: u32) -> House {
    let analyst = "mkdir -p \"$PORTCULLIS_DOCUMENTS\" && echo x > \"$PORTCULLIS_DOCUMENTS/work.md\"";
    House::open(&Plan { at_once, analyst, log: "error" })
}

/// Makes the tasks and waits until all are done.
fn go(house: &House, tasks: usize) {
    house.make(tasks);
    eventually("every task is done", Duration::from_secs(600), || {
        let shown = house.get("/tasks?limit=1000");
        let all = shown["tasks"].as_array().unwrap();
        assert!(all.iter().all(|task| task["held"] == false), "{shown:#}");
        all.iter().all(|task| task["stage"] == "done")
    });
}
