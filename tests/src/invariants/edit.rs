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

/// Changes one row.
fn change(database: &Path, sql: &str, params: impl Params) {
    let db = Connection::open_with_flags(database, OpenFlags::SQLITE_OPEN_READ_WRITE).expect("a database");
    db.busy_timeout(crate::daemon::PATIENCE).expect("a timeout");
    assert_eq!(db.execute(sql, params).expect("the change can be made"), 1, "one row is meant");
}
