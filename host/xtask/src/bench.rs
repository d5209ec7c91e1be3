//! `cargo xtask bench`: runs every benchmark of the workspace and says on which machine, and how busy it was, since a
//! number without that means little. With `--peers` it compares the queue with other queues instead, with `--scanners` the
//! security gate with other secret scanners.

mod cluster;
mod figures;
mod install;
mod peers;
mod scanners;

use crate::cargo::cargo;
use crate::console::say;
use std::fs;
use std::path::Path;

/// What can be chosen.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Compare the queue with other queues instead; installs them below the target folder, and PostgreSQL as a package.
    #[arg(long)]
    peers: bool,
    /// Rounds of a comparison; medians are shown.
    #[arg(long, default_value_t = 5)]
    rounds: usize,
    /// Jobs in each round of the comparison.
    #[arg(long, default_value_t = 2000, requires = "peers")]
    jobs: usize,
    #[command(flatten)]
    scanners: scanners::Options,
}

/// Runs the task.
pub(crate) fn run(root: &Path, options: &Options) -> anyhow::Result<()> {
    if options.peers {
        return peers::run(root, options.rounds.max(1), options.jobs.max(1));
    }
    if options.scanners.wanted() {
        return scanners::run(root, options.rounds.max(1), &options.scanners);
    }
    say(format_args!("before: {}", machine()));
    // The profile that tests and demo use: the default one of `cargo bench` would build wasmtime a second time.
    cargo(root, &["bench", "--profile", "dev", "--workspace", "--locked", "--bench", "*"], &[])?;
    say(format_args!("after: {}", machine()));
    Ok(())
}

/// Processor, cores and load, as far as the system tells.
fn machine() -> String {
    let cores = std::thread::available_parallelism().map_or(0, std::num::NonZero::get);
    let processors = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let load = fs::read_to_string("/proc/loadavg").unwrap_or_default();
    describe(&processors, &load, cores)
}

fn describe(processors: &str, load: &str, cores: usize) -> String {
    let model = processors.lines().find(|line| line.starts_with("model name")).and_then(|line| line.split_once(':'));
    let model = model.map_or("unknown processor", |(_, name)| name.trim());
    let load: Vec<&str> = load.split_whitespace().take(3).collect();
    let load = if load.is_empty() { "unknown".to_owned() } else { load.join(" ") };
    format!("{model}, {cores} cores, load average {load}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_machine_is_named_with_its_load_or_said_to_be_unknown() {
        let processors = "processor\t: 0\nmodel name\t: Some CPU @ 2 GHz\nmodel name\t: Some CPU @ 2 GHz\n";
        let told = describe(processors, "0.10 0.69 0.83 1/200 42\n", 2);
        assert_eq!(told, "Some CPU @ 2 GHz, 2 cores, load average 0.10 0.69 0.83");
        assert_eq!(describe("", "", 4), "unknown processor, 4 cores, load average unknown");
    }
}
