//! A story on the embedded forge and board: an approval, a gate that sends back once, CI, a catch-up, a merge, and one
//! task whose analyst always fails, so that the operator is told.

use super::story::{Story, standing};
use crate::daemon::Daemon;
use crate::fake::{Fake, Reply};
use crate::invariants::{Course, Delivery, Outside, merges, note, notes};
use crate::latch::Latch;
use crate::scene::{PROJECT, Scene};
use serde_json::{Value, json};

const MANIFEST: &str = r#"
format = 1
[[stage]]
name = "analysis"
role = "analyst"
[[stage]]
name = "development"
role = "developer"
[[stage]]
name = "deploy"
role = "deployer"
acts = true
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
to = "deploy"
on-fail = "development"
merge = true
  [[edge.gate]]
  name = "verdict"
  plugin = "portcullis/document-verdict"
  version = "^0.1"
  config = { document = "verdict.md" }
  [[edge.gate]]
  name = "ci"
  plugin = "portcullis/ci-green"
  version = "^0.1"
  deadline-s = 36000
  config = { required = ["ci"], retry-after-s = 3600 }
  [[edge.gate]]
  name = "merge"
  plugin = "portcullis/merge-gate"
  version = "^0.1"
  config = { test = "test" }
"#;

/// Nothing here waits longer than it must.
pub(super) const QUICK: &str = "[queue]\nmax_concurrency = 2\nmax_per_project = 2\nretry_first_s = 0\nretry_longest_s = 1\n\n[runs]\nkill_grace_s = 1\n\n[reaper]\ninterval_s = 1\n\n";

/// Tells the developer's work green once it has something to mend.
const DEVELOP: &str = r#"
mkdir -p "$PORTCULLIS_DOCUMENTS"
v=changes-requested
grep -q '^## What has to be mended' "$PORTCULLIS_TASK_FILE" && v=approved
printf -- '---\nverdict: %s\n---\n' $v > "$PORTCULLIS_DOCUMENTS/verdict.md"
echo "$PORTCULLIS_RUN_ID" > "$PORTCULLIS_DOCUMENTS/work.md"
"#;

/// The one that fails.
const HOPELESS: &str = "DEMO-2";

/// The story.
pub struct Local {
    scene: Scene,
    latch: Latch,
    operator: Fake,
    made: Vec<&'static str>,
    /// The head that was approved.
    approved: Option<String>,
    moved_on: bool,
}

impl Default for Local {
    fn default() -> Self {
        Self::new()
    }
}

impl Local {
    /// At its beginning.
    pub fn new() -> Self {
        let latch = Latch::new();
        let operator = Fake::start(|_| Reply::Json(200, json!({})));
        let secret = latch.path("secret");
        std::fs::write(&secret, "notify-secret").expect("a secret can be written");
        let notify = format!(
            "[notify]\nwebhook_url = \"{}/ring\"\nwebhook_secret = {{ file = \"{}\" }}\n",
            operator.url(),
            secret.display()
        );
        let file = latch.path("runs");
        let role = |work: &str| format!("{}{work}\n{}", note("start", &file), note("end", &file));
        let analyst = format!(
            "{}[ \"$PORTCULLIS_WORK_ITEM\" = {HOPELESS} ] && exit 1\nmkdir -p \"$PORTCULLIS_DOCUMENTS\"\necho yes > \"$PORTCULLIS_DOCUMENTS/analysis.md\"\n{}",
            note("start", &file),
            note("end", &file)
        );
        let scene = Scene::builder()
            .manifest(MANIFEST)
            .approved_stages("[\"analysis\"]")
            .settings(QUICK)
            .settings(&notify)
            .role("analyst", &analyst)
            .role("developer", &role(DEVELOP))
            .role("deployer", &role("true"))
            .command("ci", "true\n")
            .command("test", "true\n")
            .build();
        Self { scene, latch, operator, made: Vec::new(), approved: None, moved_on: false }
    }

    /// Asks for both tasks until it was answered.
    fn ask(&mut self, daemon: &Daemon) {
        for item in ["DEMO-1", HOPELESS] {
            let body = json!({ "project": PROJECT, "work_item": item, "title": format!("Do {item}") });
            let answered = |answer: crate::Answer| matches!(answer.status, 200 | 201);
            if !self.made.contains(&item) && daemon.try_post("/tasks", &body).is_some_and(answered) {
                self.made.push(item);
            }
        }
    }

    /// A person approves what was analysed, after somebody else has pushed to the target branch.
    fn approve(&mut self, daemon: &Daemon, task: &Value) {
        let ("analysis", "gate-pending", Some(head)) = standing(task) else { return };
        if self.approved.as_deref() == Some(head) {
            return;
        }
        if !std::mem::replace(&mut self.moved_on, true) {
            self.scene.repo.commit_file("elsewhere.txt", "something else\n");
        }
        let body = json!({ "by": "ann", "revision": head });
        let path = format!("/tasks/{}/approve", task["task"]["id"]);
        if daemon.try_post(&path, &body).is_some_and(|answer| answer.status == 200) {
            self.approved = Some(head.to_owned());
        }
    }
}

impl Story for Local {
    fn scene(&self) -> &Scene {
        &self.scene
    }

    fn go_on(&mut self, daemon: &Daemon, tasks: &[Value]) -> bool {
        self.ask(daemon);
        tasks.iter().for_each(|task| self.approve(daemon, task));
        self.made.len() == 2
    }

    fn tasks(&self) -> usize {
        2
    }

    fn may_be_held(&self, work_item: &str) -> bool {
        work_item == HOPELESS
    }

    fn courses(&self) -> Vec<Course> {
        vec![Course::new(
            PROJECT,
            &[
                ("analysis", "development", "analysis", &["approval"], false),
                ("development", "deploy", "development", &["verdict", "ci", "merge"], true),
                ("deploy", "done", "deploy", &[], false),
            ],
        )]
    }

    fn outside(&self) -> Outside {
        let rung = self.operator.asked().into_iter();
        Outside {
            notes: notes(&std::fs::read_to_string(self.latch.path("runs")).unwrap_or_default()),
            deliveries: rung
                .map(|asked| Delivery {
                    project: PROJECT.to_owned(),
                    key: asked.json()["key"].as_str().unwrap_or_default().to_owned(),
                    content: asked.json()["text"].as_str().unwrap_or_default().to_owned(),
                })
                .collect(),
            observed: vec![(PROJECT, "notify")],
            merges: merges(&self.scene.repo, &self.scene.repo.origin(), PROJECT),
            ..Outside::default()
        }
    }
}
