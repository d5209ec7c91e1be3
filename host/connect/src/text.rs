//! Foreign text made fit for a message of ours: one line, bounded.

/// `text` on one line, without control characters, of at most `limit` characters; a cut shows as `…`.
pub(crate) fn one_line(text: &str, limit: usize) -> String {
    let words = text.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    let spaced = words.enumerate().flat_map(|(n, word)| (n > 0).then_some(' ').into_iter().chain(word.chars()));
    // One more than fits tells whether anything is cut, however long the text is.
    let mut out: Vec<char> = spaced.take(limit.saturating_add(1)).collect();
    if out.len() > limit {
        out.truncate(limit.saturating_sub(1));
        out.push('…');
    }
    out.into_iter().collect()
}

/// The first `limit` characters of `text`, its lines kept; a cut shows as `…` on a line of its own.
pub(crate) fn cut(text: &str, limit: usize) -> String {
    if text.chars().count() <= limit {
        return text.to_owned();
    }
    let mut out: String = text.chars().take(limit.saturating_sub(2)).collect();
    out.push_str("\n…");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn foreign_text_becomes_one_bounded_line() {
        assert_eq!(one_line("  a\n\tb \u{1b}[31mc", 100), "a b [31mc");
        assert_eq!(one_line("", 10), "");
        for limit in 1..20 {
            assert!(one_line("one two three four", limit).chars().count() <= limit, "limit {limit}");
        }
        assert!(one_line(&"x".repeat(500), 50).ends_with('…'));
    }

    #[test]
    fn a_long_text_is_cut_and_says_so() {
        assert_eq!(cut("short", 10), "short");
        assert_eq!(cut("äöüäöüäöüäöü", 10).chars().count(), 10);
        assert!(cut("äöüäöüäöüäöü", 10).ends_with("\n…"));
    }
}
