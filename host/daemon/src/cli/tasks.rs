//! `portcullis task`.

use super::print::{cell, json, line, table};
use super::{Outcome, Reach};
use serde_json::{Value, json as object};
use std::process::ExitCode;

/// Arguments of `portcullis task`.
#[derive(Debug, clap::Args)]
pub struct TaskArgs {
    #[command(subcommand)]
    command: TaskCommand,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, clap::Subcommand)]
enum TaskCommand {
    /// Makes a task for a work item
    New {
        /// Its project
        #[arg(long)]
        project: String,
        /// Its name in the tracker, e.g. ORCH-65
        #[arg(long)]
        work_item: String,
        /// One line
        #[arg(long)]
        title: String,
        /// What is to be done
        #[arg(long, default_value = "")]
        description: String,
    },
    /// Tasks, newest first
    List {
        /// Only this project's
        #[arg(long)]
        project: Option<String>,
    },
    /// A task with its evaluations
    Show(Id),
    /// Why a task is where it is, and what would move it
    Explain(Id),
    /// Lets a task leave its stage, at the revision it has now
    Approve(Do),
    /// Sends a task back, with a comment for the next run
    Reject(Do),
    /// Nothing drives a task until it is released
    Hold(Do),
    /// Lets a held task go on
    Release(Do),
    /// Runs the role of a task's stage once more
    Retry(Do),
    /// Ends a task's run and holds it
    Cancel(Do),
}

#[derive(Debug, clap::Args)]
struct Id {
    /// The task's number
    id: i64,
}

#[derive(Debug, clap::Args)]
struct Do {
    /// The task's number
    id: i64,
    /// Why
    #[arg(long, short = 'm', default_value = "")]
    comment: String,
    /// The revision that was looked at; refused if the branch has moved on
    #[arg(long)]
    revision: Option<String>,
    /// Who does it
    #[arg(long, env = "USER", default_value = "operator")]
    by: String,
}

/// Runs it.
///
/// # Errors
/// As the daemon says it.
pub async fn run(args: TaskArgs) -> Outcome {
    let daemon = args.reach.daemon()?;
    let (action, what) = match args.command {
        TaskCommand::New { project, work_item, title, description } => {
            let body =
                object!({ "project": project, "work_item": work_item, "title": title, "description": description });
            let task = daemon.post("/tasks", &body).await?;
            if args.reach.json {
                json(&task)
            } else {
                one(&task)
            }
            return Ok(ExitCode::SUCCESS);
        }
        TaskCommand::List { project } => {
            let query = project.map_or_else(String::new, |project| format!("?project={project}"));
            let answer = daemon.get(&format!("/tasks{query}")).await?;
            if args.reach.json {
                json(&answer)
            } else {
                list(&answer)
            }
            return Ok(ExitCode::SUCCESS);
        }
        TaskCommand::Show(Id { id }) => {
            let answer = daemon.get(&format!("/tasks/{id}")).await?;
            if args.reach.json {
                json(&answer)
            } else {
                show(&answer)
            }
            return Ok(ExitCode::SUCCESS);
        }
        TaskCommand::Explain(Id { id }) => {
            let answer = daemon.get(&format!("/tasks/{id}/explain")).await?;
            if args.reach.json {
                json(&answer)
            } else {
                explain(&answer)
            }
            return Ok(ExitCode::SUCCESS);
        }
        TaskCommand::Approve(what) => ("approve", what),
        TaskCommand::Reject(what) => ("reject", what),
        TaskCommand::Hold(what) => ("hold", what),
        TaskCommand::Release(what) => ("release", what),
        TaskCommand::Retry(what) => ("retry", what),
        TaskCommand::Cancel(what) => ("cancel", what),
    };
    let mut body = object!({ "by": what.by, "comment": what.comment });
    if let Some(revision) = what.revision {
        body["revision"] = Value::String(revision);
    }
    let task = daemon.post(&format!("/tasks/{}/{action}", what.id), &body).await?;
    if args.reach.json {
        json(&task)
    } else {
        one(&task)
    }
    Ok(ExitCode::SUCCESS)
}

fn one(task: &Value) {
    line(&format!(
        "task {} ({} {}) is in {}: {}",
        task["task"],
        cell(task, "project"),
        cell(task, "work_item"),
        cell(task, "stage"),
        cell(task, "why")
    ));
}

fn list(answer: &Value) {
    let rows = answer["tasks"].as_array().cloned().unwrap_or_default();
    let fields = ["task", "project", "work_item", "stage", "held", "returns", "in_stage_s", "why"];
    table(&fields, &rows.iter().map(|row| fields.map(|f| cell(row, f)).to_vec()).collect::<Vec<_>>());
}

fn show(answer: &Value) {
    let task = &answer["task"];
    line(&format!(
        "Task {} {} {}: {}",
        task["id"],
        cell(task, "project"),
        cell(task, "work_item"),
        cell(task, "title")
    ));
    for (name, field) in [
        ("stage", "stage"),
        ("branch", "branch"),
        ("head", "head"),
        ("pull request", "pull_request"),
        ("merge commit", "merge_commit"),
        ("returns", "returns"),
    ] {
        line(&format!("  {name:<13} {}", cell(task, field)));
    }
    line("");
    let rows = answer["evaluations"].as_array().cloned().unwrap_or_default();
    let fields = ["evaluation", "from", "to", "gate", "version", "call", "verdict", "duration_us", "summary"];
    table(&fields, &rows.iter().map(|row| fields.map(|f| cell(row, f)).to_vec()).collect::<Vec<_>>());
}

fn explain(answer: &Value) {
    line(&cell(answer, "text"));
    for gate in answer["gates"].as_array().into_iter().flatten() {
        let verdict = if gate["verdict"].is_null() { "fault".to_owned() } else { cell(gate, "verdict") };
        line(&format!("  {} {}: {verdict}, {}", cell(gate, "at"), cell(gate, "gate"), cell(gate, "summary")));
    }
}
