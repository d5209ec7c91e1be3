//! What of a new version of a file has to be scanned, if the version before it is at hand.
//!
//! A hit counts if one of its lines stood in none of the parents' versions. So lines that stood there before are not scanned
//! again, but for the surroundings of what changed that a rule may look at. In a long history nearly all bytes are of that
//! kind.
//!
//! What must hold: whatever counts in a scan of the whole text is found in a scan of the part as well.

use crate::pass::BLOCK;
use crate::scan::Reach;
use crate::text::{line_around, lines};
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

/// The parts of `text` that may hold what `before` does not, in order and in whole lines: what is between their common
/// beginning and their common end, and as much around it as rules look at that look as far as `reach`. Where they look at one
/// line only, the lines that stand nowhere in what changed of `before`.
pub(crate) fn news(before: &[u8], text: &[u8], reach: Reach) -> Vec<Range<usize>> {
    let around = match reach {
        Reach::Line => 0,
        Reach::Block => BLOCK,
        Reach::Far => return whole(text),
    };
    let start = common_beginning(before, text);
    // What begins both is not counted a second time.
    let same_end = common_end(&before[start..], &text[start..]);
    let end = text.len() - same_end;
    let from = line_around(text, line_around(text, start).start.saturating_sub(around)).start;
    let to = line_around(text, line_around(text, end).end + around).end;
    if reach == Reach::Line && to - from >= WORTH_COMPARING {
        // Its last line is taken as a whole: a part of one is no line that stood there.
        let before_to = line_around(before, before.len() - same_end).end;
        return new_lines(&before[from..before_to], text, from..to);
    }
    std::iter::once(from..to).collect()
}

/// All of a text, as the only part of it.
pub(crate) fn whole(text: &[u8]) -> Vec<Range<usize>> {
    std::iter::once(0..text.len()).collect()
}

/// A shorter part is scanned sooner than its lines are compared.
const WORTH_COMPARING: usize = 512;

/// The lines in `part` of `text` but for those that were found in `before`; neighbours are one stretch.
fn new_lines(before: &[u8], text: &[u8], part: Range<usize>) -> Vec<Range<usize>> {
    if lines(before).nth(part.len() / SHORT_LINE).is_some() {
        return std::iter::once(part).collect();
    }
    let mut known = Known::of(before, part.len());
    let mut stretches: Vec<Range<usize>> = Vec::new();
    for line in lines(&text[part.clone()]) {
        let line = part.start + line.start..part.start + line.end;
        let stretch = match known.holds(&text[line.clone()]) {
            Some(true) => continue,
            Some(false) => line,
            None => line.start..part.end,
        };
        let is_last = stretch.end == part.end;
        match stretches.last_mut() {
            Some(last) if last.end + 1 == stretch.start => last.end = stretch.end,
            _ => stretches.push(stretch),
        }
        if is_last {
            break;
        }
    }
    stretches
}

/// Where in a version before a line is looked for: so many lines before the place where it is expected, and from there on.
/// One that has come from further away is scanned again, which costs time and nothing else.
const BACK: usize = 8;
const AHEAD: usize = 24;

/// Bytes for each line that stood there before: where there are fewer, a list of the lines would be as large as the text.
const SHORT_LINE: usize = 4;
/// A longer line is looked for only where it is expected: comparing it with many others would cost more than scanning it.
const LONG_LINE: usize = 4096;

/// The lines that stood there before.
struct Known<'a> {
    lines: Vec<&'a [u8]>,
    /// Which comes next if nothing has changed.
    expected: usize,
    /// Comparing has to cost less than the scan that it saves.
    comparisons_left: usize,
}

impl<'a> Known<'a> {
    /// `bytes`: how much may have to be scanned.
    fn of(before: &'a [u8], bytes: usize) -> Self {
        Self { lines: lines(before).map(|line| &before[line]).collect(), expected: 0, comparisons_left: bytes }
    }

    /// Whether `line` stood there. None: of a text that is new nearly everywhere that is no longer asked.
    fn holds(&mut self, line: &[u8]) -> Option<bool> {
        if self.lines.get(self.expected).is_some_and(|next| *next == line) {
            self.expected += 1;
            return Some(true);
        }
        if line.len() > LONG_LINE {
            return Some(false);
        }
        let first = self.expected.saturating_sub(BACK);
        let nearby = &self.lines[first..self.lines.len().min(self.expected + AHEAD)];
        self.comparisons_left = self.comparisons_left.checked_sub(nearby.len())?;
        let found = nearby.iter().position(|other| *other == line);
        self.expected = found.map_or(self.expected, |at| first + at + 1);
        Some(found.is_some())
    }
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
        let part = one(news(before.as_bytes(), after.as_bytes(), Reach::Line));
        assert_eq!(&after[part], &after[line.len() * 1_000..line.len() * 1_001 + 2]);
        assert_eq!(one(news(before.as_bytes(), after.as_bytes(), Reach::Far)), 0..after.len());
        let part = one(news(before.as_bytes(), after.as_bytes(), Reach::Block));
        assert!(part.start < at - BLOCK && part.start > at - BLOCK - 2 * line.len(), "{part:?}");
        assert!(part.end > at + 3 + BLOCK && part.end < at + 3 + BLOCK + 3 * line.len(), "{part:?}");
        assert!(after[part.clone()].starts_with("0123") && after.as_bytes()[part.end] == b'\n');
        // At either end, of something and of nothing, and where one text begins or ends the other.
        for (before, after) in [("", "a"), ("a", ""), ("", ""), ("ab", "a"), ("a", "ab"), ("aa", "aaa"), ("aaa", "aa")]
        {
            assert_eq!(one(news(before.as_bytes(), after.as_bytes(), Reach::Line)), 0..after.len());
        }
    }

    fn one(parts: Vec<Range<usize>>) -> Range<usize> {
        assert_eq!(parts.len(), 1, "{parts:?}");
        parts[0].clone()
    }

    /// What is scanned of `after` where rules look at one line only.
    fn scanned<'a>(before: &str, after: &'a str) -> Vec<&'a str> {
        news(before.as_bytes(), after.as_bytes(), Reach::Line).into_iter().map(|part| &after[part]).collect()
    }

    #[test]
    fn of_several_changes_only_the_changed_lines_are_scanned() {
        let numbered =
            |numbers: Range<usize>| -> Vec<String> { numbers.map(|n| format!("line {n}, as it was")).collect() };
        let before = numbered(0..1_000).join("\n");
        let mut after = numbered(0..1_000);
        after[10] = "changed".to_owned();
        after.splice(500..510, ["came".to_owned(), "came, too".to_owned()]);
        after.insert(900, "line 901, as it was".to_owned());
        after[950] = "line 943, as it wa".to_owned();
        after[990] = String::new();
        let after = after.join("\n");
        assert_eq!(scanned(&before, &after), ["changed", "came\ncame, too", "line 943, as it wa", ""]);
        // What stands far from where it stood is scanned again, and nothing gets lost after it.
        let moved = [numbered(0..100), numbered(800..900), numbered(100..200)].concat().join("\n");
        assert_eq!(scanned(&before, &format!("x\n{moved}\ny")).last().map(|last| last.ends_with('y')), Some(true));
    }

    #[test]
    fn a_text_that_is_new_nearly_everywhere_is_not_compared_to_its_end() {
        let before = "before\n".repeat(1_000);
        let mut known = Known::of(before.as_bytes(), 2 * AHEAD);
        assert_eq!(
            ["new", "new", "new", "before"].map(|line| known.holds(line.as_bytes())),
            [Some(false), Some(false), None, Some(true)]
        );
        // One line in two bytes, and each a new one: all of it is one part.
        let after = "x\n".repeat(1_000);
        assert_eq!(scanned(&before, &after), [&after[..after.len() - 1]]);
    }

    #[test]
    fn a_text_of_line_breaks_and_a_very_long_line_that_has_moved_are_scanned_sooner_than_compared() {
        let breaks = "\n".repeat(4_000);
        let after = format!("c{breaks}d");
        assert_eq!(scanned(&format!("a{breaks}b"), &after), [after.as_str()]);
        let long = "long ".repeat(1_000);
        let after = format!("new\n{long}\nend");
        assert_eq!(scanned(&format!("gone\n{long}\nold"), &after), [after.as_str()]);
        let short = "short".repeat(200);
        assert_eq!(scanned(&format!("gone\n{short}\nold"), &format!("new\n{short}\nend")), ["new", "end"]);
    }

    #[test]
    fn the_rest_of_a_line_that_was_cut_is_no_line_that_stood_there() {
        let filler = "filler\n".repeat(100);
        let before = format!("{filler}a\n{filler}secret = tail\n{filler}");
        let after = format!("{filler}b\n{filler}secret =\nother tail\n{filler}");
        assert_eq!(scanned(&before, &after), ["b", "secret =\nother tail"]);
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
