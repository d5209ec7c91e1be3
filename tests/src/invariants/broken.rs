//! The checker itself: it accepts a sound history and refuses each way in which it can be broken.

use super::*;
use serde_json::json;
use std::collections::BTreeMap;

fn courses() -> Vec<Course> {
    vec![Course::new(
        "demo",
        &[("build", "ship", "build", &["tests", "review"], true), ("ship", "done", "ship", &[], false)],
    )]
}

fn entry(what: &str, from: &str, to: &str) -> Entry {
    let text = str::to_owned;
    Entry { task: 1, actor: text("portcullis"), what: text(what), from: text(from), to: text(to) }
}

fn effect(key: &str, kind: &str) -> Effect {
    let (project, state) = ("demo".to_owned(), "sent".to_owned());
    Effect { project, task: 1, key: key.to_owned(), state, reason: None, effect: json!({ "kind": kind }) }
}

fn job(id: i64, visit: i64) -> Job {
    Job { id, task: 1, lane: "role".to_owned(), visit, state: "done".to_owned() }
}

/// What a gate said in a visit about that visit's head.
fn evaluation(gate: &str, visit: i64, ending: &str) -> Evaluation {
    let (text, subject) = (str::to_owned, (format!("head-{visit}"), "base".to_owned()));
    let (call, mode) = (text("evaluate"), text("enforce"));
    Evaluation { task: 1, visit, gate: text(gate), call, mode, ending: text(ending), subject }
}

fn note(begins: bool, run: i64, at_ns: u128) -> Note {
    Note { begins, run, task: 1, at_ns }
}

/// Sent back once, then merged and shipped; a second run for each stage.
fn sound() -> (History, Outside) {
    let task = Task {
        id: 1,
        project: "demo".to_owned(),
        work_item: "DEMO-1".to_owned(),
        tracker_id: None,
        stage: "done".to_owned(),
        visit: 4,
        version: 9,
        branch: "task/DEMO-1".to_owned(),
        merge_commit: Some("merge".to_owned()),
        standing: "finished".to_owned(),
        held: None,
        waits_for: None,
        is_due: false,
    };
    let history = History {
        tasks: vec![task],
        audit: vec![
            entry("create", "", "build"),
            entry("return", "build", "build"),
            entry("merging", "", "head-2"),
            entry("advance", "build", "ship"),
            entry("advance", "ship", "done"),
            entry("finish", "done", "finished"),
            entry("end-job", "running", "done"),
            entry("end-job", "running", "done"),
            entry("end-job", "running", "done"),
        ],
        jobs: vec![job(1, 1), job(2, 2), job(3, 3)],
        runs: (1..=3).map(|n| Run { id: n, job: n, attempt: 1 }).collect(),
        events: vec![Event { id: 1, delivery: "d1".to_owned(), state: "processed".to_owned(), reason: None }],
        effects: vec![
            effect("task-1/v2/tracker-state", "set-tracker-state"),
            effect("task-1/v4/tracker-state", "set-tracker-state"),
            effect("task-1/v7/tracker-state", "set-tracker-state"),
            effect("task-1/v7/notify", "notify"),
        ],
        leases: vec![Lease { name: "drive/1".to_owned(), holder: None }],
        evaluations: vec![
            evaluation("tests", 1, "fail"),
            evaluation("tests", 2, "pass"),
            evaluation("review", 2, "pending"),
            evaluation("review", 2, "pass"),
        ],
        pull_requests: vec![PullRequest { project: "demo".to_owned(), branch: "task/DEMO-1".to_owned() }],
        board: vec![Card { project: "demo".to_owned(), item: "DEMO-1".to_owned(), state: "done".to_owned() }],
        counters: BTreeMap::new(),
    };
    let outside = Outside {
        notes: (1..=3).flat_map(|n| [note(true, n, n as u128 * 10), note(false, n, n as u128 * 10 + 5)]).collect(),
        deliveries: vec![delivery("task-1/v7/notify", "look")],
        observed: vec![("demo", "notify")],
        accepted: vec![1],
        merges: vec![merge()],
        pull_requests: Vec::new(),
        board: Vec::new(),
    };
    (history, outside)
}

fn delivery(key: &str, content: &str) -> Delivery {
    Delivery { project: "demo".to_owned(), key: key.to_owned(), content: content.to_owned() }
}

fn merge() -> Merge {
    let (text, tree) = (str::to_owned, vec!["docs/work-items/DEMO-1/work.md".to_owned()]);
    let (commit, base, head) = (text("merge"), text("base"), text("head-2"));
    Merge { project: text("demo"), title: text("Merge demo DEMO-1"), commit, base, head, tree }
}

#[test]
fn a_sound_history_is_accepted() {
    let (history, mut outside) = sound();
    // What was sent twice under one key with one content is at least once.
    outside.deliveries.push(delivery("task-1/v7/notify", "look"));
    assert_eq!(violations(&history, &outside, &courses()), Vec::<String>::new());
}

#[test]
fn each_way_to_break_a_history_is_refused_by_its_name() {
    // I1, I2, I3, I6, I7, I8: that a violation would be seen at all.
    type Break = fn(&mut History, &mut Outside);
    let ways: &[(&str, Break)] = &[
        ("I1: task 1: made 2 times", |h, _| h.audit.insert(0, entry("create", "", "build"))),
        ("I1: task 1: advance build → ship, though it was in ship", |h, _| {
            h.audit.insert(4, entry("advance", "build", "ship"));
        }),
        ("I1: task 1: advance build → done is no move", |h, _| h.audit[3].to = "done".to_owned()),
        ("I1: task 1: 4 entries of a stage", |h, _| h.tasks[0].visit = 5),
        ("I1: task 1: its moves end in done", |h, _| h.tasks[0].stage = "ship".to_owned()),
        ("I1: task 1: finished 2 times", |h, _| h.audit.push(entry("finish", "done", "finished"))),
        ("I1: task 1: 3 changes, but version 3", |h, _| h.tasks[0].version = 3),
        ("I8: task 1: build → ship without a pass of tests", |h, _| h.evaluations.truncate(1)),
        ("I8: task 1: build → ship without a pass of tests", |h, _| h.evaluations[1].call = "act".to_owned()),
        ("I8: task 1: build → ship without a pass of tests", |h, _| h.evaluations[1].visit = 1),
        ("I8: task 1: build → ship without a pass of tests", |h, _| h.evaluations[1].mode = "shadow".to_owned()),
        ("I8: task 1: build → ship without a pass of review", |h, _| {
            h.evaluations.push(evaluation("review", 2, "fail"));
        }),
        ("I8: task 1: build → ship, and its gates have passed different heads", |h, _| {
            h.evaluations[1].subject.0 = "head-1".to_owned();
        }),
        ("I8: task 1: build → ship, and its gates have passed different heads", |h, _| {
            h.evaluations[3].subject.1 = "another base".to_owned();
        }),
        ("I8: task 1: head-3 was merged into base, which no gate has passed", |_, o| {
            o.merges[0].head = "head-3".to_owned();
        }),
        ("I8: task 1: head-2 was merged into another, which no gate has passed", |_, o| {
            o.merges[0].base = "another".to_owned();
        }),
        ("I7: task 1: head-2 was merged, and head-1 was to be", |h, _| h.audit[2].to = "head-1".to_owned()),
        ("I7: task 1: head-2 was merged, and nothing was to be", |h, _| drop(h.audit.remove(2))),
        ("I7: task 1: it was merged by", |h, _| h.tasks[0].merge_commit = None),
        ("I7: task 1: it was merged by", |_, o| o.merges[0].commit = "another".to_owned()),
        ("TRK-1: task 1: it is finished, and its board shows needs_input", |h, _| {
            h.board[0].state = "needs_input".to_owned();
        }),
        ("TRK-1: task 1: it is finished, and its board shows nothing", |h, _| h.board.clear()),
        ("TRK-1: task 1: it is held, and its board shows done", |h, _| {
            h.tasks[0].standing = "held".to_owned();
            h.audit.push(Entry { actor: "portcullis".to_owned(), ..entry("hold", "done", "held") });
        }),
        ("I2: task 1: 3 moves, but the board was to be told of 2", |h, _| drop(h.effects.remove(1))),
        ("I2: task 1: 3 moves, but the board was to be told of 3", |h, _| {
            h.effects[1].key = h.effects[0].key.clone();
        }),
        ("I2: task-1/v7/notify of demo says it was sent and never arrived", |_, o| o.deliveries.clear()),
        ("I2: task-1/v7/notify of demo arrived with 2 contents", |_, o| {
            o.deliveries.push(delivery("task-1/v7/notify", "listen"));
        }),
        ("I2: task-1/v9/notify of demo arrived and was never decided", |_, o| {
            o.deliveries.push(delivery("task-1/v9/notify", "look"));
        }),
        ("I2: task-1/v7/notify of demo is waiting", |h, _| h.effects[3].state = "waiting".to_owned()),
        ("I7: task 1: 2 merges", |_, o| o.merges.push(merge())),
        ("I7: task 1: 0 merges", |_, o| o.merges.clear()),
        ("I7: task 1: a merge without its work", |_, o| o.merges[0].tree = vec!["README.md".to_owned()]),
        ("I7: task 1: 2 pull requests", |_, o| {
            o.pull_requests.push(("demo".to_owned(), "task/DEMO-1".to_owned()));
        }),
        ("stuck: task 1 is active", |h, _| h.tasks[0].standing = "active".to_owned()),
        ("stuck: task 1 is held", |h, _| h.tasks[0].standing = "held".to_owned()),
        ("I6: job 2 is running", |h, _| h.jobs[1].state = "running".to_owned()),
        ("stuck: job 2 is queued", |h, _| h.jobs[1].state = "queued".to_owned()),
        ("QUE-2: task 1, visit 2: jobs [2, 3] are done", |h, _| h.jobs[2].visit = 2),
        ("QUE-2: task 1, visit 2: jobs [2, 3] are at work", |h, _| {
            h.jobs[2].visit = 2;
            h.jobs.iter_mut().skip(1).for_each(|job| job.state = "queued".to_owned());
        }),
        ("I2: task-1/v7/notify of demo was decided twice", |h, _| h.effects.push(effect("task-1/v7/notify", "notify"))),
        ("LAU-6: run 3 is of job 3, which nobody knows", |h, _| h.jobs.truncate(2)),
        ("LAU-6: job 1 has run attempt 1 twice", |h, _| h.runs[1].job = 1),
        ("LAU-6: run 2 has begun twice", |_, o| o.notes.push(note(true, 2, 90))),
        ("LAU-6: run 4 has begun and nobody knows of it", |_, o| o.notes.push(note(true, 4, 90))),
        ("LAU-6: task 1: run 2 began while run 1 went on", |_, o| o.notes[1].at_ns = 22),
        ("LAU-2: task 1: 3 jobs are done, but the trail has the end of 2", |h, _| drop(h.audit.pop())),
        ("LAU-2: task 1 waits for job 2, which is done, and is not due", |h, _| h.tasks[0].waits_for = Some(2)),
        ("I3: event 2 was acknowledged and is not there", |_, o| o.accepted.push(2)),
        ("I3: event 1 is new", |h, _| h.events[0].state = "new".to_owned()),
        ("I3: event 1 is parked", |h, _| h.events[0].state = "parked".to_owned()),
        ("I7: drive/1 is still held by boot", |h, _| h.leases[0].holder = Some("boot".to_owned())),
    ];
    let any_time =
        ["I1", "I8: task 1: build → ship", "I2: task 1: 3 moves", "QUE-2", "LAU-2", "LAU-6: job", "LAU-6: run 3 is of"];
    for (says, spoil) in ways {
        let (mut history, mut outside) = sound();
        spoil(&mut history, &mut outside);
        let found = violations(&history, &outside, &courses());
        assert!(found.iter().any(|text| text.starts_with(says)), "expected `{says}`, found {found:#?}");
        // What can be seen in the midst is seen there too.
        if any_time.iter().any(|part| says.starts_with(part)) {
            let found = broken_at_any_time(&history, &courses());
            assert!(found.iter().any(|text| text.starts_with(says)), "expected `{says}` at any time, found {found:#?}");
        }
    }
}
