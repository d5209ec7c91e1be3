//! Ruby's versions, as `Gem::Version` compares them.

use super::{Number, runs};
use std::cmp::Ordering;

/// Words stand before numbers: `1.0.a` leads to `1.0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Word(String),
    Number(Number),
}

/// Compares two of them.
pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (segments(a)?, segments(b)?);
    let none = Segment::Number(Number::new(""));
    let at = |segments: &'_ [Segment], index: usize| segments.get(index).unwrap_or(&none).clone();
    let unequal = (0..a.len().max(b.len())).map(|index| at(&a, index).cmp(&at(&b, index))).find(|o| o.is_ne());
    Some(unequal.unwrap_or(Ordering::Equal))
}

/// Segments without the zeros that say nothing: at the end, and where the words begin.
fn segments(text: &str) -> Option<Vec<Segment>> {
    let text = text.trim();
    let plain = text.starts_with(|c: char| c.is_ascii_digit())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-');
    if !plain {
        return None;
    }
    let text = text.replace('-', ".pre.");
    let segment = |run: &str| match run.starts_with(|c: char| c.is_ascii_digit()) {
        true => Segment::Number(Number::new(run)),
        false => Segment::Word(run.to_owned()),
    };
    let segments: Vec<Segment> = runs(&text).into_iter().map(segment).collect();
    let words = segments.iter().position(|s| matches!(s, Segment::Word(_))).unwrap_or(segments.len());
    let (numbers, rest) = segments.split_at(words);
    let mut canonical = Vec::with_capacity(segments.len());
    for part in [numbers, rest] {
        let zero = |segment: &Segment| matches!(segment, Segment::Number(number) if number.is_zero());
        let kept = part.iter().rposition(|segment| !zero(segment)).map_or(0, |last| last + 1);
        canonical.extend_from_slice(&part[..kept]);
    }
    Some(canonical)
}
