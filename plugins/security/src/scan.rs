//! The scanner: bytes in, hits out. Pure.
//!
//! One pass of an automaton finds keywords; only where one stands is looked again, by the rules whose keyword it was: at the
//! keyword itself if that is how the secret begins, else on its line. A rule's pattern is compiled when that happens for
//! the first time. Most lines of most files hold no keyword.
//!
//! What must hold: no input makes it panic or take more than time linear in its size (lines of any length are looked at in
//! pieces of bounded size); a hit's line numbers are those of the scanned text.

use crate::keywords::{self, Matches};
use crate::pass::Pass;
use crate::rules::{self, Rule};
use crate::{encoded, text};
use memchr::memmem;
use regex::bytes::{Regex, RegexBuilder};
use std::cell::OnceCell;
use std::ops::Range;

/// More hits than this in one object are not told apart any more; the object has long been condemned.
pub const MOST_HITS: usize = 1000;

/// A secret at a place.
#[derive(Clone, Debug)]
pub struct Hit {
    /// What kind it is.
    pub rule: &'static Rule,
    /// 1-based line in which the secret begins.
    pub line: u32,
    /// The secret's bytes in the scanned text.
    pub secret: Range<usize>,
    /// Everything that the rule went by, from its first byte to its last. Holds `secret`.
    pub span: Range<usize>,
}

/// What stands in a text.
#[derive(Debug, Default)]
pub(crate) struct Found {
    /// In order.
    pub(crate) hits: Vec<Hit>,
    /// How far around anything in the text made a rule look.
    pub(crate) reach: Reach,
}

/// How far around a rule looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Reach {
    /// At the line itself.
    #[default]
    Line,
    /// As far as [`crate::pass::BLOCK`].
    Block,
    /// Further.
    Far,
}

/// Why there is no scanner, or no answer from it. No input's fault.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// A rule to be left out does not exist, so that leaving it out would do nothing.
    #[error("there is no rule `{0}`")]
    Unknown(String),
    /// A pattern is not valid. A bug in the rule.
    #[error("the pattern of rule `{rule}` is not valid")]
    Pattern {
        /// The rule's name.
        rule: &'static str,
        /// What is wrong with it.
        #[source]
        source: regex::Error,
    },
}

/// Compiles a rule's pattern.
///
/// # Errors
/// [`ScanError::Pattern`].
pub fn compile(rule: &'static Rule) -> Result<Regex, ScanError> {
    RegexBuilder::new(rule.pattern)
        .unicode(false)
        .size_limit(4 << 20)
        .build()
        .map_err(|source| ScanError::Pattern { rule: rule.id, source })
}

/// A rule, whether it is run, and its pattern from the first use on.
pub(crate) struct Slot {
    pub(crate) rule: &'static Rule,
    pub(crate) enabled: bool,
    /// Finds what every match holds, if the rule says so.
    pub(crate) needs: Option<memmem::Finder<'static>>,
    pattern: OnceCell<Regex>,
}

impl Slot {
    pub(crate) fn pattern(&self) -> Result<&Regex, ScanError> {
        match self.pattern.get() {
            Some(pattern) => Ok(pattern),
            None => {
                let compiled = compile(self.rule)?;
                Ok(self.pattern.get_or_init(|| compiled))
            }
        }
    }
}

/// Rules made ready. Costs next to nothing: the automaton over the keywords is a constant, and no pattern is compiled yet.
pub struct Scanner {
    slots: Vec<Slot>,
}

impl Scanner {
    /// A scanner of every rule but those named in `disabled`.
    ///
    /// # Errors
    /// [`ScanError::Unknown`].
    pub fn new(disabled: &[String]) -> Result<Self, ScanError> {
        if let Some(unknown) = disabled.iter().find(|id| !rules::exists(id)) {
            return Err(ScanError::Unknown(unknown.clone()));
        }
        let enabled = |rule: &Rule| !disabled.iter().any(|id| id == rule.id);
        let needs = |rule: &'static Rule| (!rule.needs.is_empty()).then(|| memmem::Finder::new(rule.needs));
        let slot = |rule| Slot { rule, enabled: enabled(rule), needs: needs(rule), pattern: OnceCell::new() };
        Ok(Self { slots: rules::all().map(slot).collect() })
    }

    /// Every secret in `text`, in order, also behind one layer of base64. `guess` also takes what merely looks random; leave it
    /// off for binary data and files that are full of hashes.
    ///
    /// # Errors
    /// [`ScanError::Pattern`]; never because of `text`.
    pub fn scan(&self, text: &[u8], guess: bool) -> Result<Vec<Hit>, ScanError> {
        Ok(self.look(text, guess)?.hits)
    }

    /// See [`Scanner::scan`].
    pub(crate) fn look(&self, text: &[u8], guess: bool) -> Result<Found, ScanError> {
        let Found { mut hits, mut reach } = self.scan_plain(text, guess)?;
        let (mut inner, mut counted) = (Vec::new(), (0, 0));
        for encoded in encoded::find(text) {
            reach = reach.max(encoded.reach());
            let span = encoded.span();
            // What was found without decoding is that very secret, in its usual dress.
            if hits.iter().any(|hit| hit.secret.start < span.end && span.start < hit.secret.end) {
                continue;
            }
            for hit in self.scan_plain(&text::decode(&encoded.text), guess)?.hits {
                let secret = if encoded.is_plain() { encoded.place(&hit.secret) } else { span.clone() };
                counted.1 += text::count_lines(&text[counted.0..secret.start]);
                counted.0 = secret.start;
                let line = u32::try_from(counted.1 + 1).unwrap_or(u32::MAX);
                inner.push(Hit { line, span: secret.clone(), secret, ..hit });
            }
            if hits.len() + inner.len() > MOST_HITS {
                break;
            }
        }
        if !inner.is_empty() {
            hits.append(&mut inner);
            hits.sort_by_key(|hit| hit.secret.start);
        }
        Ok(Found { hits, reach })
    }

    fn scan_plain(&self, text: &[u8], guess: bool) -> Result<Found, ScanError> {
        let mut pass = Pass::over(text, guess, &self.slots);
        for (end, numbers) in Matches::of(text) {
            for number in numbers {
                let keyword = keywords::keyword(*number);
                pass.meet(keyword, end)?;
            }
            if pass.is_full() {
                break;
            }
        }
        pass.finish()
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use proptest::prelude::*;

    fn hits(text: &[u8]) -> Vec<Hit> {
        Scanner::new(&[]).unwrap().scan(text, true).unwrap()
    }

    /// Put together here, so that this file itself holds no token.
    fn token() -> String {
        ["gh", "p_", "x7Kq2mW9aZ4tB1vC8", "nL5pR3sD6fG0hJy2kQ7"].concat()
    }

    // SEC-2
    #[test]
    fn a_hit_names_its_true_line_also_with_crlf_and_behind_a_nul_byte() {
        for text in [
            format!("a\nb\n{}\n", token()),
            format!("a\r\nb\r\nx = '{}'\r\n", token()),
            format!("\0a\n\0\0\nx\0{}\0", token()),
        ] {
            let found = hits(text.as_bytes());
            assert_eq!(
                found.iter().map(|hit| (hit.rule.id, hit.line)).collect::<Vec<_>>(),
                [("github-token", 3)],
                "{text:?}"
            );
            assert_eq!(text[found[0].secret.clone()], token());
        }
    }

    // SEC-2
    #[test]
    fn a_secret_on_a_line_of_megabytes_is_found_wherever_it_stands() {
        for (before, after) in [(0, 3 << 20), (3 << 20, 0), (3 << 20, 3 << 20), (1 << 20, 100)] {
            let filler = |length: usize| "key=\"a\";tok,".repeat(length / 12);
            let text = format!("{}'{}'{}", filler(before), token(), filler(after));
            let found = hits(text.as_bytes());
            assert_eq!(found.iter().map(|hit| hit.rule.id).collect::<Vec<_>>(), ["github-token"], "{before} {after}");
        }
    }

    // SEC-2
    #[test]
    fn two_secrets_on_one_line_are_two_hits_and_one_secret_is_one() {
        let text = format!("token = \"{}\" other_token = \"{}\"", token(), token().replace("x7", "y8"));
        assert_eq!(hits(text.as_bytes()).len(), 2);
    }

    fn base64(bytes: &[u8]) -> String {
        const ALPHABET: &[u8] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        let group = |chunk: &[u8]| {
            let word = chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
            let letter = |place: usize| char::from(ALPHABET[(word >> (18 - 6 * place) & 63) as usize]);
            (0..4).map(|place| if place <= chunk.len() { letter(place) } else { '=' }).collect::<String>()
        };
        bytes.chunks(3).map(group).collect()
    }

    // SEC-2
    #[test]
    fn a_secret_behind_one_layer_of_base64_is_found_on_its_line() {
        let wide: Vec<u8> = format!("$x = '{}'", token()).encode_utf16().flat_map(u16::to_le_bytes).collect();
        for wrapped in [token().into_bytes(), format!("first line\nTOKEN={}\nlast", token()).into_bytes(), wide] {
            let text = format!("a\nb\nvalue: {}\nc\n", base64(&wrapped));
            let found = hits(text.as_bytes());
            assert_eq!(
                found.iter().map(|hit| (hit.rule.id, hit.line)).collect::<Vec<_>>(),
                [("github-token", 3)],
                "{text}"
            );
            assert!(text[found[0].secret.clone()].len() >= 54);
        }
        let long = base64(format!("{}{}{}", "some text ".repeat(20), token(), " and more".repeat(20)).as_bytes());
        let lines: Vec<String> = long.as_bytes().chunks(76).map(|line| String::from_utf8_lossy(line).into()).collect();
        let found = hits(format!("body:\n{}\n", lines.join("\n")).as_bytes());
        assert_eq!(found.iter().map(|hit| (hit.rule.id, hit.line)).collect::<Vec<_>>(), [("github-token", 5)]);
    }

    // SEC-6
    #[test]
    fn a_disabled_rule_finds_nothing() {
        let scanner = Scanner::new(&["github-token".into(), "generic-secret".into()]).unwrap();
        assert!(scanner.scan(token().as_bytes(), true).unwrap().is_empty());
        assert!(matches!(Scanner::new(&["no-such-rule".into()]), Err(ScanError::Unknown(_))));
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]

        // SEC-2
        #[test]
        fn no_bytes_make_the_scanner_panic(bytes in proptest::collection::vec(any::<u8>(), 0..2000)) {
            let scanner = Scanner::new(&[]).unwrap();
            scanner.scan(&text::decode(&bytes), true).unwrap();
        }

        // SEC-2
        #[test]
        fn no_text_of_keywords_and_oddities_makes_the_scanner_panic(
            words in proptest::collection::vec(
                prop_oneof![
                    Just("token"), Just("key"), Just("password="), Just("\""), Just("'"), Just(":"), Just("="), Just("\n"), Just("\r"),
                    Just("://"), Just("a:b@c"), Just("-----BEGIN PRIVATE KEY-----"), Just("kind: Secret\n"), Just("data:\n"), Just("eyJ"),
                    Just("ghp_"), Just("sk-"), Just("\\"), Just("x7Kq2mW9aZ4tB1vC8"), Just("\0"), Just("\u{fc}"), Just("  "), Just("authorization: basic "),
                ],
                0..80,
            )
        ) {
            let text = words.concat();
            let scanner = Scanner::new(&[]).unwrap();
            for hit in scanner.scan(text.as_bytes(), true).unwrap() {
                prop_assert!(hit.secret.end <= text.len() && hit.span.start <= hit.secret.start && hit.secret.end <= hit.span.end);
                prop_assert_eq!(usize::try_from(hit.line).unwrap(), text::count_lines(&text.as_bytes()[..hit.secret.start]) + 1);
            }
        }
    }
}
