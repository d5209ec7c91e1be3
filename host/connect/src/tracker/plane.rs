//! Plane's REST interface.
//!
//! States are read once in a while and kept (TRK-3): Plane allows 60 requests a minute. A failed refresh serves the last
//! good set. Comments carry the effect's key as `external_id`, which Plane itself keeps unique. Newer versions say
//! `work-items` where older ones say `issues`; both are spoken.

mod items;

use super::board::{Board, BoardState};
use super::{Item, Move, Tracker, TrackerError, TrackerItem};
use crate::http::{Answer, Auth, Connection, Rest, RestError, SetupError};
use crate::text::cut;
use async_trait::async_trait;
use portcullis_core::effect::TrackerState;
use portcullis_core::time::{Clock, UnixMillis};
use reqwest::{Method, StatusCode};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::Mutex;

/// More pages of states than this are an error. A page has 100.
const MAX_PAGES: usize = 20;
/// After a failed refresh the last good set serves at least this long, so that an ailing tracker is left in peace.
const AFTER_FAILURE: Duration = Duration::from_secs(30);
/// Who made a comment, in Plane's terms.
const EXTERNAL_SOURCE: &str = "portcullis";

/// A Plane workspace and how to speak with it.
#[derive(Debug, Clone)]
pub struct PlaneSettings {
    /// Address and API key.
    pub connection: Connection,
    /// The workspace's slug.
    pub workspace: String,
    /// How long states are kept; zero: for good.
    pub states_ttl: Duration,
}

impl PlaneSettings {
    /// With states kept for 300 s.
    pub fn new(connection: Connection, workspace: impl Into<String>) -> Self {
        Self { connection, workspace: workspace.into(), states_ttl: Duration::from_secs(300) }
    }
}

/// A Plane workspace.
pub struct Plane {
    rest: Rest,
    workspace: String,
    states_ttl: Duration,
    clock: Arc<dyn Clock>,
    /// Held over a refresh, so that several callers cause one request.
    boards: Mutex<HashMap<String, Kept>>,
}

#[derive(Clone)]
struct Kept {
    board: Arc<Board>,
    /// To be read again from then on; none: never.
    until: Option<UnixMillis>,
}

/// A list, in pages or all at once.
#[derive(Deserialize)]
#[serde(untagged)]
enum Listing<T> {
    Page {
        results: Vec<T>,
        #[serde(default)]
        next_cursor: Option<String>,
        #[serde(default)]
        next_page_results: bool,
    },
    All(Vec<T>),
}

impl<T> Listing<T> {
    /// What it lists, and where it goes on. There is always a next cursor; only `next_page_results` says whether anything
    /// is behind it.
    fn open(self) -> (Vec<T>, Option<String>) {
        match self {
            Self::All(all) => (all, None),
            Self::Page { results, next_cursor, next_page_results } => {
                (results, next_cursor.filter(|_| next_page_results))
            }
        }
    }
}

#[derive(Deserialize)]
struct State {
    id: String,
    name: String,
    #[serde(default)]
    group: String,
}

impl fmt::Debug for Plane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Plane").field("rest", &self.rest).field("workspace", &self.workspace).finish_non_exhaustive()
    }
}

impl Plane {
    /// # Errors
    /// [`SetupError`] if address, key or workspace are unusable.
    pub fn new(settings: PlaneSettings, clock: Arc<dyn Clock>) -> Result<Self, SetupError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if settings.workspace.is_empty() || !settings.workspace.chars().all(plain) {
            return Err(SetupError::Name { name: settings.workspace, what: "workspace's slug" });
        }
        let headers = [("accept", "application/json")];
        let rest = Rest::new("Plane", settings.connection, &["api", "v1"], Auth::Header("x-api-key", ""), &headers)?;
        Ok(Self {
            rest,
            workspace: settings.workspace,
            states_ttl: settings.states_ttl,
            clock,
            boards: Mutex::new(HashMap::new()),
        })
    }

    fn path<'a>(&'a self, project: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
        [&["workspaces", self.workspace.as_str(), "projects", project], rest].concat()
    }

    /// The project's states: kept ones while they are fresh, the last good ones where a refresh fails.
    async fn board(&self, project: &str) -> Result<Arc<Board>, TrackerError> {
        let mut boards = self.boards.lock().await;
        let now = self.clock.now();
        let kept = boards.get(project).cloned();
        if let Some(kept) = &kept
            && kept.until.is_none_or(|until| now < until)
        {
            return Ok(Arc::clone(&kept.board));
        }
        match self.fetch(project).await {
            Ok(board) => Ok(self.keep(&mut boards, project, board)),
            Err(error) => {
                let Some(mut kept) = kept else { return Err(error) };
                tracing::warn!(
                    tracker.project = project,
                    error = %error,
                    "failed to refresh the tracker's states; the last good ones serve on"
                );
                kept.until = Some(now.plus(AFTER_FAILURE));
                let board = Arc::clone(&kept.board);
                boards.insert(project.to_owned(), kept);
                Ok(board)
            }
        }
    }

    fn keep(&self, boards: &mut HashMap<String, Kept>, project: &str, board: Board) -> Arc<Board> {
        let board = Arc::new(board);
        let until = (!self.states_ttl.is_zero()).then(|| self.clock.now().plus(self.states_ttl));
        boards.insert(project.to_owned(), Kept { board: Arc::clone(&board), until });
        board
    }

    async fn fetch(&self, project: &str) -> Result<Board, TrackerError> {
        let mut states = Vec::new();
        let mut cursor: Option<String> = None;
        let path = self.path(project, &["states", ""]);
        for _ in 0..MAX_PAGES {
            let mut query = vec![("per_page", "100")];
            if let Some(cursor) = &cursor {
                query.push(("cursor", cursor));
            }
            let what = || format!("project {project}");
            let page: Listing<State> = usable(self.rest.get(&path, &query).await, what)?.json().map_err(unavailable)?;
            let (page, next) = page.open();
            states.extend(page);
            if next.is_none() {
                return Ok(board(states));
            }
            cursor = next;
        }
        Err(TrackerError::Unavailable(format!("project {project} has more than {MAX_PAGES} pages of states")))
    }

    /// Calls the work item under its newer and, if that is unknown there, under its older name.
    async fn at_item(
        &self,
        method: Method,
        item: &TrackerItem,
        rest: &[&str],
        body: &Value,
    ) -> Result<Answer, TrackerError> {
        let mut answer = None;
        for name in ["work-items", "issues"] {
            let mut path = self.path(&item.project, &[name, &item.id]);
            path.extend(rest);
            // Plane's paths end with a slash; without it a write would be redirected, and lost.
            path.push("");
            let next = self.rest.send(method.clone(), &path, body).await.map_err(unavailable)?;
            if next.status != StatusCode::NOT_FOUND {
                return Ok(next);
            }
            answer = Some(next);
        }
        answer.ok_or_else(|| TrackerError::NotFound(item.id.clone()))
    }

    async fn put_state(&self, item: &TrackerItem, state_id: &str) -> Result<Answer, TrackerError> {
        self.at_item(Method::PATCH, item, &[], &json!({ "state": state_id })).await
    }

    async fn state_id(&self, project: &str, state: TrackerState) -> Result<String, TrackerError> {
        let board = self.board(project).await?;
        let found = board.state_for(state).map(|state| state.id.clone());
        found.ok_or_else(|| TrackerError::NoState { project: project.to_owned(), key: state.key() })
    }
}

fn board(states: Vec<State>) -> Board {
    let state = |state: State| BoardState { id: state.id, name: state.name, group: state.group };
    Board { states: states.into_iter().map(state).collect() }
}

fn unavailable(error: RestError) -> TrackerError {
    TrackerError::Unavailable(error.to_string())
}

/// The answer, if it is a success; otherwise what it means. `what` names what was asked for.
fn usable(answer: Result<Answer, RestError>, what: impl Fn() -> String) -> Result<Answer, TrackerError> {
    let answer = answer.map_err(unavailable)?;
    if let Some(wait_s) = answer.wait_s() {
        return Err(TrackerError::RateLimited(wait_s));
    }
    match answer.status {
        status if status.is_success() => Ok(answer),
        StatusCode::NOT_FOUND | StatusCode::GONE => Err(TrackerError::NotFound(what())),
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
            Err(TrackerError::Unavailable(format!("{}; check the API key and its rights", answer.describe())))
        }
        _ => Err(TrackerError::Unavailable(answer.describe())),
    }
}

#[async_trait]
impl Tracker for Plane {
    async fn set_state(&self, item: &TrackerItem, state: TrackerState) -> Result<(), TrackerError> {
        let what = || format!("work item {}", item.id);
        let state_id = self.state_id(&item.project, state).await?;
        let answer = self.put_state(item, &state_id).await?;
        if answer.status != StatusCode::BAD_REQUEST {
            return usable(Ok(answer), what).map(|_| ());
        }
        // The board may have changed since it was read: a state of ours may be gone. Read it anew, once.
        self.boards.lock().await.remove(&item.project);
        let newer = self.state_id(&item.project, state).await?;
        if newer == state_id {
            return usable(Ok(answer), what).map(|_| ());
        }
        usable(Ok(self.put_state(item, &newer).await?), what).map(|_| ())
    }

    async fn comment(&self, item: &TrackerItem, key: &str, text: &str) -> Result<(), TrackerError> {
        let body = json!({
            "comment_html": html(text),
            "external_source": EXTERNAL_SOURCE,
            "external_id": external_id(key),
        });
        let answer = self.at_item(Method::POST, item, &["comments"], &body).await?;
        if answer.status == StatusCode::CONFLICT {
            // It has been said under this key.
            return Ok(());
        }
        usable(Ok(answer), || format!("work item {}", item.id)).map(|_| ())
    }

    async fn items(
        &self,
        project: &str,
        states: &[TrackerState],
        since: Option<UnixMillis>,
    ) -> Result<Vec<Item>, TrackerError> {
        self.list_items(project, states, since).await
    }

    async fn item(&self, item: &TrackerItem) -> Result<Option<Item>, TrackerError> {
        self.one_item(item).await
    }

    async fn last_move(&self, item: &TrackerItem) -> Result<Option<Move>, TrackerError> {
        self.newest_move(item).await
    }

    async fn state_name(&self, project: &str, state_id: &str) -> Result<Option<String>, TrackerError> {
        let board = self.board(project).await?;
        Ok(board.by_id(state_id).map(|state| state.name.clone()))
    }
}

/// Plane keeps 255 characters.
fn external_id(key: &str) -> String {
    if key.len() <= 200 { key.to_owned() } else { hex::encode(Sha256::digest(key.as_bytes())) }
}

/// Plain text as the HTML that Plane takes: nothing in it is markup.
fn html(text: &str) -> String {
    let escaped =
        cut(text, 30_000).replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;");
    let paragraphs = escaped.split("\n\n").map(str::trim).filter(|paragraph| !paragraph.is_empty());
    paragraphs.map(|paragraph| format!("<p>{}</p>", paragraph.replace('\n', "<br>"))).collect()
}

#[cfg(test)]
mod tests {
    use super::{external_id, html};

    // TRK-4
    #[test]
    fn a_comment_s_text_is_never_markup() {
        assert_eq!(
            html("a <b> & \"c\"\nd\n\n\n<script>"),
            "<p>a &lt;b&gt; &amp; &quot;c&quot;<br>d</p><p>&lt;script&gt;</p>"
        );
    }

    // TRK-4
    #[test]
    fn long_keys_stay_different() {
        assert_ne!(external_id(&format!("{}a", "x".repeat(300))), external_id(&format!("{}b", "x".repeat(300))));
        assert_eq!(external_id("task-1:v2"), "task-1:v2");
    }
}
