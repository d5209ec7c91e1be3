//! How often has something happened since the database was made? And does the disk take anything at all?

use super::row::{Fail, change, missing};
use rusqlite::{Connection, named_params};
use std::collections::BTreeMap;

const ADD: &str = "
    INSERT INTO counter (name, n) VALUES (:name, :n) ON CONFLICT (name) DO UPDATE SET n = n + excluded.n";

pub(super) fn add(db: &Connection, counts: &[(&'static str, i64)]) -> Result<(), Fail> {
    for (name, n) in counts {
        change(db, ADD, named_params! { ":name": name, ":n": n })?;
    }
    Ok(())
}

const ALL: &str = "SELECT name, n FROM counter ORDER BY name";

pub(super) fn all(db: &Connection) -> Result<BTreeMap<String, i64>, Fail> {
    let counters = super::row::all(db, ALL, &[], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(counters.into_iter().collect())
}

// It has to change something, or nothing would be written. 30 bits of it are enough.
const PROBE: &str = "UPDATE probe SET n = (n + 1) & 1073741823 WHERE id = 1";

pub(super) fn probe(db: &Connection) -> Result<(), Fail> {
    if change(db, PROBE, &[])? == 1 { Ok(()) } else { Err(missing("probe", 1)) }
}
