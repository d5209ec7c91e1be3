//! How many pieces of work a second become durable, and how long does whoever asks wait? Beside the store, on the same
//! disk and in turns: a bare SQLite loop with one transaction each, and one with group commit, both with the smallest
//! tables that would do, writing the same number of rows ([`work::Work::bare_writes`] says which).
//!
//! `cargo bench --profile dev -p portcullis-store --bench store [-- WORK … PRODUCERS …]` prints a table. Figures mean something only
//! side by side: the load on the machine alone moves them several times over.
#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "a program that prints a table for people")]

mod bare;
mod ours;
mod work;

use std::path::Path;
use std::time::Duration;
use work::Work;

const ROUNDS: usize = 3;
/// Producers, and pieces of work of one round: alone, each waits for an fsync of its own.
const SIZES: [(usize, usize); 3] = [(1, 160), (8, 800), (32, 1_600)];

type Rival = (&'static str, fn(Work, &Path, usize, usize) -> Measured);

const RIVALS: [Rival; 3] = [
    ("portcullis store", ours::run),
    ("bare SQLite, one transaction each", bare::one_each),
    ("bare SQLite, group commit", bare::group_commit),
];

/// One round: how long it all took, and what each piece of work waited.
pub(crate) struct Measured {
    pub(crate) whole: Duration,
    pub(crate) waits: Vec<Duration>,
}

/// Figures of one round: pieces of work a second, and waits in microseconds.
#[derive(Clone, Copy)]
struct Figures {
    per_s: f64,
    p50_us: f64,
    p99_us: f64,
}

fn main() {
    let wanted: Vec<String> = std::env::args().skip(1).filter(|arg| !arg.starts_with('-')).collect();
    let sizes: Vec<usize> = wanted.iter().filter_map(|arg| arg.parse().ok()).collect();
    let wanted: Vec<String> = wanted.into_iter().filter(|arg| arg.parse::<usize>().is_err()).collect();
    let load = || std::fs::read_to_string("/proc/loadavg").unwrap_or_default().trim().to_owned();
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    println!("Load average before: {} on {cores} cores", load());
    println!("Medians of {ROUNDS} interleaved rounds\n");
    for work in Work::ALL.into_iter().filter(|work| wanted.is_empty() || wanted.iter().any(|w| w == work.name())) {
        println!("{}: the bare loops write {}.\n", work.name(), work.bare_writes());
        println!("| producers | rival | a second | of group commit | p50 µs | p99 µs |");
        println!("|---:|---|---:|---:|---:|---:|");
        for (producers, pieces) in SIZES.into_iter().filter(|(n, _)| sizes.is_empty() || sizes.contains(n)) {
            compare(work, producers, pieces);
        }
        println!();
    }
    println!("Load average after: {}", load());
}

fn compare(work: Work, producers: usize, pieces: usize) {
    let mut figures = vec![Vec::new(); RIVALS.len()];
    for _ in 0..ROUNDS {
        for (rival, (_, run)) in RIVALS.iter().enumerate() {
            // Beside the build, not in /tmp: that may be memory, where an fsync costs nothing.
            let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
            // With a transaction each, more producers only wait longer: fewer pieces tell as much.
            let pieces = if rival == 1 { producers * 20 } else { pieces };
            figures[rival].push(figures_of(run(work, &folder.path().join("bench.db"), producers, pieces)));
        }
    }
    let median = |rounds: &[Figures], of: fn(&Figures) -> f64| {
        let mut values: Vec<f64> = rounds.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[values.len() / 2]
    };
    let limit = median(&figures[RIVALS.len() - 1], |f| f.per_s);
    for ((name, _), rounds) in RIVALS.iter().zip(&figures) {
        let (per_s, p50, p99) =
            (median(rounds, |f| f.per_s), median(rounds, |f| f.p50_us), median(rounds, |f| f.p99_us));
        println!("| {producers} | {name} | {per_s:.0} | {:.0} % | {p50:.0} | {p99:.0} |", per_s / limit * 100.0);
    }
}

fn figures_of(mut measured: Measured) -> Figures {
    measured.waits.sort();
    let at = |hundredths: usize| {
        let index = (measured.waits.len() * hundredths / 100).min(measured.waits.len() - 1);
        measured.waits[index].as_secs_f64() * 1e6
    };
    Figures { per_s: measured.waits.len() as f64 / measured.whole.as_secs_f64(), p50_us: at(50), p99_us: at(99) }
}
