//! Changing a database as no interface can: what a rival node would write, or what a pid that was given to somebody else
//! looks like.

use rusqlite::{Connection, OpenFlags, Params};
use std::path::Path;

/// A rival node takes a lease until further notice; its pid is this process's, so that it lives.
pub fn take_lease(database: &Path, name: &str, boot: &str) {
    let sql = "UPDATE lease SET number = number + 1, boot = ?1, pid = ?2, deadline_ms = ?3 WHERE name = ?4";
    change(database, sql, (boot, std::process::id(), i64::MAX / 2, name));
}

/// The deadline of a lease is past.
pub fn expire_lease(database: &Path, name: &str) {
    change(database, "UPDATE lease SET deadline_ms = 0 WHERE name = ?1", [name]);
}

/// The only run there is was that of this process.
pub fn put_process(database: &Path, pid: u32, start_ticks: u64, machine_boot: &str) {
    let start_ticks = i64::try_from(start_ticks).expect("a start time fits");
    let sql = "UPDATE run SET pid = ?1, start_ticks = ?2, machine_boot = ?3";
    change(database, sql, (pid, start_ticks, machine_boot));
}

/// What anybody did about the daemon when there were no daemons yet, so that it is to be forgotten.
const OLD_ENTRY: &str = "an entry of long ago";

/// Adds an entry to the audit trail that is older than any is kept.
pub fn add_old_entry(database: &Path) {
    let sql =
        "INSERT INTO audit (at_ms, actor, what, from_state, to_state, why) VALUES (0, 'ann', 'pause', '', '', ?1)";
    change(database, sql, [OLD_ENTRY]);
}

/// How many of those there are still.
pub fn old_entries(database: &Path) -> i64 {
    let db = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_ONLY).expect("a database");
    let sql = "SELECT count(*) FROM audit WHERE why = ?1";
    db.query_row(sql, [OLD_ENTRY], |row| row.get(0)).expect("a table can be read")
}

/// Every task wants to be looked at.
pub const LOOK_AT_ALL: &str = "UPDATE task SET next_look_at_ms = 0";

/// Ways to damage the rows of one task, each with a name; `:id` stands for its number.
pub fn damages() -> [(&'static str, &'static str); 7] {
    [
        ("OVERLAY", "UPDATE task SET overlay = '{' WHERE id = :id"),
        ("FEEDBACK", "UPDATE task SET feedback = 'not json' WHERE id = :id"),
        ("MERGING", "UPDATE task SET merging = '[]' WHERE id = :id"),
        ("HEAD", "UPDATE task SET head = 'no revision' WHERE id = :id"),
        ("ANSWER", "UPDATE evaluation SET outcome = '{}' WHERE task = :id"),
        ("SUBJECT", "UPDATE evaluation SET subject = '' WHERE task = :id"),
        ("JOB", "PRAGMA ignore_check_constraints = 1; UPDATE job SET state = 'lost in thought' WHERE task = :id"),
    ]
}

/// A claim whose daemon ended before the launch; and nothing is paused any more.
pub const CLAIMED_AND_LOST: &str =
    "UPDATE job SET state = 'running', attempt = 1, lease = 1, boot = 'another'; DELETE FROM pause;";

/// No process has such a number.
pub fn damage_run(task: i64) -> String {
    format!("UPDATE run SET pid = -1 WHERE job IN (SELECT id FROM job WHERE task = {task})")
}

/// The first event and the first effect are due again, and cannot be read.
pub const DAMAGED_EVENT: &str = "UPDATE inbox SET state = 'new', not_before_ms = 0, attempts = -1 WHERE id = 1";
/// See [`DAMAGED_EVENT`].
pub const DAMAGED_EFFECT: &str =
    "UPDATE outbox SET state = 'waiting', not_before_ms = 0, effect = 'no JSON' WHERE id = 1";

/// Changes one row.
fn change(database: &Path, sql: &str, params: impl Params) {
    let db = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a database");
    db.busy_timeout(crate::daemon::PATIENCE).expect("a timeout");
    assert_eq!(db.execute(sql, params).expect("the change can be made"), 1, "one row is meant");
}
