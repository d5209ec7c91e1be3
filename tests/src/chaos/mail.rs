//! Senders as they are: what is not answered is sent again, sometimes what is answered too, and not always in order.

use super::random::Dice;
use crate::daemon::Daemon;
use portcullis_core::event::Source;

/// A webhook to be delivered.
#[derive(Debug, Clone)]
pub struct Letter {
    /// Whose.
    pub source: Source,
    /// Name of the event.
    pub event: &'static str,
    /// The sender's id of the delivery.
    pub delivery: String,
    /// Body.
    pub body: Vec<u8>,
    /// How often it is delivered.
    pub times: u32,
    /// Rounds of delivery that it misses first.
    pub late: usize,
}

/// What is under way, and what was accepted.
#[derive(Debug, Default)]
pub struct Mail {
    letters: Vec<Letter>,
    accepted: Vec<i64>,
    /// How many never came.
    lost: usize,
    bad_luck: Option<Dice>,
}

impl Mail {
    /// From now on what is posted comes late, in any order, and what nobody must hear of may never come.
    pub fn have_bad_luck(&mut self, dice: Dice) {
        self.bad_luck = Some(dice);
    }

    /// To be delivered from now on.
    pub fn post(&mut self, mut letter: Letter) {
        if let Some(dice) = &mut self.bad_luck {
            if matches!(letter.event, "status" | "push") && dice.below(4) == 0 {
                self.lost += 1;
                return;
            }
            letter.late = dice.below(20);
        }
        self.letters.push(letter);
    }

    /// Delivers what is to be delivered. What is not answered with a 2xx stays.
    pub fn deliver(&mut self, daemon: &Daemon) {
        let accepted = &mut self.accepted;
        self.letters.retain_mut(|letter| {
            if letter.late > 0 {
                letter.late -= 1;
                return true;
            }
            let answer = daemon.try_webhook(letter.source, letter.event, &letter.delivery, &letter.body);
            let Some(answer) = answer.filter(|answer| matches!(answer.status, 200..=299)) else { return true };
            accepted.extend(answer.body["event"].as_i64());
            letter.times -= 1;
            letter.times > 0
        });
    }

    /// Whether everything was answered.
    pub fn is_empty(&self) -> bool {
        self.letters.is_empty()
    }

    /// Numbers of what was accepted.
    pub fn accepted(&self) -> &[i64] {
        &self.accepted
    }

    /// How many webhooks never came.
    pub fn lost(&self) -> usize {
        self.lost
    }
}
