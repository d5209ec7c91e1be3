//! Does any statement read history? (QUE-6) Asks SQLite for the plan of every statement in this folder.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may fail")]

use super::schema;
use rusqlite::Connection;
use std::path::Path;

/// Tables that grow with history.
const GROWING: [&str; 13] = [
    "inbox",
    "task",
    "lease",
    "job",
    "run",
    "decision",
    "evaluation",
    "evaluation_record",
    "outbox",
    "forge_check",
    "board_comment",
    "expected_head",
    "audit",
];

/// Indexes over what is active only: reading one from end to end is no reading of history.
const ACTIVE: [&str; 10] = [
    "inbox_due",
    "task_due",
    "task_open",
    "task_quiet",
    "job_queued",
    "job_running",
    "outbox_waiting",
    "outbox_open",
    "lease_held",
    "task_waits_for",
];

/// Every statement: the string constants of this folder's files.
fn statements() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/sqlite");
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "rs") || path.ends_with("plans.rs") {
            continue;
        }
        let source = std::fs::read_to_string(&path).unwrap();
        for constant in source.split("\nconst ").skip(1) {
            let Some((name, text)) = constant.split_once(": &str =") else { continue };
            let sql = text.split('"').nth(1).unwrap();
            if !sql.contains(' ') {
                continue; // A word is no statement.
            }
            found.push((format!("{}: {name}", path.file_name().unwrap().display()), sql.to_owned()));
        }
    }
    found
}

fn plan(db: &Connection, sql: &str) -> rusqlite::Result<Vec<String>> {
    let mut statement = db.prepare(&format!("EXPLAIN QUERY PLAN {sql}"))?;
    // Raw: with its parameters unbound. Plans do not depend on them.
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next()? {
        steps.push(row.get("detail")?);
    }
    Ok(steps)
}

#[test]
fn no_statement_reads_history_from_end_to_end() {
    let mut db = Connection::open_in_memory().unwrap();
    schema::migrate(&mut db).unwrap();
    let statements = statements();
    assert!(statements.len() > 70, "only {} were found", statements.len());
    let mut offences = Vec::new();
    for (name, sql) in &statements {
        // Reads as many of the newest (or oldest) rows as were asked for.
        let is_list = sql.contains("ORDER BY id DESC LIMIT :limit") || sql.contains("ORDER BY id LIMIT :limit)");
        for step in plan(&db, sql).unwrap_or_else(|error| panic!("{name}: {error}")) {
            let Some(scan) = step.strip_prefix("SCAN ") else { continue };
            let words: Vec<&str> = scan.split(' ').collect();
            let alias_of_growing = GROWING.iter().any(|table| {
                words[0] == *table
                    || sql.contains(&format!("{table} {} ", words[0]))
                    || sql.contains(&format!("{table} {}\n", words[0]))
            });
            let by_active_index = ACTIVE.iter().any(|index| words.contains(index));
            if alias_of_growing && !by_active_index && !is_list {
                offences.push(format!("{name}: {step}"));
            }
        }
    }
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn what_every_tick_asks_reads_only_what_is_active() {
    let mut db = Connection::open_in_memory().unwrap();
    schema::migrate(&mut db).unwrap();
    let ticks = [
        ("inbox.rs: DUE", vec!["inbox_due", "inbox_state"]),
        ("tasks.rs: DUE", vec!["task_due"]),
        ("outbox.rs: DUE", vec!["outbox_waiting"]),
        ("outbox.rs: OPEN", vec!["outbox_open"]),
        ("jobs.rs: RUNNING", vec!["job_running"]),
        ("jobs.rs: QUEUED", vec!["job_queued"]),
        ("claim.rs: CLAIM", vec!["job_queued"]),
        ("snapshot.rs: TASKS", vec!["task_open"]),
        ("leases.rs: ALL_HELD", vec!["lease_held"]),
        ("leases.rs: EXPIRED", vec!["lease_held"]),
        ("leases.rs: RECLAIM", vec!["lease_held"]),
        ("tasks.rs: AT_REST", vec!["task_quiet (<expr><?)"]),
        ("tasks.rs: OPEN_IN_STAGE", vec!["task_open"]),
        ("tasks.rs: ACTIVE", vec!["task_open"]),
        ("prune.rs: JOBS", vec!["job_ended (ended_at_ms>? AND ended_at_ms<?)"]),
        ("prune.rs: RUNS", vec!["run_job"]),
        ("prune.rs: EVALUATIONS", vec!["evaluation_age (at_ms<?)"]),
        ("prune.rs: EVENTS", vec!["inbox_settled (settled_at_ms<?)"]),
        ("prune.rs: EVENTS_PARKED", vec!["inbox_parked (settled_at_ms<?)"]),
        ("prune.rs: EFFECTS", vec!["outbox_sent (settled_at_ms<?)"]),
        ("prune.rs: EFFECTS_PARKED", vec!["outbox_parked (settled_at_ms<?)"]),
    ];
    let statements = statements();
    let mut offences = Vec::new();
    for (name, indexes) in ticks {
        let (_, sql) = statements.iter().find(|(found, _)| found == name).unwrap_or_else(|| panic!("{name} is gone"));
        let plan = plan(&db, sql).unwrap();
        if !plan.iter().any(|step| indexes.iter().any(|index| step.contains(index))) {
            offences.push(format!("{name}: {plan:?}"));
        }
    }
    assert!(offences.is_empty(), "{offences:#?}");
}

#[test]
fn a_claim_looks_at_the_first_of_each_line_and_sorts_no_queue() {
    // QUE-1: what a claim costs does not grow with the queue.
    let mut db = Connection::open_in_memory().unwrap();
    schema::migrate(&mut db).unwrap();
    let statements = statements();
    let (_, sql) = statements.iter().find(|(name, _)| name == "claim.rs: CLAIM").unwrap();
    let plan = plan(&db, sql).unwrap();
    let (last, others) = plan.split_last().unwrap();
    assert!(last.contains("TEMP B-TREE"), "one of each project is sorted: {plan:#?}");
    assert!(!others.iter().any(|step| step.contains("TEMP B-TREE")), "{plan:#?}");
    assert!(others.iter().any(|step| step.contains("job_queued (lane=? AND project=?)")), "{plan:#?}");
}
