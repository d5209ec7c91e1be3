//! A Gitea of the tests' own: it keeps pull requests, statuses and comments, and merges for real in the bare repository.
//!
//! Shapes and status codes are Gitea's. It can lose its answer to a merge, as real ones do.

use crate::fake::{Asked, Fake, Reply};
use portcullis_testkit::TempRepo;
use serde_json::{Value, json};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use tempfile::TempDir;

/// What it wants to be shown.
const TOKEN: &str = "forge-token-of-the-tests";
/// The repository that it has.
pub const REPOSITORY: &str = "acme/service";

/// What becomes of the answer to a merge. The merge itself is made in any case.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum MergeAnswer {
    /// It arrives.
    #[default]
    Arrives,
    /// It says 500.
    Fails,
    /// The connection breaks.
    IsLost,
    /// It does not come while the asker lives.
    Hangs,
    /// It says 503, and so does everything after it until [`FakeGitea::set_down`].
    IsTheLastOne,
}

/// The fake forge.
pub struct FakeGitea {
    server: Fake,
    inner: Arc<Inner>,
}

struct Inner {
    /// Runs git; it also holds the token's file.
    git: TempRepo,
    folder: TempDir,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    origin: PathBuf,
    pulls: Vec<Pull>,
    statuses: Vec<Value>,
    comments: Vec<(u64, String)>,
    required: Vec<String>,
    merge_answer: MergeAnswer,
    down: bool,
}

#[derive(Clone)]
struct Pull {
    number: u64,
    head: String,
    base: String,
    title: String,
    /// Set once it is merged: the head then, and the merge commit.
    merged: Option<(String, String)>,
}

impl Default for FakeGitea {
    fn default() -> Self {
        Self::start()
    }
}

impl FakeGitea {
    /// Starts it, without a repository yet.
    pub fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        std::fs::write(folder.path().join("token"), TOKEN).expect("the token can be written");
        let inner = Arc::new(Inner { git: TempRepo::new(), folder, state: Mutex::default() });
        let answering = inner.clone();
        let server = Fake::start(move |asked| answering.answer(asked));
        Self { server, inner }
    }

    /// The lines of a `[[project]]` table that lead here.
    pub fn forge(&self) -> String {
        let token = self.inner.folder.path().join("token");
        format!(
            "forge = \"gitea\"\nforge_url = \"{}\"\nforge_token = {{ file = \"{}\" }}\n",
            self.server.url(),
            token.display()
        )
    }

    /// Its repository is this bare one.
    pub fn serve(&self, origin: &Path) {
        self.inner.state.lock().unwrap().origin = origin.to_owned();
    }

    /// The target branch's protection requires these contexts.
    pub fn require(&self, contexts: &[&str]) {
        self.inner.state.lock().unwrap().required = contexts.iter().map(|c| (*c).to_owned()).collect();
    }

    /// What becomes of the answers to merges from now on.
    pub fn answer_merges(&self, how: MergeAnswer) {
        self.inner.state.lock().unwrap().merge_answer = how;
    }

    /// Whether it answers everything with 503.
    pub fn set_down(&self, down: bool) {
        self.inner.state.lock().unwrap().down = down;
    }

    /// Some CI reports on a revision.
    pub fn report(&self, revision: &str, context: &str, state: &str, description: &str) {
        self.inner.state.lock().unwrap().report(revision, context, state, description);
    }

    /// A person merges a pull request on the forge's page.
    pub fn merge_by_hand(&self, number: u64) {
        self.inner.merge(&mut self.inner.state.lock().unwrap(), number, "merged by hand");
    }

    /// Every request to merge, with its body.
    pub fn merges_asked(&self) -> Vec<Value> {
        let merges = self.server.asked().into_iter();
        merges
            .filter(|asked| asked.method == "POST" && asked.path.ends_with("/merge"))
            .map(|asked| asked.json())
            .collect()
    }

    /// The branch of each pull request there is, merged or not.
    pub fn pull_request_branches(&self) -> Vec<String> {
        self.inner.state.lock().unwrap().pulls.iter().map(|pull| pull.head.clone()).collect()
    }

    /// Every comment on any pull request: its number and text.
    pub fn all_comments(&self) -> Vec<(u64, String)> {
        self.inner.state.lock().unwrap().comments.clone()
    }

    /// How many pull requests there are.
    pub fn pull_requests(&self) -> usize {
        self.inner.state.lock().unwrap().pulls.len()
    }

    /// Contexts and states reported on a revision, oldest first.
    pub fn statuses(&self, revision: &str) -> Vec<(String, String)> {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let state = self.inner.state.lock().unwrap();
        let of = state.statuses.iter().filter(|status| status["sha"] == revision);
        of.map(|status| (text(&status["context"]), text(&status["status"]))).collect()
    }

    /// What was said at a pull request.
    pub fn comments(&self, number: u64) -> Vec<String> {
        let state = self.inner.state.lock().unwrap();
        state.comments.iter().filter(|(at, _)| *at == number).map(|(_, text)| text.clone()).collect()
    }
}

impl State {
    fn report(&mut self, revision: &str, context: &str, state: &str, description: &str) -> Value {
        let at = jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
        let status = json!({
            "id": self.statuses.len() + 1, "sha": revision, "context": context, "status": state, "state": state,
            "description": description, "target_url": "", "created_at": at, "updated_at": at,
        });
        self.statuses.push(status.clone());
        status
    }
}

fn not_found() -> Reply {
    Reply::Json(404, json!({ "message": "The target couldn't be found.", "errors": [] }))
}

impl Inner {
    fn answer(&self, asked: &Asked) -> Reply {
        let mut state = self.state.lock().unwrap();
        if state.down {
            return Reply::Json(503, json!({ "message": "down for maintenance" }));
        }
        if asked.header("authorization") != Some(&format!("token {TOKEN}")) {
            return Reply::Json(401, json!({ "message": "token is required" }));
        }
        let Some(path) = asked.path.strip_prefix(&format!("/api/v1/repos/{REPOSITORY}/")) else { return not_found() };
        let parts: Vec<&str> = path.split('/').collect();
        let later_page = asked.parameter("page").is_some_and(|page| page != "1");
        let body = asked.json();
        match (asked.method.as_str(), &parts[..]) {
            ("GET", ["branches", name @ ..]) => self.branch(&state, &name.join("/")),
            ("GET", ["commits", revision, "status"]) => {
                let statuses: Vec<&Value> =
                    state.statuses.iter().filter(|s| s["sha"] == **revision && !later_page).collect();
                Reply::Json(200, json!({ "sha": revision, "state": "", "statuses": statuses }))
            }
            ("POST", ["statuses", revision]) => {
                let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
                let (context, word, said) = (text("context"), text("state"), text("description"));
                Reply::Json(201, state.report(revision, &context, &word, &said))
            }
            ("GET", ["pulls"]) => {
                let open = state.pulls.iter().filter(|pull| pull.merged.is_none() && !later_page);
                let open: Vec<Value> = open.map(|pull| self.pull(&state, pull)).collect();
                Reply::Json(200, json!(open))
            }
            ("POST", ["pulls"]) => self.open(&mut state, &body),
            ("GET", ["pulls", number]) => match self.find(&state, number) {
                Some(pull) => Reply::Json(200, self.pull(&state, &pull)),
                None => not_found(),
            },
            ("POST", ["pulls", number, "merge"]) => self.ask_merge(&mut state, number, &body),
            ("GET", ["issues", number, "comments"]) => {
                let of = state.comments.iter().filter(|(at, _)| at.to_string() == *number && !later_page);
                let comments: Vec<Value> = of.map(|(_, text)| json!({ "body": text })).collect();
                Reply::Json(200, json!(comments))
            }
            ("POST", ["issues", number, "comments"]) => {
                let text = body["body"].as_str().unwrap_or_default().to_owned();
                state.comments.push((number.parse().unwrap_or(0), text));
                Reply::Json(201, json!({ "id": state.comments.len() }))
            }
            _ => not_found(),
        }
    }

    fn head(&self, state: &State, branch: &str) -> Option<String> {
        let name = format!("refs/heads/{branch}");
        let lines = self.git.run(&state.origin, ["for-each-ref", "--format=%(objectname) %(refname)", &name]);
        lines.lines().find_map(|line| line.strip_suffix(&format!(" {name}")).map(str::to_owned))
    }

    fn branch(&self, state: &State, name: &str) -> Reply {
        let Some(head) = self.head(state, name) else { return not_found() };
        let body = json!({
            "name": name, "commit": { "id": head, "message": "" }, "protected": !state.required.is_empty(),
            "enable_status_check": !state.required.is_empty(), "status_check_contexts": state.required,
        });
        Reply::Json(200, body)
    }

    fn find(&self, state: &State, number: &str) -> Option<Pull> {
        state.pulls.iter().find(|pull| pull.number.to_string() == number).cloned()
    }

    fn pull(&self, state: &State, pull: &Pull) -> Value {
        let (head, merge_commit) = match &pull.merged {
            Some((head, commit)) => (head.clone(), Some(commit.clone())),
            None => (self.head(state, &pull.head).unwrap_or_default(), None),
        };
        let base = self.head(state, &pull.base).unwrap_or_default();
        let repo = json!({ "full_name": REPOSITORY });
        json!({
            "id": 1000 + pull.number, "number": pull.number, "title": pull.title,
            "state": if merge_commit.is_some() { "closed" } else { "open" }, "merged": merge_commit.is_some(),
            "merge_commit_sha": merge_commit, "mergeable": true,
            "head": { "ref": pull.head, "sha": head, "repo": repo }, "base": { "ref": pull.base, "sha": base, "repo": repo },
        })
    }

    fn open(&self, state: &mut State, body: &Value) -> Reply {
        let text = |key: &str| body[key].as_str().unwrap_or_default().to_owned();
        let (head, base, title) = (text("head"), text("base"), text("title"));
        if self.head(state, &head).is_none() {
            return not_found();
        }
        if state.pulls.iter().any(|pull| pull.merged.is_none() && pull.head == head && pull.base == base) {
            return Reply::Json(409, json!({ "message": "pull request already exists for these targets" }));
        }
        let pull = Pull { number: state.pulls.len() as u64 + 1, head, base, title, merged: None };
        state.pulls.push(pull.clone());
        Reply::Json(201, self.pull(state, &pull))
    }

    fn ask_merge(&self, state: &mut State, number: &str, body: &Value) -> Reply {
        let Some(pull) = self.find(state, number) else { return not_found() };
        if pull.merged.is_some() {
            return Reply::Json(405, json!({ "message": "The PR is already merged" }));
        }
        if self.head(state, &pull.head).as_deref() != body["head_commit_id"].as_str() {
            return Reply::Json(409, json!({ "message": "head out of date" }));
        }
        self.merge(state, pull.number, body["MergeTitleField"].as_str().unwrap_or("Merge"));
        match state.merge_answer {
            MergeAnswer::Arrives => Reply::Json(200, Value::Null),
            MergeAnswer::Fails => Reply::Json(500, json!({ "message": "context deadline exceeded" })),
            MergeAnswer::IsLost => Reply::HangUp,
            MergeAnswer::Hangs => Reply::Silence,
            MergeAnswer::IsTheLastOne => {
                state.down = true;
                Reply::Json(503, json!({ "message": "down for maintenance" }))
            }
        }
    }

    fn merge(&self, state: &mut State, number: u64, message: &str) {
        let pull = self.find(state, &number.to_string()).expect("the pull request is there");
        let (head, base) = (self.head(state, &pull.head).unwrap(), self.head(state, &pull.base).unwrap());
        let git = |args: &[&str]| self.git.run(&state.origin, args);
        let tree = git(&["merge-tree", "--write-tree", &base, &head]);
        let commit = git(&["commit-tree", &tree, "-p", &base, "-p", &head, "-m", message]);
        git(&["update-ref", &format!("refs/heads/{}", pull.base), &commit, &base]);
        let kept = state.pulls.iter_mut().find(|pull| pull.number == number).unwrap();
        kept.merged = Some((head, commit));
    }
}
