//! `portcullis queue`.

use super::print::{cell, json, line, table};
use super::{Outcome, Reach};
use serde_json::Value;
use std::process::ExitCode;
use std::time::Duration;

/// Arguments of `portcullis queue`.
#[derive(Debug, clap::Args)]
pub struct QueueArgs {
    #[command(flatten)]
    reach: Reach,
    /// Show it again every two seconds
    #[arg(long)]
    watch: bool,
}

/// Runs it.
///
/// # Errors
/// If the daemon does not answer.
pub async fn run(args: QueueArgs) -> Outcome {
    let daemon = args.reach.daemon()?;
    loop {
        let queue = daemon.get("/queue").await?;
        if args.reach.json {
            json(&queue)
        } else {
            show(&queue)
        }
        if !args.watch {
            return Ok(ExitCode::SUCCESS);
        }
        tokio::time::sleep(Duration::from_secs(2)).await;
        line("");
    }
}

fn show(queue: &Value) {
    let rows = |field: &str| queue[field].as_array().cloned().unwrap_or_default();
    let pick = |row: &Value, fields: &[&str]| fields.iter().map(|field| cell(row, field)).collect::<Vec<_>>();
    line(&format!(
        "{}: {} tasks active, {} held; jobs {}",
        cell(queue, "at"),
        queue["tasks"]["active"],
        queue["tasks"]["held"],
        queue["jobs"]
    ));
    if queue["trouble"].is_object() {
        let trouble = &queue["trouble"];
        line(&format!("TROUBLE since {}: {}", cell(trouble, "since"), cell(trouble, "reason")));
    }
    for paused in rows("paused") {
        line(&format!(
            "PAUSED: {} by {} since {}: {}",
            cell(&paused, "what"),
            cell(&paused, "by"),
            cell(&paused, "since"),
            cell(&paused, "why")
        ));
    }
    let part = |title: &str, head: &[&str], fields: &[&str], field: &str| {
        line(&format!("\n{title}"));
        table(head, &rows(field).iter().map(|row| pick(row, fields)).collect::<Vec<_>>());
    };
    part(
        "Running",
        &["job", "task", "item", "stage", "role", "pid", "seconds", "attempt", "log"],
        &["job", "task", "work_item", "stage", "role", "pid", "running_s", "attempt", "log"],
        "running",
    );
    part(
        "Waiting",
        &["job", "task", "item", "stage", "role", "attempt", "waits for"],
        &["job", "task", "work_item", "stage", "role", "attempt", "waits_for"],
        "waiting",
    );
    part("Leases", &["name", "number", "holder", "seconds"], &["name", "number", "holder", "age_s"], "leases");
    line(&format!(
        "\nInbox {}   Outbox {}   Evaluations {}",
        queue["inbox"]["counts"], queue["outbox"]["counts"], queue["gates"]["evaluations"]
    ));
    let reaper = &queue["reaper"];
    line(&format!(
        "Reaper {}: last tick {}, {} adopted, {} lost, {} finished, {} timed out, {} leases freed",
        if reaper["enabled"] == true { "on" } else { "OFF" },
        cell(reaper, "last_tick"),
        reaper["adopted_total"],
        reaper["lost_total"],
        reaper["finished_total"],
        reaper["timed_out_total"],
        reaper["leases_reclaimed_total"]
    ));
    for parked in queue["inbox"]["parked"].as_array().into_iter().flatten() {
        line(&format!(
            "  event {} is parked: {}  (portcullis event replay {0})",
            cell(parked, "event"),
            cell(parked, "reason")
        ));
    }
    for open in queue["outbox"]["open"].as_array().into_iter().flatten().filter(|row| row["attempts"] != 0) {
        line(&format!("  effect {} is {}: {}", cell(open, "effect"), cell(open, "state"), cell(open, "reason")));
    }
}
