//! Playing: a person makes a task and approves its analysis; a colleague moves the target branch meanwhile. Everything
//! else happens by itself and is only watched, over the same HTTP interface that everybody has.

use super::scene::{PROJECT, Scene, push_to_target};
use super::tell::Voice;
use anyhow::{Context, Result, bail};
use serde_json::{Value, json};
use std::time::{Duration, Instant};

/// How long the whole way may take.
const PATIENCE: Duration = Duration::from_secs(180);
/// How often the daemon is asked what is new.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// How it went.
pub(super) struct Played {
    /// The task's number.
    pub task: i64,
    /// Stages in the order in which they were entered.
    pub stages: Vec<String>,
    /// What should have happened and did not; empty is success.
    pub problems: Vec<String>,
}

/// Plays the whole way.
///
/// # Errors
/// If the daemon stops answering, or the task does not arrive in time.
pub(super) async fn play(scene: &Scene, say: &Voice) -> Result<Played> {
    let body = json!({
        "project": PROJECT, "work_item": "GREET-1", "title": "Say goodbye",
        "description": "The greeter can only say hello. It should be able to say goodbye.", "by": "ada",
    });
    let made = ask(scene.daemon.post("/tasks", &body).await)?;
    let task = made["task"].as_i64().context("the daemon gave the task no number")?;
    say.line(&format!("ada made task {task}: GREET-1 Say goodbye"));
    let mut watch =
        Watch { scene, say, task, audit: 0, evaluations: 0, approved: false, pushed: false, stages: Vec::new() };
    let began = Instant::now();
    while began.elapsed() < PATIENCE {
        let shown = ask(scene.daemon.get(&format!("/tasks/{task}")).await)?;
        watch.look(&shown).await?;
        match shown["task"]["rest"]["kind"].as_str() {
            Some("finished") => return watch.end(&shown).await,
            Some("held") => bail!("the task is held: {}", shown["task"]["held"]["reason"]),
            _ => tokio::time::sleep(LOOK_EVERY).await,
        }
    }
    let explain = ask(scene.daemon.get(&format!("/tasks/{task}/explain")).await)?;
    bail!("the task did not arrive within {} s: {}", PATIENCE.as_secs(), explain["text"])
}

/// The daemon's answer, or why there is none.
pub(super) fn ask(answer: Result<Value, crate::cli::CliError>) -> Result<Value> {
    answer.map_err(|error| match error {
        crate::cli::CliError::Usage(text) | crate::cli::CliError::Unreachable(text) => anyhow::anyhow!(text),
    })
}

struct Watch<'a> {
    scene: &'a Scene,
    say: &'a Voice,
    task: i64,
    audit: i64,
    evaluations: usize,
    approved: bool,
    pushed: bool,
    stages: Vec<String>,
}

impl Watch<'_> {
    /// Tells what is new, and does what people do.
    async fn look(&mut self, shown: &Value) -> Result<()> {
        let audit = ask(self.scene.daemon.get(&format!("/audit?task={}&limit=1000", self.task)).await)?;
        let rows = audit["audit"].as_array().cloned().unwrap_or_default();
        let evaluations = shown["evaluations"].as_array().cloned().unwrap_or_default();
        for evaluation in &evaluations[self.evaluations.min(evaluations.len())..] {
            self.say.evaluation(evaluation);
        }
        self.evaluations = evaluations.len().max(self.evaluations);
        let seen = self.audit;
        for row in rows.iter().rev().filter(|row| row["id"].as_i64().unwrap_or(0) > seen) {
            self.audit = row["id"].as_i64().unwrap_or(self.audit);
            self.say.audit(row);
            if let ("create" | "advance" | "return", Some(to)) =
                (row["what"].as_str().unwrap_or(""), row["to"].as_str())
            {
                self.stages.push(to.to_owned());
            }
        }
        self.act(shown).await
    }

    async fn act(&mut self, shown: &Value) -> Result<()> {
        let task = &shown["task"];
        let waits_for_approval = task["rest"]["kind"] == "gate-pending" && task["rest"]["gate"] == "approval";
        if waits_for_approval && !self.approved {
            self.approved = true;
            let body = json!({ "by": "ada", "comment": "go ahead", "revision": task["head"] });
            ask(self.scene.daemon.post(&format!("/tasks/{}/approve", self.task), &body).await)?;
            self.say.line("ada approved the analysis");
        }
        // The second time round, just before staging: the target branch moves under the task.
        if !self.pushed && task["returns"].as_i64().unwrap_or(0) > 0 && task["stage"] == "testing" {
            self.pushed = true;
            let text = "echo \"good morning, ${1:-world}\"\n";
            let made = push_to_target(self.scene, "src/commands/morning.sh", text, "Greet in the morning")?;
            self.say.line(&format!("a colleague pushed {made} to main"));
        }
        Ok(())
    }

    /// Checks that what should have happened did, on the repository itself.
    async fn end(mut self, shown: &Value) -> Result<Played> {
        self.look(shown).await?;
        let mut problems = Vec::new();
        let mut must = |holds: bool, what: &str| {
            if !holds {
                problems.push(what.to_owned());
            }
        };
        let evaluations = shown["evaluations"].as_array().cloned().unwrap_or_default();
        let was = |gate: &str, verdict: &str| evaluations.iter().any(|e| e["gate"] == gate && e["verdict"] == verdict);
        must(
            was("security", "fail") && was("security", "pass"),
            "the security gate finds the leaked key, and passes without it",
        );
        must(was("ci-green", "pending") && was("ci-green", "pass"), "CI is pending first and green later");
        must(was("merge-gate", "actionable") && was("merge-gate", "pass"), "the merge gate catches up and tests");
        must(was("staging-verdict", "pass"), "the staging verdict waives the sandbox's failure");
        must(self.pushed, "the target branch moves meanwhile");
        let mirror = self.scene.colleague()?;
        mirror.fetch()?;
        let head = mirror.fetched_head(&portcullis_git::Branch::parse("main")?)?.context("main has gone")?;
        let reader = mirror.repository().reader();
        let file = |path: &str| reader.read_file(&head, path.as_bytes(), 1 << 16).unwrap_or_default();
        must(!file("src/commands/goodbye.sh").is_empty(), "main holds the change");
        must(!file("src/commands/morning.sh").is_empty(), "main still holds the colleague's change");
        let merged =
            shown["task"]["merge_commit"].as_str().and_then(|text| portcullis_core::ids::Revision::parse(text).ok());
        must(
            merged.is_some_and(|commit| reader.is_ancestor(&commit, &head).unwrap_or(false)),
            "main holds the merge commit",
        );
        Ok(Played { task: self.task, stages: self.stages, problems })
    }
}
