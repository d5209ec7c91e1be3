//! Killing daemon, shims and roles at random moments, in any combination, while webhooks arrive twice, late, out of order
//! or never.
//!
//! What never came is to be found by the reconciler, and by nobody else: no gate asks again by itself while a round lasts.
//!
//! A seed says who is killed when, and what becomes of the webhooks. The machine decides how far everybody has got by
//! then, so a seed makes a violation likely to come again, not certain.

use super::hosted::{Hosted, World};
use super::play::{bounded, check, keep_warm, plight, step, warm};
use super::processes::{roles, shims, signal};
use super::story::Story;
use crate::daemon::Daemon;
use crate::invariants::history;
use std::time::{Duration, Instant};

/// Two projects. Roles take long enough to be killed at work.
const WORLD: World = World {
    items: 3,
    others: 3,
    work: "sleep 0.$((PORTCULLIS_RUN_ID % 4))\n",
    ask_again_s: 3600,
    settings: "[queue]\nmax_concurrency = 3\nmax_per_project = 2\nmax_attempts = 8\nretry_first_s = 0\nretry_longest_s = 1\n\n[runs]\nkill_grace_s = 1\n\n[reaper]\ninterval_s = 1\n\n[reconcile]\ninterval_s = 1\ngrace_s = 1\n\n",
};
/// Deliveries begin so that no webhook brought.
const POLLED: &str = "polled-";
/// The counter of tasks that were unblocked.
const UNBLOCKED: &str = "reconcile_unblocked_total";
/// Longest pause before a kill.
const LONGEST_PAUSE_MS: usize = 500;

/// How a round went.
#[derive(Debug, Default)]
pub struct Round {
    /// Daemons, shims and roles that were killed.
    pub killed: [usize; 3],
    /// Webhooks that never came.
    pub lost: usize,
    /// Commands of people that were found on the board.
    pub found: usize,
    /// Tasks that were unblocked after a ring was lost.
    pub unblocked: i64,
    /// What is wrong.
    pub violations: Vec<String>,
}

/// splitmix64.
#[derive(Debug)]
pub struct Dice(u64);

impl Dice {
    /// The dice of a seed.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// A number below `n`.
    pub fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % n as u64).unwrap_or(0)
    }
}

/// One round with `kills` moments at which something is killed.
pub fn round(seed: u64, kills: usize) -> Round {
    let (mut dice, mut round, mut story) = (Dice::new(seed), Round::default(), Hosted::new(WORLD));
    story.mail().have_bad_luck(Dice::new(!seed));
    warm(story.scene());
    let mut left = kills;
    let end = loop {
        let Ok(mut daemon) = story.scene().try_start(&[]) else {
            break Some("the daemon did not start".to_owned());
        };
        match life(&mut story, &mut daemon, &mut dice, &mut left, &mut round) {
            Some(true) => {
                break match daemon.stop() {
                    Some(0) => None,
                    code => Some(format!("the daemon did not stop properly: {code:?}")),
                };
            }
            Some(false) => {}
            None => break Some(plight(&daemon)),
        }
    };
    keep_warm(story.scene());
    round.lost = story.mail().lost().len();
    let history = history(&story.scene().home().join("portcullis.db"));
    round.found = history.events.iter().filter(|event| event.delivery.starts_with(POLLED)).count();
    round.unblocked = history.counters.get(UNBLOCKED).copied().unwrap_or_default();
    round.violations.extend(end);
    round.violations.extend(check(&story));
    round
}

/// One daemon, to its death or to the end of the story; none if it gets stuck.
fn life(story: &mut Hosted, daemon: &mut Daemon, dice: &mut Dice, left: &mut usize, round: &mut Round) -> Option<bool> {
    while *left > 0 {
        let until = Instant::now() + Duration::from_millis(dice.below(LONGEST_PAUSE_MS) as u64);
        let (which, choice) = (1 + dice.below(7), dice.below(usize::MAX));
        let next = bounded(|| match step(story, daemon) {
            Some(over) => Some(Err(over)),
            None if Instant::now() < until => None,
            // Not before there is somebody of each kind.
            None => victims(story, daemon, which, choice).map(Ok),
        })?;
        let victims = match next {
            Ok(victims) => victims,
            Err(over) => return Some(over),
        };
        *left -= 1;
        for (kind, pid) in victims {
            signal(pid, "KILL");
            round.killed[kind] += 1;
        }
    }
    bounded(|| step(story, daemon))
}

/// One of each kind that `which` names, a bit for each; none if there is not one of each.
fn victims(story: &Hosted, daemon: &Daemon, which: usize, choice: usize) -> Option<Vec<(usize, u32)>> {
    let home = story.scene().home();
    let all: [&dyn Fn() -> Vec<u32>; 3] = [&|| vec![daemon.pid()], &|| shims(home), &|| roles(home)];
    let named = all.iter().enumerate().filter(|(kind, _)| which & (1 << kind) != 0);
    let one_of = |pids: Vec<u32>| pids.get(choice % pids.len().max(1)).copied();
    named.map(|(kind, pids)| Some((kind, one_of(pids())?))).collect()
}
