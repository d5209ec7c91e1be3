//! `portcullis event`.

use super::print::{cell, json, line, table};
use super::{Outcome, Reach};
use serde_json::json as object;
use std::process::ExitCode;

/// Arguments of `portcullis event`.
#[derive(Debug, clap::Args)]
pub struct EventArgs {
    #[command(subcommand)]
    command: EventCommand,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Debug, clap::Subcommand)]
enum EventCommand {
    /// Received events, newest first
    List {
        /// Only those in this state: new, processed, ignored or parked
        #[arg(long)]
        state: Option<String>,
    },
    /// One event with its body
    Show {
        /// Its number
        id: i64,
    },
    /// Handles an event again
    Replay {
        /// Its number
        id: i64,
        /// Why
        #[arg(long, short = 'm', default_value = "")]
        why: String,
        /// Who does it
        #[arg(long, env = "USER", default_value = "operator")]
        by: String,
    },
}

/// Runs it.
///
/// # Errors
/// As the daemon says it.
pub async fn run(args: EventArgs) -> Outcome {
    let daemon = args.reach.daemon()?;
    match args.command {
        EventCommand::List { state } => {
            let query = state.map_or_else(String::new, |state| format!("?state={state}"));
            let answer = daemon.get(&format!("/inbox{query}")).await?;
            if args.reach.json {
                json(&answer);
            } else {
                let rows = answer["events"].as_array().cloned().unwrap_or_default();
                let fields = ["event", "received", "source", "name", "state", "attempts", "reason"];
                table(&fields, &rows.iter().map(|row| fields.map(|f| cell(row, f)).to_vec()).collect::<Vec<_>>());
            }
        }
        EventCommand::Show { id } => json(&daemon.get(&format!("/inbox/{id}")).await?),
        EventCommand::Replay { id, why, by } => {
            daemon.post(&format!("/inbox/{id}/replay"), &object!({ "by": by, "why": why })).await?;
            line(&format!("event {id} will be handled again"));
        }
    }
    Ok(ExitCode::SUCCESS)
}
