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

/// Every place in a text where keywords end, with their numbers, longest first. Upper and lower case are the same.
pub(crate) struct Matches<'t> {
    text: &'t [u8],
    at: usize,
    state: u16,
}

impl<'t> Matches<'t> {
    pub(crate) fn of(text: &'t [u8]) -> Self {
        Self { text, at: 0, state: 0 }
    }
}

impl Iterator for Matches<'_> {
    /// The end of the keywords, and their numbers.
    type Item = (usize, &'static [u16]);

    fn next(&mut self) -> Option<Self::Item> {
        let mut state = self.state;
        for (index, byte) in self.text.iter().enumerate().skip(self.at) {
            let class = table::CLASSES[usize::from(*byte)];
            state = table::NEXT[(usize::from(state) << table::SHIFT) + usize::from(class)];
            if state >= table::FIRST {
                self.at = index + 1;
                self.state = state;
                return Some((self.at, table::ENDS[usize::from(state - table::FIRST)]));
            }
        }
        self.at = self.text.len();
        None
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
