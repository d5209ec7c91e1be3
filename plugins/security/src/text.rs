//! From the bytes of an object to text with lines. UTF-16 becomes UTF-8; everything else is scanned as it is, NUL or not.

use memchr::{memchr, memchr_iter, memrchr};
use std::borrow::Cow;
use std::collections::HashSet;
use std::ops::Range;

/// How many bytes are looked at to tell text from binary and to guess an encoding.
const SNIFF: usize = 8000;

/// The text of an object: UTF-16 of either byte order decoded, all else untouched.
pub fn decode(bytes: &[u8]) -> Cow<'_, [u8]> {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => Cow::Owned(utf16(rest, u16::from_le_bytes)),
        [0xFE, 0xFF, rest @ ..] => Cow::Owned(utf16(rest, u16::from_be_bytes)),
        _ => match guess_utf16(bytes) {
            Some(order) => Cow::Owned(utf16(bytes, order)),
            None => Cow::Borrowed(bytes),
        },
    }
}

/// Windows tools write UTF-16 without a mark, too: then every other byte of Western text is NUL, on one side only.
fn guess_utf16(bytes: &[u8]) -> Option<fn([u8; 2]) -> u16> {
    let head = &bytes[..bytes.len().min(SNIFF) & !1];
    if head.len() < 16 || memchr(0, head).is_none() {
        return None;
    }
    let (mut even, mut odd) = (0, 0);
    for pair in head.chunks_exact(2) {
        even += usize::from(pair[0] == 0);
        odd += usize::from(pair[1] == 0);
    }
    let pairs = head.len() / 2;
    match () {
        () if even == 0 && odd * 10 >= pairs * 7 => Some(u16::from_le_bytes),
        () if odd == 0 && even * 10 >= pairs * 7 => Some(u16::from_be_bytes),
        () => None,
    }
}

fn utf16(bytes: &[u8], order: fn([u8; 2]) -> u16) -> Vec<u8> {
    let units = bytes.chunks_exact(2).map(|pair| order([pair[0], pair[1]]));
    let mut text = String::with_capacity(bytes.len() / 2);
    text.extend(char::decode_utf16(units).map(|unit| unit.unwrap_or(char::REPLACEMENT_CHARACTER)));
    text.into_bytes()
}

/// Whether git would call these bytes binary. They are scanned all the same, but not for what only *looks* random.
pub fn is_binary(text: &[u8]) -> bool {
    memchr(0, &text[..text.len().min(SNIFF)]).is_some()
}

/// Whether a word may begin at `at`: no letter, digit, `_` or byte of `not_after` stands before it, or what stands there is
/// the end of an escape (`\n`, `\u003d`, `%3D`, a terminal's colour) and stands for another character.
pub(crate) fn begins_word(text: &[u8], at: usize, not_after: &[u8]) -> bool {
    let before = &text[..at];
    let Some(&last) = before.last() else { return true };
    if !(last.is_ascii_alphanumeric() || last == b'_') {
        return !not_after.contains(&last);
    }
    let hex = |digits: usize| before.iter().rev().take(digits).all(u8::is_ascii_hexdigit);
    match before {
        [.., b'\\', b'n' | b'r' | b't' | b'b' | b'f'] => true,
        [.., b'%', _, _] => hex(2),
        [.., b'\\', b'u', _, _, _, _] => hex(4),
        [rest @ .., b'm'] => {
            let digits = rest.iter().rev().take(8).take_while(|byte| byte.is_ascii_digit() || **byte == b';').count();
            digits > 0 && rest[..rest.len() - digits].last() == Some(&b'[')
        }
        _ => false,
    }
}

/// The bounds of the line around `at`, without its line break.
pub fn line_around(text: &[u8], at: usize) -> Range<usize> {
    let at = at.min(text.len());
    let start = memrchr(b'\n', &text[..at]).map_or(0, |newline| newline + 1);
    let end = memchr(b'\n', &text[at..]).map_or(text.len(), |newline| at + newline);
    start..end
}

/// The lines of `text`, without their line breaks; behind the last line break one more begins.
pub(crate) fn lines(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    let breaks = memchr_iter(b'\n', text).chain(std::iter::once(text.len()));
    breaks.scan(0, |from, to| Some(std::mem::replace(from, to + 1)..to))
}

/// How many lines end in `text`.
pub fn count_lines(text: &[u8]) -> usize {
    memchr_iter(b'\n', text).count()
}

/// A line as it is compared: line breaks of either system count as the same.
fn bare(line: &[u8]) -> &[u8] {
    line.strip_suffix(b"\r").unwrap_or(line)
}

/// The lines that stood somewhere before.
#[derive(Debug, Default)]
pub struct Lines<'a>(HashSet<&'a [u8]>);

impl<'a> Lines<'a> {
    /// Adds every line of `text`.
    pub fn add(&mut self, text: &'a [u8]) {
        self.0.extend(text.split(|byte| *byte == b'\n').map(bare));
    }

    /// Whether all lines that `span` of `text` touches stood there before.
    pub fn hold(&self, text: &[u8], span: &Range<usize>) -> bool {
        let whole = line_around(text, span.start).start..line_around(text, span.end.max(span.start)).end;
        text[whole].split(|byte| *byte == b'\n').all(|line| self.0.contains(bare(line)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str, order: fn(u16) -> [u8; 2]) -> Vec<u8> {
        text.encode_utf16().flat_map(order).collect()
    }

    // SEC-2
    #[test]
    fn utf16_of_either_order_with_or_without_a_mark_is_decoded() {
        let text = "name = \"wert\"\r\nü = 1\r\n";
        for (mark, order) in
            [(vec![0xFF, 0xFE], u16::to_le_bytes as fn(u16) -> [u8; 2]), (vec![0xFE, 0xFF], u16::to_be_bytes)]
        {
            assert_eq!(&*decode(&[mark, units(text, order)].concat()), text.as_bytes());
            assert_eq!(&*decode(&units(text, order)), text.as_bytes());
        }
        assert!(matches!(decode(b"plain"), Cow::Borrowed(_)));
        assert!(matches!(decode(&[0; 64]), Cow::Borrowed(_)));
    }

    // SEC-2
    #[test]
    fn a_word_begins_behind_punctuation_and_behind_an_escape_and_not_inside_a_word() {
        for before in ["", "=", "\"", "\\n", "%3D", "\\u003d", "\u{1b}[93m", "\u{e9}", "-"] {
            assert!(begins_word(before.as_bytes(), before.len(), b""), "{before}");
        }
        for before in ["a", "_", "xn", "3D", "u003d", "[m", "%zz", "9"] {
            assert!(!begins_word(before.as_bytes(), before.len(), b""), "{before}");
        }
        assert!(!begins_word(b"a/", 2, b"/"));
    }

    // SEC-2
    #[test]
    fn a_line_is_old_only_if_all_of_it_stood_before() {
        let before = b"a = 1\nb = 2\n".to_vec();
        let mut lines = Lines::default();
        lines.add(&before);
        let after = b"b = 2\r\nc = 3\r\na = 1";
        assert!(lines.hold(after, &(0..5)));
        assert!(!lines.hold(after, &(7..10)));
        assert!(!lines.hold(after, &(0..10)));
        assert!(lines.hold(after, &(16..19)));
    }
}
