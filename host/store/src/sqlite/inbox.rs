//! What has come in? The inbox: an event is stored once, whatever its sender does (WEB-2, WEB-3).

use super::audit::{self, Entry};
use super::row::{Columns, Fail, Params, all, change, hit, insert, missing, one, word};
use crate::model::{NewEvent, Received, StoreError};
use portcullis_core::event::{InboxRow, InboxState};
use portcullis_core::ids::InboxId;
use portcullis_core::time::UnixMillis;
use rusqlite::{Connection, Row, named_params};

// No conflict target: the delivery's number and the meaning are both unique.
const RECEIVE: &str = "
    INSERT INTO inbox (source, delivery, meaning, event, body, state, not_before_ms, received_at_ms)
    VALUES (:source, :delivery, :meaning, :event, :body, 'new', :at_ms, :at_ms)
    ON CONFLICT DO NOTHING";

const SEEN: &str = "
    SELECT id FROM inbox WHERE source = :source AND delivery = :delivery
    UNION ALL
    SELECT id FROM inbox WHERE source = :source AND meaning = :meaning
    LIMIT 1";

pub(super) fn receive(db: &Connection, event: &NewEvent) -> Result<Received, Fail> {
    let source = event.source.as_str();
    let stored = insert(
        db,
        RECEIVE,
        named_params! {
            ":source": source, ":delivery": event.delivery, ":meaning": event.meaning, ":event": event.event,
            ":body": event.body, ":at_ms": event.at.0,
        },
    )?;
    if let Some(id) = stored {
        return Ok(Received::Stored(InboxId(id)));
    }
    let seen = named_params! { ":source": source, ":delivery": event.delivery, ":meaning": event.meaning };
    let seen: Option<i64> = one(db, SEEN, seen, |row| Ok(row.get(0)?))?;
    seen.map(|id| Received::SeenBefore(InboxId(id))).ok_or_else(|| missing("inbox", &event.delivery))
}

// By its index: in the order of ids there would be all of history to walk through.
const DUE: &str = "
    SELECT * FROM inbox INDEXED BY inbox_due
     WHERE state = 'new' AND not_before_ms <= :now_ms AND id > :after ORDER BY id LIMIT :limit";

/// Rows to be handled, and those that cannot be read, with the reason: [`park`] them, or they come again for ever.
pub(super) type Due = (Vec<InboxRow>, Vec<(InboxId, String)>);

pub(super) fn due(db: &Connection, now: UnixMillis, after: InboxId, limit: u32) -> Result<Due, Fail> {
    let mut damaged = Vec::new();
    let params = named_params! { ":now_ms": now.0, ":after": after.0, ":limit": limit };
    let rows = all(db, DUE, params, |row| match inbox_row(row) {
        Ok(event) => Ok(Some(event)),
        Err(Fail::Store(StoreError::Damaged { reason, .. })) => {
            damaged.push((InboxId(row.get("id")?), format!("the stored row is damaged: {reason}")));
            Ok(None)
        }
        Err(other) => Err(other),
    })?;
    Ok((rows.into_iter().flatten().collect(), damaged))
}

const PARK: &str = "
    UPDATE inbox SET state = 'parked', reason = :reason, settled_at_ms = :now_ms WHERE id = :id AND state = 'new'";

/// Puts rows aside for an operator to see.
pub(super) fn park(db: &Connection, rows: &[(InboxId, String)], now: UnixMillis) -> Result<(), Fail> {
    for (id, reason) in rows {
        tracing::error!(inbox.id = id.0, reason, "an event that cannot be read was parked");
        change(db, PARK, named_params! { ":id": id.0, ":reason": reason, ":now_ms": now.0 })?;
    }
    Ok(())
}

const LIST: &str = "SELECT * FROM inbox ORDER BY id DESC LIMIT :limit";
const LIST_OF_STATE: &str = "SELECT * FROM inbox WHERE state = :state ORDER BY id DESC LIMIT :limit";

pub(super) fn events(db: &Connection, state: Option<InboxState>, limit: u32) -> Result<Vec<InboxRow>, Fail> {
    match state {
        None => super::row::intact(db, LIST, named_params! { ":limit": limit }, inbox_row),
        Some(state) => {
            let params: Params<'_> = named_params! { ":state": word(&state)?, ":limit": limit };
            super::row::intact(db, LIST_OF_STATE, params, inbox_row)
        }
    }
}

const ONE: &str = "SELECT * FROM inbox WHERE id = :id";

pub(super) fn event(db: &Connection, id: InboxId) -> Result<Option<InboxRow>, Fail> {
    one(db, ONE, named_params! { ":id": id.0 }, inbox_row)
}

const REPLAY: &str = "
    UPDATE inbox SET state = 'new', attempts = 0, not_before_ms = :now_ms, reason = NULL, settled_at_ms = NULL
     WHERE id = :id AND state <> 'new'";

const STATE: &str = "SELECT state FROM inbox WHERE id = :id";

pub(super) fn replay(db: &Connection, id: InboxId, (actor, why): (&str, &str), now: UnixMillis) -> Result<bool, Fail> {
    let from: Option<String> = one(db, STATE, named_params! { ":id": id.0 }, |row| Ok(row.get(0)?))?;
    let is_settled = hit(change(db, REPLAY, named_params! { ":id": id.0, ":now_ms": now.0 })?);
    if is_settled {
        let (from, event) = (from.unwrap_or_default(), format!("event {id}"));
        let why = if why.is_empty() { event } else { format!("{event}: {why}") };
        let (what, from) = ("replay-event", from.as_str());
        audit::write(db, &Entry { task: None, project: None, actor, what, from, to: "new", why: &why, at: now })?;
    }
    Ok(is_settled)
}

pub(super) fn inbox_row(row: &Row<'_>) -> Result<InboxRow, Fail> {
    let columns = Columns::of("inbox", row);
    Ok(InboxRow {
        id: InboxId(columns.get("id")?),
        source: columns.word("source")?,
        delivery: columns.get("delivery")?,
        event: columns.get("event")?,
        body: columns.get("body")?,
        state: columns.word("state")?,
        attempts: columns.count("attempts")?,
        not_before: columns.at("not_before_ms")?,
        reason: columns.get("reason")?,
        received_at: columns.at("received_at_ms")?,
    })
}
