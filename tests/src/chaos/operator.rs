//! A story of an operator and of what nobody says: he pauses, resumes, replays, cancels, retries, holds and releases; CI
//! reports and no webhook tells, so that the reconciler has to notice; and what ended long ago is forgotten meanwhile.

use super::story::{Story, standing};
use crate::daemon::Daemon;
use crate::gitea::FakeGitea;
use crate::invariants::edit::{add_old_entry, old_entries};
use crate::invariants::{Course, Outside, note, notes};
use crate::latch::Latch;
use crate::payload;
use crate::scene::{PROJECT, Scene};
use portcullis_core::event::Source;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const MANIFEST: &str = r#"
format = 1
[[stage]]
name = "development"
role = "developer"
[[stage]]
name = "done"
[[edge]]
from = "development"
to = "done"
on-fail = "development"
  [[edge.gate]]
  name = "ci"
  plugin = "portcullis/ci-green"
  version = "^0.1"
  deadline-s = 36000
  config = { retry-after-s = 3600 }
"#;

/// Everything comes round soon.
const QUICK: &str = "[queue]\nmax_concurrency = 2\nmax_per_project = 2\nretry_first_s = 0\nretry_longest_s = 1\n\n[runs]\nkill_grace_s = 1\n\n[reaper]\ninterval_s = 1\n\n[reconcile]\ninterval_s = 1\ngrace_s = 1\n\n[retention]\nfirst_s = 1\n\n";

/// The task that is held and released.
const HELD: &str = "DEMO-1";
/// The task whose first run is cancelled.
const CANCELLED: &str = "DEMO-2";
/// A revision that is nobody's.
const ELSEWHERE: &str = "1111111111111111111111111111111111111111";

/// What the operator does, in this order. Each is asked for again until it was answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Pause,
    /// A push to the target branch arrives, and is replayed.
    Push,
    Replay(i64),
    Make,
    Resume,
    Hold,
    Cancel,
    Retry,
    Release,
    /// CI reports on whatever is pushed.
    Report,
}

/// The story.
pub struct Operated {
    scene: Scene,
    latch: Latch,
    gitea: FakeGitea,
    next: Next,
    reported: BTreeSet<String>,
    has_old: bool,
}

impl Default for Operated {
    fn default() -> Self {
        Self::new()
    }
}

impl Operated {
    /// At its beginning.
    pub fn new() -> Self {
        let (latch, gitea) = (Latch::new(), FakeGitea::start());
        let file = latch.path("runs");
        let waits = format!("if [ \"$PORTCULLIS_WORK_ITEM\" = {CANCELLED} ]; then\n{}fi\n", latch.wait("go"));
        let work = "mkdir -p \"$PORTCULLIS_DOCUMENTS\"\necho $PORTCULLIS_RUN_ID > \"$PORTCULLIS_DOCUMENTS/work.md\"\n";
        let role = format!("{}{waits}{work}{}", note("start", &file), note("end", &file));
        let scene =
            Scene::builder().manifest(MANIFEST).settings(QUICK).forge(&gitea.forge()).role("developer", &role).build();
        gitea.serve(&scene.repo.origin());
        gitea.require(&["ci/test"]);
        Self { scene, latch, gitea, next: Next::Pause, reported: BTreeSet::new(), has_old: false }
    }

    /// One order of the operator, or none as long as it is not the time for it. What comes after it, if it was answered.
    fn order(&self, daemon: &Daemon, tasks: &[Value]) -> Option<Next> {
        let of = |item: &str| tasks.iter().find(|shown| shown["task"]["work_item"] == item);
        let rests = |item: &str| of(item).map_or("", |shown| standing(shown).1);
        let post = |path: &str, body: &Value| daemon.try_post(path, body).map(|answer| answer.status);
        let act = |item: &str, action: &str| {
            let task = of(item)?["task"]["id"].as_i64()?;
            post(&format!("/tasks/{task}/{action}"), &json!({ "by": "ann", "comment": format!("to {action}") }))
        };
        // Done now, or at a time before whose answer was lost.
        let done = |status: Option<u16>| matches!(status?, 200 | 201 | 409).then_some(());
        let answered = |status: Option<u16>| matches!(status?, 200 | 201).then_some(());
        match self.next {
            Next::Pause => answered(post("/pause", &json!({ "by": "ann", "why": "a change" }))).map(|()| Next::Push),
            Next::Push => {
                let body = payload::push("main", ELSEWHERE);
                let event = daemon.try_webhook(Source::Gitea, "push", "push-1", &body)?.body["event"].as_i64()?;
                Some(Next::Replay(event))
            }
            Next::Replay(event) => {
                let settled = daemon.try_get(&format!("/inbox/{event}"))?.body["state"] != "new";
                settled.then_some(())?;
                done(post(&format!("/inbox/{event}/replay"), &json!({}))).map(|()| Next::Make)
            }
            Next::Make => {
                let make = |item: &str| json!({ "project": PROJECT, "work_item": item, "title": "Do it" });
                let made = [HELD, CANCELLED].map(|item| answered(post("/tasks", &make(item))));
                made.iter().all(Option::is_some).then_some(Next::Resume)
            }
            Next::Resume => done(post("/resume", &json!({ "by": "ann" }))).map(|()| Next::Hold),
            Next::Hold if rests(HELD) == "gate-pending" => done(act(HELD, "hold")).map(|()| Next::Cancel),
            Next::Cancel if rests(CANCELLED) == "job-running" || rests(CANCELLED) == "held" => {
                answered(act(CANCELLED, "cancel")).map(|()| Next::Retry)
            }
            Next::Retry => {
                self.latch.open("go");
                // Refused as long as the run that was cancelled has not ended; it is the next one that lets it go on.
                let let_go = rests(CANCELLED) != "held" || answered(act(CANCELLED, "retry")).is_some();
                let_go.then_some(Next::Release)
            }
            Next::Release => done(act(HELD, "release")).map(|()| Next::Report),
            Next::Hold | Next::Cancel | Next::Report => None,
        }
    }

    /// CI is green on what waits for it, and tells nobody.
    fn report(&mut self, tasks: &[Value]) {
        for (stage, rest, head) in tasks.iter().map(standing) {
            if let ("development", "gate-pending", Some(head)) = (stage, rest, head)
                && self.reported.insert(head.to_owned())
            {
                self.gitea.report(head, "ci/test", "success", "");
            }
        }
    }
}

impl Story for Operated {
    fn scene(&self) -> &Scene {
        &self.scene
    }

    fn go_on(&mut self, daemon: &Daemon, tasks: &[Value]) -> bool {
        let database = self.scene.home().join("portcullis.db");
        if !std::mem::replace(&mut self.has_old, true) {
            add_old_entry(&database);
        }
        if self.next == Next::Report {
            self.report(tasks);
        } else if let Some(next) = self.order(daemon, tasks) {
            self.next = next;
        }
        self.next == Next::Report && old_entries(&database) == 0
    }

    fn tasks(&self) -> usize {
        2
    }

    fn may_be_held(&self, _work_item: &str) -> bool {
        false
    }

    fn courses(&self) -> Vec<Course> {
        vec![Course::new(PROJECT, &[("development", "done", "development", &["ci"], false)])]
    }

    fn outside(&self) -> Outside {
        Outside {
            notes: notes(&std::fs::read_to_string(self.latch.path("runs")).unwrap_or_default()),
            ..Outside::default()
        }
    }
}
