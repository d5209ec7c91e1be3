//! One run of one scanner on so many cores: wall clock, processor time, peak memory. Children count too: the processor time
//! of all of them, the memory of the largest.
//!
//! By bash's `time`, which counts milliseconds, and GNU time, which knows the peak: an `unsafe` call of our own would tell no
//! more. Starting the two is part of what is measured; [`empty`] tells how much that is.

use anyhow::{Context, ensure};
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;

/// `$0` is the folder for what is written, the rest is the command.
const SCRIPT: &str = "TIMEFORMAT='%3R %3U %3S'; { time /usr/bin/time -q -f %M -o \"$0/peak\" \"$@\" >\"$0/stdout\" 2>\"$0/stderr\" \
                      </dev/null; } 2>\"$0/times\"";
/// How `timeout` ends if it had to stop the command, and if that had to be killed.
const STOPPED: [Option<i32>; 2] = [Some(124), Some(137)];

/// What a run took.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Usage {
    pub(crate) wall_s: f64,
    pub(crate) cpu_s: f64,
    pub(crate) peak_mib: f64,
}

/// How it went.
pub(crate) enum Ran {
    Ended(Usage),
    /// It was stopped.
    TooLong,
}

/// What is to be run.
pub(crate) struct Order<'a> {
    /// The program, and what comes before the arguments.
    pub(crate) program: &'a [OsString],
    pub(crate) arguments: &'a [OsString],
    pub(crate) folder: &'a Path,
    pub(crate) scratch: &'a Path,
    pub(crate) home: &'a Path,
    pub(crate) cores: usize,
    pub(crate) patience_s: u64,
    /// Exit codes that are no failure.
    pub(crate) fine: &'a [i32],
}

/// Runs it.
pub(crate) fn run(order: &Order<'_>) -> anyhow::Result<Ran> {
    let cores = if order.cores == 1 { "0" } else { "0,1" };
    let mut command = Command::new("taskset");
    command.args(["-c", cores, "timeout", "-k", "5", &order.patience_s.to_string(), "bash", "-c", SCRIPT]);
    command.arg(order.scratch).args(order.program).args(order.arguments).current_dir(order.folder);
    command.env("HOME", order.home).env("XDG_CACHE_HOME", order.home.join("cache"));
    command.env("GIT_CONFIG_GLOBAL", "/dev/null").env("GIT_CONFIG_NOSYSTEM", "1");
    let status = command.status().context("failed to run `taskset`")?;
    if STOPPED.contains(&status.code()) {
        return Ok(Ran::TooLong);
    }
    let said = fs::read(order.scratch.join("stderr")).unwrap_or_default();
    let said = String::from_utf8_lossy(&said);
    let last = said.lines().rev().find(|line| !line.trim().is_empty()).unwrap_or("it says nothing");
    let fine = status.code().is_some_and(|code| order.fine.contains(&code));
    ensure!(fine, "it ended with {status}: {last}");
    let read = |name: &str| fs::read_to_string(order.scratch.join(name)).with_context(|| format!("no {name}"));
    Ok(Ran::Ended(usage(&read("times")?, &read("peak")?)?))
}

/// What a program that does nothing seems to take, in milliseconds.
pub(crate) fn empty(scratch: &Path) -> anyhow::Result<f64> {
    let order = Order {
        program: &["/bin/true".into()],
        arguments: &[],
        folder: scratch,
        scratch,
        home: scratch,
        cores: 1,
        patience_s: 10,
        fine: &[0],
    };
    let mut took = Vec::new();
    for _ in 0..11 {
        if let Ran::Ended(usage) = run(&order)? {
            took.push(usage.wall_s * 1e3);
        }
    }
    Ok(median(took.into_iter()).unwrap_or(f64::NAN))
}

/// The middle one.
pub(crate) fn median(values: impl Iterator<Item = f64>) -> Option<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied()
}

fn usage(times: &str, peak: &str) -> anyhow::Result<Usage> {
    let times: Vec<f64> = times.split_whitespace().map(str::parse).collect::<Result<_, _>>()?;
    let [wall_s, user_s, system_s] = times.as_slice() else { anyhow::bail!("{} times instead of three", times.len()) };
    let peak_kib: f64 = peak.trim().parse().context("no peak")?;
    Ok(Usage { wall_s: *wall_s, cpu_s: user_s + system_s, peak_mib: peak_kib / 1024.0 })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may fail")]
    use super::*;

    #[test]
    fn processor_time_is_that_of_user_and_system() {
        let told = usage("1.250 0.500 0.250\n", "2048\n").unwrap();
        assert_eq!(told, Usage { wall_s: 1.25, cpu_s: 0.75, peak_mib: 2.0 });
        assert!(usage("1.250 0.500\n", "2048\n").is_err());
        assert!(usage("1 2 3", "").is_err());
    }

    #[test]
    fn the_median_is_the_middle_one() {
        assert_eq!(median([9.0, 1.0, 2.0].into_iter()), Some(2.0));
        assert_eq!(median(std::iter::empty()), None);
    }
}
