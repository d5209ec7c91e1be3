//! Java's versions, as Maven's `ComparableVersion` compares them.

use super::Number;
use std::cmp::Ordering;

#[derive(Clone, Debug, PartialEq, Eq)]
enum Value {
    Number(Number),
    Word(String),
}

#[derive(Clone, Debug)]
struct Token {
    hyphen: bool,
    value: Value,
}

/// Qualifiers with a meaning of their own, in order; the empty one is the release. All others come later, by letters.
const QUALIFIERS: [&str; 7] = ["alpha", "beta", "milestone", "rc", "snapshot", "", "sp"];

/// Compares two of them; whatever Maven is given is a version to it.
pub(super) fn compare(a: &str, b: &str) -> Option<Ordering> {
    let (a, b) = (tokens(a), tokens(b));
    for index in 0..a.len().max(b.len()) {
        let unequal = match (a.get(index), b.get(index)) {
            (Some(a), Some(b)) => pair(a, b),
            (Some(a), None) => alone(a),
            (None, Some(b)) => alone(b).reverse(),
            (None, None) => Ordering::Equal,
        };
        if unequal.is_ne() {
            return Some(unequal);
        }
    }
    Some(Ordering::Equal)
}

fn tokens(text: &str) -> Vec<Token> {
    let text = text.trim().to_ascii_lowercase();
    let mut tokens: Vec<Token> = Vec::new();
    let (mut start, mut hyphen) = (0, false);
    let kind = |c: char| if c.is_ascii_digit() { 0 } else { 1 + u8::from(matches!(c, '.' | '-' | '_')) };
    let chars: Vec<(usize, char)> = text.char_indices().collect();
    for (index, (at, c)) in chars.iter().enumerate() {
        let end = at + c.len_utf8();
        if kind(*c) == 2 {
            if start == *at {
                tokens.push(token(hyphen, "0", false));
            }
            (start, hyphen) = (end, *c != '.');
            continue;
        }
        match chars.get(index + 1) {
            Some((_, next)) if kind(*next) == kind(*c) => {}
            Some((_, next)) if kind(*next) == 2 => tokens.push(token(hyphen, &text[start..end], false)),
            // From digits to letters or back: as if a hyphen stood between them.
            Some(_) => {
                tokens.push(token(hyphen, &text[start..end], !c.is_ascii_digit()));
                (start, hyphen) = (end, true);
            }
            None => tokens.push(token(hyphen, &text[start..end], false)),
        }
        if chars.get(index + 1).is_some_and(|(_, next)| kind(*next) == 2) {
            // The separator that follows must not find an empty token.
            start = usize::MAX;
        }
    }
    trim(&mut tokens);
    tokens
}

fn token(hyphen: bool, text: &str, before_digits: bool) -> Token {
    let value = match text.bytes().all(|b| b.is_ascii_digit()) {
        true => Value::Number(Number::new(text)),
        false => Value::Word(
            match text {
                "a" if before_digits => "alpha",
                "b" if before_digits => "beta",
                "m" if before_digits => "milestone",
                "cr" => "rc",
                "ga" | "final" | "release" => "",
                other => other,
            }
            .to_owned(),
        ),
    };
    Token { hyphen, value }
}

/// Takes out what says nothing: zeros and releases at the end, and before each hyphen.
fn trim(tokens: &mut Vec<Token>) {
    let mut end = tokens.len();
    while end > 0 {
        let mut first = end;
        while first > 0 && is_null(&tokens[first - 1]) {
            first -= 1;
        }
        tokens.drain(first..end);
        // On to the hyphen before that.
        end = (0..first).rev().find(|index| tokens[*index].hyphen).unwrap_or(0);
    }
}

fn is_null(token: &Token) -> bool {
    match &token.value {
        Value::Number(number) => number.is_zero(),
        Value::Word(word) => word.is_empty(),
    }
}

/// Words stand before numbers behind a hyphen, and these before numbers behind a dot.
fn pair(a: &Token, b: &Token) -> Ordering {
    let rank = |token: &Token| match token.value {
        Value::Word(_) => 0,
        Value::Number(_) => 2 - u8::from(token.hyphen),
    };
    match (&a.value, &b.value) {
        (Value::Word(a), Value::Word(b)) => qualifier(a).cmp(&qualifier(b)),
        (Value::Number(x), Value::Number(y)) if a.hyphen == b.hyphen => x.cmp(y),
        _ => rank(a).cmp(&rank(b)),
    }
}

/// A token against nothing.
fn alone(token: &Token) -> Ordering {
    match &token.value {
        Value::Number(number) => {
            if number.is_zero() {
                Ordering::Equal
            } else {
                Ordering::Greater
            }
        }
        Value::Word(word) => qualifier(word).cmp(&qualifier("")),
    }
}

fn qualifier(word: &str) -> (usize, &str) {
    match QUALIFIERS.iter().position(|known| *known == word) {
        Some(rank) => (rank, ""),
        None => (QUALIFIERS.len(), word),
    }
}
