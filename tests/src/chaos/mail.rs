//! Senders as they are: what is not answered is sent again, sometimes what is answered too, and not always in order.

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
}

/// What is under way, and what was accepted.
#[derive(Debug, Default)]
pub struct Mail {
    letters: Vec<Letter>,
    accepted: Vec<i64>,
}

impl Mail {
    /// To be delivered from now on.
    pub fn post(&mut self, letter: Letter) {
        self.letters.push(letter);
    }

    /// Delivers what is to be delivered. What is not answered with a 2xx stays.
    pub fn deliver(&mut self, daemon: &Daemon) {
        let accepted = &mut self.accepted;
        self.letters.retain_mut(|letter| {
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

    /// One letter about `event` never arrives, if there is one.
    pub fn lose(&mut self, event: &str) -> bool {
        let found = self.letters.iter().position(|letter| letter.event == event);
        found.map(|at| self.letters.remove(at)).is_some()
    }

    /// The letters in another order.
    pub fn shuffle(&mut self, mut below: impl FnMut(usize) -> usize) {
        for last in (1..self.letters.len()).rev() {
            self.letters.swap(last, below(last + 1));
        }
    }
}
