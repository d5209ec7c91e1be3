//! A story on a Gitea and a Plane: every step is told by webhooks, some of them twice, late or under another id.

use super::local::QUICK;
use super::mail::{Letter, Mail};
use super::story::{Story, standing};
use crate::daemon::Daemon;
use crate::gitea::FakeGitea;
use crate::invariants::{Card, Course, Delivery, Outside, merges, note, notes};
use crate::latch::Latch;
use crate::payload;
use crate::plane::FakePlane;
use crate::scene::{PROJECT, Scene, further_project, repository};
use portcullis_core::event::Source;
use portcullis_testkit::TempRepo;
use serde_json::{Value, json};
use std::collections::BTreeSet;

const MANIFEST: &str = r#"
format = 1
[[stage]]
name = "analysis"
role = "analyst"
[[stage]]
name = "development"
role = "developer"
[[stage]]
name = "done"
[[edge]]
from = "analysis"
to = "development"
on-fail = "analysis"
  [[edge.gate]]
  name = "approval"
  plugin = "portcullis/approval"
  version = "^0.1"
  deadline-s = 36000
  config = { retry-after-s = 3600 }
[[edge]]
from = "development"
to = "done"
on-fail = "development"
merge = true
  [[edge.gate]]
  name = "ci"
  plugin = "portcullis/ci-green"
  version = "^0.1"
  deadline-s = 36000
  config = { retry-after-s = ASK_AGAIN }
"#;

const WORK: &str =
    "mkdir -p \"$PORTCULLIS_DOCUMENTS\"\necho $PORTCULLIS_RUN_ID > \"$PORTCULLIS_DOCUMENTS/$PORTCULLIS_STAGE.md\"\n";

/// A project beside it, on the embedded forge and board.
const OTHER: &str = "other";
/// What it is made of.
const OTHER_MANIFEST: &str = r#"
format = 1
[[stage]]
name = "development"
role = "developer"
[[stage]]
name = "review"
role = "reviewer"
acts = true
[[stage]]
name = "done"
[[edge]]
from = "review"
to = "done"
on-fail = "development"
merge = true
"#;

/// What kind of world it is.
#[derive(Debug, Clone, Copy)]
pub struct World {
    /// Work items on the board of the first project.
    pub items: u64,
    /// Tasks in the second.
    pub others: u64,
    /// Shell text within every role.
    pub work: &'static str,
    /// Seconds after which CI is asked again where no webhook says so.
    pub ask_again_s: u32,
    /// More settings.
    pub settings: &'static str,
}

/// One item, and webhooks alone.
const SMALL: World = World { items: 1, others: 0, work: "", ask_again_s: 3600, settings: QUICK };

/// The story.
pub struct Hosted {
    world: World,
    scene: Scene,
    other: TempRepo,
    latch: Latch,
    gitea: FakeGitea,
    plane: FakePlane,
    mail: Mail,
    /// Heads that were approved.
    approved: BTreeSet<String>,
    /// Heads that CI has reported on, with their branches; the first of each branch was red.
    reported: Vec<(String, String)>,
    begun: bool,
    /// Tasks of the second project that were made.
    made: BTreeSet<u64>,
    /// Branches whose merge was told.
    merged: BTreeSet<String>,
}

impl Default for Hosted {
    fn default() -> Self {
        Self::new(SMALL)
    }
}

/// The id of the n-th item on the board.
fn item(n: u64) -> String {
    format!("f81d4fae-3333-4a6b-9c5d-{n:012}")
}

fn letter(source: Source, event: &'static str, delivery: String, body: Vec<u8>, times: u32) -> Letter {
    Letter { source, event, delivery, body, times, late: 0 }
}

impl Hosted {
    /// At its beginning.
    pub fn new(world: World) -> Self {
        let (latch, gitea, plane) = (Latch::new(), FakeGitea::start(), FakePlane::start());
        let file = latch.path("runs");
        let role = format!("{}{}{WORK}{}", note("start", &file), world.work, note("end", &file));
        let script = latch.path("other.sh");
        std::fs::write(&script, &role).expect("a script can be written");
        let command = format!("[\"sh\", \"{}\"]", script.display());
        let roles = format!("[project.roles]\ndeveloper.command = {command}\nreviewer.command = {command}\n");
        let other = repository(OTHER_MANIFEST);
        let mut scene = Scene::builder()
            .manifest(&MANIFEST.replace("ASK_AGAIN", &world.ask_again_s.to_string()))
            .approved_stages("[\"analysis\"]")
            .settings(world.settings)
            .forge(&gitea.forge())
            .project(&plane.tracker())
            .role("analyst", &role)
            .role("developer", &role);
        if world.others > 0 {
            scene = scene.settings(&further_project(OTHER, &other, &roles));
        }
        let scene = scene.build();
        gitea.serve(&scene.repo.origin());
        gitea.require(&["ci/test"]);
        Self {
            world,
            scene,
            other,
            latch,
            gitea,
            plane,
            mail: Mail::default(),
            approved: BTreeSet::new(),
            reported: Vec::new(),
            begun: false,
            made: BTreeSet::new(),
            merged: BTreeSet::new(),
        }
    }

    /// What is under way.
    pub fn mail(&mut self) -> &mut Mail {
        &mut self.mail
    }

    /// A person asks for the work: the very delivery twice, and its meaning once more under another id.
    fn begin(&mut self) {
        for n in 1..=self.world.items {
            let at = self.plane.put(&item(n), n, "To Analyse");
            let body = payload::work_item(&item(n), n, "To Analyse", &at);
            let again = letter(Source::Plane, "issue", format!("analyse-again-{n}"), body.clone(), 1);
            self.mail.post([letter(Source::Plane, "issue", format!("analyse-{n}"), body, 2), again]);
        }
    }

    /// Asks for the tasks of the second project until it was answered.
    fn ask(&mut self, daemon: &Daemon) {
        for n in 1..=self.world.others {
            let body = json!({ "project": OTHER, "work_item": format!("OTHER-{n}"), "title": "Do it" });
            let answered = |answer: crate::Answer| matches!(answer.status, 200 | 201);
            if !self.made.contains(&n) && daemon.try_post("/tasks", &body).is_some_and(answered) {
                self.made.insert(n);
            }
        }
    }

    /// A person approves on the board, once it asks for that.
    fn approve(&mut self, item: &str, number: u64, head: &str) {
        if self.plane.stands(item).as_deref() == Some("Needs Input") && self.approved.insert(head.to_owned()) {
            let at = self.plane.put(item, number, "Approved");
            let body = payload::work_item(item, number, "Approved", &at);
            self.mail.post([letter(Source::Plane, "issue", format!("approve-{head}"), body, 2)]);
        }
    }

    /// CI reports on a head: red on the branch's first, green on all others. The forge tells of the push late, after that.
    fn report(&mut self, head: &str, branch: &str) {
        if self.reported.iter().any(|(known, _)| known == head) {
            return;
        }
        let is_green = self.reported.iter().any(|(_, known)| known == branch);
        let state = if is_green { "success" } else { "failure" };
        self.reported.push((head.to_owned(), branch.to_owned()));
        self.gitea.report(head, "ci/test", state, "");
        let body = payload::status(head, "ci/test", state);
        let status = letter(Source::Gitea, "status", format!("status-{head}"), body, 2);
        // That it is red is said by its webhook alone: of red, the reconciler is silent (REC-1).
        if is_green {
            self.mail.post([status])
        } else {
            self.mail.post_surely(status)
        }
        let body = payload::push(branch, head);
        self.mail.post([letter(Source::Gitea, "push", format!("push-{head}"), body, 1)]);
    }

    /// The forge tells of the merge, twice.
    fn tell_of_merge(&mut self, number: u64, branch: &str, head: &str) {
        if self.merged.insert(branch.to_owned()) {
            let body = payload::pull_request("closed", number, branch, head, true);
            self.mail.post([letter(Source::Gitea, "pull_request", format!("merged-{number}"), body, 2)]);
        }
    }

    /// What one task of the first project makes people and machines do.
    fn follow(&mut self, task: &Value) {
        let of = &task["task"];
        let branch = of["branch"].as_str().unwrap_or_default();
        let item = of["tracker_id"].as_str().unwrap_or_default();
        match standing(task) {
            ("analysis", "gate-pending", Some(head)) => {
                let number = item.rsplit('-').next().and_then(|text| text.parse().ok()).unwrap_or_default();
                self.approve(item, number, head);
            }
            ("development", "gate-pending", Some(head)) => self.report(head, branch),
            (_, "finished", Some(head)) => {
                self.tell_of_merge(of["pull_request"].as_u64().unwrap_or_default(), branch, head);
            }
            _ => {}
        }
    }
}

impl Story for Hosted {
    fn scene(&self) -> &Scene {
        &self.scene
    }

    fn go_on(&mut self, daemon: &Daemon, tasks: &[Value]) -> bool {
        if !std::mem::replace(&mut self.begun, true) {
            self.begin();
        }
        self.ask(daemon);
        tasks.iter().filter(|task| task["task"]["project"] == PROJECT).for_each(|task| self.follow(task));
        self.mail.deliver(daemon);
        self.mail.is_empty() && self.made.len() as u64 == self.world.others
    }

    fn tasks(&self) -> usize {
        usize::try_from(self.world.items + self.world.others).unwrap_or(usize::MAX)
    }

    fn may_be_held(&self, _work_item: &str) -> bool {
        self.world.others > 0 // Killed at random, attempts run out.
    }

    fn courses(&self) -> Vec<Course> {
        vec![
            Course::new(
                PROJECT,
                &[
                    ("analysis", "development", "analysis", &["approval"], false),
                    ("development", "done", "development", &["ci"], true),
                ],
            ),
            Course::new(
                OTHER,
                &[("development", "review", "development", &[], false), ("review", "done", "development", &[], true)],
            ),
        ]
    }

    fn outside(&self) -> Outside {
        let delivery = |key: String, content: String| Delivery { project: PROJECT.to_owned(), key, content };
        let said = self.plane.comments_asked().into_iter();
        let mut deliveries: Vec<_> = said.map(|(key, at, text)| delivery(key, format!("{at} {text}"))).collect();
        deliveries.extend(self.gitea.all_comments().into_iter().filter_map(|(number, text)| {
            let (key, said) = text.strip_prefix("<!-- portcullis:")?.split_once(" -->")?;
            Some(delivery(key.to_owned(), format!("{number} {said}")))
        }));
        let mut merged = merges(&self.scene.repo, &self.scene.repo.origin(), PROJECT);
        merged.extend(merges(&self.other, &self.other.origin(), OTHER));
        let branches = self.gitea.pull_request_branches().into_iter();
        let card = |item: String| {
            let state = self.plane.stands(&item)?;
            Some(Card { project: PROJECT.to_owned(), item, state })
        };
        Outside {
            notes: notes(&std::fs::read_to_string(self.latch.path("runs")).unwrap_or_default()),
            deliveries,
            observed: vec![(PROJECT, "tracker-comment"), (PROJECT, "pull-request-comment")],
            accepted: self.mail.accepted().to_vec(),
            merges: merged,
            pull_requests: branches.map(|branch| (PROJECT.to_owned(), branch)).collect(),
            board: (1..=self.world.items).map(item).filter_map(card).collect(),
        }
    }
}
