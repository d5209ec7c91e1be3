//! `cargo xtask bench --scanners`: the security gate beside the secret scanners that people would use instead, in one run on
//! the same input.
//!
//! Three questions, each asked if its input is given: what is found of a labelled set (`--labelled`), how long a range of
//! commits takes (`--history`), and what is said about sources in which there is nothing (`--clean`). Nothing is asserted.
//! What could not be installed, failed or took too long is named in the output. Deliberately absent: the inputs, which are
//! too large for this repository or not ours to hand on.

mod inputs;
mod install;
mod measure;
mod reports;
mod score;
mod tables;
mod tools;

use super::install::Places;
use super::machine;
use crate::console::say;
use anyhow::Context;
use inputs::{Input, Shape};
use measure::{Ran, Usage};
use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use tools::{Answer, Reads, Scanner};

/// On a disk, and outside of this source tree, whose `.gitignore` some scanners would follow.
const DISK: &str = "/var/tmp";

/// What can be chosen.
#[derive(clap::Args)]
pub(crate) struct Options {
    /// Compare the security gate with other secret scanners instead; installs them below the target folder.
    #[arg(long, conflicts_with = "peers")]
    scanners: bool,
    /// A labelled set: a folder with `labels.tsv` and `files/`, or such a folder as a .tgz. For recall and precision.
    #[arg(long, value_name = "PATH", env = "PORTCULLIS_LABELLED", requires = "scanners")]
    labelled: Option<PathBuf>,
    /// A repository and a range in it. For speed; may be given several times.
    #[arg(long, value_name = "PATH@BASE..HEAD", requires = "scanners")]
    history: Vec<String>,
    /// Scan the sources of everything in `Cargo.lock`, as one commit. For speed, and for what is found where nothing is.
    #[arg(long, requires = "scanners")]
    clean: bool,
    /// Seconds after which a scanner is stopped.
    #[arg(long, default_value_t = 120, requires = "scanners")]
    patience: u64,
}

impl Options {
    /// Whether this comparison was asked for.
    pub(crate) fn wanted(&self) -> bool {
        self.scanners
    }
}

/// What one scanner took for one input on so many cores.
#[derive(Default)]
struct Column {
    rounds: Vec<Usage>,
    /// It was stopped: it is not asked again.
    too_long: bool,
}

/// All that is known of one scanner and one input.
#[derive(Default)]
struct Row {
    one_core: Column,
    two_cores: Column,
    last: Option<Answer>,
}

/// Why rounds have no result: each reason once, with the number of rounds that it cost.
type Failures = BTreeMap<(&'static str, String), usize>;

/// Runs the comparison.
pub(crate) fn run(root: &Path, rounds: usize, options: &Options) -> anyhow::Result<()> {
    // Said before minutes go by with getting the scanners.
    let nothing = options.labelled.is_none() && options.history.is_empty() && !options.clean;
    anyhow::ensure!(
        !nothing,
        "there is nothing to scan: give --labelled, --history or --clean, see docs/benchmarks.md"
    );
    let places = Places::find(root)?;
    let scanners = install::all(&places)?;
    let folder = tempfile::Builder::new().prefix("portcullis-scan-").tempdir_in(DISK)?;
    let bench =
        Bench { home: places.installed.join("home"), scratch: folder.path().join("scratch"), options, scanners };
    fs::create_dir_all(&bench.home)?;
    fs::create_dir_all(&bench.scratch)?;
    let mut failures = Failures::new();
    let mut out = std::io::stdout().lock();
    writeln!(out, "Before: {}.", machine())?;
    writeln!(out, "{}.", install::versions(&bench.scanners).join(", "))?;
    for scanner in &bench.scanners {
        if let Err(why) = &scanner.program {
            writeln!(out, "- **{} is missing**: {why}", scanner.name)?;
        }
    }
    bench.warm_up(folder.path(), &mut failures)?;
    if let Some(path) = &options.labelled {
        let labelled = inputs::labelled(path, &folder.path().join("labelled"))?;
        bench.recall(&labelled, &mut failures, &mut out)?;
        fs::remove_dir_all(&labelled.folder)?;
    }
    for (number, told) in options.history.iter().enumerate() {
        let place = folder.path().join(format!("history-{number}"));
        let input = inputs::history(told, &place).with_context(|| format!("failed to use the history {told}"))?;
        bench.speed(&input, rounds, &mut failures, &mut out)?;
        fs::remove_dir_all(&input.folder)?;
    }
    if options.clean {
        let input = inputs::clean(root, &folder.path().join("clean"))?;
        bench.speed(&input, rounds, &mut failures, &mut out)?;
    }
    writeln!(out, "\nAfter: {}.", machine())?;
    for ((name, why), rounds) in failures {
        writeln!(out, "- {name}: {rounds} runs without a result: {why}")?;
    }
    Ok(())
}

struct Bench<'a> {
    options: &'a Options,
    scanners: Vec<Scanner>,
    /// Home of every scanner: caches of compiled rules and gates.
    home: PathBuf,
    scratch: PathBuf,
}

impl Bench<'_> {
    /// Each once on next to nothing: what is compiled once and kept is compiled now.
    fn warm_up(&self, folder: &Path, failures: &mut Failures) -> anyhow::Result<()> {
        let input = inputs::next_to_nothing(&folder.join("warm-up"))?;
        for scanner in self.scanners.iter().filter(|scanner| scanner.program.is_ok()) {
            self.once(scanner, &input, 2, failures);
        }
        Ok(())
    }

    /// What each finds of the labelled set.
    fn recall(&self, set: &Input, failures: &mut Failures, out: &mut impl Write) -> anyhow::Result<()> {
        let Shape::Labelled(labels) = &set.shape else { anyhow::bail!("{} has no labels", set.name) };
        let mut found = Vec::new();
        for scanner in self.scanners.iter().filter(|scanner| scanner.for_labels) {
            found.push((scanner, self.found(scanner, set, failures)));
            say(format_args!("{}: {}", scanner.name, machine()));
        }
        tables::recall(out, labels, &found)
    }

    /// What one finds; of a scanner of ranges, piece by piece. None if it does not say all that it finds.
    fn found(&self, scanner: &Scanner, set: &Input, failures: &mut Failures) -> Option<score::Found> {
        if scanner.reads == Reads::Files {
            return self.once(scanner, set, 2, failures).map(|(_, answer)| score::Found::new(&answer.places));
        }
        let mut places = Vec::new();
        for piece in &set.pieces {
            let (_, answer) = self.piece(scanner, set, piece, 2, failures)?;
            if answer.gate.is_some_and(|gate| gate.is_cut) {
                *failures.entry((scanner.name, "it lists only a part of its findings".to_owned())).or_default() += 1;
                return None;
            }
            places.extend(answer.places);
        }
        Some(score::Found::new(&places))
    }

    /// How long each takes, in turns.
    fn speed(&self, input: &Input, rounds: usize, failures: &mut Failures, out: &mut impl Write) -> anyhow::Result<()> {
        let mut rows: Vec<Row> = self.scanners.iter().map(|_| Row::default()).collect();
        for round in 1..=rounds {
            // Two cores first: who is too slow with two need not be tried with one.
            for cores in [2, 1] {
                for (scanner, row) in self.scanners.iter().zip(&mut rows) {
                    if row.two_cores.too_long || row.one_core.too_long && cores == 1 || scanner.program.is_err() {
                        continue;
                    }
                    let ran = self.once(scanner, input, cores, failures);
                    tell(scanner, cores, ran.as_ref());
                    let column = if cores == 1 { &mut row.one_core } else { &mut row.two_cores };
                    match ran {
                        Some((Ran::Ended(usage), answer)) => {
                            column.rounds.push(usage);
                            row.last = Some(answer);
                        }
                        Some((Ran::TooLong, _)) => column.too_long = true,
                        None => {}
                    }
                }
            }
            say(format_args!("{}, round {round} of {rounds}: {}", input.name, machine()));
        }
        let empty = measure::empty(&self.scratch)?;
        tables::speed(out, input, &self.scanners, &rows, self.options.patience, rounds, empty)
    }

    /// One run over all of it; none if it failed, which is noted.
    fn once(&self, scanner: &Scanner, input: &Input, cores: usize, failures: &mut Failures) -> Option<(Ran, Answer)> {
        self.piece(scanner, input, &(input.base.clone(), input.head.clone()), cores, failures)
    }

    /// One run over a piece.
    fn piece(
        &self,
        scanner: &Scanner,
        input: &Input,
        (base, head): &(String, String),
        cores: usize,
        failures: &mut Failures,
    ) -> Option<(Ran, Answer)> {
        let tried = || -> anyhow::Result<(Ran, Answer)> {
            let Ok(program) = &scanner.program else { return Ok((Ran::TooLong, Answer::default())) };
            let task = tools::Task { input, base, head, out: &self.scratch.join("report"), cores };
            let _none_yet = fs::remove_file(task.out);
            let arguments = (scanner.arguments)(&task);
            let ran = measure::run(&measure::Order {
                program,
                arguments: &arguments,
                folder: &input.files,
                scratch: &self.scratch,
                home: &self.home,
                cores,
                patience_s: self.options.patience,
                fine: scanner.fine,
            })?;
            let Ran::Ended(_) = ran else { return Ok((ran, Answer::default())) };
            let report = if task.out.exists() { task.out } else { &self.scratch.join("stdout") };
            let report = fs::read(report).context("it left no report")?;
            let answer = (scanner.read)(&String::from_utf8_lossy(&report)).context("failed to read its report")?;
            Ok((ran, answer))
        };
        match tried() {
            Ok(done) => Some(done),
            Err(error) => {
                *failures.entry((scanner.name, format!("{error:#}"))).or_default() += 1;
                None
            }
        }
    }
}

/// What just happened, for whoever watches: a whole comparison takes its time.
fn tell(scanner: &Scanner, cores: usize, ran: Option<&(Ran, Answer)>) {
    let told = match ran {
        Some((Ran::Ended(usage), answer)) => {
            let (wall, cpu, found) = (usage.wall_s, usage.cpu_s, answer.places.len());
            format!("{wall:.2} s, {cpu:.2} s of processor time, {found} findings")
        }
        Some((Ran::TooLong, _)) => "stopped, it took too long".to_owned(),
        None => "failed".to_owned(),
    };
    say(format_args!("{}, {cores} cores: {told}", scanner.name));
}
