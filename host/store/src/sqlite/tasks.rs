//! Which tasks are there? Making one (QUE-2), finding it, and asking for a look at it.
//!
//! Deliberately absent: moving one. That is `commit`.

use super::audit::{self, Entry};
use super::jobs;
use super::row::{Columns, Fail, all, change, insert, intact, missing, one, to_json};
use crate::model::Filter;
use portcullis_core::ids::{ProjectName, Revision, StageName, TaskId, WorkItem};
use portcullis_core::lease::LeaseName;
use portcullis_core::task::{Created, NewTask, Task};
use portcullis_core::time::UnixMillis;
use rusqlite::{Connection, Row, named_params};

// No conflict target: the work item's name and the tracker's id are both unique.
const CREATE: &str = "
    INSERT INTO task (project, work_item, tracker_id, title, description, stage, visit, version, branch, overlay,
                      stage_since_ms, fresh_from_ms, created_at_ms, next_look_at_ms, standing)
    VALUES (:project, :work_item, :tracker_id, :title, :description, :stage, 1, 1, :branch, :overlay,
            :now_ms, :now_ms, :now_ms, :now_ms, 'active')
    ON CONFLICT DO NOTHING";

const EXISTING: &str = "
    SELECT id FROM task WHERE project = :project AND work_item = :work_item
    UNION ALL
    SELECT id FROM task WHERE project = :project AND tracker_id = :tracker_id
    LIMIT 1";

pub(super) fn create(db: &Connection, new: &NewTask, actor: &str, now: UnixMillis) -> Result<Created, Fail> {
    let made = insert(
        db,
        CREATE,
        named_params! {
            ":project": new.project.as_str(), ":work_item": new.work_item.as_str(), ":tracker_id": new.tracker_id,
            ":title": new.title, ":description": new.description, ":stage": new.stage.as_str(),
            ":branch": new.branch, ":overlay": to_json(&new.overlay)?, ":now_ms": now.0,
        },
    )?;
    let Some(id) = made.map(TaskId) else {
        let existing = named_params! {
            ":project": new.project.as_str(), ":work_item": new.work_item.as_str(), ":tracker_id": new.tracker_id,
        };
        let existing: Option<i64> = one(db, EXISTING, existing, |row| Ok(row.get(0)?))?;
        return existing.map(|id| Created::Exists(TaskId(id))).ok_or_else(|| missing("task", &new.work_item));
    };
    if let Some(role) = &new.role {
        jobs::enqueue_role(db, id, role, now)?;
    }
    audit::write(
        db,
        &Entry {
            actor,
            what: "create",
            from: "",
            to: new.stage.as_str(),
            why: &format!("work item {}", new.work_item),
            ..Entry::of_task(id, now)
        },
    )?;
    Ok(Created::New(id))
}

const ONE: &str = "SELECT * FROM task WHERE id = :id";

pub(super) fn task(db: &Connection, id: TaskId) -> Result<Option<Task>, Fail> {
    one(db, ONE, named_params! { ":id": id.0 }, task_row)
}

const OF_WORK_ITEM: &str = "SELECT * FROM task WHERE project = :project AND work_item = :work_item";

pub(super) fn task_of(db: &Connection, project: &ProjectName, item: &WorkItem) -> Result<Option<Task>, Fail> {
    let params = named_params! { ":project": project.as_str(), ":work_item": item.as_str() };
    one(db, OF_WORK_ITEM, params, task_row)
}

const BY_TRACKER_ID: &str = "SELECT * FROM task WHERE project = :project AND tracker_id = :tracker_id";

pub(super) fn by_tracker_id(db: &Connection, project: &ProjectName, id: &str) -> Result<Option<Task>, Fail> {
    one(db, BY_TRACKER_ID, named_params! { ":project": project.as_str(), ":tracker_id": id }, task_row)
}

const LIST: &str = "
    SELECT * FROM task WHERE :project IS NULL OR project = :project ORDER BY id DESC LIMIT :limit";

pub(super) fn list(db: &Connection, filter: &Filter) -> Result<Vec<Task>, Fail> {
    let project = filter.project.as_ref();
    if let Some(id) = filter.task {
        let found = task(db, id)?.filter(|task| project.is_none_or(|project| task.project == *project));
        return Ok(found.into_iter().collect());
    }
    let params = named_params! { ":project": project.map(ProjectName::as_str), ":limit": filter.rows() };
    intact(db, LIST, params, task_row)
}

const WITH_HEAD: &str = "SELECT id FROM task WHERE project = :project AND head = :head ORDER BY id";

pub(super) fn with_head(db: &Connection, project: &ProjectName, head: &Revision) -> Result<Vec<TaskId>, Fail> {
    all(db, WITH_HEAD, named_params! { ":project": project.as_str(), ":head": head.as_str() }, task_id)
}

const OPEN: &str = "SELECT id FROM task WHERE project = :project AND standing <> 'finished' ORDER BY id";

pub(super) fn open(db: &Connection, project: &ProjectName) -> Result<Vec<TaskId>, Fail> {
    all(db, OPEN, named_params! { ":project": project.as_str() }, task_id)
}

const OPEN_IN_STAGE: &str = "
    SELECT id FROM task WHERE project = :project AND standing <> 'finished' AND stage = :stage ORDER BY id";

pub(super) fn open_in_stage(db: &Connection, project: &ProjectName, stage: &StageName) -> Result<Vec<TaskId>, Fail> {
    all(db, OPEN_IN_STAGE, named_params! { ":project": project.as_str(), ":stage": stage.as_str() }, task_id)
}

// The expression is that of the index task_quiet, word for word.
const AT_REST: &str = "
    SELECT * FROM task
     WHERE standing = 'active' AND max(stage_since_ms, coalesce(head_since_ms, 0), fresh_from_ms) <= :before_ms
       AND NOT EXISTS (SELECT 1 FROM job j
                        WHERE j.task = task.id AND j.visit = task.visit
                          AND j.lane = 'role' AND j.state IN ('queued', 'running'))
     ORDER BY max(stage_since_ms, coalesce(head_since_ms, 0), fresh_from_ms), id LIMIT :limit";

pub(super) fn at_rest(db: &Connection, before: UnixMillis, limit: u32) -> Result<Vec<Task>, Fail> {
    intact(db, AT_REST, named_params! { ":before_ms": before.0, ":limit": limit }, task_row)
}

// A branch may have been used before: the unfinished task's it is, then the newest one's.
const WITH_BRANCH: &str = "
    SELECT id FROM task WHERE project = :project AND branch = :branch
     ORDER BY standing = 'finished', id DESC LIMIT 1";

pub(super) fn with_branch(db: &Connection, project: &ProjectName, branch: &str) -> Result<Option<TaskId>, Fail> {
    one(db, WITH_BRANCH, named_params! { ":project": project.as_str(), ":branch": branch }, task_id)
}

const DUE: &str = "
    SELECT id FROM task WHERE next_look_at_ms <= :now_ms ORDER BY next_look_at_ms, id LIMIT :limit";

pub(super) fn due(db: &Connection, now: UnixMillis, limit: u32) -> Result<Vec<TaskId>, Fail> {
    all(db, DUE, named_params! { ":now_ms": now.0, ":limit": limit }, task_id)
}

// One that is due already stays due since then: ringing it again and again must not put it behind the others.
const RING: &str = "
    UPDATE task
       SET rings = rings + 1, next_look_at_ms = min(coalesce(next_look_at_ms, :now_ms), :now_ms)
     WHERE id = :id";

/// Whoever drives the task at this moment may have read it before: its rest does not silence this ring (see `commit`).
pub(super) fn ring(db: &Connection, id: TaskId, now: UnixMillis) -> Result<(), Fail> {
    change(db, RING, named_params! { ":id": id.0, ":now_ms": now.0 })?;
    Ok(())
}

// One, not all: the others would only find it taken again. The oldest, so that nobody is passed over for ever. Only who
// rests for it: whoever is being driven may have found it taken a moment ago, and is told when he rests (see `commit`).
const WAKE_FOR_LEASE: &str = "
    UPDATE task
       SET next_look_at_ms = min(coalesce(next_look_at_ms, :now_ms), :now_ms)
     WHERE id = (SELECT min(id) FROM task
                  WHERE waits_for IS NOT NULL AND waits_for = :lease AND standing = 'active')";

/// A lease is free: the task that waits for it and comes first is due.
pub(super) fn wake_for_lease(db: &Connection, lease: &LeaseName, now: UnixMillis) -> Result<(), Fail> {
    change(db, WAKE_FOR_LEASE, named_params! { ":lease": lease.as_str(), ":now_ms": now.0 })?;
    Ok(())
}

const ACTIVE: &str = "SELECT id FROM task INDEXED BY task_open WHERE standing <> 'finished' AND standing = 'active'";
const ACTIVE_OF_PROJECT: &str = "
    SELECT id FROM task WHERE project = :project AND standing <> 'finished' AND standing = 'active'";

/// Rings every task that is neither held nor finished, of one project or of all.
pub(super) fn ring_active(db: &Connection, project: Option<&ProjectName>, now: UnixMillis) -> Result<(), Fail> {
    let tasks = match project {
        None => all(db, ACTIVE, &[], task_id)?,
        Some(project) => all(db, ACTIVE_OF_PROJECT, named_params! { ":project": project.as_str() }, task_id)?,
    };
    tasks.into_iter().try_for_each(|task| ring(db, task, now))
}

fn task_id(row: &Row<'_>) -> Result<TaskId, Fail> {
    Ok(TaskId(row.get(0)?))
}

pub(super) fn task_row(row: &Row<'_>) -> Result<Task, Fail> {
    let columns = Columns::of("task", row);
    Ok(Task {
        id: TaskId(columns.get("id")?),
        project: columns.id("project", ProjectName::new)?,
        work_item: columns.id("work_item", WorkItem::new)?,
        tracker_id: columns.get("tracker_id")?,
        title: columns.get("title")?,
        description: columns.get("description")?,
        stage: columns.id("stage", StageName::new)?,
        visit: columns.get("visit")?,
        version: columns.get("version")?,
        branch: columns.get("branch")?,
        head: columns.revision_if("head")?,
        head_since: columns.at_if("head_since_ms")?,
        pull_request: columns.count_if("pull_request")?,
        merging: columns.json_if("merging")?,
        merge_commit: columns.revision_if("merge_commit")?,
        returns: columns.count("returns")?,
        held: columns.json_if("held")?,
        feedback: columns.json_if("feedback")?,
        overlay: columns.json("overlay")?,
        stage_since: columns.at("stage_since_ms")?,
        fresh_from: columns.at("fresh_from_ms")?,
        created_at: columns.at("created_at_ms")?,
        rings: columns.get("rings")?,
        next_look_at: columns.at_if("next_look_at_ms")?,
        rest: columns.json_if("rest")?,
    })
}
