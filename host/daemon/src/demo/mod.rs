//! `portcullis demo`: the product doing its main job, in a temporary home.
//!
//! Nothing here is scripted output. The daemon is the real one, started as a process of its own and spoken to over HTTP
//! as a person would; the repository, the gates, the roles' work, the leaked key and the merge are real. This module sets
//! the scene (`scene`), plays the person and the colleague (`play`), tells what happens (`tell`), and checks the end.

mod play;
mod scene;
mod tell;

use crate::cli::print;
use crate::cli::{CliError, Outcome};
use anyhow::Context;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

/// Arguments of `portcullis demo`.
#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// Leave the daemon running at the end and say where it listens
    #[arg(long)]
    keep: bool,
    /// Port for the daemon (default: a free one)
    #[arg(long, default_value_t = 0)]
    port: u16,
    /// Print one JSON object on standard output, and nothing else there
    #[arg(long)]
    json: bool,
    /// Registry that holds the first-party gates (`cargo xtask plugins` makes it)
    #[arg(long, env = "PORTCULLIS_DEMO_REGISTRY", default_value = "registry")]
    registry: PathBuf,
}

/// Plays it.
///
/// # Errors
/// If the scene cannot be set; that the work item does not arrive is exit code 1.
pub async fn run(args: DemoArgs) -> Outcome {
    let began = Instant::now();
    let home =
        tempfile::Builder::new().prefix("portcullis-demo-").tempdir().context("failed to make a temporary home")?;
    let say = tell::Voice::new(args.json, began);
    let scene = scene::set(home.path(), &args.registry, args.port, &say).await?;
    let played = play::play(&scene, &say).await;
    let played = match played {
        Ok(played) => played,
        Err(error) => {
            let log = home.keep();
            scene.stop();
            return Err(CliError::Usage(format!(
                "the demo did not get to its end: {error:#}\nthe daemon's log and everything else is in {}",
                log.display()
            )));
        }
    };
    let result = tell::result(&scene, &played, began).await?;
    let arrived = played.problems.is_empty();
    if args.json {
        print::line(&result.to_string());
    } else {
        tell::ending(&result, &played);
    }
    if args.keep {
        let place = home.keep();
        say.keep(&scene, &place);
    } else {
        scene.stop();
    }
    Ok(if arrived { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
