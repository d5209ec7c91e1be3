//! Who holds what? Leases: granted, renewed, given back, reclaimed (LSE-1, LSE-2).
//!
//! The number is the guard, not the clock: a lease whose deadline has passed stays its holder's until somebody else
//! is granted it, and from then on the old number means nothing.

use super::audit::{self, Entry};
use super::row::{Columns, Fail, change, intact, missing, one, signed};
use super::tasks;
use portcullis_core::lease::{Acquire, Holder, Lease, LeaseName, LeaseRow};
use portcullis_core::time::UnixMillis;
use rusqlite::{Connection, Row, named_params};
use std::time::Duration;

const GRANT: &str = "
    INSERT INTO lease (name, number, boot, node, pid, start_ticks, what, since_ms, deadline_ms)
    VALUES (:name, 1, :boot, :node, :pid, :start_ticks, :what, :now_ms, :deadline_ms)
    ON CONFLICT (name) DO UPDATE
       SET number = number + 1, boot = :boot, node = :node, pid = :pid, start_ticks = :start_ticks, what = :what,
           since_ms = :now_ms, deadline_ms = :deadline_ms
     WHERE boot IS NULL OR lease.deadline_ms <= :now_ms
    RETURNING number";

const HELD: &str = "SELECT * FROM lease WHERE name = :name AND boot IS NOT NULL";

pub(super) fn acquire(
    db: &Connection,
    name: &LeaseName,
    holder: &Holder,
    now: UnixMillis,
    for_: Duration,
) -> Result<Acquire, Fail> {
    let deadline = now.plus(for_);
    let params = named_params! {
        ":name": name.as_str(), ":boot": holder.boot, ":node": holder.node, ":pid": holder.pid,
        ":start_ticks": signed(holder.start_ticks), ":what": holder.what, ":now_ms": now.0,
        ":deadline_ms": deadline.0,
    };
    if let Some(number) = one(db, GRANT, params, |row| Ok(row.get(0)?))? {
        return Ok(Acquire::Won(Lease::granted(name.clone(), number, deadline)));
    }
    let held = one(db, HELD, named_params! { ":name": name.as_str() }, lease_row)?;
    held.map(|row| Acquire::Held { by: row.holder, until: row.deadline }).ok_or_else(|| missing("lease", name))
}

// Never shortens it.
const RENEW: &str = "
    UPDATE lease SET deadline_ms = max(deadline_ms, :deadline_ms)
     WHERE name = :name AND number = :number AND boot IS NOT NULL
 RETURNING deadline_ms";

/// The new deadline; none: it is no longer the caller's.
pub(super) fn renew(
    db: &Connection,
    name: &LeaseName,
    number: i64,
    deadline: UnixMillis,
) -> Result<Option<UnixMillis>, Fail> {
    let params = named_params! { ":name": name.as_str(), ":number": number, ":deadline_ms": deadline.0 };
    one(db, RENEW, params, |row| Ok(UnixMillis(row.get(0)?)))
}

const RELEASE: &str = "UPDATE lease SET boot = NULL WHERE name = :name AND number = :number AND boot IS NOT NULL";

/// Gives it back, and lets whoever waits for it know.
pub(super) fn release(db: &Connection, name: &LeaseName, number: i64, now: UnixMillis) -> Result<(), Fail> {
    if change(db, RELEASE, named_params! { ":name": name.as_str(), ":number": number })? == 1 {
        tasks::wake_for_lease(db, name, now)?;
    }
    Ok(())
}

const IS_TAKEN: &str = "SELECT 1 FROM lease WHERE name = :name AND boot IS NOT NULL";

/// Whether anybody holds it.
pub(super) fn is_taken(db: &Connection, name: &str) -> Result<bool, Fail> {
    Ok(one(db, IS_TAKEN, named_params! { ":name": name }, |_| Ok(()))?.is_some())
}

const EXPIRED: &str = "
    SELECT * FROM lease INDEXED BY lease_held
     WHERE boot IS NOT NULL AND (boot <> :boot OR deadline_ms <= :now_ms) ORDER BY name";

// The same condition: one that cannot be read is freed, too.
const RECLAIM: &str = "
    UPDATE lease INDEXED BY lease_held SET boot = NULL
     WHERE boot IS NOT NULL AND (boot <> :boot OR deadline_ms <= :now_ms)";

pub(super) fn reclaim(db: &Connection, boot: &str, now: UnixMillis) -> Result<Vec<LeaseRow>, Fail> {
    let params = named_params! { ":boot": boot, ":now_ms": now.0 };
    let freed = intact(db, EXPIRED, params, lease_row)?;
    change(db, RECLAIM, params)?;
    for row in &freed {
        let LeaseRow { name, number, holder, .. } = row;
        let (who, gone) = (&holder.what, holder.boot != boot);
        let reason = if gone { "the daemon that held it is gone" } else { "its deadline has passed" };
        let why = format!("`{name}`, number {number}, held by {who}: {reason}");
        let (actor, what, from, to) = ("portcullis", "reclaim-lease", "held", "free");
        audit::write(db, &Entry { task: None, project: None, actor, what, from, to, why: &why, at: now })?;
        tasks::wake_for_lease(db, name, now)?;
    }
    Ok(freed)
}

const IS_HELD: &str = "SELECT 1 FROM lease WHERE name = :name AND number = :number AND boot IS NOT NULL";

/// Whether the lease is still held under this number.
pub(super) fn is_held(db: &Connection, name: &LeaseName, number: i64) -> Result<bool, Fail> {
    let params = named_params! { ":name": name.as_str(), ":number": number };
    Ok(one(db, IS_HELD, params, |_| Ok(()))?.is_some())
}

// INDEXED BY: for the order's sake SQLite would rather read the whole table, free ones and all.
const ALL_HELD: &str = "SELECT * FROM lease INDEXED BY lease_held WHERE boot IS NOT NULL ORDER BY name";

pub(super) fn held(db: &Connection) -> Result<Vec<LeaseRow>, Fail> {
    intact(db, ALL_HELD, &[], lease_row)
}

fn lease_row(row: &Row<'_>) -> Result<LeaseRow, Fail> {
    let columns = Columns::of("lease", row);
    Ok(LeaseRow {
        name: columns.id("name", LeaseName::stored)?,
        number: columns.get("number")?,
        holder: Holder {
            boot: columns.get("boot")?,
            node: columns.get("node")?,
            pid: columns.count("pid")?,
            start_ticks: columns.count("start_ticks")?,
            what: columns.get("what")?,
        },
        since: columns.at("since_ms")?,
        deadline: columns.at("deadline_ms")?,
    })
}
