//! Secrets behind one layer of base64: stretches of it that decode to text are scanned once more.
//!
//! Most long words of its alphabet are names and hashes. They are told apart by their first bytes: a word's decode to text
//! with a chance of one in a hundred thousand. So nothing is decoded in full without need.

use crate::scan::Reach;
use crate::{text, value};
use std::borrow::Cow;
use std::ops::Range;

/// Shorter stretches hold no secret that anything but its name could tell.
const SHORTEST: usize = 24;
/// A line of at least this many characters may go on in the next one, as encoders break them.
const BROKEN_FROM: usize = 60;
/// Nothing longer is decoded; a secret is found in what comes before.
const LONGEST: usize = 16 << 20;
/// So many characters tell whether the rest decodes to text.
const PROBE: usize = 16;

/// A stretch of base64 that decodes to text.
pub(crate) struct Encoded {
    /// What it says.
    pub(crate) text: Vec<u8>,
    /// Where its characters stand: how many came before, and the place of the next one.
    lines: Vec<(usize, usize)>,
    /// Where it ends.
    end: usize,
}

impl Encoded {
    /// Where the characters stand that decode to `part` of the text.
    pub(crate) fn place(&self, part: &Range<usize>) -> Range<usize> {
        let place = |character: usize| {
            let line = self.lines.iter().rev().find(|(before, _)| *before <= character);
            line.map_or(self.end, |(before, at)| at + (character - before)).min(self.end)
        };
        let start = place(part.start / 3 * 4);
        start..place((part.end.saturating_sub(1) / 3 + 1) * 4 - 1).saturating_add(1).clamp(start, self.end)
    }

    /// Whether it is text of one byte a character, so that places in it are places in what will be scanned.
    pub(crate) fn is_plain(&self) -> bool {
        matches!(text::decode(&self.text), Cow::Borrowed(_))
    }

    /// How far around one has to look to find it: over its lines, or the next one with which it would go on.
    pub(crate) fn reach(&self) -> Reach {
        let span = self.span();
        match self.lines.len() {
            2.. => Reach::Far,
            _ if span.len() >= BROKEN_FROM => Reach::Block,
            _ => Reach::Line,
        }
    }

    /// The whole stretch.
    pub(crate) fn span(&self) -> Range<usize> {
        self.lines.first().map_or(self.end, |(_, at)| *at)..self.end
    }
}

/// The alphabet, both of its dialects.
static ALPHABET: [bool; 256] = {
    let mut table = [false; 256];
    let letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/-_";
    let mut at = 0;
    while at < letters.len() {
        table[letters[at] as usize] = true;
        at += 1;
    }
    table
};

fn is_base64(byte: u8) -> bool {
    ALPHABET[usize::from(byte)]
}

/// Every stretch of `text` that is base64 of text, in order.
pub(crate) fn find(text: &[u8]) -> impl Iterator<Item = Encoded> {
    let mut from = 0;
    std::iter::from_fn(move || {
        loop {
            let run = next_run(text, from)?;
            from = run.end + 1;
            if !decodes_to_text(&text[run.start..run.start + PROBE]) {
                continue;
            }
            if let Some(encoded) = read(text, run) {
                from = encoded.end + 1;
                return Some(encoded);
            }
        }
    })
}

/// The next stretch of the alphabet from `from` on, which is where one may begin. As Boyer and Moore search for a word: a byte
/// that is not in the alphabet rules out every stretch over it, and looking from the end of the shortest one finds the last
/// such byte first.
fn next_run(text: &[u8], from: usize) -> Option<Range<usize>> {
    let mut start = from;
    loop {
        let shortest = text.get(start..start.checked_add(SHORTEST)?)?;
        let Some(other) = shortest.iter().rposition(|byte| !is_base64(*byte)) else { break };
        start += other + 1;
    }
    let behind = start + SHORTEST;
    Some(start..behind + text[behind..].iter().take_while(|byte| is_base64(**byte)).count())
}

fn is_text(byte: u8) -> bool {
    matches!(byte, b' '..=b'~' | b'\t' | b'\r' | b'\n')
}

/// Whether these characters decode to text of one byte a character, or of two.
fn decodes_to_text(characters: &[u8]) -> bool {
    // Asked of every long word, so without an allocation.
    let mut bytes = [0; PROBE / 4 * 3];
    for (group, into) in characters.as_chunks().0.iter().zip(bytes.as_chunks_mut().0) {
        let Some(three) = value::base64_group(*group) else { return false };
        *into = three;
    }
    bytes.iter().all(|byte| is_text(*byte))
        || bytes.chunks_exact(2).all(|pair| is_text(pair[0]) && pair[1] == 0)
        || matches!(bytes.as_slice(), [0xEF, 0xBB, 0xBF, rest @ ..] | [0xFF, 0xFE, rest @ ..] if rest.iter().all(|byte| is_text(*byte) || *byte == 0))
}

/// Decodes the stretch that begins with `run`, over line breaks if it goes on behind them.
fn read(text: &[u8], run: Range<usize>) -> Option<Encoded> {
    let mut characters = Vec::new();
    let mut lines = Vec::new();
    let mut run = run;
    loop {
        lines.push((characters.len(), run.start));
        characters.extend_from_slice(&text[run.clone()]);
        match following_line(text, &run) {
            Some(next) if characters.len() + next.len() <= LONGEST => run = next,
            _ => break,
        }
    }
    // A stretch that was cut in the middle of a character group still says what the whole groups say.
    let whole = if characters.len() % 4 == 1 { characters.len() - 1 } else { characters.len() };
    let decoded = value::base64(&characters[..whole.min(LONGEST)])?;
    Some(Encoded { text: decoded, lines, end: run.end })
}

/// The stretch on the next line, if `run` ends its line and is long enough to have been broken.
fn following_line(text: &[u8], run: &Range<usize>) -> Option<Range<usize>> {
    if run.len() < BROKEN_FROM {
        return None;
    }
    let rest = &text[run.end..];
    let newline = rest.iter().take(2).position(|byte| *byte == b'\n')?;
    let indent = rest[newline + 1..].iter().take(80).take_while(|byte| matches!(byte, b' ' | b'\t')).count();
    let start = run.end + newline + 1 + indent;
    let length = text[start..].iter().take_while(|byte| is_base64(**byte)).count();
    (rest[..newline].iter().all(|byte| *byte == b'\r') && length > 0).then_some(start..start + length)
}

#[cfg(test)]
mod tests {
    use super::*;

    // SEC-2
    #[test]
    fn base64_of_text_is_read_and_its_place_is_that_of_the_encoded_characters() {
        // "this is a text of some length"
        let text = b"x = 'dGhpcyBpcyBhIHRleHQgb2Ygc29tZSBsZW5ndGg='";
        let found: Vec<Encoded> = find(text).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].text, b"this is a text of some length");
        assert_eq!(&text[found[0].place(&(10..14))], b"IHRleHQg");
        assert_eq!(found[0].span(), 5..44);
    }

    // SEC-2
    #[test]
    fn base64_that_was_broken_into_lines_is_read_as_one() {
        let line = "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFB";
        let text = format!("body:\r\n  {line}\r\n  {line}\r\n  QkJC\r\nend");
        let found: Vec<Encoded> = find(text.as_bytes()).collect();
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].text, [vec![b'A'; 96], b"BBB".to_vec()].concat());
        assert_eq!(&text[found[0].place(&(96..99))], "QkJC");
    }

    // SEC-2
    #[test]
    fn a_stretch_is_found_wherever_it_begins() {
        let encoded = "YSB0ZXh0IG9mIGxlbmd0aDI0";
        for before in 0..60 {
            let text = format!("{}{encoded} and more", " ".repeat(before));
            let spans: Vec<_> = find(text.as_bytes()).map(|found| (found.span().start, found.span().end)).collect();
            assert_eq!(spans, [(before, before + 24)]);
            assert_eq!(find(text.trim_end_matches(" and more").as_bytes()).count(), 1);
        }
    }

    // SEC-2
    #[test]
    fn names_and_hashes_are_not_taken_for_text() {
        let text =
            b"ThisIsANameOfSomeLengthInAProgram 9f2c4e1ab7d39f2c4e1ab7d39f2c4e1ab7d3 some/path/to/a/file/of/mine";
        assert_eq!(find(text).count(), 0);
        assert_eq!(find(b"").count(), 0);
    }
}
