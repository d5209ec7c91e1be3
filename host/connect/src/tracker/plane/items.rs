//! Where do Plane's work items stand, and who put them there?
//!
//! Plane has no "changed since" and no "in these states": items are read page by page, the newest change first, and what
//! stands elsewhere is dropped page by page. An item's state is an id; its name and group come from the board, which is
//! read anew if it does not know the id. Whether the order was kept is checked, not believed: a Plane that ignores it is
//! read to the end.

use super::{Listing, Plane, TrackerError, TrackerItem, unavailable, usable};
use crate::http::Answer;
use crate::tracker::board::Board;
use crate::tracker::{Item, Move};
use crate::webhook::{millis, without_tags};
use portcullis_core::effect::TrackerState;
use portcullis_core::reconcile::{ItemState, StateGroup};
use portcullis_core::time::UnixMillis;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use std::sync::Arc;

/// Pages of items that one poll reads: with 100 on a page, the 5,000 that were changed last.
const MAX_PAGES: usize = 50;
/// Pages of an item's history that are looked through for its last move.
const MAX_HISTORY_PAGES: usize = 5;
/// What a list is asked for: descriptions can be long, and a list needs none.
const FIELDS: &str = "id,name,sequence_id,state,project,updated_at";

#[derive(Deserialize)]
struct Row {
    id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(default)]
    identifier: Option<String>,
    #[serde(default)]
    sequence_id: Option<u64>,
    #[serde(default)]
    description_stripped: Option<String>,
    #[serde(default)]
    description_html: Option<String>,
    #[serde(default)]
    state: Option<IdOr<StateRow>>,
    #[serde(default)]
    updated_at: Option<String>,
}

/// A thing by its id alone, or expanded.
#[derive(Deserialize)]
#[serde(untagged)]
enum IdOr<T> {
    Id(String),
    Whole(T),
}

#[derive(Deserialize)]
struct StateRow {
    id: String,
}

#[derive(Deserialize)]
struct Activity {
    #[serde(default)]
    field: Option<String>,
    created_at: String,
    #[serde(default)]
    actor: Option<Value>,
}

impl Row {
    fn state_id(&self) -> &str {
        match &self.state {
            Some(IdOr::Id(id) | IdOr::Whole(StateRow { id })) => id,
            None => "",
        }
    }

    fn updated_at(&self) -> Option<UnixMillis> {
        self.updated_at.as_deref().and_then(millis)
    }

    fn item(self, project: &str, board: &Board) -> Item {
        let state_id = self.state_id().to_owned();
        let known = board.by_id(&state_id);
        let name = known.map(|state| state.name.clone()).unwrap_or_default();
        let state = ItemState {
            state: TrackerState::from_name(&name),
            group: known.and_then(|state| StateGroup::from_name(&state.group)),
            name,
        };
        let plain = self.description_stripped.as_deref().map(str::trim).filter(|text| !text.is_empty());
        let description = plain.map(str::to_owned).or_else(|| self.description_html.as_deref().map(without_tags));
        Item {
            updated_at: self.updated_at(),
            at: TrackerItem { project: project.to_owned(), id: self.id },
            name: self.identifier.filter(|name| !name.is_empty()).or(self.sequence_id.map(|number| number.to_string())),
            title: self.name.unwrap_or_default(),
            description: description.unwrap_or_default(),
            state_id,
            state,
        }
    }
}

impl Plane {
    pub(super) async fn list_items(
        &self,
        project: &str,
        states: &[TrackerState],
        since: Option<UnixMillis>,
    ) -> Result<Vec<Item>, TrackerError> {
        let mut found = Vec::new();
        let mut cursor: Option<String> = None;
        let mut last: Option<UnixMillis> = None;
        let mut in_order = true;
        let mut board = self.board(project).await?;
        for page in 0.. {
            let mut query = vec![("per_page", "100"), ("order_by", "-updated_at"), ("fields", FIELDS)];
            if let Some(cursor) = &cursor {
                query.push(("cursor", cursor));
            }
            let what = || format!("project {project}");
            let rows: Listing<Row> =
                usable(Ok(self.get_items(project, &[], &query).await?), what)?.json().map_err(unavailable)?;
            let (rows, next) = rows.open();
            for row in &rows {
                let changed = row.updated_at();
                in_order &= changed.is_some() && last.is_none_or(|last| changed <= Some(last));
                last = changed.or(last);
            }
            board = self.knowing(project, board, &rows).await?;
            let items = rows.into_iter().map(|row| row.item(project, &board));
            found.extend(items.filter(|item| item.state.state.is_some_and(|state| states.contains(&state))));
            let old_enough = in_order && since.zip(last).is_some_and(|(since, last)| last < since);
            if next.is_none() || old_enough {
                break;
            }
            if page + 1 >= MAX_PAGES {
                if in_order {
                    break;
                }
                let reason = format!("project {project} has more than {MAX_PAGES} pages of work items, in no order");
                return Err(TrackerError::Unavailable(reason));
            }
            cursor = next;
        }
        Ok(found)
    }

    pub(super) async fn one_item(&self, item: &TrackerItem) -> Result<Option<Item>, TrackerError> {
        let answer = self.get_items(&item.project, &[&item.id], &[]).await?;
        if matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::GONE) {
            return Ok(None);
        }
        let row: Row = usable(Ok(answer), || format!("work item {}", item.id))?.json().map_err(unavailable)?;
        let rows = [row];
        let board = self.knowing(&item.project, self.board(&item.project).await?, &rows).await?;
        let [row] = rows;
        if board.by_id(row.state_id()).is_none() {
            return Err(TrackerError::Unavailable(format!("work item {} is in a state that has no name", item.id)));
        }
        Ok(Some(row.item(&item.project, &board)))
    }

    /// The newest change of the item's state in its history. Older versions of Plane show none.
    pub(super) async fn newest_move(&self, item: &TrackerItem) -> Result<Option<Move>, TrackerError> {
        let mut cursor: Option<String> = None;
        let mut newest: Option<Move> = None;
        let mut last: Option<UnixMillis> = None;
        let mut in_order = true;
        for _ in 0..MAX_HISTORY_PAGES {
            let mut query = vec![("per_page", "100"), ("order_by", "-created_at")];
            if let Some(cursor) = &cursor {
                query.push(("cursor", cursor));
            }
            let answer = self.get_items(&item.project, &[&item.id, "activities"], &query).await?;
            if matches!(answer.status, StatusCode::NOT_FOUND | StatusCode::GONE) {
                return Ok(None);
            }
            let rows: Listing<Activity> =
                usable(Ok(answer), || format!("work item {}", item.id))?.json().map_err(unavailable)?;
            let (rows, next) = rows.open();
            for row in rows {
                let Some(at) = millis(&row.created_at) else { continue };
                in_order &= last.is_none_or(|last| at <= last);
                last = Some(at);
                let is_move = row.field.as_deref().is_some_and(|field| field == "state" || field == "state_id");
                if is_move && newest.as_ref().is_none_or(|newest| newest.at < at) {
                    newest = Some(Move { at, by: person(row.actor) });
                }
            }
            if next.is_none() || (in_order && newest.is_some()) {
                break;
            }
            cursor = next;
        }
        Ok(newest)
    }

    /// The board, read anew if one of these rows is in a state that it does not know.
    async fn knowing(&self, project: &str, board: Arc<Board>, rows: &[Row]) -> Result<Arc<Board>, TrackerError> {
        let unknown = |row: &Row| !row.state_id().is_empty() && board.by_id(row.state_id()).is_none();
        if !rows.iter().any(unknown) {
            return Ok(board);
        }
        let newer = self.fetch(project).await?;
        Ok(self.keep(&mut *self.boards.lock().await, project, newer))
    }

    /// Reads below the project's work items under their newer and, if that is unknown there, under their older name.
    async fn get_items(&self, project: &str, rest: &[&str], query: &[(&str, &str)]) -> Result<Answer, TrackerError> {
        let mut path = self.path(project, &["work-items"]);
        let name = path.len() - 1;
        path.extend(rest);
        path.push("");
        let answer = self.rest.get(&path, query).await.map_err(unavailable)?;
        if answer.status != StatusCode::NOT_FOUND {
            return Ok(answer);
        }
        path[name] = "issues";
        self.rest.get(&path, query).await.map_err(unavailable)
    }
}

/// A person's id, given alone or within what else is known of them.
fn person(actor: Option<Value>) -> String {
    match actor {
        Some(Value::String(id)) => id,
        Some(Value::Object(person)) => person.get("id").and_then(Value::as_str).unwrap_or_default().to_owned(),
        _ => String::new(),
    }
}
