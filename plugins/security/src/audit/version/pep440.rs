//! Python's versions: PEP 440.

use super::Number;
use std::cmp::Ordering;

/// A version of a Python package.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Version {
    epoch: Number,
    /// Without zeros at its end.
    release: Vec<Number>,
    pre: Option<(u8, Number)>,
    post: Option<Number>,
    dev: Option<Number>,
    local: Option<Vec<Local>>,
}

/// Words stand before numbers.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Local {
    Word(String),
    Number(Number),
}

/// Spellings of the parts that may follow the release; longer ones first.
const PRE: [(&str, u8); 8] =
    [("preview", 2), ("alpha", 0), ("beta", 1), ("pre", 2), ("rc", 2), ("a", 0), ("b", 1), ("c", 2)];
const POST: [(&str, u8); 3] = [("post", 0), ("rev", 0), ("r", 0)];
const DEV: [(&str, u8); 1] = [("dev", 0)];

impl Version {
    /// Reads one, in any of the spellings that PEP 440 forgives.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let text = text.trim().to_ascii_lowercase();
        let text = text.strip_prefix('v').unwrap_or(&text);
        let (public, local) = match text.split_once('+') {
            Some((public, local)) => (public, Some(local_parts(local)?)),
            None => (text, None),
        };
        let (epoch, rest) = match public.split_once('!') {
            Some((epoch, rest)) => (digits(epoch).filter(|(_, rest)| rest.is_empty())?.0, rest),
            None => (Number::new(""), public),
        };
        let (first, mut rest) = digits(rest)?;
        let mut release = vec![first];
        while let Some((number, after)) = rest.strip_prefix('.').and_then(digits) {
            release.push(number);
            rest = after;
        }
        while release.last().is_some_and(Number::is_zero) {
            release.pop();
        }
        let (pre, rest) = part(rest, &PRE);
        let (post, rest) = match rest.strip_prefix('-').and_then(digits) {
            Some((number, rest)) => (Some((0, number)), rest),
            None => part(rest, &POST),
        };
        let (dev, rest) = part(rest, &DEV);
        let (post, dev) = (post.map(|(_, number)| number), dev.map(|(_, number)| number));
        rest.is_empty().then_some(Self { epoch, release, pre, post, dev, local })
    }
}

fn digits(text: &str) -> Option<(Number, &str)> {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (end > 0).then(|| (Number::new(&text[..end]), &text[end..]))
}

/// One of the parts behind the release, with the separators that may stand around its name.
fn part<'a>(text: &'a str, names: &[(&str, u8)]) -> (Option<(u8, Number)>, &'a str) {
    let inner = text.strip_prefix(['.', '-', '_']).unwrap_or(text);
    let Some((kind, rest)) = names.iter().find_map(|(name, kind)| Some((*kind, inner.strip_prefix(name)?))) else {
        return (None, text);
    };
    match digits(rest.strip_prefix(['.', '-', '_']).unwrap_or(rest)) {
        Some((number, rest)) => (Some((kind, number)), rest),
        None => (Some((kind, Number::new(""))), rest),
    }
}

fn local_parts(text: &str) -> Option<Vec<Local>> {
    let part = |part: &str| {
        let is_plain = !part.is_empty() && part.bytes().all(|b| b.is_ascii_alphanumeric());
        let is_number = part.bytes().all(|b| b.is_ascii_digit());
        is_plain.then(|| if is_number { Local::Number(Number::new(part)) } else { Local::Word(part.to_owned()) })
    };
    text.split(['.', '-', '_']).map(part).collect()
}

impl Version {
    /// Where the version stands among those of its release: a development version of the release itself comes first, then
    /// what leads to it, then the release.
    fn phase(&self) -> (u8, Option<&(u8, Number)>) {
        match (&self.pre, &self.post, &self.dev) {
            (None, None, Some(_)) => (0, None),
            (Some(pre), ..) => (1, Some(pre)),
            (None, ..) => (2, None),
        }
    }
}

impl Ord for Version {
    fn cmp(&self, other: &Self) -> Ordering {
        // No development version is newer than one.
        let dev = |version: &'_ Self| version.dev.is_none();
        self.epoch
            .cmp(&other.epoch)
            .then_with(|| self.release.cmp(&other.release))
            .then_with(|| self.phase().cmp(&other.phase()))
            .then_with(|| self.post.cmp(&other.post))
            .then_with(|| dev(self).cmp(&dev(other)))
            .then_with(|| self.dev.cmp(&other.dev))
            .then_with(|| self.local.cmp(&other.local))
    }
}

impl PartialOrd for Version {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
