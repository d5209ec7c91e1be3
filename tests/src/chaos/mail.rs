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
    /// Those that never came.
    lost: Vec<Letter>,
    bad_luck: Option<Dice>,
}

impl Mail {
    /// From now on what is posted comes late, in any order, and may never come.
    pub fn have_bad_luck(&mut self, dice: Dice) {
        self.bad_luck = Some(dice);
    }

    /// To be delivered from now on. They tell of the same thing: either all of them may come, or none does.
    pub fn post(&mut self, letters: impl IntoIterator<Item = Letter>) {
        let mut letters: Vec<Letter> = letters.into_iter().collect();
        if let Some(dice) = &mut self.bad_luck {
            if dice.below(3) == 0 {
                self.lost.extend(letters);
                return;
            }
            letters.iter_mut().for_each(|letter| letter.late = dice.below(20));
        }
        self.letters.extend(letters);
    }

    /// To be delivered from now on, late perhaps, but it does come: nobody else would ever say it.
    pub fn post_surely(&mut self, mut letter: Letter) {
        letter.late = self.bad_luck.as_mut().map_or(0, |dice| dice.below(20));
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

    /// The webhooks that never came.
    pub fn lost(&self) -> &[Letter] {
        &self.lost
    }
}
