//! A Plane of the tests' own: one project with a board, whose work items have a state and comments.

use crate::fake::{Asked, Fake, Reply};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex};
use tempfile::TempDir;

/// What it wants to be shown.
const TOKEN: &str = "tracker-token-of-the-tests";
/// The person who moves things, by the tracker's id.
pub const PERSON: &str = "0d5a1a52-1111-4c1b-9a55-6f1e2d3c4b5a";
/// Its project's id.
pub const TRACKER_PROJECT: &str = "7e1f9f3a-2222-4e0e-8a9b-0c1d2e3f4a5b";

/// The board: each state's id is `state-` and its place here. The last ones are aliases of commands for items that are
/// over: only the group tells.
const STATES: [(&str, &str); 13] = [
    ("Todo", "unstarted"),
    ("To Analyse", "unstarted"),
    ("Analysis", "started"),
    ("In Progress", "started"),
    ("Needs Input", "started"),
    ("Blocked", "started"),
    ("Approved", "started"),
    ("Rejected", "started"),
    ("Done", "completed"),
    ("Confirm Deploy", "started"),
    ("Deploying", "started"),
    ("to-analyse", "cancelled"),
    ("approved", "completed"),
];
/// Work items on a page of a list: few, so that there are several pages.
const PAGE: usize = 2;

/// The fake tracker.
pub struct FakePlane {
    project: String,
    server: Fake,
    folder: TempDir,
    state: Arc<Mutex<State>>,
    /// Every request has to get through this one …
    door: Arc<Door>,
    /// … and questions about the history of work items through this one, too.
    history: Arc<Door>,
}

/// Who asks has to get through it first.
#[derive(Default)]
struct Door {
    is_shut: Mutex<bool>,
    was_opened: Condvar,
}

impl Door {
    fn pass(&self) {
        let _open = self.was_opened.wait_while(self.is_shut.lock().unwrap(), |is_shut| *is_shut).unwrap();
    }

    fn set(&self, is_shut: bool) {
        *self.is_shut.lock().unwrap() = is_shut;
        self.was_opened.notify_all();
    }
}

#[derive(Default)]
struct State {
    /// Every state that an item was put into, in order.
    shown: BTreeMap<String, Vec<String>>,
    /// External id and text.
    comments: Vec<(String, String)>,
    items: BTreeMap<String, Item>,
    down: bool,
}

#[derive(Default)]
struct Item {
    number: u64,
    state: String,
    updated_at: String,
    /// Its moves: when, and who.
    history: Vec<(String, &'static str)>,
}

impl State {
    /// Somebody puts an item into a state.
    fn put(&mut self, item: &str, number: Option<u64>, state: &str, who: &'static str) -> String {
        let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
        let kept = self.items.entry(item.to_owned()).or_default();
        kept.number = number.unwrap_or(kept.number);
        state.clone_into(&mut kept.state);
        kept.updated_at.clone_from(&at);
        kept.history.push((at.clone(), who));
        at
    }
}

impl Item {
    fn shown(&self, id: &str) -> Value {
        json!({
            "id": id, "name": "Heavier containers", "sequence_id": self.number, "state": state_id(&self.state),
            "project": TRACKER_PROJECT, "updated_at": self.updated_at,
            "description_html": "<p>Lift up to <strong>40 t</strong>.</p>",
        })
    }
}

impl Default for FakePlane {
    fn default() -> Self {
        Self::start()
    }
}

/// The id of the state of this name.
pub fn state_id(name: &str) -> String {
    let place = STATES.iter().position(|(known, _)| *known == name).expect("the board has this state");
    format!("state-{place}")
}

impl FakePlane {
    /// Starts it.
    pub fn start() -> Self {
        Self::with_project(TRACKER_PROJECT)
    }

    /// Starts one whose project has another id.
    pub fn with_project(project: &str) -> Self {
        let project = project.to_owned();
        let folder = tempfile::tempdir().expect("a folder can be made");
        std::fs::write(folder.path().join("token"), TOKEN).expect("the token can be written");
        let state = Arc::<Mutex<State>>::default();
        let (door, history) = (Arc::<Door>::default(), Arc::<Door>::default());
        let (answering, of) = (state.clone(), project.clone());
        let (through, about_history) = (door.clone(), history.clone());
        let server = Fake::start(move |asked| {
            through.pass();
            if is_about_history(asked) {
                about_history.pass();
            }
            answer(&mut answering.lock().unwrap(), &of, asked)
        });
        Self { project, server, folder, state, door, history }
    }

    /// The lines of a `[[project]]` table that lead here.
    pub fn tracker(&self) -> String {
        format!(
            "tracker = \"plane\"\nplane = {{ url = \"{}\", workspace = \"acme\", project_id = \"{}\", token = {{ file = \"{}\" }} }}\n",
            self.server.url(),
            self.project,
            self.folder.path().join("token").display()
        )
    }

    /// Whether it answers everything with 503.
    pub fn set_down(&self, down: bool) {
        self.state.lock().unwrap().down = down;
    }

    /// Whether it takes every request and answers none, until it is let.
    pub fn set_silent(&self, silent: bool) {
        self.door.set(silent);
    }

    /// How often it was asked for anything.
    pub fn asked(&self) -> usize {
        self.server.asked().len()
    }

    /// Whether whoever asks for the history of a work item has to wait. It is what the reconciler asks for last before it
    /// makes an event of what it has found.
    pub fn hold_history(&self, held: bool) {
        self.history.set(held);
    }

    /// How often it was asked for the history of this work item.
    pub fn asked_for_history(&self, item: &str) -> usize {
        let of = |asked: &Asked| is_about_history(asked) && asked.path.contains(&format!("/{item}/"));
        self.server.asked().iter().filter(|asked| of(asked)).count()
    }

    /// A person moves a work item on the board, and no webhook says so. When, as the tracker has it.
    pub fn put(&self, item: &str, number: u64, state: &str) -> String {
        self.state.lock().unwrap().put(item, Some(number), state, PERSON)
    }

    /// Something else about a work item is changed.
    pub fn touch(&self, item: &str) {
        let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string();
        self.state.lock().unwrap().items.get_mut(item).expect("there is such an item").updated_at = at;
    }

    /// How often it was asked for this one work item, its history or where it stands.
    pub fn asked_for(&self, item: &str) -> usize {
        let of = |asked: &Asked| asked.method == "GET" && asked.path.contains(&format!("/{item}/"));
        self.server.asked().iter().filter(|asked| of(asked)).count()
    }

    /// The names of the states that we put an item into, in order.
    pub fn shown(&self, item: &str) -> Vec<String> {
        self.state.lock().unwrap().shown.get(item).cloned().unwrap_or_default()
    }

    /// The name of the state that an item is in now, whoever put it there; none if it has never been moved.
    pub fn stands(&self, item: &str) -> Option<String> {
        self.state.lock().unwrap().items.get(item).map(|item| item.state.clone())
    }

    /// Every comment that it was asked to keep, again and again too: its key, the work item's path, the text.
    pub fn comments_asked(&self) -> Vec<(String, String, String)> {
        let asked = self.server.asked().into_iter();
        // What it is asked by its newer name first, it does not know.
        let known = |asked: &Asked| asked.path.contains("/issues/") && asked.path.ends_with("/comments/");
        let said = asked.filter(|asked| asked.method == "POST" && known(asked));
        said.map(|asked| {
            let text = |key: &str| asked.json()[key].as_str().unwrap_or_default().to_owned();
            (text("external_id"), asked.path.clone(), text("comment_html"))
        })
        .collect()
    }

    /// The texts said at work items, as HTML.
    pub fn comments(&self) -> Vec<String> {
        self.state.lock().unwrap().comments.iter().map(|(_, text)| text.clone()).collect()
    }
}

fn is_about_history(asked: &Asked) -> bool {
    asked.method == "GET" && asked.path.ends_with("/activities/")
}

fn answer(state: &mut State, project: &str, asked: &Asked) -> Reply {
    if state.down {
        return Reply::Json(503, json!({ "error": "down for maintenance" }));
    }
    if asked.header("x-api-key") != Some(TOKEN) {
        return Reply::Json(401, json!({ "detail": "Given API token is not valid" }));
    }
    let not_found = || Reply::Json(404, json!({ "error": "The required object does not exist." }));
    let prefix = format!("/api/v1/workspaces/acme/projects/{project}/");
    let Some(path) = asked.path.strip_prefix(&prefix) else { return not_found() };
    let body = asked.json();
    match (asked.method.as_str(), &path.split('/').collect::<Vec<_>>()[..]) {
        ("GET", ["states", ""]) => {
            let one = |(name, group): &(&str, &str)| json!({ "id": state_id(name), "name": name, "group": group });
            let all: Vec<Value> = STATES.iter().map(one).collect();
            Reply::Json(200, json!({ "results": all, "next_page_results": false, "next_cursor": "100:1:0" }))
        }
        // An older Plane: it knows work items by their older name alone.
        ("PATCH", ["issues", item, ""]) => {
            let Some((name, _)) = STATES.iter().find(|(name, _)| body["state"] == state_id(name)) else {
                return Reply::Json(400, json!({ "state": ["Invalid pk"] }));
            };
            state.shown.entry((*item).to_owned()).or_default().push((*name).to_owned());
            state.put(item, None, name, "the bot");
            Reply::Json(200, json!({ "id": item }))
        }
        ("GET", ["issues", ""]) => {
            let mut items: Vec<(&String, &Item)> = state.items.iter().collect();
            items.sort_by(|(_, a), (_, b)| b.updated_at.cmp(&a.updated_at));
            let at: usize = asked.parameter("cursor").map_or(0, |cursor| cursor.parse().expect("a cursor of ours"));
            let page: Vec<Value> = items.iter().skip(at).take(PAGE).map(|(id, item)| item.shown(id)).collect();
            let (next, more) = ((at + PAGE).to_string(), at + PAGE < items.len());
            Reply::Json(200, json!({ "results": page, "next_cursor": next, "next_page_results": more }))
        }
        ("GET", ["issues", id, ""]) => match state.items.get(*id) {
            Some(item) => Reply::Json(200, item.shown(id)),
            None => not_found(),
        },
        ("GET", ["issues", id, "activities", ""]) => match state.items.get(*id) {
            Some(item) => {
                let moved = |(at, who): &(String, &str)| json!({ "field": "state", "created_at": at, "actor": who });
                let moves: Vec<Value> = item.history.iter().rev().map(moved).collect();
                Reply::Json(200, json!({ "results": moves, "next_cursor": "x", "next_page_results": false }))
            }
            None => not_found(),
        },
        ("POST", ["issues", _, "comments", ""]) => {
            let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
            let (id, html) = (text("external_id"), text("comment_html"));
            if state.comments.iter().any(|(known, _)| *known == id) {
                return Reply::Json(409, json!({ "error": "Issue Comment with the same external id exists" }));
            }
            state.comments.push((id, html));
            Reply::Json(201, json!({ "id": "comment" }))
        }
        _ => not_found(),
    }
}
