//! Cutting text that others wrote to a size that reads well in a finding. Nothing here panics on any text.

/// The first digits of a revision or digest, enough for a person to recognise it.
pub fn short(object: &str) -> &str {
    let hex = object.strip_prefix("sha256:").unwrap_or(object);
    match hex.char_indices().nth(12) {
        Some((end, _)) => &hex[..end],
        None => hex,
    }
}

/// At most `max` characters of `text` on one line: control characters become spaces, and a cut is marked by an ellipsis.
pub fn clip(text: &str, max: usize) -> String {
    let mut clipped: String = text.trim().chars().take(max).map(|c| if c.is_control() { ' ' } else { c }).collect();
    if text.trim().chars().nth(max).is_some() {
        clipped.push('…');
    }
    clipped
}

/// The end of a command's output: at most `lines` lines and `max` characters of it, from the end. Control characters other
/// than line breaks and tabs are dropped, so that a terminal's colours do not end up in a report.
pub fn tail(output: &str, lines: usize, max: usize) -> String {
    let lines_from_end: Vec<&str> = output.trim_end().lines().rev().take(lines).collect();
    let joined = lines_from_end.into_iter().rev().collect::<Vec<_>>().join("\n");
    let clean: Vec<char> = joined.chars().filter(|c| !c.is_control() || matches!(c, '\n' | '\t')).collect();
    let from = clean.len().saturating_sub(max);
    clean[from..].iter().collect()
}

/// A list of names for a sentence: all of a few, else the first `max` and how many more there are.
pub fn list<S: AsRef<str>>(names: &[S], max: usize) -> String {
    let shown: Vec<String> = names.iter().take(max).map(|n| format!("`{}`", clip(n.as_ref(), 120))).collect();
    match names.len().saturating_sub(max) {
        0 => shown.join(", "),
        more => format!("{} and {more} more", shown.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_is_cut_where_a_reader_expects_it() {
        assert_eq!(short("9f2c4e1a9f2c4e1a9f2c4e1a"), "9f2c4e1a9f2c");
        assert_eq!(short("sha256:9f2c4e1a9f2c4e1a"), "9f2c4e1a9f2c");
        assert_eq!(short("9f2c"), "9f2c");
        assert_eq!(clip("  one\ntwo three ", 7), "one two…");
        assert_eq!(clip("one", 3), "one");
        assert_eq!(tail("a\nb\nc\n\n", 2, 100), "b\nc");
        assert_eq!(tail("abcdef", 5, 3), "def");
        assert_eq!(tail("\u{1b}[31mred\u{1b}[0m", 5, 100), "[31mred[0m");
        assert_eq!(list(&["a", "b"], 3), "`a`, `b`");
        assert_eq!(list(&["a", "b", "c", "d"], 2), "`a`, `b` and 2 more");
    }

    proptest! {
        #[test]
        fn no_text_is_too_odd_to_cut(text in "\\PC*|[\\x00-\\x20é…\\n]*", lines in 0usize..5, max in 0usize..20) {
            let _ = short(&text);
            prop_assert!(clip(&text, max).chars().count() <= max + 1);
            prop_assert!(tail(&text, lines, max).chars().count() <= max);
        }
    }
}
