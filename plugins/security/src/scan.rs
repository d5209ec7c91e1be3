//! The scanner: bytes in, hits out. Pure.
//!
//! One pass of an Aho-Corasick automaton finds keywords; only lines that hold one are looked at again, by the rules whose
//! keyword it was; a rule's pattern is compiled when that happens for the first time. Most lines of most files hold none.
//!
//! What must hold: no input makes it panic or take more than time linear in its size (lines of any length are looked at in
//! pieces of bounded size); a hit's line numbers are those of the scanned text.

use crate::rules::{self, Check, GENERIC, KUBE_SECRET, Rule, Scope};
use crate::{generic, kube, text, value};
use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use regex::bytes::{Regex, RegexBuilder};
use std::cell::OnceCell;
use std::collections::HashMap;
use std::ops::Range;

/// On a longer line only this much before and after a keyword is looked at.
const BEFORE: usize = 512;
const AFTER: usize = 4096;
/// Where neighbouring pieces of a long line join, they end at this size at the latest.
const PIECE: usize = 32 * 1024;
/// How far a pattern that spans lines may look.
const BLOCK: usize = 8 * 1024;
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

/// Why there is no scanner. A bug in a rule, and no input's fault.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The keywords make no automaton.
    #[error("the keywords of the rules make no automaton: {0}")]
    Keywords(#[from] aho_corasick::BuildError),
    /// A pattern is not valid.
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

struct Slot {
    rule: &'static Rule,
    pattern: OnceCell<Regex>,
}

/// Rules made ready. Cheap to make: the automaton over the keywords is all that is built.
pub struct Scanner {
    automaton: AhoCorasick,
    /// For each keyword of the automaton the slots that it wakes.
    wakes: Vec<Vec<u16>>,
    slots: Vec<Slot>,
}

impl Scanner {
    /// A scanner of every rule but those named in `disabled`.
    ///
    /// # Errors
    /// [`ScanError::Keywords`].
    pub fn new(disabled: &[String]) -> Result<Self, ScanError> {
        let enabled = |rule: &&'static Rule| !disabled.iter().any(|id| id == rule.id);
        let slots: Vec<Slot> = rules::all()
            .chain([&KUBE_SECRET, &GENERIC])
            .filter(enabled)
            .map(|rule| Slot { rule, pattern: OnceCell::new() })
            .collect();
        let mut keywords: Vec<&'static str> = Vec::new();
        let mut known: HashMap<&'static str, usize> = HashMap::new();
        let mut wakes: Vec<Vec<u16>> = Vec::new();
        for (index, slot) in (0u16..).zip(&slots) {
            for keyword in slot.rule.keywords {
                let place = *known.entry(keyword).or_insert_with(|| {
                    keywords.push(keyword);
                    wakes.push(Vec::new());
                    keywords.len() - 1
                });
                wakes[place].push(index);
            }
        }
        let automaton = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .match_kind(MatchKind::Standard)
            .kind(Some(AhoCorasickKind::DFA))
            .build(&keywords)?;
        Ok(Self { automaton, wakes, slots })
    }

    /// Every secret in `text`, in order. `guess` also takes what merely looks random; leave it off for binary data and files
    /// that are full of hashes.
    ///
    /// # Errors
    /// [`ScanError::Pattern`]; never because of `text`.
    pub fn scan(&self, text: &[u8], guess: bool) -> Result<Vec<Hit>, ScanError> {
        let mut pass = Pass { scanner: self, text, guess, found: Vec::new(), counted: (0, 0) };
        let mut piece: Option<Piece> = None;
        for keyword in self.automaton.find_overlapping_iter(text) {
            let wakes = &self.wakes[keyword.pattern().as_usize()];
            if !guess && matches!(wakes.as_slice(), [only] if usize::from(*only) + 1 == self.slots.len()) {
                continue;
            }
            let joined = piece.as_mut().is_some_and(|piece| piece.join(keyword.end()));
            if !joined {
                if let Some(done) = piece.take() {
                    pass.look(done)?;
                }
                piece = Some(Piece::around(text, keyword.start(), keyword.end(), self.slots.len()));
            }
            if let Some(piece) = &mut piece {
                for slot in wakes {
                    piece.wake(*slot);
                }
                piece.keywords.push(keyword.start()..keyword.end());
            }
            if pass.found.len() > MOST_HITS {
                break;
            }
        }
        if let Some(done) = piece {
            pass.look(done)?;
        }
        Ok(pass.finish())
    }
}

/// A line with keywords, or a stretch of one that is very long.
struct Piece {
    bounds: Range<usize>,
    line_end: usize,
    awake: Vec<u64>,
    keywords: Vec<Range<usize>>,
}

impl Piece {
    fn around(text: &[u8], start: usize, end: usize, slots: usize) -> Self {
        let line = text::line_around(text, start);
        // A keyword never spans lines, but what `line_around` says about its start must also hold its end.
        let line_end = line.end.max(end);
        let bounds = line.start.max(start.saturating_sub(BEFORE))..line_end.min(end + AFTER);
        Self { bounds, line_end, awake: vec![0; slots.div_ceil(64)], keywords: Vec::new() }
    }

    /// Whether a keyword that ends at `end` belongs here too. Grows the piece on a long line.
    fn join(&mut self, end: usize) -> bool {
        if end > self.line_end || end > self.bounds.end || end - self.bounds.start > PIECE {
            return false;
        }
        self.bounds.end = self.bounds.end.max(self.line_end.min(end + AFTER));
        true
    }

    fn wake(&mut self, slot: u16) {
        self.awake[usize::from(slot) / 64] |= 1 << (slot % 64);
    }

    fn awake(&self) -> impl Iterator<Item = usize> {
        self.awake.iter().enumerate().flat_map(|(word, bits)| {
            let bits = *bits;
            (0..64).filter(move |bit| bits >> bit & 1 == 1).map(move |bit| word * 64 + bit)
        })
    }
}

struct Pass<'a> {
    scanner: &'a Scanner,
    text: &'a [u8],
    guess: bool,
    found: Vec<Hit>,
    /// Up to which byte lines have been counted, and how many there are.
    counted: (usize, usize),
}

impl Pass<'_> {
    fn look(&mut self, piece: Piece) -> Result<(), ScanError> {
        let first = self.found.len();
        for slot in piece.awake() {
            let slot = &self.scanner.slots[slot];
            if slot.rule.id == GENERIC.id {
                self.look_generic(&piece);
            } else if slot.rule.id == KUBE_SECRET.id {
                self.look_kube(&piece);
            } else {
                self.look_pattern(slot, &piece)?;
            }
        }
        self.number(first);
        Ok(())
    }

    fn look_generic(&mut self, piece: &Piece) {
        if !self.guess {
            return;
        }
        let line = &self.text[piece.bounds.clone()];
        let offset = piece.bounds.start;
        for keyword in &piece.keywords {
            if keyword.end > piece.bounds.end
                || !GENERIC.keywords.iter().any(|word| self.text[keyword.clone()].eq_ignore_ascii_case(word.as_bytes()))
            {
                continue;
            }
            if let Some(secret) = generic::find(line, keyword.start - offset..keyword.end - offset) {
                let span = keyword.start.min(secret.start + offset)..secret.end + offset;
                self.take(&GENERIC, secret.start + offset..secret.end + offset, span);
            }
        }
    }

    fn look_kube(&mut self, piece: &Piece) {
        if !self.guess {
            return;
        }
        if let Some(keyword) = piece.keywords.first() {
            for secret in kube::find(self.text, keyword.start) {
                self.take(&KUBE_SECRET, secret.clone(), secret);
            }
        }
    }

    fn look_pattern(&mut self, slot: &Slot, piece: &Piece) -> Result<(), ScanError> {
        let pattern = match slot.pattern.get() {
            Some(pattern) => pattern,
            None => {
                let compiled = compile(slot.rule)?;
                slot.pattern.get_or_init(|| compiled)
            }
        };
        let bounds = match slot.rule.scope {
            Scope::Line => piece.bounds.clone(),
            Scope::Block => piece.bounds.start..(piece.bounds.end + BLOCK).min(self.text.len()),
        };
        let mut at = 0;
        let stretch = &self.text[bounds.clone()];
        while let Some(captures) = (at <= stretch.len()).then(|| pattern.captures_at(stretch, at)).flatten() {
            let Some(whole) = captures.get(0) else { break };
            let secret = captures.get(1).unwrap_or(whole);
            // What ended one match may begin the next: the boundary byte is looked at again.
            at = secret.end().max(whole.start() + 1);
            if value::passes(slot.rule.check, slot.rule.bits, secret.as_bytes()) {
                let shift = |m: regex::bytes::Match<'_>| bounds.start + m.start()..bounds.start + m.end();
                self.take(slot.rule, shift(secret), shift(whole));
            }
        }
        Ok(())
    }

    /// Keeps a hit, unless a more telling rule has these bytes already.
    fn take(&mut self, rule: &'static Rule, secret: Range<usize>, span: Range<usize>) {
        let overlaps = |hit: &Hit| hit.secret.start < secret.end && secret.start < hit.secret.end;
        if self.found.len() > MOST_HITS || self.found.iter().rev().take(64).any(overlaps) {
            return;
        }
        // A boundary byte that is a line break belongs to no line of the secret.
        let span = span.start.max(text::line_around(self.text, span.start).start)..span.end;
        self.found.push(Hit { rule, line: 0, secret, span });
    }

    fn number(&mut self, first: usize) {
        for hit in &mut self.found[first..] {
            if hit.secret.start < self.counted.0 {
                self.counted = (0, 0);
            }
            self.counted.1 += text::count_lines(&self.text[self.counted.0..hit.secret.start]);
            self.counted.0 = hit.secret.start;
            hit.line = u32::try_from(self.counted.1 + 1).unwrap_or(u32::MAX);
        }
    }

    fn finish(mut self) -> Vec<Hit> {
        self.found.sort_by_key(|hit| (hit.secret.start, hit.rule.check == Check::None));
        self.found
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

    // SEC-6
    #[test]
    fn a_disabled_rule_finds_nothing() {
        let scanner = Scanner::new(&["github-token".into(), "generic-secret".into()]).unwrap();
        assert!(scanner.scan(token().as_bytes(), true).unwrap().is_empty());
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
