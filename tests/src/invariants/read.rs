//! The one place where tests look into a daemon's database, past the interfaces that people have.

use super::history::{Card, Effect, Entry, Evaluation, Event, History, Job, Lease, PullRequest, Run, Task};
use rusqlite::{Connection, OpenFlags, Row};
use std::path::Path;

/// Reads everything. The daemon may still run; what is read is one snapshot.
pub fn history(database: &Path) -> History {
    all_of(Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a database"))
}

/// Reads everything of a copy that nobody else has open, and leaves its files as they are.
pub fn history_of_a_copy(database: &Path) -> History {
    all_of(Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a database"))
}

/// Somebody who goes on reading what there is now: nothing that is written from here on leaves the log.
pub fn reading_on(database: &Path) -> Connection {
    let db = Connection::open(database).expect("a database");
    db.execute_batch("BEGIN; SELECT count(*) FROM task;").expect("a table can be read");
    db
}

fn all_of(mut db: Connection) -> History {
    let db = db.transaction().expect("a transaction");
    let held = |text: Option<String>| {
        let held = serde_json::from_str::<serde_json::Value>(&text?).ok()?;
        Some(held["reason"].as_str().unwrap_or_default().to_owned())
    };
    History {
        tasks: all(
            &db,
            "SELECT id, project, work_item, stage, visit, version, branch, standing, held, tracker_id, merge_commit,
                    rest ->> '$.job', next_look_at_ms IS NOT NULL
               FROM task ORDER BY id",
            |row| {
                Ok(Task {
                    id: row.get(0)?,
                    project: row.get(1)?,
                    work_item: row.get(2)?,
                    stage: row.get(3)?,
                    visit: row.get(4)?,
                    version: row.get(5)?,
                    branch: row.get(6)?,
                    standing: row.get(7)?,
                    held: held(row.get(8)?),
                    tracker_id: row.get(9)?,
                    merge_commit: row.get(10)?,
                    waits_for: row.get(11)?,
                    is_due: row.get(12)?,
                })
            },
        ),
        audit: all(
            &db,
            "SELECT task, actor, what, from_state, to_state FROM audit WHERE task IS NOT NULL ORDER BY id",
            |row| {
                Ok(Entry {
                    task: row.get(0)?,
                    actor: row.get(1)?,
                    what: row.get(2)?,
                    from: row.get(3)?,
                    to: row.get(4)?,
                })
            },
        ),
        jobs: all(&db, "SELECT id, task, lane, visit, state FROM job ORDER BY id", |row| {
            Ok(Job { id: row.get(0)?, task: row.get(1)?, lane: row.get(2)?, visit: row.get(3)?, state: row.get(4)? })
        }),
        runs: all(&db, "SELECT id, job, attempt FROM run ORDER BY id", |row| {
            Ok(Run { id: row.get(0)?, job: row.get(1)?, attempt: row.get(2)? })
        }),
        events: all(&db, "SELECT id, state, reason, delivery FROM inbox ORDER BY id", |row| {
            Ok(Event { id: row.get(0)?, state: row.get(1)?, reason: row.get(2)?, delivery: row.get(3)? })
        }),
        effects: all(&db, "SELECT project, task, key, state, reason, effect FROM outbox ORDER BY id", |row| {
            let effect: String = row.get(5)?;
            Ok(Effect {
                project: row.get(0)?,
                task: row.get(1)?,
                key: row.get(2)?,
                state: row.get(3)?,
                reason: row.get(4)?,
                effect: serde_json::from_str(&effect).unwrap_or_default(),
            })
        }),
        leases: all(&db, "SELECT name, boot FROM lease ORDER BY name", |row| {
            Ok(Lease { name: row.get(0)?, holder: row.get(1)? })
        }),
        evaluations: all(
            &db,
            "SELECT task, visit, gate, call, mode, ending, subject FROM evaluation ORDER BY id",
            |row| {
                let subject: String = row.get(6)?;
                let subject: serde_json::Value = serde_json::from_str(&subject).unwrap_or_default();
                let revision = |name: &str| subject[name].as_str().unwrap_or_default().to_owned();
                Ok(Evaluation {
                    task: row.get(0)?,
                    visit: row.get(1)?,
                    gate: row.get(2)?,
                    call: row.get(3)?,
                    mode: row.get(4)?,
                    ending: row.get(5)?,
                    subject: (revision("head"), revision("target_head")),
                })
            },
        ),
        pull_requests: all(&db, "SELECT project, branch FROM pull_request ORDER BY number", |row| {
            Ok(PullRequest { project: row.get(0)?, branch: row.get(1)? })
        }),
        board: all(&db, "SELECT project, work_item, state FROM board_item ORDER BY project, work_item", |row| {
            Ok(Card { project: row.get(0)?, item: row.get(1)?, state: row.get(2)? })
        }),
        counters: all(&db, "SELECT name, n FROM counter", |row| Ok((row.get(0)?, row.get(1)?))).into_iter().collect(),
    }
}

fn all<T>(db: &Connection, sql: &str, row: impl Fn(&Row<'_>) -> rusqlite::Result<T>) -> Vec<T> {
    let mut statement = db.prepare(sql).expect("the schema is as the checker knows it");
    let rows = statement.query_map([], |r| row(r)).expect("a table can be read");
    rows.collect::<Result<_, _>>().expect("a row can be read")
}
