//! PHP's versions, as Composer normalises and compares them.

use super::{Number, runs};
use std::cmp::Ordering;

/// How stable a version is, from the least on: development, alpha, beta, candidate, release, patch.
const STABILITIES: [(&str, u8); 9] =
    [("dev", 0), ("alpha", 1), ("a", 1), ("beta", 2), ("b", 2), ("rc", 3), ("patch", 5), ("pl", 5), ("p", 5)];
const RELEASE: u8 = 4;

/// Compares two of them.
pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    Some(key(a)?.cmp(&key(b)?))
}

/// The numbers without zeros at the end, the stability, its number, and whether it is no development version of that.
type Key = (Vec<Number>, u8, Vec<Number>, bool);

fn key(text: &str) -> Option<Key> {
    let text = text.trim().to_ascii_lowercase();
    let text = text.split('+').next().unwrap_or(&text);
    let text = text.strip_prefix('v').unwrap_or(text);
    if !text.starts_with(|c: char| c.is_ascii_digit())
        || text.bytes().any(|b| !b.is_ascii_alphanumeric() && !b"._-".contains(&b))
    {
        return None;
    }
    let (mut numbers, mut stability, mut of_it, mut is_dev) = (Vec::new(), None, Vec::new(), false);
    for run in runs(text) {
        match (run.starts_with(|c: char| c.is_ascii_digit()), stability) {
            (true, None) => numbers.push(Number::new(run)),
            (true, Some(_)) => of_it.push(Number::new(run)),
            (false, _) if run == "stable" => {}
            (false, Some(_)) if run == "dev" => is_dev = true,
            (false, None) => stability = Some(STABILITIES.iter().find(|(name, _)| *name == run)?.1),
            (false, Some(_)) => return None,
        }
    }
    while numbers.last().is_some_and(Number::is_zero) {
        numbers.pop();
    }
    Some((numbers, stability.unwrap_or(RELEASE), of_it, !is_dev))
}
