//! The automaton that finds every keyword of every rule in one pass (Aho and Corasick), worked out to a table in full: one
//! look-up a byte and nothing else. It takes upper and lower case for the same.

use crate::rules::Rule;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::error::Error;
use std::fmt::Write;

/// A state while it is being built.
#[derive(Clone)]
struct State {
    next: Vec<Option<usize>>,
    /// Where to go on when no keyword goes on from here.
    fail: usize,
    /// Keywords that end here, longest first.
    ends: Vec<usize>,
}

/// The tables as Rust: see `src/keywords.rs` for what each is.
pub(crate) fn render(rules: &[Rule]) -> Result<String, Box<dyn Error>> {
    let mut keywords: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (index, rule) in rules.iter().enumerate() {
        for word in rule.words() {
            keywords.entry(word.to_ascii_lowercase()).or_default().push(index);
        }
    }
    let (classes, count) = classes(keywords.keys());
    let states = complete(&keywords, &classes, count);
    // States in which a keyword ends come last, so that one comparison tells them.
    let mut order: Vec<usize> = (0..states.len()).filter(|at| states[*at].ends.is_empty()).collect();
    let first = order.len();
    order.extend((0..states.len()).filter(|at| !states[*at].ends.is_empty()));
    let mut place = vec![0; states.len()];
    for (new, old) in order.iter().enumerate() {
        place[*old] = u16::try_from(new)?;
    }
    let width = count.next_power_of_two();
    let mut next = vec![vec![0u16; width]; states.len()];
    for (new, old) in order.iter().enumerate() {
        for (class, target) in states[*old].next.iter().enumerate() {
            next[new][class] = place[target.unwrap_or(0)];
        }
    }
    let ends: Vec<&[usize]> = order[first..].iter().map(|old| states[*old].ends.as_slice()).collect();
    let longest = keywords.keys().map(String::len).max().unwrap_or(0);
    let mut text = format!("pub(super) const WIDTH: usize = {width};\npub(super) const FIRST: u16 = {first};\n");
    writeln!(text, "pub(super) const LONGEST: usize = {longest};")?;
    writeln!(text, "pub(super) static CLASSES: [u8; 256] = {classes:?};")?;
    writeln!(text, "pub(super) static NEXT: [[u16; WIDTH]; {}] = {next:?};", next.len())?;
    writeln!(text, "pub(super) static ENDS: [&[u16]; {}] = [", ends.len())?;
    for ends in ends {
        writeln!(text, "&{ends:?},")?;
    }
    writeln!(text, "];\npub(super) static KEYWORDS: [Keyword; {}] = [", keywords.len())?;
    for (word, rules) in &keywords {
        writeln!(text, "Keyword {{ length: {}, rules: &{rules:?} }},", word.len())?;
    }
    text.push_str("];\n");
    Ok(text)
}

/// Letters in the order of how common they are in sources. Their classes come first, so that the half of a row of the table
/// that is looked at most is one line of the processor's cache.
const COMMON: &[u8] = b"etaoinsrldcumhpfgbyvwkxjqz_-.";

/// Bytes that no keyword holds are all of class 0; a letter has the same class in either case.
fn classes<'a>(words: impl Iterator<Item = &'a String>) -> (Vec<u8>, usize) {
    let held: BTreeSet<u8> = words.flat_map(|word| word.bytes()).collect();
    let common = COMMON.iter().copied().filter(|byte| held.contains(byte));
    let rest = held.iter().copied().filter(|byte| !COMMON.contains(byte));
    let mut classes = vec![0u8; 256];
    let mut count = 1;
    for byte in common.chain(rest) {
        classes[usize::from(byte)] = count;
        classes[usize::from(byte.to_ascii_uppercase())] = count;
        count += 1;
    }
    (classes, usize::from(count))
}

/// The automaton with a way on from every state at every class.
fn complete(keywords: &BTreeMap<String, Vec<usize>>, classes: &[u8], count: usize) -> Vec<State> {
    let fresh = State { next: vec![None; count], fail: 0, ends: Vec::new() };
    let mut states = vec![fresh.clone()];
    for (index, word) in keywords.keys().enumerate() {
        let mut at = 0;
        for byte in word.bytes() {
            let class = usize::from(classes[usize::from(byte)]);
            at = match states[at].next[class] {
                Some(next) => next,
                None => {
                    states.push(fresh.clone());
                    let new = states.len() - 1;
                    states[at].next[class] = Some(new);
                    new
                }
            };
        }
        states[at].ends.push(index);
    }
    let mut queue = VecDeque::from([0]);
    while let Some(at) = queue.pop_front() {
        let fail = states[at].fail;
        for class in 0..count {
            let beyond = if at == 0 { Some(0) } else { states[fail].next[class] };
            match states[at].next[class] {
                Some(child) => {
                    states[child].fail = beyond.unwrap_or(0);
                    let inherited = states[states[child].fail].ends.clone();
                    states[child].ends.extend(inherited);
                    queue.push_back(child);
                }
                None => states[at].next[class] = beyond,
            }
        }
    }
    states
}
