//! `cargo xtask bench --peers`: the same work through our queue and through others, on one disk, in turns.
//!
//! Each program makes its queue anew, warms up, enqueues the jobs from so many clients, has them claimed and completed
//! by as many, checks that every one of them was done exactly once, and prints its figures. Nothing is asserted on times.

use super::cluster::Cluster;
use super::figures::{HEAD, Round, row};
use super::install::{self, Places};
use super::machine;
use crate::console::say;
use anyhow::{Context, ensure};
use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Producers at once, and consumers.
const CLIENTS: [usize; 3] = [1, 8, 32];
/// A round that takes longer has gone wrong.
const PATIENCE_S: &str = "600";
/// On a disk, as /tmp need not be: in memory an fsync costs nothing.
const DISK: &str = "/var/tmp";

/// One queue with one setting.
struct Contender {
    name: &'static str,
    /// The program (an interpreter, with its script), or why there is none. It is called with the database, the clients,
    /// the jobs and the setting.
    program: Result<(PathBuf, Option<PathBuf>), String>,
    setting: Option<&'static str>,
    on_postgres: bool,
}

/// Runs the comparison.
pub(crate) fn run(root: &Path, rounds: usize, jobs: usize) -> anyhow::Result<()> {
    let places = Places::find(root)?;
    let contenders = contenders(&places)?;
    let cluster = install::postgres().and_then(|()| Cluster::start(Path::new(DISK)));
    let cluster = cluster.map_err(|error| format!("no PostgreSQL: {error:#}"));
    // Each once, with the number of rounds that it cost.
    let mut failures: BTreeMap<(&str, String), usize> = BTreeMap::new();
    let mut out = std::io::stdout().lock();
    writeln!(out, "Before: {}.", machine())?;
    writeln!(out, "{}.", install::versions(&places).join(", "))?;
    writeln!(out, "{jobs} jobs of 200 bytes a round; medians of {rounds} interleaved rounds.\n\n{HEAD}")?;
    for clients in CLIENTS {
        let mut figures = vec![Vec::new(); contenders.len()];
        for round in 0..rounds {
            for (contender, figures) in contenders.iter().zip(&mut figures) {
                match compete(contender, &cluster, clients, jobs) {
                    Ok(round) => figures.push(round),
                    Err(error) => *failures.entry((contender.name, format!("{error:#}"))).or_default() += 1,
                }
            }
            say(format_args!("{clients} clients, round {} of {rounds}: {}", round + 1, machine()));
        }
        for (contender, figures) in contenders.iter().zip(&figures) {
            writeln!(out, "{}", row(clients, contender.name, figures))?;
        }
    }
    writeln!(out, "\nAfter: {}.", machine())?;
    for ((name, why), rounds) in failures {
        writeln!(out, "- {name}: {rounds} rounds without a result: {why}")?;
    }
    Ok(())
}

fn contenders(places: &Places) -> anyhow::Result<Vec<Contender>> {
    let ours = install::ours(places).context("failed to build our own side of the comparison")?;
    let text = |error: anyhow::Error| format!("{error:#}");
    let apalis = install::apalis(places).map_err(text);
    let node = install::node(places).map_err(text);
    let python = install::python(places).map_err(text);
    let alone = |program: PathBuf| (program, None);
    let script = |name: &str, installed: &Result<(PathBuf, PathBuf), String>| {
        installed.clone().map(|(folder, interpreter)| (interpreter, Some(folder.join(name))))
    };
    let contender = |name, program, setting, on_postgres| Contender { name, program, setting, on_postgres };
    Ok(vec![
        contender("portcullis store", Ok(alone(ours)), None, false),
        contender("pg-boss", script("pg-boss.mjs", &node), None, true),
        contender("graphile-worker", script("graphile-worker.mjs", &node), None, true),
        contender("huey, as it comes", script("peer_huey.py", &python), Some("default"), false),
        contender("huey, fsync", script("peer_huey.py", &python), Some("durable"), false),
        contender("litequeue, as it comes (not durable)", script("peer_litequeue.py", &python), Some("default"), false),
        contender("litequeue, FULL", script("peer_litequeue.py", &python), Some("durable"), false),
        contender("apalis-sqlite, as it comes (not durable)", apalis.clone().map(alone), Some("default"), false),
        contender("apalis-sqlite, FULL", apalis.map(alone), Some("durable"), false),
    ])
}

/// One round of one contender, on a database of its own.
fn compete(
    contender: &Contender,
    cluster: &Result<Cluster, String>,
    clients: usize,
    jobs: usize,
) -> anyhow::Result<Round> {
    let (program, script) = contender.program.as_ref().map_err(|why| anyhow::anyhow!("not installed: {why}"))?;
    let folder = tempfile::Builder::new().prefix("portcullis-peer-").tempdir_in(DISK)?;
    let database = if contender.on_postgres {
        cluster.as_ref().map_err(|why| anyhow::anyhow!("{why}"))?.empty_database()?
    } else {
        folder.path().join("bench.db").display().to_string()
    };
    // What the one before has left in the kernel's buffers is not this one's to write.
    ensure!(Command::new("sync").status()?.success(), "sync failed");
    let mut command = Command::new("timeout");
    command.arg(PATIENCE_S).arg(program).args(script.as_deref());
    command.arg(database).arg(clients.to_string()).arg(jobs.to_string()).args(contender.setting);
    command.current_dir(folder.path());
    let output = command.output().context("failed to run `timeout`")?;
    let said = String::from_utf8_lossy(&output.stderr);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
    ensure!(output.status.success(), "it ended with {}: {last}", output.status);
    Round::parse(&String::from_utf8_lossy(&output.stdout))
}
