//! Who did what, when and why? (OBS-2)

use super::row::{Columns, Fail, all, change, intact};
use crate::model::{AuditRow, Filter};
use portcullis_core::ids::{ProjectName, TaskId};
use portcullis_core::time::UnixMillis;
use rusqlite::{Connection, Row, named_params};

/// A row to be written.
pub(super) struct Entry<'a> {
    pub(super) task: Option<TaskId>,
    /// The task's, where it is about one.
    pub(super) project: Option<&'a str>,
    pub(super) actor: &'a str,
    pub(super) what: &'a str,
    pub(super) from: &'a str,
    pub(super) to: &'a str,
    pub(super) why: &'a str,
    pub(super) at: UnixMillis,
}

impl Entry<'_> {
    /// Says nothing yet.
    pub(super) fn of_task(task: TaskId, at: UnixMillis) -> Self {
        Self { task: Some(task), project: None, actor: "", what: "", from: "", to: "", why: "", at }
    }
}

const WRITE: &str = "
    INSERT INTO audit (at_ms, task, project, actor, what, from_state, to_state, why)
    VALUES (:at_ms, :task, coalesce((SELECT project FROM task WHERE id = :task), :project), :actor, :what, :from, :to,
            :why)";

pub(super) fn write(db: &Connection, entry: &Entry<'_>) -> Result<(), Fail> {
    let params = named_params! {
        ":at_ms": entry.at.0, ":task": entry.task.map(|id| id.0), ":project": entry.project, ":actor": entry.actor, ":what": entry.what,
        ":from": entry.from, ":to": entry.to, ":why": entry.why,
    };
    change(db, WRITE, params)?;
    Ok(())
}

pub(super) fn add(db: &Connection, row: &AuditRow) -> Result<(), Fail> {
    let AuditRow { id: _, at, task, actor, what, from, to, why } = row;
    write(db, &Entry { task: *task, project: None, actor, what, from, to, why, at: *at })
}

// Each has an index of its own; one statement with optional conditions would use none.
const LIST: &str = "SELECT * FROM audit ORDER BY id DESC LIMIT :limit";
const LIST_OF_TASK: &str = "
    SELECT * FROM audit WHERE task = :task AND (:project IS NULL OR project = :project) ORDER BY id DESC LIMIT :limit";
const LIST_OF_PROJECT: &str = "SELECT * FROM audit WHERE project = :project ORDER BY id DESC LIMIT :limit";

pub(super) fn list(db: &Connection, filter: &Filter) -> Result<Vec<AuditRow>, Fail> {
    let (project, limit) = (filter.project.as_ref().map(ProjectName::as_str), filter.rows());
    match (filter.task, project) {
        (Some(task), _) => {
            let params = named_params! { ":task": task.0, ":project": project, ":limit": limit };
            all(db, LIST_OF_TASK, params, audit_row)
        }
        (None, Some(_)) => {
            intact(db, LIST_OF_PROJECT, named_params! { ":project": project, ":limit": limit }, audit_row)
        }
        (None, None) => intact(db, LIST, named_params! { ":limit": limit }, audit_row),
    }
}

fn audit_row(row: &Row<'_>) -> Result<AuditRow, Fail> {
    let columns = Columns::of("audit", row);
    Ok(AuditRow {
        id: columns.get("id")?,
        at: columns.at("at_ms")?,
        task: columns.get::<Option<i64>>("task")?.map(TaskId),
        actor: columns.get("actor")?,
        what: columns.get("what")?,
        from: columns.get("from_state")?,
        to: columns.get("to_state")?,
        why: columns.get("why")?,
    })
}
