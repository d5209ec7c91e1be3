//! What becomes of a task or a job whose row cannot be read? It is put aside where a person sees it, so that the others
//! go on (REA-6).
//!
//! Nothing here reads the columns that may be damaged.

use super::audit::{self, Entry};
use super::row::{Fail, change, one, to_json};
use super::{outbox, tasks};
use portcullis_core::effect::{Effect, NewEffect};
use portcullis_core::ids::{JobId, TaskId};
use portcullis_core::step::Rest;
use portcullis_core::task::Held;
use portcullis_core::time::UnixMillis;
use rusqlite::{Connection, named_params};

const HOLDER: &str = "portcullis";

// A new version: whoever is deciding about it now, on what he could still read, loses.
const HOLD: &str = "
    UPDATE task
       SET version = version + 1, held = :held, rest = :rest, standing = 'held', next_look_at_ms = NULL
     WHERE id = :task AND standing <> 'held'
 RETURNING version, project, work_item";

// It may have been rung since. A look could do nothing, and would be due again for ever.
const SILENCE: &str = "UPDATE task SET next_look_at_ms = NULL WHERE id = :task AND standing = 'held'";

pub(super) fn hold_task(db: &Connection, task: TaskId, reason: &str, now: UnixMillis) -> Result<bool, Fail> {
    let reason = format!("its row in the database is damaged: {reason}");
    let held = Held { reason: reason.clone(), since: now, by: HOLDER.to_owned() };
    let rest = Rest::Held { reason: reason.clone(), by: HOLDER.to_owned(), since: now };
    let params = named_params! { ":task": task.0, ":held": to_json(&held)?, ":rest": to_json(&rest)? };
    let hit = one(db, HOLD, params, |row| {
        let name = row.get::<_, String>(1).and_then(|project| Ok((project, row.get::<_, String>(2)?)));
        Ok((row.get::<_, i64>(0)?, name.ok()))
    })?;
    let Some((version, name)) = hit else {
        change(db, SILENCE, named_params! { ":task": task.0 })?;
        return Ok(false);
    };
    tracing::error!(task.id = task.0, reason, "a task that cannot be read is held");
    let entry =
        Entry { actor: HOLDER, what: "hold", from: "damaged", to: "held", why: &reason, ..Entry::of_task(task, now) };
    audit::write(db, &entry)?;
    // A row of the outbox carries its project; one that nobody can read would only be parked.
    if let Some((project, item)) = name {
        let text = format!(
            "{project} {item} (task {task}) is held: {reason}.\nMend the row, or restore the database from a backup."
        );
        let effect = NewEffect { key: format!("task-{task}/v{version}/damaged"), effect: Effect::Notify { text } };
        outbox::add(db, task, &[effect], now)?;
    }
    Ok(true)
}

const FAIL: &str = "
    UPDATE job SET state = 'failed', boot = NULL, ended_at_ms = :now_ms, reason = :reason
     WHERE id = :id AND state = 'running'
 RETURNING task";

/// Whether it was running.
pub(super) fn fail_running(db: &Connection, id: JobId, reason: &str, now: UnixMillis) -> Result<bool, Fail> {
    let reason = format!("its row is damaged: {reason}");
    let params = named_params! { ":id": id.0, ":reason": reason, ":now_ms": now.0 };
    let Some(task) = one(db, FAIL, params, |row| Ok(TaskId(row.get(0)?)))? else { return Ok(false) };
    tracing::error!(job.id = id.0, reason, "a job that cannot be read has failed");
    let why = format!("job {id}: {reason}");
    let entry =
        Entry { actor: HOLDER, what: "end-job", from: "running", to: "failed", why: &why, ..Entry::of_task(task, now) };
    audit::write(db, &entry)?;
    tasks::ring(db, task, now)?;
    Ok(true)
}
