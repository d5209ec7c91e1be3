//! The team's own rules, run over a text.
//!
//! As in gitleaks a rule is awake if one of its keywords stands anywhere in the text, or if it has none; its pattern is then
//! run over the whole text, so a match may span lines.

use super::file::{Required, TeamRule};
use crate::entropy;
use crate::scan::MOST_HITS;
use crate::text;
use aho_corasick::{AhoCorasick, MatchKind};
use std::collections::HashMap;
use std::ops::Range;

/// A secret that a rule of the team's found.
#[derive(Clone, Debug)]
pub(crate) struct TeamHit {
    /// Index of the rule.
    pub(crate) rule: usize,
    /// 1-based line in which the secret begins.
    pub(crate) line: u32,
    pub(crate) secret: Range<usize>,
    pub(crate) span: Range<usize>,
}

/// Which rules wake up.
#[derive(Debug, Default)]
pub(super) struct Wakers {
    automaton: Option<AhoCorasick>,
    /// For each keyword the rules that it wakes.
    wakes: Vec<Vec<usize>>,
    always: Vec<usize>,
}

impl Wakers {
    /// None: the keywords are too much for an automaton. Then every rule is always awake.
    pub(super) fn new(rules: &[TeamRule]) -> Self {
        let runs = |rule: &TeamRule| !rule.broken && rule.regex.is_some();
        let mut known: HashMap<&str, usize> = HashMap::new();
        let mut made = Self::default();
        let mut keywords = Vec::new();
        for (index, rule) in rules.iter().enumerate().filter(|(_, rule)| runs(rule)) {
            // The automaton ignores case in ASCII only.
            if rule.keywords.is_empty() || rule.keywords.iter().any(|word| word.is_empty() || !word.is_ascii()) {
                made.always.push(index);
                continue;
            }
            for keyword in &rule.keywords {
                let place = *known.entry(keyword).or_insert_with(|| {
                    keywords.push(keyword.as_str());
                    made.wakes.push(Vec::new());
                    keywords.len() - 1
                });
                made.wakes[place].push(index);
            }
        }
        if keywords.is_empty() {
            return made;
        }
        let built = AhoCorasick::builder().ascii_case_insensitive(true).match_kind(MatchKind::Standard).build(keywords);
        match built {
            Ok(automaton) => Self { automaton: Some(automaton), ..made },
            Err(_) => {
                let always = (0..rules.len()).filter(|index| runs(&rules[*index])).collect();
                Self { automaton: None, wakes: Vec::new(), always }
            }
        }
    }

    fn awake(&self, rules: usize, text: &[u8]) -> Vec<usize> {
        let mut awake = vec![false; rules];
        let mut asleep = self.wakes.len();
        let mut seen = vec![false; self.wakes.len()];
        for index in &self.always {
            awake[*index] = true;
        }
        for keyword in self.automaton.iter().flat_map(|automaton| automaton.find_overlapping_iter(text)) {
            let keyword = keyword.pattern().as_usize();
            if std::mem::replace(&mut seen[keyword], true) {
                continue;
            }
            for index in &self.wakes[keyword] {
                awake[*index] = true;
            }
            asleep -= 1;
            if asleep == 0 {
                break;
            }
        }
        (0..rules).filter(|index| awake[*index]).collect()
    }
}

/// Every hit of `rules` in `text`, in the order of the rules. `path` is none for a commit's message, which no rule with a
/// `path` is for. More than [`MOST_HITS`]: it was not looked any further.
pub(super) fn scan(rules: &[TeamRule], wakers: &Wakers, path: Option<&[u8]>, text: &[u8]) -> Vec<TeamHit> {
    let (mut hits, mut silent) = (Vec::new(), Vec::new());
    let mut flooded = false;
    for index in wakers.awake(rules.len(), text) {
        let rule = &rules[index];
        if !rule.path.as_ref().is_none_or(|pattern| path.is_some_and(|path| pattern.is_match(path))) {
            continue;
        }
        if rule.silent {
            let before = silent.len();
            look(rule, index, text, before + MOST_HITS, &mut silent);
            flooded |= silent.len() > before + MOST_HITS;
            continue;
        }
        look(rule, index, text, MOST_HITS, &mut hits);
        if hits.len() > MOST_HITS {
            flooded = true;
            break;
        }
    }
    number(text, &mut hits);
    // Where not everything was looked for, nothing is known to stand alone.
    if !flooded && hits.iter().any(|hit| !rules[hit.rule].required.is_empty()) {
        number(text, &mut silent);
        let places: Vec<Place<'_>> = hits.iter().chain(&silent).map(|hit| Place::of(rules, hit, text)).collect();
        let mut nth = 0..;
        hits.retain(|hit| {
            let this = &places[nth.next().unwrap_or_default()];
            rules[hit.rule].required.iter().all(|required| places.iter().any(|other| this.is_near(other, required)))
        });
    }
    hits
}

/// Where a hit is, for those that need another near by.
struct Place<'a> {
    id: &'a str,
    line: u32,
    column: usize,
}

impl<'a> Place<'a> {
    fn of(rules: &'a [TeamRule], hit: &TeamHit, text: &[u8]) -> Self {
        let column = hit.span.start - text::line_around(text, hit.span.start).start;
        Self { id: &rules[hit.rule].id, line: hit.line, column }
    }

    fn is_near(&self, other: &Self, required: &Required) -> bool {
        other.id == required.id
            && required.within_lines.is_none_or(|most| self.line.abs_diff(other.line) <= most)
            && required.within_columns.is_none_or(|most| self.column.abs_diff(other.column) <= most as usize)
    }
}

/// Adds the rule's hits, until there are more than `most`.
fn look(rule: &TeamRule, index: usize, text: &[u8], most: usize, hits: &mut Vec<TeamHit>) {
    let Some(regex) = &rule.regex else { return };
    for captures in regex.captures(text) {
        let Some(whole) = captures.get(0) else { continue };
        let span = trimmed(text, whole.range());
        if span.is_empty() {
            continue;
        }
        let group = match rule.group {
            Some(group) => captures.get(group),
            None => captures.iter().skip(1).flatten().find(|group| !group.is_empty()),
        };
        let secret = group.map(|group| group.range()).filter(|range| !range.is_empty()).unwrap_or(span.clone());
        if rule.entropy.is_some_and(|least| entropy::shannon(&text[secret.clone()]) <= least) {
            continue;
        }
        hits.push(TeamHit { rule: index, line: 0, secret, span });
        if hits.len() > most {
            return;
        }
    }
}

/// Without the line breaks at both ends.
fn trimmed(text: &[u8], mut range: Range<usize>) -> Range<usize> {
    while range.start < range.end && text[range.start] == b'\n' {
        range.start += 1;
    }
    while range.start < range.end && text[range.end - 1] == b'\n' {
        range.end -= 1;
    }
    range
}

fn number(text: &[u8], hits: &mut [TeamHit]) {
    let mut order: Vec<usize> = (0..hits.len()).collect();
    order.sort_by_key(|index| hits[*index].secret.start);
    let (mut at, mut lines) = (0, 0);
    for index in order {
        let start = hits[index].secret.start;
        lines += text::count_lines(&text[at..start]);
        at = start;
        hits[index].line = u32::try_from(lines + 1).unwrap_or(u32::MAX);
    }
}
