//! From Go's regular expressions, in which gitleaks' files are written, to those of the `regex` crate.
//!
//! Both are descendants of RE2 and take time linear in the text. Where they write the same thing differently the pattern
//! is rewritten; where the `regex` crate as it is built here has no such thing (Unicode's classes), there is an error that
//! the report names. What must hold: a pattern that Go takes is never read as something else.

use regex::bytes::{Captures, Regex, RegexBuilder};

/// Longest pattern, in bytes.
const MOST_BYTES: usize = 16 << 10;
/// Most memory that one compiled pattern may take.
const MOST_COMPILED: usize = 4 << 20;

/// A compiled pattern.
#[derive(Debug)]
pub(super) struct Pattern {
    regex: Regex,
    /// It is to ignore the case of letters outside ASCII, which it cannot.
    pub(super) folds_ascii_only: bool,
}

impl Pattern {
    pub(super) fn is_match(&self, text: &[u8]) -> bool {
        self.regex.is_match(text)
    }

    pub(super) fn captures<'p, 't>(&'p self, text: &'t [u8]) -> impl Iterator<Item = Captures<'t>> + use<'p, 't> {
        self.regex.captures_iter(text)
    }

    /// How many groups it has beside the whole match.
    pub(super) fn groups(&self) -> usize {
        self.regex.captures_len() - 1
    }
}

/// Compiles a pattern of Go's. The error says why not, and never quotes the pattern: some are secrets spelt out.
pub(super) fn compile(pattern: &str) -> Result<Pattern, String> {
    if pattern.len() > MOST_BYTES {
        return Err(format!("it has {} bytes, {MOST_BYTES} are the most", pattern.len()));
    }
    let rewritten = rewrite(pattern);
    let build = |unicode: bool| RegexBuilder::new(&rewritten).unicode(unicode).size_limit(MOST_COMPILED).build();
    // Bytes first, since not every text is UTF-8. What a set of letters outside ASCII is, only characters can say.
    let regex = build(false).or_else(|first| build(true).map_err(|_| reason(&rewritten, &first)))?;
    Ok(Pattern { regex, folds_ascii_only: !pattern.is_ascii() && ignores_case(pattern) })
}

fn reason(rewritten: &str, error: &regex::Error) -> String {
    if let regex::Error::CompiledTooBig(limit) = error {
        return format!("it takes more than {limit} bytes when compiled");
    }
    if rewritten.contains(r"\p") || rewritten.contains(r"\P") {
        return "Unicode's classes (`\\p`) are not available".into();
    }
    let text = error.to_string();
    let last = text.lines().last().unwrap_or("it is no pattern");
    last.trim().trim_start_matches("error: ").to_string()
}

fn ignores_case(pattern: &str) -> bool {
    pattern.split("(?").skip(1).any(|flags| {
        let on = flags.split(|c: char| !c.is_ascii_alphabetic()).next().unwrap_or_default();
        on.contains('i')
    })
}

/// The pattern as the `regex` crate writes it.
fn rewrite(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len() + 16);
    let mut rest = pattern;
    let mut in_class = false;
    while let Some(c) = rest.chars().next() {
        let after = &rest[c.len_utf8()..];
        rest = match c {
            '\\' => escape(after, in_class, &mut out),
            '[' if !in_class => {
                in_class = true;
                open_class(after, &mut out)
            }
            ']' if in_class => {
                in_class = false;
                push(&mut out, "]", after)
            }
            '[' => match named_class(rest) {
                Some(end) => push(&mut out, &rest[..end], &rest[end..]),
                None => push(&mut out, r"\[", after),
            },
            // Only the `regex` crate can intersect and subtract sets.
            '&' if in_class => push(&mut out, r"\&", after),
            '~' if in_class => push(&mut out, r"\~", after),
            '-' if in_class && after.starts_with('-') => push(&mut out, r"-\-", &after[1..]),
            // What is no repetition is a brace.
            '{' if !in_class && !is_repetition(after) => push(&mut out, r"\{", after),
            _ => {
                out.push(c);
                after
            }
        };
    }
    out
}

fn push<'p>(out: &mut String, text: &str, rest: &'p str) -> &'p str {
    out.push_str(text);
    rest
}

/// What directly follows the bracket that opens a set: a caret, and then a bracket or a dash that stand for themselves.
fn open_class<'p>(mut rest: &'p str, out: &mut String) -> &'p str {
    out.push('[');
    if let Some(after) = rest.strip_prefix('^') {
        rest = push(out, "^", after);
    }
    match rest.chars().next() {
        Some(']') => push(out, r"\]", &rest[1..]),
        Some('-') => push(out, r"\-", &rest[1..]),
        _ => rest,
    }
}

/// The length of `[:name:]` at the start of `text`.
fn named_class(text: &str) -> Option<usize> {
    let name = text.strip_prefix("[:")?;
    let end = name.find(":]")?;
    let word = name[..end].trim_start_matches('^');
    word.bytes().all(|b| b.is_ascii_alphabetic()).then_some(end + 4)
}

fn is_repetition(after: &str) -> bool {
    let Some((inside, _)) = after.split_once('}') else { return false };
    let (least, most) = inside.split_once(',').unwrap_or((inside, ""));
    let digits = |text: &str| text.bytes().all(|b| b.is_ascii_digit());
    !least.is_empty() && digits(least) && digits(most)
}

/// Rewrites what follows a backslash; answers the rest.
fn escape<'p>(after: &'p str, in_class: bool, out: &mut String) -> &'p str {
    let Some(c) = after.chars().next() else { return push(out, "\\", after) };
    let rest = &after[c.len_utf8()..];
    match c {
        'Q' if !in_class => {
            let (quoted, rest) = rest.split_once(r"\E").unwrap_or((rest, ""));
            push(out, &regex::escape(quoted), rest)
        }
        // Go's are those of ASCII, whatever the text.
        'd' | 'w' | 's' | 'D' | 'W' | 'S' => {
            let set = match c.to_ascii_lowercase() {
                'd' => "0-9",
                'w' => "0-9A-Za-z_",
                _ => r"\t\n\f\r ",
            };
            match (c.is_ascii_lowercase(), in_class) {
                (true, true) => out.push_str(set),
                (true, false) => out.push_str(&format!("[{set}]")),
                (false, _) => out.push_str(&format!("[^{set}]")),
            }
            rest
        }
        'b' | 'B' if !in_class => push(out, &format!(r"(?-u:\{c})"), rest),
        'x' => match character(rest) {
            Some((wide, rest)) if !wide.is_ascii() => push(out, wide.encode_utf8(&mut [0; 4]), rest),
            _ => push(out, r"\x", rest),
        },
        '<' | '>' => push(out, c.encode_utf8(&mut [0; 4]), rest),
        _ if c.is_ascii_control() || c == ' ' => push(out, c.encode_utf8(&mut [0; 4]), rest),
        _ => {
            out.push('\\');
            out.push(c);
            rest
        }
    }
}

/// The character that `7F` or `{10FFFF}` at the start of `text` names, and what follows.
fn character(text: &str) -> Option<(char, &str)> {
    let (digits, rest) = match text.strip_prefix('{') {
        Some(inside) => inside.split_once('}')?,
        None => (text.get(..2)?, text.get(2..)?),
    };
    Some((char::from_u32(u32::from_str_radix(digits, 16).ok()?)?, rest))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]
    use super::*;
    use proptest::prelude::*;

    // SEC-6
    #[test]
    fn what_go_and_rust_write_differently_means_what_it_means_in_go() {
        let table: &[(&str, &str, &str)] = &[
            (r"^[^\s[\]]+$", "abc", "a[c"),
            (r"^[a&&b]+$", "a&b", "c"),
            (r"^[[]x$", "[x", "x"),
            (r"^[]x]+$", "]x", "["),
            (r"^[-a]+$", "-a", "b"),
            (r"^[+--]+$", "+,-", "."),
            (r"^[a~~b]+$", "a~b", "c"),
            (r"^\{\{name}}$", "{{name}}", "name"),
            (r"^{{name}}$", "{{name}}", "name"),
            (r"^x{,2}$", "x{,2}", "xx"),
            (r"^x{1,2}$", "xx", "xxx"),
            (r"^\Qa.b(\E+$", "a.b((", "axb("),
            (r"^a\<b\>$", "a<b>", "ab"),
            (r"^a\ b$", "a b", "ab"),
            (r"^[[:alpha:]_]+$", "a_", "1"),
            (r"^[^\D5]+$", "12", "15"),
            (r"^\w+$", "a_1", "\u{e4}"),
            (r"^[a\x{e4}]+$", "a\u{e4}", "b"),
            (r"^\xe4$", "\u{e4}", "a"),
            (r"^\x41$", "A", "B"),
            ("^[\u{e4}\u{f6}]$", "\u{f6}", "o"),
            (r"^(?i:key)$", "KEY", "kez"),
            (r"^[\w.-]{3}$", "a.-", "a b"),
            (r"^[a-zA-Z-_]+$", "a-_", "1"),
            (r"(?P<name>a)\z", "ba", "ab"),
        ];
        for (pattern, yes, no) in table {
            let compiled = compile(pattern).unwrap_or_else(|why| panic!("{pattern}: {why}"));
            assert!(compiled.is_match(yes.as_bytes()), "{pattern} should match {yes} as {}", rewrite(pattern));
            assert!(!compiled.is_match(no.as_bytes()), "{pattern} should not match {no} as {}", rewrite(pattern));
        }
    }

    // SEC-6
    #[test]
    fn what_cannot_be_said_here_is_an_error_that_does_not_quote_the_pattern() {
        let table = [
            (r"hunter2\p{Greek}", "Unicode's classes"),
            (r"hunter2(?=x)", "look-around"),
            (r"(hunter2)\1", "backreferences"),
            (r"hunter2(", "unclosed group"),
            (r"((hunter2{1000}){1000}){1000}", "bytes when compiled"),
        ];
        for (pattern, says) in table {
            let why = compile(pattern).unwrap_err();
            assert!(why.contains(says) && !why.contains("hunter2"), "{pattern}: {why}");
        }
        assert!(compile(&"a".repeat(MOST_BYTES + 1)).is_err());
    }

    // SEC-6
    #[test]
    fn case_that_cannot_be_ignored_is_noticed() {
        assert!(compile("(?i)schl\u{fc}ssel").unwrap().folds_ascii_only);
        assert!(!compile("(?i)key").unwrap().folds_ascii_only);
        assert!(!compile("schl\u{fc}ssel(?:a)").unwrap().folds_ascii_only);
    }

    proptest! {
        // SEC-6
        #[test]
        fn no_pattern_makes_the_rewriting_panic(pattern in r"[\[\]\\\-^{}()?&~|:a-cQEdwsxbp0-9é ,]{0,40}|\PC{0,30}", text in r"\PC{0,30}") {
            if let Ok(compiled) = compile(&pattern) {
                let _ = compiled.captures(text.as_bytes()).count();
            }
        }

        // SEC-6
        #[test]
        fn quoted_text_matches_itself(text in r"[\[\]\\\-^{}()?&~|:.*+$a-c <>]{1,20}") {
            prop_assume!(!text.contains(r"\E"));
            let compiled = compile(&format!(r"^\Q{text}\E$")).unwrap();
            prop_assert!(compiled.is_match(text.as_bytes()));
        }
    }
}
