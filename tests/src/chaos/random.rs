//! Killing daemon, shims and roles at random moments, in any combination, while webhooks arrive twice, late, out of order
//! or never.
//!
//! A seed says who is killed when, and what becomes of the webhooks. The machine decides how far everybody has got by
//! then, so a seed makes a violation likely to come again, not certain.

use super::hosted::{Hosted, World};
use super::play::{bounded, check, keep_warm, plight, step, warm};
use super::processes::{roles, shims, signal};
use super::story::Story;
use crate::daemon::Daemon;
use std::time::{Duration, Instant};

/// Two projects. Roles take long enough to be killed at work; a status that never comes is asked for.
const WORLD: World = World {
    items: 3,
    others: 3,
    work: "sleep 0.$((PORTCULLIS_RUN_ID % 4))\n",
    ask_again_s: 1,
    settings: "[queue]\nmax_concurrency = 3\nmax_per_project = 2\nmax_attempts = 8\nretry_first_s = 0\nretry_longest_s = 1\n\n[runs]\nkill_grace_s = 1\n\n[reaper]\ninterval_s = 1\n\n",
};
/// Longest pause before a kill.
const LONGEST_PAUSE_MS: usize = 500;

/// How a round went.
#[derive(Debug, Default)]
pub struct Round {
    /// Daemons, shims and roles that were killed.
    pub killed: [usize; 3],
    /// Webhooks that never came.
    pub lost: usize,
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
    round.lost = story.mail().lost();
    round.violations.extend(end);
    round.violations.extend(check(&story));
    round
}

/// One daemon, to its death or to the end of the story; none if it gets stuck.
fn life(story: &mut Hosted, daemon: &mut Daemon, dice: &mut Dice, left: &mut usize, round: &mut Round) -> Option<bool> {
    while *left > 0 {
        let until = Instant::now() + Duration::from_millis(dice.below(LONGEST_PAUSE_MS) as u64);
        let over = bounded(|| match step(story, daemon) {
            Some(over) => Some(Some(over)),
            None => (Instant::now() >= until).then_some(None),
        })?;
        if over.is_some() {
            return over;
        }
        *left -= 1;
        kill(story, daemon, dice, round);
    }
    bounded(|| step(story, daemon))
}

/// Any of the three kinds, at least one.
fn kill(story: &Hosted, daemon: &Daemon, dice: &mut Dice, round: &mut Round) {
    let home = story.scene().home();
    let which = 1 + dice.below(7);
    let mut one_of = |pids: Vec<u32>| (!pids.is_empty()).then(|| pids[dice.below(pids.len())]);
    let victims = [
        (which & 1 != 0).then(|| daemon.pid()),
        if which & 2 != 0 { one_of(shims(home)) } else { None },
        if which & 4 != 0 { one_of(roles(home)) } else { None },
    ];
    for (killed, victim) in round.killed.iter_mut().zip(victims) {
        if let Some(pid) = victim {
            signal(pid, "KILL");
            *killed += 1;
        }
    }
}
