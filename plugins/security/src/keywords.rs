//! Where keywords stand in a text: one pass of an automaton that the build worked out to a table (`build/automaton.rs`).

/// A keyword, in lower case when the automaton was made.
pub(crate) struct Keyword {
    /// Its bytes.
    pub(crate) length: usize,
    /// The rules that it wakes, as places in `rules::RULES`.
    pub(crate) rules: &'static [u16],
}

#[allow(clippy::all, reason = "generated")]
mod table {
    use super::Keyword;
    include!(concat!(env!("OUT_DIR"), "/keywords.rs"));
}

/// The keyword of this number.
pub(crate) fn keyword(number: u16) -> &'static Keyword {
    &table::KEYWORDS[usize::from(number)]
}

/// So many stretches of a text are read side by side, since a look-up must wait for the one before it in its own stretch.
const LANES: usize = 4;
/// Bytes of one stretch.
const STRETCH: usize = 1024;
/// So many bytes of each stretch in one turn of the loop: in a guest, every turn asks whether its time is up.
const TURN: usize = 8;

/// The state after `byte`.
fn step(state: u16, byte: u8) -> u16 {
    // The width is a power of two that no class reaches; said here so that nothing need be checked.
    let class = usize::from(table::CLASSES[usize::from(byte)]) & (table::WIDTH - 1);
    table::NEXT[usize::from(state)][class]
}

/// Every place in a text where keywords end, with their numbers, longest first. Upper and lower case are the same.
pub(crate) struct Matches<'t> {
    text: &'t [u8],
    /// Up to where it has been read.
    read: usize,
    /// Where keywords end in what was read last, and the state there, for each stretch.
    found: [Vec<(usize, u16)>; LANES],
    /// The next one to be handed out: its stretch, and its place there.
    next: (usize, usize),
}

impl<'t> Matches<'t> {
    pub(crate) fn of(text: &'t [u8]) -> Self {
        Self { text, read: 0, found: std::array::from_fn(|_| Vec::with_capacity(64)), next: (0, 0) }
    }

    /// The state at `at`. It depends on no more bytes before it than the longest keyword has.
    fn state_at(&self, at: usize) -> u16 {
        self.text[at.saturating_sub(table::LONGEST)..at].iter().fold(0, |state, byte| step(state, *byte))
    }

    /// Reads on: stretches side by side as long as there are enough bytes for all, then the rest.
    fn read_on(&mut self) {
        self.next = (0, 0);
        self.found.iter_mut().for_each(Vec::clear);
        let starts: [usize; LANES] = std::array::from_fn(|lane| self.read + lane * STRETCH);
        let stretches = starts.map(|start| self.text.get(start..)?.first_chunk::<STRETCH>());
        if let [Some(a), Some(b), Some(c), Some(d)] = stretches {
            let [mut in_a, mut in_b, mut in_c, mut in_d] = starts.map(|start| self.state_at(start));
            for turn in (0..STRETCH).step_by(TURN) {
                for at in turn..turn + TURN {
                    in_a = step(in_a, a[at]);
                    in_b = step(in_b, b[at]);
                    in_c = step(in_c, c[at]);
                    in_d = step(in_d, d[at]);
                    if in_a >= table::FIRST || in_b >= table::FIRST || in_c >= table::FIRST || in_d >= table::FIRST {
                        self.note(at, [in_a, in_b, in_c, in_d]);
                    }
                }
            }
            self.read += LANES * STRETCH;
            return;
        }
        let mut state = self.state_at(self.read);
        for (index, byte) in self.text.iter().enumerate().skip(self.read) {
            state = step(state, *byte);
            if state >= table::FIRST {
                self.found[0].push((index + 1, state));
            }
        }
        self.read = self.text.len();
    }

    /// Takes down which of the stretches have a keyword that ends with their byte `at`.
    fn note(&mut self, at: usize, states: [u16; LANES]) {
        for (lane, state) in states.into_iter().enumerate() {
            if state >= table::FIRST {
                self.found[lane].push((self.read + lane * STRETCH + at + 1, state));
            }
        }
    }
}

impl Iterator for Matches<'_> {
    /// The end of the keywords, and their numbers.
    type Item = (usize, &'static [u16]);

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            while let Some(found) = self.found.get(self.next.0) {
                if let Some((end, state)) = found.get(self.next.1) {
                    self.next.1 += 1;
                    return Some((*end, table::ENDS[usize::from(state - table::FIRST)]));
                }
                self.next = (self.next.0 + 1, 0);
            }
            if self.read == self.text.len() {
                return None;
            }
            self.read_on();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::rules;

    // SEC-2
    #[test]
    fn every_keyword_of_every_rule_is_found_in_either_case_where_it_ends() {
        for (index, rule) in (0u16..).zip(rules::all()) {
            for word in rule.keywords {
                for word in [word.to_ascii_lowercase(), word.to_ascii_uppercase()] {
                    let text = format!("~{word}~{word}");
                    let wakes = |numbers: &[u16]| numbers.iter().any(|number| keyword(*number).rules.contains(&index));
                    let ends: Vec<usize> = Matches::of(text.as_bytes())
                        .filter(|(_, numbers)| wakes(numbers))
                        .map(|(end, _)| end)
                        .collect();
                    assert!(ends.contains(&(word.len() + 1)) && ends.contains(&text.len()), "{}: {word}", rule.id);
                }
            }
        }
    }

    // SEC-2
    #[test]
    fn a_keyword_is_found_once_wherever_it_stands_in_a_long_text() {
        let word = "age-secret-key-1";
        let long = 2 * LANES * STRETCH + 100;
        for at in (0..long).filter(|at| at % STRETCH > STRETCH - 24 || at % STRETCH < 24) {
            let text = format!("{}{word}{}", "~".repeat(at), "~".repeat(long - at));
            let ends: Vec<usize> = Matches::of(text.as_bytes())
                .filter(|(_, numbers)| numbers.iter().any(|number| keyword(*number).length == word.len()))
                .map(|(end, _)| end)
                .collect();
            assert_eq!(ends, [at + word.len()]);
        }
    }

    // SEC-2
    #[test]
    fn keywords_within_keywords_are_all_found() {
        let words = |text: &str| -> Vec<(usize, usize)> {
            Matches::of(text.as_bytes())
                .flat_map(|(end, ks)| ks.iter().map(move |k| (end, keyword(*k).length)))
                .collect()
        };
        let found = words("x sk-ant-y");
        assert!(found.contains(&(5, 3)) && found.contains(&(9, 7)), "{found:?}");
        assert!(words("zzz zzz").is_empty());
    }
}
