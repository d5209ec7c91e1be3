//! One scan of one text: which rules a keyword wakes, what they look at, and what is kept of what they find.

use crate::keywords::Keyword;
use crate::rules::{Check, Scope};
use crate::scan::{Found, Hit, MOST_HITS, Reach, ScanError, Slot};
use crate::{generic, kube, text, value};
use std::ops::Range;

/// On a longer line only this much before and after a keyword is looked at.
const BEFORE: usize = 512;
const AFTER: usize = 4096;
/// Where neighbouring pieces of a long line join, they end at this size at the latest.
const PIECE: usize = 32 * 1024;
/// How far a pattern that spans lines, or one that runs from a keyword, may look.
pub(crate) const BLOCK: usize = 8 * 1024;

/// A rule that a keyword has woken.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Awake {
    slot: u16,
    start: usize,
    end: usize,
}

/// A line with keywords, or a stretch of one that is very long.
struct Piece {
    bounds: Range<usize>,
    line_end: usize,
}

impl Piece {
    fn around(text: &[u8], start: usize, end: usize) -> Self {
        let line = text::line_around(text, start);
        // A keyword never spans lines, but what `line_around` says about its start must also hold its end.
        let line_end = line.end.max(end);
        Self { bounds: line.start.max(start.saturating_sub(BEFORE))..line_end.min(end + AFTER), line_end }
    }

    /// Whether a keyword that ends at `end` belongs here too. Grows the piece on a long line.
    fn join(&mut self, end: usize) -> bool {
        if end > self.line_end || end > self.bounds.end || end - self.bounds.start > PIECE {
            return false;
        }
        self.bounds.end = self.bounds.end.max(self.line_end.min(end + AFTER));
        true
    }
}

/// A scan under way.
pub(crate) struct Pass<'a> {
    text: &'a [u8],
    guess: bool,
    slots: &'a [Slot],
    piece: Option<Piece>,
    awake: Vec<Awake>,
    found: Vec<Hit>,
    /// How far around a rule has looked.
    reach: Reach,
    /// Up to which byte lines have been counted, and how many there are.
    counted: (usize, usize),
}

impl<'a> Pass<'a> {
    pub(crate) fn over(text: &'a [u8], guess: bool, slots: &'a [Slot]) -> Self {
        Self {
            text,
            guess,
            slots,
            piece: None,
            awake: Vec::new(),
            found: Vec::new(),
            reach: Reach::Line,
            counted: (0, 0),
        }
    }

    /// Whether there is no room for more hits.
    pub(crate) fn is_full(&self) -> bool {
        self.found.len() > MOST_HITS
    }

    /// Takes note of a keyword, and looks at the piece before it if that is complete.
    pub(crate) fn meet(&mut self, keyword: &Keyword, end: usize) -> Result<(), ScanError> {
        let start = end - keyword.length;
        for &slot in keyword.rules {
            if !self.is_called(usize::from(slot), start, end) {
                continue;
            }
            if !self.piece.as_mut().is_some_and(|piece| piece.join(end)) {
                self.look()?;
                self.piece = Some(Piece::around(self.text, start, end));
            }
            self.awake.push(Awake { slot, start, end });
        }
        Ok(())
    }

    /// Whether the keyword between `start` and `end` can be one of this rule.
    fn is_called(&self, slot: usize, start: usize, end: usize) -> bool {
        let slot = &self.slots[slot];
        slot.enabled
            && match slot.rule.scope {
                Scope::Line | Scope::Block => true,
                Scope::Generic | Scope::Kubernetes => self.guess,
                Scope::Start => {
                    let word = &self.text[start..end];
                    slot.rule.keywords.iter().any(|keyword| keyword.as_bytes() == word)
                        && text::begins_word(self.text, start, slot.rule.not_after.as_bytes())
                }
            }
    }

    fn look(&mut self) -> Result<(), ScanError> {
        let Some(piece) = self.piece.take() else { return Ok(()) };
        let first = self.found.len();
        let mut awake = std::mem::take(&mut self.awake);
        awake.sort_unstable();
        let mut last = None;
        for Awake { slot, start, end } in awake.drain(..) {
            let again = last.replace(slot) == Some(slot);
            let slot = &self.slots[usize::from(slot)];
            match slot.rule.scope {
                Scope::Start => self.look_pattern(slot, start..piece.line_end.min(start + BLOCK))?,
                Scope::Generic => self.look_generic(slot, &piece, start..end),
                _ if again => {}
                Scope::Line => self.look_pattern(slot, piece.bounds.clone())?,
                Scope::Block => {
                    self.reach = self.reach.max(Reach::Block);
                    let end = (piece.bounds.end + BLOCK).min(self.text.len());
                    self.look_pattern(slot, piece.bounds.start..end)?;
                }
                Scope::Kubernetes => {
                    if let Some(secrets) = kube::find(self.text, start) {
                        self.reach = Reach::Far;
                        secrets.into_iter().for_each(|secret| self.take(slot, secret.clone(), secret));
                    }
                }
            }
        }
        self.awake = awake;
        self.number(first);
        Ok(())
    }

    fn look_generic(&mut self, slot: &Slot, piece: &Piece, keyword: Range<usize>) {
        if keyword.end > piece.bounds.end {
            return;
        }
        let offset = piece.bounds.start;
        let line = &self.text[piece.bounds.clone()];
        if let Some(secret) = generic::find(line, keyword.start - offset..keyword.end - offset) {
            let secret = secret.start + offset..secret.end + offset;
            self.take(slot, secret.clone(), keyword.start.min(secret.start)..secret.end);
        }
    }

    fn look_pattern(&mut self, slot: &Slot, bounds: Range<usize>) -> Result<(), ScanError> {
        let stretch = &self.text[bounds.clone()];
        if slot.needs.as_ref().is_some_and(|needs| needs.find(stretch).is_none()) {
            return Ok(());
        }
        let pattern = slot.pattern()?;
        let mut at = 0;
        // Hardly any place that is looked at matches, and looking for groups costs an allocation even where nothing does.
        while let Some(whole) = (at <= stretch.len()).then(|| pattern.find_at(stretch, at)).flatten() {
            let captures = pattern.captures_at(stretch, whole.start());
            let secret = captures.and_then(|captures| captures.get(1)).unwrap_or(whole);
            // What ended one match may begin the next: the boundary byte is looked at again.
            at = secret.end().max(whole.start() + 1);
            if value::passes(slot.rule, secret.as_bytes()) {
                let shift = |m: regex::bytes::Match<'_>| bounds.start + m.start()..bounds.start + m.end();
                self.take(slot, shift(secret), shift(whole));
            }
        }
        Ok(())
    }

    /// Keeps a hit, unless a more telling rule has these bytes already.
    fn take(&mut self, slot: &Slot, secret: Range<usize>, span: Range<usize>) {
        let overlaps = |hit: &Hit| hit.secret.start < secret.end && secret.start < hit.secret.end;
        if self.is_full() || self.found.iter().rev().take(64).any(overlaps) {
            return;
        }
        // A boundary byte that is a line break belongs to no line of the secret.
        let span = span.start.max(text::line_around(self.text, span.start).start)..span.end;
        self.found.push(Hit { rule: slot.rule, line: 0, secret, span });
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

    /// What was found, in order.
    pub(crate) fn finish(mut self) -> Result<Found, ScanError> {
        self.look()?;
        self.found.sort_by_key(|hit| (hit.secret.start, hit.rule.check == Check::None));
        Ok(Found { hits: self.found, reach: self.reach })
    }
}
