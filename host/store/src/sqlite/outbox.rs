//! What has to be told outside, and was it? (I2)

use super::row::{Columns, Fail, all, change, hit, intact, to_json};
use crate::model::{Delivery, StoreError};
use portcullis_core::effect::{NewEffect, OutboxRow};
use portcullis_core::ids::{OutboxId, ProjectName, TaskId};
use portcullis_core::time::UnixMillis;
use rusqlite::{Connection, Row, named_params};

// The first effect of a key stays, whatever a second one says.
const ADD: &str = "
    INSERT INTO outbox (project, task, key, target, effect, state, not_before_ms, created_at_ms)
    SELECT project, id, :key, :target, :effect, 'waiting', :now_ms, :now_ms FROM task WHERE id = :task
    ON CONFLICT (project, key) DO NOTHING";

pub(super) fn add(db: &Connection, task: TaskId, effects: &[NewEffect], now: UnixMillis) -> Result<(), Fail> {
    for new in effects {
        add_one(db, task, new, now)?;
    }
    Ok(())
}

/// Whether it is new.
pub(super) fn add_one(db: &Connection, task: TaskId, new: &NewEffect, now: UnixMillis) -> Result<bool, Fail> {
    let params = named_params! {
        ":task": task.0, ":key": new.key, ":target": new.effect.target(), ":effect": to_json(&new.effect)?,
        ":now_ms": now.0,
    };
    change(db, ADD, params).map(hit)
}

// Only the head of each line may go, so that effects arrive in the order in which they were written.
const DUE: &str = "
    SELECT o.*
      FROM (SELECT min(id) AS id FROM outbox WHERE state = 'waiting' GROUP BY project, target) first
      JOIN outbox o ON o.id = first.id
     WHERE o.not_before_ms <= :now_ms
     ORDER BY o.id LIMIT :limit";

/// Effects to be sent, and those that cannot be read, with the reason: [`park`] them, or they block their line.
pub(super) type Due = (Vec<OutboxRow>, Vec<(OutboxId, String)>);

pub(super) fn due(db: &Connection, now: UnixMillis, limit: u32) -> Result<Due, Fail> {
    let mut damaged = Vec::new();
    let rows = all(db, DUE, named_params! { ":now_ms": now.0, ":limit": limit }, |row| match outbox_row(row) {
        Ok(effect) => Ok(Some(effect)),
        Err(Fail::Store(StoreError::Damaged { reason, .. })) => {
            damaged.push((OutboxId(row.get("id")?), format!("the stored row is damaged: {reason}")));
            Ok(None)
        }
        Err(other) => Err(other),
    })?;
    Ok((rows.into_iter().flatten().collect(), damaged))
}

const SETTLE: &str = "
    UPDATE outbox SET state = :state, attempts = attempts + 1, reason = :reason, settled_at_ms = :now_ms
     WHERE id = :id AND state = 'waiting'";

/// Puts rows aside for an operator to see.
pub(super) fn park(db: &Connection, rows: &[(OutboxId, String)], now: UnixMillis) -> Result<(), Fail> {
    for (id, reason) in rows {
        tracing::error!(outbox.id = id.0, reason, "an effect that cannot be read was parked");
        change(db, SETTLE, named_params! { ":id": id.0, ":state": "parked", ":reason": reason, ":now_ms": now.0 })?;
    }
    Ok(())
}

const RETRY: &str = "
    UPDATE outbox SET attempts = attempts + 1, reason = :reason, not_before_ms = :not_before_ms
     WHERE id = :id AND state = 'waiting'";

pub(super) fn delivered(db: &Connection, id: OutboxId, delivery: &Delivery, now: UnixMillis) -> Result<bool, Fail> {
    let settle = |state: &str, reason: Option<&str>| {
        let params = named_params! { ":id": id.0, ":state": state, ":reason": reason, ":now_ms": now.0 };
        change(db, SETTLE, params).map(hit)
    };
    match delivery {
        Delivery::Sent => settle("sent", None),
        Delivery::Parked { reason } => settle("parked", Some(reason)),
        Delivery::Retry { reason, not_before } => {
            let params = named_params! { ":id": id.0, ":reason": reason, ":not_before_ms": not_before.0 };
            change(db, RETRY, params).map(hit)
        }
    }
}

// The condition is the index's, word for word.
const OPEN: &str = "
    SELECT * FROM outbox WHERE state IN ('waiting', 'parked') ORDER BY id LIMIT :limit";

pub(super) fn open(db: &Connection, limit: u32) -> Result<Vec<OutboxRow>, Fail> {
    intact(db, OPEN, named_params! { ":limit": limit }, outbox_row)
}

fn outbox_row(row: &Row<'_>) -> Result<OutboxRow, Fail> {
    let columns = Columns::of("outbox", row);
    Ok(OutboxRow {
        id: OutboxId(columns.get("id")?),
        project: columns.id("project", ProjectName::new)?,
        task: TaskId(columns.get("task")?),
        key: columns.get("key")?,
        effect: columns.json("effect")?,
        state: columns.word("state")?,
        attempts: columns.count("attempts")?,
        not_before: columns.at("not_before_ms")?,
        reason: columns.get("reason")?,
        created_at: columns.at("created_at_ms")?,
    })
}
