//! `portcullis pause`, `resume` and `job`: the kill-switches (QUE-7); and `reload`.

use super::print::{json, line};
use super::{Outcome, Reach};
use serde_json::{Value, json as object};
use std::process::ExitCode;

/// What is switched. Nothing named: the whole daemon.
#[derive(Debug, clap::Args)]
#[group(multiple = false)]
struct Scope {
    /// One project's jobs and tasks
    #[arg(long)]
    project: Option<String>,
    /// One role's jobs, in every project
    #[arg(long)]
    role: Option<String>,
    /// A gate, by its name in the manifests or its plugin's; what it guards stays closed
    #[arg(long)]
    gate: Option<String>,
}

/// Arguments of `portcullis pause`.
#[derive(Debug, clap::Args)]
pub struct PauseArgs {
    #[command(flatten)]
    scope: Scope,
    /// Why, for whoever wonders
    #[arg(long, short = 'm')]
    why: Option<String>,
    /// Who does it
    #[arg(long, env = "USER", default_value = "operator")]
    by: String,
    #[command(flatten)]
    reach: Reach,
}

/// Arguments of `portcullis resume`.
#[derive(Debug, clap::Args)]
pub struct ResumeArgs {
    #[command(flatten)]
    scope: Scope,
    /// Who does it
    #[arg(long, env = "USER", default_value = "operator")]
    by: String,
    #[command(flatten)]
    reach: Reach,
}

/// Arguments of `portcullis reload`.
#[derive(Debug, clap::Args)]
pub struct ReloadArgs {
    #[command(flatten)]
    reach: Reach,
}

/// Arguments of `portcullis job`.
#[derive(Debug, clap::Args)]
pub struct JobArgs {
    #[command(subcommand)]
    command: JobCommand,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, clap::Subcommand)]
enum JobCommand {
    /// Ends it: a waiting job at once, a running one with its whole process group
    Cancel(Do),
    /// Runs its stage again
    Retry(Do),
}

#[derive(Debug, clap::Args)]
struct Do {
    /// The job's number
    id: i64,
    /// Why
    #[arg(long, short = 'm', default_value = "")]
    why: String,
    /// Who does it
    #[arg(long, env = "USER", default_value = "operator")]
    by: String,
}

async fn switch(
    reach: &Reach,
    path: &str,
    scope: &Scope,
    by: &str,
    why: Option<&str>,
) -> Result<Value, super::CliError> {
    let mut body = object!({ "by": by });
    for (key, value) in [("project", &scope.project), ("role", &scope.role), ("gate", &scope.gate)] {
        if let Some(value) = value {
            body[key] = object!(value);
        }
    }
    if let Some(why) = why {
        body["why"] = object!(why);
    }
    reach.daemon()?.post(path, &body).await
}

/// `portcullis pause`.
///
/// # Errors
/// As the daemon says it.
pub async fn pause(args: PauseArgs) -> Outcome {
    let answer = switch(&args.reach, "/pause", &args.scope, &args.by, args.why.as_deref()).await?;
    if args.reach.json {
        json(&answer);
    } else {
        let before = if answer["new"] == true { "" } else { " (it was before)" };
        line(&format!(
            "{} is paused{before}; what runs goes on to its end",
            answer["paused"].as_str().unwrap_or_default()
        ));
    }
    Ok(ExitCode::SUCCESS)
}

/// `portcullis resume`.
///
/// # Errors
/// As the daemon says it.
pub async fn resume(args: ResumeArgs) -> Outcome {
    let answer = switch(&args.reach, "/resume", &args.scope, &args.by, None).await?;
    if args.reach.json {
        json(&answer);
    } else {
        line(&format!("{} goes on", answer["resumed"].as_str().unwrap_or_default()));
    }
    Ok(ExitCode::SUCCESS)
}

/// `portcullis reload`.
///
/// # Errors
/// As the daemon says it.
pub async fn reload(args: ReloadArgs) -> Outcome {
    let answer = args.reach.daemon()?.post("/reload", &object!({})).await?;
    if args.reach.json {
        json(&answer);
    } else {
        let names = |key: &str| {
            let names: Vec<&str> = answer[key].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
            if names.is_empty() { "none".to_owned() } else { names.join(", ") }
        };
        line(&format!("added: {}; changed: {}; removed: {}", names("added"), names("changed"), names("removed")));
    }
    Ok(ExitCode::SUCCESS)
}

/// `portcullis job`.
///
/// # Errors
/// As the daemon says it.
pub async fn job(args: JobArgs) -> Outcome {
    let (action, todo, said) = match args.command {
        JobCommand::Cancel(todo) => ("cancel", todo, "is being ended"),
        JobCommand::Retry(todo) => ("retry", todo, "runs again"),
    };
    let body = object!({ "by": todo.by, "why": todo.why });
    let answer = args.reach.daemon()?.post(&format!("/jobs/{}/{action}", todo.id), &body).await?;
    if args.reach.json {
        json(&answer);
    } else {
        line(&format!("job {} {said}", todo.id));
    }
    Ok(ExitCode::SUCCESS)
}
