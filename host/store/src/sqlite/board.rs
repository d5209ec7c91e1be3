//! What does the embedded tracker's board show?

use super::row::{Columns, Fail, all, change, one};
use crate::model::{BoardComment, BoardItem};
use portcullis_core::ids::{ProjectName, WorkItem};
use portcullis_core::time::UnixMillis;
use rusqlite::{Connection, named_params};

const SET_STATE: &str = "
    INSERT INTO board_item (project, work_item, state) VALUES (:project, :work_item, :state)
    ON CONFLICT (project, work_item) DO UPDATE SET state = excluded.state";

pub(super) fn set_state(db: &Connection, project: &ProjectName, item: &WorkItem, state: &str) -> Result<(), Fail> {
    let params = named_params! { ":project": project.as_str(), ":work_item": item.as_str(), ":state": state };
    change(db, SET_STATE, params)?;
    Ok(())
}

// A comment may come before the first state.
const TOUCH: &str = "
    INSERT INTO board_item (project, work_item, state) VALUES (:project, :work_item, '') ON CONFLICT DO NOTHING";

// The outbox sends at least once; the key makes it once.
const ADD_COMMENT: &str = "
    INSERT INTO board_comment (project, work_item, key, at_ms, text)
    VALUES (:project, :work_item, :key, :now_ms, :text)
    ON CONFLICT (project, work_item, key) DO NOTHING";

pub(super) fn add_comment(
    db: &Connection,
    project: &ProjectName,
    item: &WorkItem,
    key: &str,
    text: &str,
    now: UnixMillis,
) -> Result<(), Fail> {
    change(db, TOUCH, named_params! { ":project": project.as_str(), ":work_item": item.as_str() })?;
    let params = named_params! {
        ":project": project.as_str(), ":work_item": item.as_str(), ":key": key, ":text": text, ":now_ms": now.0,
    };
    change(db, ADD_COMMENT, params)?;
    Ok(())
}

const ITEM: &str = "SELECT work_item, state FROM board_item WHERE project = :project AND work_item = :work_item";

const COMMENTS: &str = "
    SELECT id, at_ms, text FROM board_comment WHERE project = :project AND work_item = :work_item ORDER BY id";

pub(super) fn item(db: &Connection, project: &ProjectName, item: &WorkItem) -> Result<Option<BoardItem>, Fail> {
    let params = named_params! { ":project": project.as_str(), ":work_item": item.as_str() };
    let state = one(db, ITEM, params, |row| Columns::of("board_item", row).get("state"))?;
    let Some(state) = state else { return Ok(None) };
    let comments = all(db, COMMENTS, params, |row| {
        let columns = Columns::of("board_comment", row);
        Ok(BoardComment { at: columns.at("at_ms")?, text: columns.get("text")? })
    })?;
    Ok(Some(BoardItem { project: project.clone(), work_item: item.clone(), state, comments }))
}
