//! What has a person decided on a task? (STG-5)

use super::audit::{self, Entry};
use super::row::{Columns, Fail, change, hit, missing, one, to_json};
use super::tasks;
use portcullis_core::ids::{StageName, TaskId};
use portcullis_core::task::Decision;
use portcullis_core::time::UnixMillis;
use rusqlite::{Connection, named_params};

const DECIDE: &str = "
    INSERT INTO decision (task, visit, stage, approval, at_ms)
    SELECT id, visit, :stage, :approval, :at_ms FROM task WHERE id = :task";

pub(super) fn decide(db: &Connection, task: TaskId, decision: &Decision, now: UnixMillis) -> Result<(), Fail> {
    let params = named_params! {
        ":task": task.0, ":stage": decision.stage.as_str(), ":approval": to_json(&decision.approval)?,
        ":at_ms": decision.at.0,
    };
    if !hit(change(db, DECIDE, params)?) {
        return Err(missing("task", task));
    }
    let approval = &decision.approval;
    audit::write(
        db,
        &Entry {
            actor: &approval.by,
            what: if approval.approved { "approve" } else { "reject" },
            from: decision.stage.as_str(),
            to: approval.revision.as_str(),
            why: &approval.comment,
            ..Entry::of_task(task, now)
        },
    )?;
    tasks::ring(db, task, now)
}

// By when it was made, not by when we heard of it: an old decision that is redelivered late does not undo a newer one.
const NEWEST: &str = "
    SELECT d.* FROM task t JOIN decision d ON d.task = t.id AND d.visit = t.visit AND d.stage = :stage
     WHERE t.id = :task ORDER BY d.at_ms DESC, d.id DESC LIMIT 1";

pub(super) fn newest(db: &Connection, task: TaskId, stage: &StageName) -> Result<Option<Decision>, Fail> {
    one(db, NEWEST, named_params! { ":task": task.0, ":stage": stage.as_str() }, |row| {
        let columns = Columns::of("decision", row);
        Ok(Decision {
            stage: columns.id("stage", StageName::new)?,
            approval: columns.json("approval")?,
            at: columns.at("at_ms")?,
        })
    })
}
