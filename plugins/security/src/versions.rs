//! What of a new version of a file has to be scanned, if the version before it is at hand.
//!
//! A hit counts if one of its lines stood in none of the parents' versions. So what begins and ends a file as it did before is
//! not scanned again, but for the surroundings of what changed that a rule may look at. In a long history nearly all bytes are
//! of that kind.
//!
//! What must hold: whatever counts in a scan of the whole text is found in a scan of the part as well.

use crate::pass::BLOCK;
use crate::scan::Reach;
use crate::text::line_around;
use std::collections::{HashMap, VecDeque};
use std::ops::Range;

/// Bytes of versions that are kept.
const BUDGET: usize = 24 << 20;
/// A longer one is not kept: it would push out too many others.
const LONGEST: usize = BUDGET / 4;

/// A version that was scanned.
#[derive(Debug)]
pub(crate) struct Version {
    pub(crate) bytes: Vec<u8>,
    /// Whether guesses were made.
    pub(crate) guess: bool,
    /// Whether it holds no hit anywhere.
    pub(crate) clean: bool,
    /// How far around anything in it makes a rule look.
    pub(crate) reach: Reach,
}

/// The versions scanned last that no later version has taken the place of, by object name.
#[derive(Debug, Default)]
pub(crate) struct Versions {
    held: HashMap<String, Version>,
    /// Their names, the oldest first; some may be gone.
    order: VecDeque<String>,
    bytes: usize,
}

impl Versions {
    /// Takes a version out.
    pub(crate) fn take(&mut self, id: &str) -> Option<Version> {
        let version = self.held.remove(id)?;
        self.bytes -= version.bytes.len();
        Some(version)
    }

    /// Keeps a version, and lets go of the oldest where there is no room.
    pub(crate) fn keep(&mut self, id: &str, version: Version) {
        if version.bytes.len() > LONGEST {
            return;
        }
        drop(self.take(id));
        self.bytes += version.bytes.len();
        self.held.insert(id.to_owned(), version);
        self.order.push_back(id.to_owned());
        while self.bytes > BUDGET
            && let Some(oldest) = self.order.pop_front()
        {
            drop(self.take(&oldest));
        }
        // Names of versions that were taken out long ago.
        if self.order.len() > 2 * self.held.len() + 64 {
            self.order.retain(|id| self.held.contains_key(id));
        }
    }
}

/// The part of `text` that may hold what `before` does not: what is between their common beginning and their common end, and as
/// much around it as rules look at that look as far as `reach`; in whole lines.
pub(crate) fn news(before: &[u8], text: &[u8], reach: Reach) -> Range<usize> {
    let around = match reach {
        Reach::Line => 0,
        Reach::Block => BLOCK,
        Reach::Far => return 0..text.len(),
    };
    let start = common_beginning(before, text);
    // What begins both is not counted a second time.
    let end = text.len() - common_end(&before[start..], &text[start..]);
    let from = line_around(text, line_around(text, start).start.saturating_sub(around)).start;
    let to = line_around(text, line_around(text, end).end + around).end;
    from..to
}

/// Bytes that are compared at once.
const STRIDE: usize = 32;

fn same(a: &[u8; STRIDE], b: &[u8; STRIDE]) -> bool {
    let words = |bytes: &[u8; STRIDE]| -> [u64; STRIDE / 8] {
        let words = bytes.as_chunks().0;
        std::array::from_fn(|at| u64::from_ne_bytes(words[at]))
    };
    words(a).iter().zip(words(b)).fold(0, |differs, (a, b)| differs | (a ^ b)) == 0
}

fn common_beginning(a: &[u8], b: &[u8]) -> usize {
    let strides = a.as_chunks().0.iter().zip(b.as_chunks().0).take_while(|(a, b)| same(a, b)).count() * STRIDE;
    strides + a[strides..].iter().zip(&b[strides..]).take_while(|(a, b)| a == b).count()
}

fn common_end(a: &[u8], b: &[u8]) -> usize {
    let (a_strides, b_strides) = (a.as_rchunks().1, b.as_rchunks().1);
    let strides = a_strides.iter().rev().zip(b_strides.iter().rev()).take_while(|(a, b)| same(a, b)).count() * STRIDE;
    let (a, b) = (&a[..a.len() - strides], &b[..b.len() - strides]);
    strides + a.iter().rev().zip(b.iter().rev()).take_while(|(a, b)| a == b).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_part_holds_the_change_and_whole_lines_around_it() {
        let line = "0123456789 0123456789 0123456789\n";
        let before = line.repeat(2_000);
        let at = line.len() * 1_000 + 5;
        let after = format!("{}new{}", &before[..at], &before[at..]);
        let part = news(before.as_bytes(), after.as_bytes(), Reach::Line);
        assert_eq!(&after[part], &after[line.len() * 1_000..line.len() * 1_001 + 2]);
        assert_eq!(news(before.as_bytes(), after.as_bytes(), Reach::Far), 0..after.len());
        let part = news(before.as_bytes(), after.as_bytes(), Reach::Block);
        assert!(part.start < at - BLOCK && part.start > at - BLOCK - 2 * line.len(), "{part:?}");
        assert!(part.end > at + 3 + BLOCK && part.end < at + 3 + BLOCK + 3 * line.len(), "{part:?}");
        assert!(after[part.clone()].starts_with("0123") && after.as_bytes()[part.end] == b'\n');
        // At either end, of something and of nothing, and where one text begins or ends the other.
        for (before, after) in [("", "a"), ("a", ""), ("", ""), ("ab", "a"), ("a", "ab"), ("aa", "aaa"), ("aaa", "aa")]
        {
            assert_eq!(news(before.as_bytes(), after.as_bytes(), Reach::Line), 0..after.len());
        }
    }

    #[test]
    fn old_versions_make_room_for_new_ones() {
        let mut versions = Versions::default();
        let version = |length: usize| Version { bytes: vec![0; length], guess: true, clean: true, reach: Reach::Line };
        for id in ["a", "b", "c", "d", "e"] {
            versions.keep(id, version(LONGEST));
        }
        versions.keep("large", version(LONGEST + 1));
        assert!(versions.take("a").is_none() && versions.take("large").is_none());
        assert!(versions.take("b").is_some() && versions.take("b").is_none());
        for id in 0..10_000 {
            let id = id.to_string();
            versions.keep(&id, version(1));
            drop(versions.take(&id));
        }
        assert_eq!((versions.held.len(), versions.bytes), (3, 3 * LONGEST));
        assert!(versions.order.len() < 200);
    }
}
