//! Telling what happens, live, one line each; and the result at the end.

use super::play::{Played, ask};
use super::scene::Scene;
use crate::cli::print;
use anyhow::Result;
use serde_json::{Value, json};
use std::path::Path;
use std::time::Instant;

/// Speaks on standard output, or, when that is for JSON, not at all.
pub(super) struct Voice {
    silent: bool,
    began: Instant,
}

impl Voice {
    /// `json`: standard output belongs to the result.
    pub(super) fn new(json: bool, began: Instant) -> Self {
        Self { silent: json, began }
    }

    /// One line, with the time since the beginning.
    pub(super) fn line(&self, text: &str) {
        if !self.silent {
            print::line(&format!("{:6.1}s  {text}", self.began.elapsed().as_secs_f64()));
        }
    }

    /// A gate's answer.
    pub(super) fn evaluation(&self, evaluation: &Value) {
        let text = |field: &str| evaluation[field].as_str().unwrap_or_default().to_owned();
        let verdict = if evaluation["verdict"].is_null() { "FAULT".to_owned() } else { text("verdict") };
        let verdict = if evaluation["call"] == "act" { format!("act: {verdict}") } else { verdict };
        let ms = evaluation["duration_us"].as_f64().unwrap_or(0.0) / 1000.0;
        self.line(&format!("    gate {:<16} {verdict:<11} {ms:9.2} ms  {}", text("gate"), text("summary")));
        for finding in evaluation["findings"].as_array().into_iter().flatten() {
            let at = |field: &str| finding[field].as_str().unwrap_or_default().to_owned();
            let place = finding["line"].as_u64().map_or_else(|| at("path"), |line| format!("{}:{line}", at("path")));
            self.line(&format!("         {} {} {place} {}", at("severity"), at("rule"), at("message")));
        }
    }

    /// A move of the task.
    pub(super) fn audit(&self, row: &Value) {
        let text = |field: &str| row[field].as_str().unwrap_or_default().to_owned();
        match row["what"].as_str() {
            Some("advance") => self.line(&format!("{} → {}", text("from"), text("to"))),
            Some("return") => self.line(&format!("{} → {} (sent back: {})", text("from"), text("to"), text("why"))),
            Some("create") => self.line(&format!("→ {}", text("to"))),
            _ => self.line(&format!("    {}: {}", text("what"), text("why"))),
        }
    }

    /// Where everything is, with the daemon left running.
    pub(super) fn keep(&self, scene: &Scene, home: &Path) {
        let line = if self.silent { print::note } else { print::line };
        line(&format!("the daemon goes on at {}; its home is {}", scene.url, home.display()));
        line(&format!("  export PORTCULLIS_URL={} PORTCULLIS_TOKEN={}", scene.url, scene.token));
        line("  portcullis queue; portcullis task list; portcullis task show 1; portcullis task explain 1");
        line(&format!("  end it with: kill {}", scene.pid()));
    }
}

/// Everything as one object.
///
/// # Errors
/// If the daemon does not answer.
pub(super) async fn result(scene: &Scene, played: &Played, began: Instant) -> Result<Value> {
    let shown = ask(scene.daemon.get(&format!("/tasks/{}", played.task)).await)?;
    let queue = ask(scene.daemon.get("/queue").await)?;
    let fields = [
        "gate",
        "plugin",
        "version",
        "digest",
        "from",
        "to",
        "call",
        "verdict",
        "fault",
        "summary",
        "findings",
        "evidence",
        "duration_us",
    ];
    let pick = |evaluation: &Value| -> Value {
        fields
            .iter()
            .map(|field| ((*field).to_owned(), evaluation[*field].clone()))
            .collect::<serde_json::Map<_, _>>()
            .into()
    };
    let evaluations: Vec<Value> = shown["evaluations"].as_array().into_iter().flatten().map(pick).collect();
    Ok(json!({
        "stages": played.stages,
        "evaluations": evaluations,
        "merge_commit": shown["task"]["merge_commit"],
        "returns": shown["task"]["returns"],
        "counts": { "jobs": queue["jobs"], "outbox": queue["outbox"]["counts"], "inbox": queue["inbox"]["counts"], "evaluations": queue["gates"]["evaluations"] },
        "problems": played.problems,
        "elapsed_ms": u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX),
    }))
}

/// The end, for people.
pub(super) fn ending(result: &Value, played: &Played) {
    print::line("");
    print::line(&format!("path     {}", played.stages.join(" → ")));
    print::line(&format!("merge    {}", result["merge_commit"].as_str().unwrap_or("none")));
    print::line(&format!("returns  {}", result["returns"]));
    print::line(&format!("counts   {}", result["counts"]));
    let seconds = result["elapsed_ms"].as_f64().unwrap_or(0.0) / 1000.0;
    if played.problems.is_empty() {
        print::line(&format!("done in {seconds:.1} s: the change is on main"));
    } else {
        print::line(&format!("after {seconds:.1} s, this did not hold:"));
        for problem in &played.problems {
            print::line(&format!("  - {problem}"));
        }
    }
}
