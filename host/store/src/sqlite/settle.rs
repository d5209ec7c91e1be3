//! What did handling an event come to? Its row and everything that it does, in one transaction (I3).

use super::row::{Fail, change, hit};
use super::{decisions, tasks};
use crate::model::{Action, Settlement};
use portcullis_core::ids::InboxId;
use portcullis_core::task::Created;
use portcullis_core::time::UnixMillis;
use rusqlite::{Connection, named_params};

// Only a new row: another handler, or an operator, may have been faster.
const SETTLE: &str = "
    UPDATE inbox SET state = :state, attempts = attempts + 1, reason = :reason, settled_at_ms = :now_ms
     WHERE id = :id AND state = 'new'";

const RETRY: &str = "
    UPDATE inbox SET attempts = attempts + 1, reason = :reason, not_before_ms = :not_before_ms
     WHERE id = :id AND state = 'new'";

pub(super) fn settle(db: &Connection, id: InboxId, settlement: &Settlement, now: UnixMillis) -> Result<bool, Fail> {
    let end = |state: &str, reason: Option<&str>| {
        let params = named_params! { ":id": id.0, ":state": state, ":reason": reason, ":now_ms": now.0 };
        change(db, SETTLE, params).map(hit)
    };
    match settlement {
        Settlement::Processed(actions) => {
            let settled = end("processed", None)?;
            if settled {
                for action in actions {
                    act(db, id, action, now)?;
                }
            }
            Ok(settled)
        }
        Settlement::Ignored { reason } => end("ignored", Some(reason)),
        Settlement::Parked { reason } => end("parked", Some(reason)),
        Settlement::Retry { reason, not_before } => {
            let params = named_params! { ":id": id.0, ":reason": reason, ":not_before_ms": not_before.0 };
            change(db, RETRY, params).map(hit)
        }
    }
}

fn act(db: &Connection, event: InboxId, action: &Action, now: UnixMillis) -> Result<(), Fail> {
    match action {
        Action::Create(task) => match tasks::create(db, task, &format!("event {event}"), now)? {
            Created::New(_) => Ok(()), // It is due from birth.
            Created::Exists(task) => tasks::ring(db, task, now),
        },
        Action::Decide { task, decision } => decisions::decide(db, *task, decision, now),
        Action::Ring { task } => tasks::ring(db, *task, now),
    }
}
