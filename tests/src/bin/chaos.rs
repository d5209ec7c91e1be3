//! The long form of the chaos tests; `cargo xtask chaos` runs it.
#![allow(clippy::print_stdout, reason = "a person watches")]

use clap::Parser;
use portcullis_e2e::chaos::hosted::Hosted;
use portcullis_e2e::chaos::local::Local;
use portcullis_e2e::chaos::operator::Operated;
use portcullis_e2e::chaos::points::{Begin, die, reference};
use portcullis_e2e::chaos::random;
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// Kills the daemon, its shims and its roles until something goes wrong, or all has been tried.
#[derive(Parser)]
#[command(name = "cargo xtask chaos")]
struct Arguments {
    /// Rounds of random kills.
    #[arg(long, default_value_t = 100)]
    rounds: u64,
    /// Seed of the first round; each further one has the next number.
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Moments in a round at which something is killed.
    #[arg(long, default_value_t = 12)]
    kills: usize,
    /// No round begins later than so many minutes after the start.
    #[arg(long)]
    minutes: Option<u64>,
    /// Instead of random kills: die at each crash point, each time that it is reached.
    #[arg(long)]
    points: bool,
    /// Instead of random kills: die at each crash point, and at each other one after it. Takes hours.
    #[arg(long)]
    pairs: bool,
    /// Stories told at the same time.
    #[arg(long, default_value_t = 2)]
    threads: usize,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let sound = if arguments.points || arguments.pairs { points(&arguments) } else { rounds(&arguments) };
    if sound { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn rounds(arguments: &Arguments) -> bool {
    let began = Instant::now();
    let late = |limit: u64| began.elapsed() >= Duration::from_secs(60 * limit);
    for seed in (arguments.seed..).take(usize::try_from(arguments.rounds).unwrap_or(usize::MAX)) {
        if arguments.minutes.is_some_and(late) {
            break;
        }
        let round = random::round(seed, arguments.kills);
        let [daemons, shims, roles] = round.killed;
        println!(
            "seed {seed}: killed {daemons} daemons, {shims} shims, {roles} roles; {} webhooks never came, {} were found on \
             the board, {} tasks unblocked; {}",
            round.lost,
            round.found,
            round.unblocked,
            if round.violations.is_empty() { "green" } else { "VIOLATED" }
        );
        if !round.violations.is_empty() {
            println!("{}\nagain: cargo xtask chaos --rounds 1 --seed {seed}", round.violations.join("\n"));
            return false;
        }
    }
    true
}

fn points(arguments: &Arguments) -> bool {
    let stories: [(&str, Begin); 3] = [
        ("local", || Box::new(Local::default())),
        ("hosted", || Box::new(Hosted::default())),
        ("operated", || Box::new(Operated::default())),
    ];
    let mut sound = true;
    for (name, begin) in stories {
        let reference = reference(begin);
        let deaths = if arguments.pairs { reference.pairs() } else { reference.every_time() };
        let report = die(begin, deaths, arguments.threads, &|told, all| {
            if told.is_multiple_of(10) {
                println!("{name}: {told} of {all}");
            }
        });
        let points = reference.whole.len() + reference.after_restart.len();
        println!("{name}: {points} points, {}\n{}", report.summary(), report.complaints());
        sound &= report.violations.is_empty();
    }
    sound
}
